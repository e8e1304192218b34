"""Public rooms: best effort, no clock, and no noise."""

from __future__ import annotations

from datetime import timedelta

from scenario_kit import (
    BOT,
    COMMUNITY,
    EMERGENCY,
    KNOWN,
    SUPPORT,
    TRIAGE,
    UNKNOWN,
    Open,
    add,
    ask,
    buttons,
    clocks,
    parked,
    press,
    replies_in,
    said_in,
    ticket,
    tickets,
    words,
)

from bot.commands.sandboxing import Sandbox
from bot.core.model import Tier
from bot.sandbox.household import PolicyFiles
from bot.sandbox.slack.building import add_channel, add_user
from bot.sandbox.slack.world import World


async def test_the_community_is_answered_when_the_bot_is_sure(sandbox: Sandbox) -> None:
    thread = await ask(sandbox, KNOWN, who="mia", channel=COMMUNITY)

    (answer,) = replies_in(sandbox, thread, COMMUNITY)
    assert "docs.opendatagov.io" in words(answer)


async def test_the_community_hears_nothing_when_the_bot_is_unsure_and_unasked(sandbox: Sandbox) -> None:
    thread = await ask(sandbox, UNKNOWN, who="mia", channel=COMMUNITY)

    assert said_in(sandbox, thread, COMMUNITY) == []


async def test_whoever_mentions_the_bot_is_told_that_it_does_not_know(sandbox: Sandbox) -> None:
    thread = await ask(sandbox, f"{BOT} {UNKNOWN}", who="mia", channel=COMMUNITY)

    (admission,) = replies_in(sandbox, thread, COMMUNITY)
    assert "could not find" in words(admission)
    assert buttons(admission) == ["open_ticket"]


async def test_a_community_ticket_has_no_clock(sandbox: Sandbox) -> None:
    thread = await ask(sandbox, f"{BOT} {UNKNOWN}", who="mia", channel=COMMUNITY)
    await press(
        sandbox, replies_in(sandbox, thread, COMMUNITY)[0], "open_ticket", who="mia", channel=COMMUNITY
    )
    await sandbox.move(timedelta(days=30))
    await sandbox.settle()

    assert (await ticket(sandbox)).tier is Tier.COMMUNITY
    assert await clocks(sandbox) == {}
    assert sandbox.slack.history(TRIAGE) == []


async def test_a_community_emergency_opens_no_ticket_unasked(sandbox: Sandbox) -> None:
    await ask(sandbox, EMERGENCY, who="mia", channel=COMMUNITY)

    assert await tickets(sandbox) == []


async def test_a_room_that_nobody_configured_is_answered_on_mention_only(sandbox: Sandbox) -> None:
    world = sandbox.slack.world
    add_channel(world, "somewhere", members=[world.user("mia"), world.user("ada")])
    silent = await ask(sandbox, KNOWN, who="mia", channel="somewhere")
    thread = await ask(sandbox, f"{BOT} {KNOWN}", who="mia", channel="somewhere")
    await add(sandbox, thread, "And how do I disconnect DataHub?", who="mia", channel="somewhere")

    assert said_in(sandbox, silent, "somewhere") == []
    assert len(said_in(sandbox, thread, "somewhere")) == 1


async def test_a_room_that_is_off_hears_nothing_even_when_the_bot_is_mentioned(opened: Open) -> None:
    async with opened(arrange=_support_is_off) as sandbox:
        for text in (KNOWN, f"{BOT} {KNOWN}", EMERGENCY, "Please open a ticket."):
            thread = await ask(sandbox, text)
            assert said_in(sandbox, thread) == []
        assert await tickets(sandbox) == []
        assert sandbox.slack.thread(SUPPORT, thread)[-1].text == "Please open a ticket."


async def test_an_internal_room_is_offered_no_ticket(sandbox: Sandbox) -> None:
    thread = await ask(sandbox, f"{BOT} {UNKNOWN}", who="otto", channel=TRIAGE)

    (admission,) = replies_in(sandbox, thread, TRIAGE)
    assert buttons(admission) == []
    assert "ticket" not in words(admission)


async def test_a_ticket_from_an_internal_room_is_private_in_the_desk(sandbox: Sandbox) -> None:
    world = sandbox.slack.world
    emil = add_user(world, "emil", team=world.home, real_name="Emil Engineer")
    world.channel(TRIAGE).members.append(emil.id)
    await ask(sandbox, f"{BOT} please open a ticket about the nightly build.", who="emil", channel=TRIAGE)

    (description,) = sandbox.zendesk.comments(1)
    assert "the nightly build" in description.body
    assert not description.public
    assert await parked(sandbox) == []


def _support_is_off(world: World, files: PolicyFiles) -> None:
    files["channels.toml"] = files["channels.toml"].replace(
        'organisation = "acme"', 'organisation = "acme"\nanswers = "off"'
    )
    assert world.channel(SUPPORT).id in files["channels.toml"]
