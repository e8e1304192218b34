"""A worker that dies, and work that cannot be done: the next one goes on, once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from typing import Any

import pytest
from scenario_kit import (
    EMERGENCY,
    KNOWN,
    SUPPORT,
    UNKNOWN,
    add,
    ask,
    cards_in,
    parked,
    press,
    public_comments,
    replies_in,
    said_in,
    ticket,
    words,
)

from bot.commands.sandboxing import Sandbox
from bot.core.events import Event
from bot.core.ports import Delivery, Door, Leased
from bot.worker import Pace, Worker

LEASE = Pace().lease


class DyingLedger:
    """Its process dies just before it writes down what became of the first effect of a kind."""

    def __init__(self, ledger: Any, kind: str) -> None:
        self._ledger = ledger
        self._kind = kind
        self.is_dead = asyncio.Event()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._ledger, name)

    @asynccontextmanager
    async def finishing(self, leased: Leased[Any], *, now: datetime) -> AsyncIterator[Any]:
        if type(leased.work).__name__ == self._kind:
            self.is_dead.set()
            await asyncio.Event().wait()
        async with self._ledger.finishing(leased, now=now) as tx:
            yield tx


def a_worker(sandbox: Sandbox, **other: Any) -> Worker:
    """Like the program's own, with something else about it."""
    own = sandbox.program.worker
    parts: dict[str, Any] = {
        "ledger": own._ledger,
        "desk": own._desk,
        "doors": own._doors,
        "performers": own._performers,
        "time": own._time,
        "rng": own._rng,
        "installation": own._installation,
        "pace": Pace(drain=timedelta(0)),
    }
    return Worker(**{**parts, **other})


async def die(sandbox: Sandbox, kind: str) -> None:
    """Work until an effect of this kind has been done, and stop dead before it is written down."""
    ledger = DyingLedger(sandbox.program.ledger, kind)
    running = asyncio.create_task(a_worker(sandbox, ledger=ledger).run(asyncio.Event()))
    async with asyncio.timeout(10):
        await ledger.is_dead.wait()
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running


@pytest.mark.parametrize("kind", ["IdentifyPerson", "DraftAnswer", "PostReply"])
async def test_a_worker_that_dies_over_an_answer_leaves_one_answer(sandbox: Sandbox, kind: str) -> None:
    thread = await sandbox.slack.say("carol", SUPPORT, KNOWN)
    await sandbox.slack.settled()
    await die(sandbox, kind)
    await sandbox.settle()
    if kind == "PostReply":
        assert len(said_in(sandbox, thread)) == 1  # it had been posted

    await sandbox.move(LEASE)
    await sandbox.settle()
    (answer,) = replies_in(sandbox, thread)
    await press(sandbox, answer, "helped")
    (answer,) = replies_in(sandbox, thread)
    assert "Marked as helpful" in words(answer)


@pytest.mark.parametrize("kind", ["ShowStatus", "CreateReplica", "EditReply"])
async def test_a_worker_that_dies_over_a_ticket_leaves_one_ticket_and_one_card(
    sandbox: Sandbox, kind: str
) -> None:
    thread = await ask(sandbox, UNKNOWN)
    await sandbox.slack.press("carol", SUPPORT, replies_in(sandbox, thread)[0].ts, "open_ticket")
    await die(sandbox, kind)
    await sandbox.move(LEASE)
    await sandbox.settle()
    sandbox.zendesk.agent_reply(1, sandbox.agent, "Looking.")
    await sandbox.settle()

    assert len(sandbox.zendesk.tickets()) == 1
    (card,) = cards_in(sandbox, thread)
    assert "Open" in card
    admission, relayed = said_in(sandbox, thread)
    assert "DB-1 was opened" in admission
    assert "Looking." in relayed


async def test_a_worker_that_dies_over_a_comment_leaves_one_comment_and_no_echo(sandbox: Sandbox) -> None:
    thread = await ask(sandbox, EMERGENCY)
    before = said_in(sandbox, thread)
    await sandbox.slack.say("carol", SUPPORT, "Only in Europe.", thread)
    await sandbox.slack.settled()
    await die(sandbox, "CommentOnReplica")
    await sandbox.move(LEASE)
    await sandbox.settle()

    assert public_comments(sandbox)[1:] == ["Only in Europe."]
    assert said_in(sandbox, thread) == before


