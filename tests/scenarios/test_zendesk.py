"""Two places, one conversation: what the desk says in the thread, and what it must not."""

from __future__ import annotations

from datetime import timedelta

import pytest
from scenario_kit import (
    EMERGENCY,
    SUPPORT,
    TUESDAY,
    add,
    ask,
    cards_in,
    clocks,
    parked,
    public_comments,
    said_in,
    ticket,
)

from bot.commands.sandboxing import Sandbox
from bot.core.model import ClockState, Metric, SegmentKind, TicketStatus
from bot.sandbox.faults import FaultKind

CANARY = "canary-7f3a"
HOUR = timedelta(hours=1)


async def test_a_private_comment_never_reaches_slack(sandbox: Sandbox) -> None:
    thread = await ask(sandbox, EMERGENCY)
    sandbox.zendesk.agent_reply(1, sandbox.agent, f"Between us: {CANARY}", public=False)
    await sandbox.settle()
    sandbox.zendesk.agent_reply(1, sandbox.agent, "We found the cause.")
    await add(sandbox, thread, "Good to hear.")
    await sandbox.move(3 * HOUR)
    await sandbox.settle()

    assert "We found the cause." in said_in(sandbox, thread)[-1]
    assert CANARY not in _everything_in_slack(sandbox)
    assert (await clocks(sandbox))[Metric.FIRST_REPLY_TIME].state is ClockState.MET


async def test_a_private_comment_keeps_no_promise_and_takes_no_floor(sandbox: Sandbox) -> None:
    await ask(sandbox, EMERGENCY)
    sandbox.zendesk.agent_reply(1, sandbox.agent, CANARY, public=False)
    await sandbox.settle()

    assert (await clocks(sandbox))[Metric.FIRST_REPLY_TIME].state is ClockState.RUNNING


async def test_a_public_reply_is_relayed_once_and_our_own_comments_never(sandbox: Sandbox) -> None:
    thread = await ask(sandbox, EMERGENCY)
    await add(sandbox, thread, "Anybody there?")
    await add(sandbox, thread, "I am.", who="ada")
    sandbox.zendesk.agent_reply(1, sandbox.agent, "Please send the logs.")
    await sandbox.settle()

    assert [text for text in said_in(sandbox, thread) if "logs" in text] == [
        "**Ada Agent**: Please send the logs."
    ]
    assert not any("Anybody there?" in text or "I am." in text for text in said_in(sandbox, thread))


@pytest.mark.parametrize(
    "fault",
    [FaultKind.TIMEOUT_AFTER, FaultKind.MALFORMED_BODY, FaultKind.SERVER_ERROR, FaultKind.TIMEOUT_BEFORE],
)
async def test_a_mirrored_comment_is_made_once_and_not_echoed_whatever_becomes_of_the_answer(
    sandbox: Sandbox, fault: FaultKind
) -> None:
    thread = await ask(sandbox, EMERGENCY)
    before = said_in(sandbox, thread)
    sandbox.zendesk.faults.fail_next("PUT /api/v2/tickets/1", fault)
    await add(sandbox, thread, "Only in Europe.")
    await sandbox.settle(within=timedelta(minutes=1))

    assert public_comments(sandbox)[1:] == ["Only in Europe."]
    assert said_in(sandbox, thread) == before
    assert await parked(sandbox) == []


async def test_an_echo_that_is_faster_than_the_answer_waits_until_it_is_recognised(sandbox: Sandbox) -> None:
    thread = await ask(sandbox, EMERGENCY)
    before = said_in(sandbox, thread)
    sandbox.zendesk.faults.fail_next("PUT /api/v2/tickets/1", FaultKind.TIMEOUT_AFTER)
    await sandbox.slack.say("carol", SUPPORT, "Only in Europe.", thread)
    await sandbox.settle(within=timedelta(0))
    assert await _is_waited_for(sandbox)
    await sandbox.settle(within=timedelta(minutes=1))

    assert not await _is_waited_for(sandbox)
    assert public_comments(sandbox)[1:] == ["Only in Europe."]
    assert said_in(sandbox, thread) == before


