"""When a vendor is slow, wrong or gone: nothing lost, nothing doubled, and the others go on."""

from __future__ import annotations

from datetime import timedelta

import pytest
from scenario_kit import (
    EMERGENCY,
    KNOWN,
    SUPPORT,
    UNKNOWN,
    Open,
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
from bot.core.model import ClockState, Metric
from bot.sandbox.faults import FaultKind
from bot.worker import Pace

MINUTE = timedelta(minutes=1)
A_WHILE = 20 * MINUTE
POST = "chat.postMessage"
EMERGENCIES = (
    "Production is down in Europe!",
    "Production is down in Asia!",
    "Production is down on the moon!",
)


# -- Zendesk -----------------------------------------------------------------


async def test_hours_without_zendesk_lose_nothing_and_double_nothing(sandbox: Sandbox) -> None:
    sandbox.zendesk.faults.outage(on=True)
    threads = [await ask(sandbox, text) for text in EMERGENCIES]
    for hour in range(4):
        for thread in threads:
            await add(sandbox, thread, f"Still down after {hour} h.")
        for _ in range(3):
            await sandbox.move(A_WHILE)
            await sandbox.settle()

    assert sandbox.zendesk.tickets() == []
    assert [cards_in(sandbox, thread)[0].count("DB-") for thread in threads] == [1, 1, 1]
    assert {clock.state for clock in (await clocks(sandbox)).values()} == {ClockState.RUNNING}

    sandbox.zendesk.faults.outage(on=False)
    await sandbox.settle(within=A_WHILE)

    replicas = {one.replica: one.subject for one in await tickets(sandbox)}
    assert sorted(replicas.values()) == sorted(EMERGENCIES)
    for replica in sandbox.zendesk.tickets():
        assert replicas[str(replica.id)] == replica.subject
        description, *more = public_comments(sandbox, replica.id)
        assert replica.subject in description
        assert more == [f"Still down after {hour} h." for hour in range(4)]
    assert await parked(sandbox) == []


async def test_an_agent_in_slack_keeps_the_promise_while_zendesk_is_gone(sandbox: Sandbox) -> None:
    sandbox.zendesk.faults.outage(on=True)
    thread = await ask(sandbox, EMERGENCY)
    await add(sandbox, thread, "We are on it.", who="ada")
    assert (await clocks(sandbox))[Metric.FIRST_REPLY_TIME].state is ClockState.MET

    sandbox.zendesk.faults.outage(on=False)
    await sandbox.settle(within=A_WHILE)
    assert "We are on it." in public_comments(sandbox)[-1]
    assert sandbox.zendesk.ticket(1).status == "open"


async def test_an_open_breaker_spares_a_vendor_that_is_down(sandbox: Sandbox) -> None:
    sandbox.zendesk.faults.outage(on=True)
    for text in EMERGENCIES:
        await ask(sandbox, text)
    await sandbox.settle(within=2 * MINUTE)
    before = len(sandbox.zendesk.journal.entries)
    await sandbox.settle(within=A_WHILE)

    assert len(sandbox.zendesk.journal.entries) - before <= 40  # one probe in half a minute, at most


async def test_a_poisonous_ticket_is_parked_alone_and_can_be_replayed(sandbox: Sandbox) -> None:
    sandbox.zendesk.faults.fail_next("POST /api/v2/tickets", FaultKind.SERVER_ERROR, status=422)
    poisoned = await ask(sandbox, EMERGENCIES[0])
    healthy = await ask(sandbox, EMERGENCIES[1])
    await add(sandbox, poisoned, "Any news?")
    await add(sandbox, healthy, "Any news?")

    assert [one.subject for one in sandbox.zendesk.tickets()] == [EMERGENCIES[1]]
    assert public_comments(sandbox)[1:] == ["Any news?"]
    creation, comment = await sandbox.program.ledger.parked()
    assert (creation.kind, comment.kind) == ("CreateReplica", "CommentOnReplica")

    ids = [creation.id, comment.id]
    assert await sandbox.program.ledger.replay("effects", ids, now=sandbox.time.now()) == 2
    await sandbox.settle()
    assert [one.subject for one in sandbox.zendesk.tickets()] == [EMERGENCIES[1], EMERGENCIES[0]]
    assert public_comments(sandbox, 2)[1:] == ["Any news?"]
    assert await parked(sandbox) == []


async def test_a_replay_of_what_was_done_after_all_doubles_nothing(opened: Open) -> None:
    async with opened(pace=Pace(outage_tries=1)) as sandbox:
        sandbox.zendesk.faults.fail_next("POST /api/v2/tickets", FaultKind.TIMEOUT_AFTER)
        await ask(sandbox, EMERGENCY)
        (creation,) = await sandbox.program.ledger.parked()
        assert (await ticket(sandbox)).replica is None

        await sandbox.move(timedelta(hours=3))  # Zendesk forgets an idempotency key after two
        await sandbox.program.ledger.replay("effects", [creation.id], now=sandbox.time.now())
        await sandbox.settle()
        assert len(sandbox.zendesk.tickets()) == 1
        assert (await ticket(sandbox)).replica == "1"


async def test_a_limited_zendesk_is_given_the_time_it_asks_for(sandbox: Sandbox) -> None:
    sandbox.zendesk.faults.fail_next(
        "POST /api/v2/tickets", FaultKind.RATE_LIMITED, retry_after=timedelta(seconds=40)
    )
    await ask(sandbox, EMERGENCY)
    await sandbox.move(timedelta(seconds=35))
    await sandbox.settle(within=timedelta(0))
    assert len(sandbox.zendesk.journal.of("POST /api/v2/tickets")) == 1

    await sandbox.move(timedelta(seconds=6))
    await sandbox.settle()
    assert len(sandbox.zendesk.tickets()) == 1


# -- Slack -------------------------------------------------------------------


@pytest.mark.parametrize(
    "fault",
    [FaultKind.TIMEOUT_AFTER, FaultKind.TIMEOUT_BEFORE, FaultKind.SERVER_ERROR, FaultKind.MALFORMED_BODY],
)
async def test_an_answer_is_posted_once_whatever_becomes_of_slacks_answer(
    sandbox: Sandbox, fault: FaultKind
) -> None:
    sandbox.slack.faults.fail_next(POST, fault, times=2)
    thread = await ask(sandbox, KNOWN)
    await sandbox.settle(within=MINUTE)

    (answer,) = replies_in(sandbox, thread)
    await press(sandbox, answer, "open_ticket")
    (answer,) = replies_in(sandbox, thread)
    assert "DB-1 was opened" in words(answer)  # it is known as ours
    assert await parked(sandbox) == []


@pytest.mark.parametrize("fault", [FaultKind.TIMEOUT_AFTER, FaultKind.MALFORMED_BODY])
async def test_there_is_one_card_whatever_becomes_of_slacks_answer(
    sandbox: Sandbox, fault: FaultKind
) -> None:
    thread = await ask(sandbox, UNKNOWN)
    sandbox.slack.faults.fail_next(POST, fault)
    await press(sandbox, replies_in(sandbox, thread)[0], "open_ticket")
    sandbox.zendesk.agent_reply(1, sandbox.agent, "Looking.")
    await sandbox.settle(within=MINUTE)

    (card,) = cards_in(sandbox, thread)
    assert "Open" in card


async def test_a_limited_slack_is_given_the_time_it_asks_for(sandbox: Sandbox) -> None:
    sandbox.slack.faults.fail_next(POST, FaultKind.RATE_LIMITED, retry_after=timedelta(seconds=20))
    thread = await ask(sandbox, KNOWN)
    other = await ask(sandbox, KNOWN)  # in the same room, to which the limit applies
    await sandbox.move(timedelta(seconds=19))
    await sandbox.settle(within=timedelta(0))
    assert len(sandbox.slack.journal.of(POST)) == 1

    await sandbox.move(timedelta(seconds=1))
    await sandbox.settle()
    assert len(said_in(sandbox, thread)) == len(said_in(sandbox, other)) == 1


async def test_a_limited_room_does_not_hold_up_another(sandbox: Sandbox) -> None:
    sandbox.slack.faults.fail_next(POST, FaultKind.RATE_LIMITED, retry_after=A_WHILE)
    waiting = await ask(sandbox, KNOWN)
    thread = await ask(sandbox, KNOWN, who="mia", channel="community")

    assert said_in(sandbox, waiting) == []
    assert len(said_in(sandbox, thread, "community")) == 1


async def test_an_hour_without_slack_ends_with_one_answer(sandbox: Sandbox) -> None:
    sandbox.slack.faults.outage(on=True, operation="chat.*")
    thread = await ask(sandbox, KNOWN)
    await sandbox.settle(within=timedelta(hours=1))
    assert said_in(sandbox, thread) == []
    assert await parked(sandbox) == []

    sandbox.slack.faults.outage(on=False, operation="chat.*")
    await sandbox.settle(within=A_WHILE)
    (answer,) = replies_in(sandbox, thread)
    assert buttons(answer) == ["helped", "not_helped", "open_ticket"]


async def test_slacks_own_limit_of_a_message_a_second_is_never_met(sandbox: Sandbox) -> None:
    threads = [await sandbox.slack.say("carol", SUPPORT, f"{KNOWN} ({number})") for number in range(12)]
    await sandbox.settle(within=MINUTE)

    assert [len(said_in(sandbox, thread)) for thread in threads] == [1] * 12
    assert sandbox.slack.journal.of(POST, outcome="ratelimited") == []
