"""Waiting, waking, counting, retention: what runs the ledger and what looks at it."""

from __future__ import annotations

import asyncio
from datetime import timedelta

from desk_data import LEASE, T0, a_delivery, a_reply, later

from bot.core.ports import Timer
from storage.ledger import SqlLedger


async def plan(ledger: SqlLedger, *conversations: int, cause: str = "test", at: float = 0) -> None:
    async with ledger.transaction(now=later(at), cause=cause) as tx:
        for conversation in conversations:
            await tx.plan(a_reply(conversation))


async def woken(ledger: SqlLedger) -> bool:
    """Whether a wait returns before anybody rings again."""
    try:
        async with asyncio.timeout(0.05):
            await ledger.wait(timeout=10)
    except TimeoutError:
        return False
    return True


async def test_a_commit_wakes_whoever_waits(ledger: SqlLedger) -> None:
    waiting = asyncio.create_task(ledger.wait(timeout=30))
    await asyncio.sleep(0)
    await ledger.accept(a_delivery())
    async with asyncio.timeout(5):
        await waiting
    assert not await woken(ledger)


async def test_a_commit_before_the_wait_is_not_missed(ledger: SqlLedger) -> None:
    await plan(ledger, 1)
    assert await woken(ledger)
    assert not await woken(ledger)
    ledger.ring()
    assert await woken(ledger)


async def test_a_wait_ends_with_its_time(ledger: SqlLedger) -> None:
    async with asyncio.timeout(5):
        await ledger.wait(timeout=0.01)


async def test_retries_and_parkings_wake_too_because_they_move_what_is_next(ledger: SqlLedger) -> None:
    await plan(ledger, 1)
    (leased,) = await ledger.claim_effects(now=T0, limit=1, lease=LEASE)
    assert await woken(ledger)
    await ledger.retry(leased, at=later(1), reason="away")
    assert await woken(ledger)


async def test_nothing_is_due_when_all_is_quiet(ledger: SqlLedger) -> None:
    assert await ledger.next_due(now=T0) is None


async def test_the_earliest_of_all_queues_is_next(ledger: SqlLedger) -> None:
    async with ledger.transaction(now=T0, cause="test") as tx:
        await tx.set_timer(Timer(key="clock:1", due_at=later(50), version=1))
    assert await ledger.next_due(now=T0) == later(50)
    await plan(ledger, 1, at=40)
    assert await ledger.next_due(now=T0) == later(40)
    await ledger.accept(a_delivery(received_at=later(30)))
    assert await ledger.next_due(now=T0) == later(30)


async def test_what_waits_behind_a_row_under_way_is_not_due(ledger: SqlLedger) -> None:
    await plan(ledger, 1, 1)
    await ledger.claim_effects(now=T0, limit=1, lease=LEASE)
    for n in (1, 2):
        await ledger.accept(a_delivery(f"Ev{n}"))
    await ledger.claim_deliveries(now=T0, limit=1, lease=LEASE)
    assert await ledger.next_due(now=later(1)) == later(60)


async def test_depth_counts_by_queue_and_state(ledger: SqlLedger) -> None:
    await plan(ledger, 1, 2, 3)
    first, _ = await ledger.claim_effects(now=T0, limit=2, lease=LEASE)
    await ledger.park(first, now=T0, reason="?")
    await ledger.accept(a_delivery())
    async with ledger.transaction(now=T0, cause="timer") as tx:
        await tx.set_timer(Timer(key="clock:1", due_at=T0, version=1))
    assert await ledger.depth() == {
        ("deliveries", "pending"): 1,
        ("deliveries", "leased"): 0,
        ("deliveries", "parked"): 0,
        ("effects", "pending"): 1,
        ("effects", "leased"): 1,
        ("effects", "parked"): 1,
        ("timers", "pending"): 1,
        ("timers", "leased"): 0,
    }


async def test_the_oldest_tells_its_age(ledger: SqlLedger) -> None:
    await plan(ledger, 1)
    await ledger.accept(a_delivery(received_at=later(5)))
    assert await ledger.oldest_pending(now=later(10)) == {
        "deliveries": timedelta(seconds=5),
        "effects": timedelta(seconds=10),
        "timers": timedelta(0),
    }


async def test_recent_work_shows_its_state_and_no_body(ledger: SqlLedger) -> None:
    await ledger.accept(a_delivery(body=b"secret"))
    await plan(ledger, 1, 2, at=1)
    first, second = await ledger.claim_effects(now=later(2), limit=2, lease=LEASE)
    async with ledger.finishing(first, now=later(3)) as tx:
        await tx.set_timer(Timer(key="clock:1", due_at=later(99), version=1))
    await ledger.retry(second, at=later(30), reason="HTTP 503")

    rows = await ledger.recent(10)

    assert [(row.queue, row.kind, row.lane, row.state, row.attempts, row.error) for row in rows] == [
        ("timers", "timer", "clock:1", "pending", 0, None),
        ("effects", "PostReply", "slack/2", "pending", 1, "HTTP 503"),
        ("effects", "PostReply", "slack/1", "done", 1, None),
        ("deliveries", "slack", "slack/C1/1", "pending", 0, None),
    ]
    assert rows[2].finished_at == later(3)
    assert len(await ledger.recent(2)) == 2
    assert "secret" not in repr(rows)


async def test_retention_removes_what_is_finished_and_old_and_nothing_else(ledger: SqlLedger) -> None:
    for n in range(4):
        await ledger.accept(a_delivery(f"Ev{n}", lane=str(n)))
    old, recent, parked = await ledger.claim_deliveries(now=T0, limit=3, lease=LEASE)
    async with ledger.finishing(old, now=later(10)) as tx:
        await tx.plan(a_reply())
    async with ledger.finishing(recent, now=later(20)):
        pass
    await ledger.park(parked, now=later(10), reason="?")
    await ledger.slow_down("slack/T1/C1", until=later(1))

    assert await ledger.prune(before=later(20)) == 1

    depth = await ledger.depth()
    assert (depth["deliveries", "parked"], depth["deliveries", "pending"]) == (1, 1)
    assert depth["effects", "pending"] == 1
    assert await ledger.accept(a_delivery("Ev0")), "forgotten with its row"
    assert not await ledger.accept(a_delivery("Ev1"))


async def test_ids_are_never_used_twice_even_after_retention(ledger: SqlLedger) -> None:
    """An effect's id is its idempotency key on the other side."""
    await plan(ledger, 1)
    (first,) = await ledger.claim_effects(now=T0, limit=1, lease=LEASE)
    async with ledger.finishing(first, now=T0):
        pass
    await ledger.prune(before=later(1))
    await plan(ledger, 1, cause="again")
    (second,) = await ledger.claim_effects(now=T0, limit=1, lease=LEASE)
    assert second.id > first.id