@pytest.mark.parametrize("fault", [FaultKind.TIMEOUT_AFTER, FaultKind.MALFORMED_BODY])
async def test_a_ticket_whose_creation_was_not_answered_is_created_once(
    sandbox: Sandbox, fault: FaultKind
) -> None:
    sandbox.zendesk.faults.fail_next("POST /api/v2/tickets", fault)
    thread = await ask(sandbox, EMERGENCY)
    await sandbox.settle(within=timedelta(minutes=1))

    (replica,) = sandbox.zendesk.tickets()
    assert (await ticket(sandbox)).replica == str(replica.id)
    assert not any("Production" in text for text in said_in(sandbox, thread))  # our own description


async def test_a_reply_to_a_ticket_whose_creation_was_not_answered_is_not_lost(sandbox: Sandbox) -> None:
    sandbox.zendesk.faults.fail_next("POST /api/v2/tickets", FaultKind.TIMEOUT_AFTER)
    thread = await sandbox.slack.say("carol", SUPPORT, EMERGENCY)
    await sandbox.settle(within=timedelta(0))
    await sandbox.move(timedelta(seconds=1))  # for the requester's name
    await sandbox.settle(within=timedelta(0))
    assert (await ticket(sandbox)).replica is None
    sandbox.zendesk.agent_reply(1, sandbox.agent, "On it.")
    await sandbox.settle(within=timedelta(minutes=1))

    assert "On it." in said_in(sandbox, thread)[-1]
    assert (await ticket(sandbox)).replica == "1"


async def test_a_customer_who_answers_by_mail_is_heard_in_the_thread(sandbox: Sandbox) -> None:
    thread = await ask(sandbox, EMERGENCY)
    requester = sandbox.zendesk.user(sandbox.zendesk.ticket(1).requester_id)
    sandbox.zendesk.customer_reply(1, requester, "I am on the train, writing by mail.")
    await sandbox.settle()

    assert said_in(sandbox, thread)[-1] == "**Carol Customer**: I am on the train, writing by mail."
    assert (await clocks(sandbox))[Metric.FIRST_REPLY_TIME].state is ClockState.RUNNING


# -- status and clocks -------------------------------------------------------


async def test_waiting_for_the_customer_stops_the_clock_until_they_write(sandbox: Sandbox) -> None:
    thread = await ask(sandbox, EMERGENCY)
    await sandbox.move(HOUR)
    sandbox.zendesk.agent_reply(1, sandbox.agent, "Which version?", status="pending")
    await sandbox.settle()
    assert (await ticket(sandbox)).status is TicketStatus.PENDING
    assert sandbox.zendesk.ticket(1).status == "pending"
    assert "paused" in cards_in(sandbox, thread)[0]

    await sandbox.move(10 * HOUR)
    await add(sandbox, thread, "Version 3.")

    resolution = (await clocks(sandbox))[Metric.RESOLUTION_TIME]
    assert resolution.state is ClockState.RUNNING
    assert [segment.kind for segment in resolution.segments] == [
        SegmentKind.RUNNING,
        SegmentKind.PAUSED,
        SegmentKind.RUNNING,
    ]
    assert _about(resolution.due_at, TUESDAY + 24 * HOUR + 10 * HOUR)
    assert (await ticket(sandbox)).status is TicketStatus.OPEN
    assert sandbox.zendesk.ticket(1).status == "open"


async def test_an_agent_who_replies_and_waits_is_not_overruled(sandbox: Sandbox) -> None:
    """The comment comes before the status: what it does to the ticket must not undo what the agent chose."""
    await ask(sandbox, EMERGENCY)
    sandbox.zendesk.faults.fail_next(
        "deliver:ticket.status_changed", FaultKind.DELAY, delay=timedelta(seconds=3)
    )
    sandbox.zendesk.agent_reply(1, sandbox.agent, "Which version?", status="pending")
    await sandbox.settle()

    assert sandbox.zendesk.ticket(1).status == "pending"
    assert (await ticket(sandbox)).status is TicketStatus.PENDING