async def test_a_worker_that_dies_over_a_relayed_reply_leaves_one(sandbox: Sandbox) -> None:
    thread = await ask(sandbox, EMERGENCY)
    sandbox.zendesk.agent_reply(1, sandbox.agent, "Looking.")
    await sandbox.zendesk.settled()
    await die(sandbox, "PostReply")
    await sandbox.move(LEASE)
    await sandbox.settle()

    assert [text for text in said_in(sandbox, thread) if "Looking." in text] == ["**Ada Agent**: Looking."]


async def test_a_shutdown_lets_an_answer_under_way_finish(sandbox: Sandbox) -> None:
    stop = asyncio.Event()
    running = asyncio.create_task(a_worker(sandbox, pace=Pace()).run(stop))
    thread = await sandbox.slack.say("carol", SUPPORT, KNOWN)
    await sandbox.slack.journal.wait_for("chat.postMessage")
    stop.set()
    await running

    assert await sandbox.program.ledger.release_leases() == 0
    assert len(said_in(sandbox, thread)) == 1


# -- poison ------------------------------------------------------------------


class PoisonedDoor:
    """Slack's, with a bug that one message hits."""

    def __init__(self, door: Door) -> None:
        self._door = door

    @property
    def name(self) -> str:
        return self._door.name

    def parse(self, delivery: Delivery) -> Sequence[Event]:
        if b"poison" in delivery.body:
            raise ZeroDivisionError
        return self._door.parse(delivery)


async def test_a_delivery_that_hits_a_bug_is_parked_and_delays_nobody_else(sandbox: Sandbox) -> None:
    own = sandbox.program.worker
    doors: Mapping[str, Door] = {"slack": PoisonedDoor(own._doors["slack"])}
    worker = a_worker(sandbox, doors=doors)
    poisoned = await sandbox.slack.say("carol", SUPPORT, "This is poison.")
    behind = await sandbox.slack.say("carol", SUPPORT, KNOWN, poisoned)
    other = await sandbox.slack.say("carol", SUPPORT, KNOWN)
    await sandbox.slack.settled()
    await worker.settle()
    assert len(said_in(sandbox, other)) == 1
    assert said_in(sandbox, poisoned) == []

    for _ in range(Pace().surprise_tries):
        await sandbox.move(timedelta(minutes=5))
        await worker.settle()
    assert await parked(sandbox) == ["slack ZeroDivisionError"]
    assert len(said_in(sandbox, poisoned)) == 1  # the one behind it was answered
    assert behind != poisoned


async def test_a_delivery_that_cannot_be_read_is_parked_at_once(sandbox: Sandbox) -> None:
    await sandbox.program.ledger.accept(
        Delivery(
            door="slack",
            id="Ev0BROKEN",
            lane="C1:1.2",
            headers={"content-type": "application/json"},
            body=b'{"type": "event_callback", "event": {"type": "message"',
            received_at=sandbox.time.now(),
        )
    )
    thread = await ask(sandbox, KNOWN)

    assert len(said_in(sandbox, thread)) == 1
    (only,) = await parked(sandbox)
    assert "MalformedDelivery" in only
    assert "event_callback" not in only


async def test_an_effect_that_slack_refuses_is_parked_and_its_thread_goes_on(sandbox: Sandbox) -> None:
    thread = await ask(sandbox, EMERGENCY)
    sandbox.slack.world.channel(SUPPORT).is_archived = True
    sandbox.zendesk.agent_reply(1, sandbox.agent, "Looking.")
    await sandbox.settle()
    sandbox.slack.world.channel(SUPPORT).is_archived = False
    assert any("is_archived" in one for one in await parked(sandbox))

    sandbox.zendesk.agent_reply(1, sandbox.agent, "Found it.")
    await add(sandbox, thread, "Good.")
    assert "Found it." in said_in(sandbox, thread)[-1]
    rows = [one.id for one in await sandbox.program.ledger.parked()]
    await sandbox.program.ledger.replay("effects", rows, now=sandbox.time.now())
    await sandbox.settle()
    assert "Looking." in said_in(sandbox, thread)[-1]
    assert (await ticket(sandbox)).replica == "1"
