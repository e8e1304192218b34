"""Who may do what: by user id and workspace id, never by name or e-mail."""

from __future__ import annotations

from datetime import timedelta

from scenario_kit import (
    EMERGENCY,
    KNOWN,
    SUPPORT,
    TRIAGE,
    UNKNOWN,
    Open,
    add,
    ask,
    buttons,
    cards_in,
    clocks,
    mention,
    press,
    replies_in,
    said_in,
    ticket,
    words,
)

from bot.commands.sandboxing import Sandbox
from bot.core.model import ClockState, Metric, PersonRef
from bot.sandbox.household import PolicyFiles
from bot.sandbox.slack.building import add_user
from bot.sandbox.slack.world import World


async def test_somebody_from_the_customers_own_workspace_presses_our_buttons(sandbox: Sandbox) -> None:
    world = sandbox.slack.world
    assert world.is_external(world.user("carol"))
    thread = await ask(sandbox, UNKNOWN)
    await press(sandbox, replies_in(sandbox, thread)[0], "open_ticket")

    carol = world.user("carol")
    assert (await ticket(sandbox)).requester == PersonRef(
        door="slack", workspace=carol.team_id, user=carol.id
    )


async def test_the_one_who_asked_is_the_requester_whoever_presses(sandbox: Sandbox) -> None:
    thread = await ask(sandbox, UNKNOWN)
    await press(sandbox, replies_in(sandbox, thread)[0], "open_ticket", who="ada")

    assert (await ticket(sandbox)).requester.user == sandbox.slack.world.user("carol").id


async def test_a_customer_cannot_acknowledge_an_escalation_in_their_own_thread(opened: Open) -> None:
    async with opened(arrange=_without_an_escalation_room) as sandbox:
        thread = await ask(sandbox, EMERGENCY)
        await sandbox.move(timedelta(hours=2, seconds=1))
        await sandbox.settle()
        (escalation,) = (one for one in replies_in(sandbox, thread) if "acknowledge" in buttons(one))

        await press(sandbox, escalation, "acknowledge", who="carol")
        assert (await clocks(sandbox))[Metric.FIRST_REPLY_TIME].acknowledged_by is None
        (escalation,) = (one for one in replies_in(sandbox, thread) if "acknowledge" in buttons(one))

        await press(sandbox, escalation, "acknowledge", who="otto")
        assert (await clocks(sandbox))[Metric.FIRST_REPLY_TIME].acknowledged_by == "otto"
        assert not any("acknowledge" in buttons(one) for one in replies_in(sandbox, thread))


async def test_an_escalation_in_the_customers_thread_says_nothing_internal(opened: Open) -> None:
    async with opened(arrange=_without_an_escalation_room) as sandbox:
        thread = await ask(sandbox, EMERGENCY)
        await sandbox.move(timedelta(hours=2, seconds=1))
        await sandbox.settle()

        *_, escalation = said_in(sandbox, thread)
        assert mention(sandbox, "otto") in escalation
        assert "DB-1" in escalation
        assert "acme" not in escalation.lower()
        assert len(cards_in(sandbox, thread)) == 1
        assert sandbox.slack.history(TRIAGE) == []


async def test_a_mere_warning_is_not_posted_into_the_customers_thread(opened: Open) -> None:
    async with opened(arrange=_without_an_escalation_room_or_steps) as sandbox:
        thread = await ask(sandbox, EMERGENCY)
        await sandbox.move(timedelta(hours=3, minutes=30))
        await sandbox.settle()

        assert "warning" in (await clocks(sandbox))[Metric.FIRST_REPLY_TIME].told
        assert not any("due" in text for text in said_in(sandbox, thread))


async def test_an_agents_e_mail_makes_nobody_an_agent(sandbox: Sandbox) -> None:
    world = sandbox.slack.world
    guest = add_user(
        world,
        "adah",
        team=world.teams[world.user("carol").team_id],
        real_name="Ada Agent",
        email=sandbox.agent.email,
    )
    world.channel(SUPPORT).members.append(guest.id)
    thread = await ask(sandbox, EMERGENCY)
    await add(sandbox, thread, "It is fine, do nothing.", who=guest.id)

    assert (await clocks(sandbox))[Metric.FIRST_REPLY_TIME].state is ClockState.RUNNING
    comment = sandbox.zendesk.comments(1)[-1]
    assert comment.author_id != sandbox.agent.id
    assert "It is fine" in comment.body


async def test_an_agents_user_id_from_another_workspace_makes_nobody_an_agent(opened: Open) -> None:
    async with opened(arrange=_ada_is_known_in_another_workspace) as sandbox:
        thread = await ask(sandbox, EMERGENCY)
        await add(sandbox, thread, "We are on it.", who="ada")

        assert (await clocks(sandbox))[Metric.FIRST_REPLY_TIME].state is ClockState.RUNNING


async def test_whoever_acknowledged_is_named_once_and_stays_the_one(sandbox: Sandbox) -> None:
    await ask(sandbox, EMERGENCY)
    await sandbox.move(timedelta(hours=2, seconds=1))
    await sandbox.settle()
    (escalation,) = sandbox.slack.history(TRIAGE)
    await sandbox.slack.press("otto", TRIAGE, escalation.ts, "acknowledge")
    await sandbox.slack.press("ada", TRIAGE, escalation.ts, "acknowledge")
    await sandbox.settle()

    (escalation,) = sandbox.slack.history(TRIAGE)
    assert words(escalation).endswith("_Acknowledged by otto._")


async def test_a_stranger_does_not_become_the_author_of_an_answer(sandbox: Sandbox) -> None:
    thread = await ask(sandbox, KNOWN)

    assert [one.user for one in replies_in(sandbox, thread)] == [sandbox.slack.world.installation.bot_user_id]


def _without_an_escalation_room(_world: World, files: PolicyFiles) -> None:
    files["channels.toml"] = files["channels.toml"].replace("escalations = true\n", "")


def _without_an_escalation_room_or_steps(world: World, files: PolicyFiles) -> None:
    _without_an_escalation_room(world, files)
    files["escalation.toml"] = (
        "[enterprise-p1]\nwarn_percent = 80\nfirst_reply_time = []\nresolution_time = []\n"
    )


def _ada_is_known_in_another_workspace(world: World, files: PolicyFiles) -> None:
    ada, otto = world.user("ada"), world.user("otto")
    files["people.toml"] = "\n".join(
        f'[{user.name}]\naccounts = [{{ door = "slack", workspace = "{team}", user = "{user.id}" }}]\n'
        for user, team in ((ada, "T0ELSEWHERE"), (otto, otto.team_id))
    )