async def test_a_pause_counts_from_when_it_began_and_not_from_when_we_heard(sandbox: Sandbox) -> None:
    await ask(sandbox, EMERGENCY)
    await sandbox.running.stop()
    sandbox.zendesk.faults.fail_next("deliver:ticket.status_changed", FaultKind.DELAY, delay=2 * HOUR)
    sandbox.zendesk.set_status(1, "pending", sandbox.agent)
    await sandbox.running.start()
    await sandbox.settle()
    await sandbox.move(2 * HOUR)
    await sandbox.settle()

    resolution = (await clocks(sandbox))[Metric.RESOLUTION_TIME]
    assert resolution.state is ClockState.PAUSED
    assert _about(resolution.segments[-1].started_at, TUESDAY)


async def test_solved_ends_the_clock(sandbox: Sandbox) -> None:
    thread = await ask(sandbox, EMERGENCY)
    await sandbox.move(HOUR)
    sandbox.zendesk.agent_reply(1, sandbox.agent, "Fixed.", status="solved")
    await sandbox.settle()

    assert {clock.state for clock in (await clocks(sandbox)).values()} == {ClockState.MET}
    assert (await ticket(sandbox)).solved_at is not None
    assert "Solved" in cards_in(sandbox, thread)[0]


async def test_a_solved_ticket_that_comes_back_has_its_clock_back_without_the_time_in_between(
    sandbox: Sandbox,
) -> None:
    thread = await ask(sandbox, EMERGENCY)
    sandbox.zendesk.agent_reply(1, sandbox.agent, "Fixed.", status="solved")
    await sandbox.settle()
    await sandbox.move(5 * HOUR)
    await add(sandbox, thread, "It is down again.")

    resolution = (await clocks(sandbox))[Metric.RESOLUTION_TIME]
    assert resolution.state is ClockState.RUNNING
    assert _about(resolution.due_at, TUESDAY + 29 * HOUR)
    opened = await ticket(sandbox)
    assert (opened.status, opened.solved_at) == (TicketStatus.OPEN, None)
    assert sandbox.zendesk.ticket(1).status == "open"
    assert "Resolution within 24 h, due" in cards_in(sandbox, thread)[0]


async def test_a_ticket_that_an_agent_reopens_has_its_clock_back_too(sandbox: Sandbox) -> None:
    await ask(sandbox, EMERGENCY)
    sandbox.zendesk.set_status(1, "solved", sandbox.agent)
    await sandbox.settle()
    assert (await clocks(sandbox))[Metric.FIRST_REPLY_TIME].state is ClockState.CANCELLED
    sandbox.zendesk.set_status(1, "open", sandbox.agent)
    await sandbox.settle()

    assert {clock.state for clock in (await clocks(sandbox)).values()} == {ClockState.RUNNING}
    assert (await ticket(sandbox)).solved_at is None


async def test_under_a_closed_ticket_the_customer_is_told_where_to_write(sandbox: Sandbox) -> None:
    thread = await ask(sandbox, EMERGENCY)
    sandbox.zendesk.agent_reply(1, sandbox.agent, "Fixed.", status="solved")
    await sandbox.settle()
    await sandbox.move(timedelta(days=29))
    await sandbox.settle()
    assert (await ticket(sandbox)).status is TicketStatus.CLOSED
    comments = public_comments(sandbox)

    await add(sandbox, thread, "It is down again.")
    await add(sandbox, thread, "Hello?")

    assert [text for text in said_in(sandbox, thread) if "DB-1 is closed" in text] == said_in(
        sandbox, thread
    )[-1:]
    assert public_comments(sandbox) == comments
    assert await parked(sandbox) == []

    await ask(sandbox, "Production is down again!")
    assert len(sandbox.zendesk.tickets()) == 2


async def _is_waited_for(sandbox: Sandbox) -> bool:
    return any("still under way" in (row.error or "") for row in await sandbox.program.ledger.recent())


def _everything_in_slack(sandbox: Sandbox) -> str:
    """Every request of ours that Slack has seen, and everything that anybody there can read."""
    channels = sandbox.slack.world.channels.values()
    messages = [message for channel in channels for message in channel.messages.values()]
    return str(messages) + str(sandbox.slack.journal.entries)


def _about(one: object, other: object) -> bool:
    """Within the moments that a story takes."""
    return abs(one - other) < timedelta(seconds=30)  # type: ignore[operator,no-any-return]  # two instants
