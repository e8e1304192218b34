"""A customer's thread: answer, offer, ticket, and what is said afterwards."""

from __future__ import annotations

import pytest
from scenario_kit import (
    COMMUNITY,
    EMERGENCY,
    KNOWN,
    SUPPORT,
    UNKNOWN,
    add,
    ask,
    buttons,
    cards_in,
    clocks,
    parked,
    press,
    public_comments,
    replies_in,
    said_in,
    ticket,
    tickets,
    words,
)

from bot.commands.sandboxing import Sandbox
from bot.core.model import Metric, Priority, TicketStatus
from bot.sandbox.slack.building import add_file, add_user


async def test_an_unknown_answer_is_admitted_and_a_ticket_offered(sandbox: Sandbox) -> None:
    thread = await ask(sandbox, UNKNOWN)

    (admission,) = replies_in(sandbox, thread)
    assert "could not find" in words(admission)
    assert buttons(admission) == ["open_ticket"]

    await press(sandbox, admission, "open_ticket")
    (opened,) = await tickets(sandbox)
    assert (opened.subject, opened.priority) == (UNKNOWN, Priority.P3)
    (admission,) = replies_in(sandbox, thread)
    assert buttons(admission) == []
    assert "DB-1 was opened" in words(admission)
    assert len(cards_in(sandbox, thread)) == 1


async def test_a_button_pressed_twice_opens_one_ticket(sandbox: Sandbox) -> None:
    thread = await ask(sandbox, UNKNOWN)
    (admission,) = replies_in(sandbox, thread)

    await sandbox.slack.press("carol", SUPPORT, admission.ts, "open_ticket")
    await sandbox.slack.press("carol", SUPPORT, admission.ts, "open_ticket")
    await sandbox.settle()

    assert len(await tickets(sandbox)) == 1
    assert len(sandbox.zendesk.tickets()) == 1
    assert len(cards_in(sandbox, thread)) == 1


@pytest.mark.parametrize(
    "wish", ["Please open a ticket.", "Pode abrir um chamado?", "I want to talk to a human"]
)
async def test_a_ticket_is_opened_for_whoever_asks_in_words(sandbox: Sandbox, wish: str) -> None:
    thread = await ask(sandbox, wish)

    assert len(await tickets(sandbox)) == 1
    assert len(cards_in(sandbox, thread)) == 1
    assert said_in(sandbox, thread) == []  # they asked for a person, not for an article


async def test_production_down_opens_a_p1_ticket_at_once_and_is_answered_all_the_same(
    sandbox: Sandbox,
) -> None:
    thread = await ask(sandbox, "Production is down since we restarted DataHub!")

    opened = await ticket(sandbox)
    assert opened.priority is Priority.P1
    assert set(await clocks(sandbox)) == {Metric.FIRST_REPLY_TIME, Metric.RESOLUTION_TIME}
    (answer,) = replies_in(sandbox, thread)
    assert "DATAHUB_GMS_URL" in words(answer)
    assert buttons(answer) == ["helped", "not_helped"]


async def test_an_emergency_that_is_told_after_a_question_is_a_p1_too(sandbox: Sandbox) -> None:
    thread = await ask(sandbox, "How do I restart the connector?")
    await add(sandbox, thread, EMERGENCY)

    assert (await ticket(sandbox)).priority is Priority.P1


async def test_more_words_in_a_thread_with_a_ticket_go_to_the_desk_in_order_and_are_not_answered(
    sandbox: Sandbox,
) -> None:
    thread = await ask(sandbox, EMERGENCY)
    before = said_in(sandbox, thread)
    for text in ("It is about DataHub.", "It began at noon.", "Only in Europe."):
        await sandbox.slack.say("carol", SUPPORT, text, thread)
    await sandbox.settle()

    description, *more = public_comments(sandbox)
    assert EMERGENCY in description
    assert more == ["It is about DataHub.", "It began at noon.", "Only in Europe."]
    assert said_in(sandbox, thread) == before


async def test_files_are_named_in_the_transcript_and_in_what_follows(sandbox: Sandbox) -> None:
    slack = sandbox.slack
    mia = slack.world.user("mia")
    log = add_file(slack.world, "crash.log", b"boom", user=mia)
    shot = add_file(slack.world, "screen.png", b"png", user=mia)
    thread = await slack.say("mia", COMMUNITY, "Please open a ticket about this.", files=(log,))
    await sandbox.settle()
    await slack.say("mia", COMMUNITY, "", thread, files=(shot,))
    await sandbox.settle()

    description, more = public_comments(sandbox)
    assert "Files: crash.log" in description
    assert "Files: screen.png" in more
    assert await parked(sandbox) == []


async def test_in_a_shared_channel_slack_tells_no_more_of_a_file_than_its_id(sandbox: Sandbox) -> None:
    slack = sandbox.slack
    log = add_file(slack.world, "crash.log", b"boom", user=slack.world.user("carol"))
    await slack.say("carol", SUPPORT, EMERGENCY, files=(log,))
    await sandbox.settle()

    (description,) = public_comments(sandbox)
    assert f"Files: {log.id}" in description


async def test_the_desk_knows_the_requester_by_name(sandbox: Sandbox) -> None:
    await ask(sandbox, "Please open a ticket.")

    (replica,) = sandbox.zendesk.tickets()
    assert sandbox.zendesk.user(replica.requester_id).name == "Carol Customer"
    assert "Carol Customer (requester)" in public_comments(sandbox)[0]


async def test_a_colleague_who_joins_later_is_known_by_name_too(sandbox: Sandbox) -> None:
    world = sandbox.slack.world
    dave = add_user(world, "dave", team=world.teams[world.user("carol").team_id], real_name="Dave Colleague")
    world.channel(SUPPORT).members.append(dave.id)
    thread = await ask(sandbox, EMERGENCY)
    await add(sandbox, thread, "I see it too.", who="dave")

    last = sandbox.zendesk.comments(1)[-1]
    assert "I see it too." in last.body
    assert "Dave Colleague" in (last.body, sandbox.zendesk.user(last.author_id).name)


async def test_thanks_are_not_taken_for_a_question(sandbox: Sandbox) -> None:
    thread = await ask(sandbox, KNOWN)
    await add(sandbox, thread, "Thanks a lot! :tada:")

    assert len(replies_in(sandbox, thread)) == 1


async def test_an_offer_is_made_once_and_not_under_every_line(sandbox: Sandbox) -> None:
    thread = await ask(sandbox, UNKNOWN)
    await add(sandbox, thread, "Is it Gouda?")
    await add(sandbox, thread, "Or is it Brie?")

    assert len(replies_in(sandbox, thread)) == 1


async def test_an_accepted_answer_loses_its_buttons(sandbox: Sandbox) -> None:
    thread = await ask(sandbox, KNOWN)
    (answer,) = replies_in(sandbox, thread)
    await press(sandbox, answer, "helped")

    (answer,) = replies_in(sandbox, thread)
    assert buttons(answer) == []
    assert "Marked as helpful" in words(answer)
    assert await tickets(sandbox) == []


async def test_the_card_follows_the_ticket_in_place(sandbox: Sandbox) -> None:
    thread = await ask(sandbox, EMERGENCY)
    assert "New" in cards_in(sandbox, thread)[0]

    sandbox.zendesk.agent_reply(1, sandbox.agent, "Looking into it.")
    await sandbox.settle()

    (card,) = cards_in(sandbox, thread)
    assert "Open" in card
    assert "First reply in time" in card
    assert (await ticket(sandbox)).status is TicketStatus.OPEN
