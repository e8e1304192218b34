"""The outbox: planned with the state, done once per lane and in order, gentle to vendors."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from itertools import pairwise

import pytest
from desk_data import LEASE, SECOND, T0, a_conversation, a_delivery, a_draft, a_reply, an_address, later
from sqlalchemy import update

from bot.core.effects import Effect
from bot.core.errors import UserFacingError
from bot.core.ports import Leased
from storage.database import Database
from storage.ledger import SqlLedger
from storage.rates import BreakerPolicy, Rate
from storage.tables import effects

MakeLedger = Callable[..., SqlLedger]


async def plan(ledger: SqlLedger, *planned: Effect, cause: str = "test", at: float = 0) -> None:
    async with ledger.transaction(now=later(at), cause=cause) as tx:
        for effect in planned:
            await tx.plan(effect)


async def claim(ledger: SqlLedger, at: float = 0, limit: int = 100) -> Sequence[Leased[Effect]]:
    return await ledger.claim_effects(now=later(at), limit=limit, lease=LEASE)


async def finish(ledger: SqlLedger, leased: Leased[Effect], at: float = 0) -> None:
    async with ledger.finishing(leased, now=later(at)):
        pass


async def test_what_a_delivery_causes_appears_with_its_completion(ledger: SqlLedger) -> None:
    await ledger.accept(a_delivery())
    (delivery,) = await ledger.claim_deliveries(now=T0, limit=1, lease=LEASE)
    async with ledger.finishing(delivery, now=T0) as tx:
        await tx.plan(a_reply(1, "one"))
        await tx.plan(a_reply(2, "two"))
    claimed = await claim(ledger)
    assert [one.work for one in claimed] == [a_reply(1, "one"), a_reply(2, "two")]


async def test_an_exception_in_the_transaction_leaves_nothing(ledger: SqlLedger) -> None:
    await ledger.accept(a_delivery())
    (delivery,) = await ledger.claim_deliveries(now=T0, limit=1, lease=LEASE)

    with pytest.raises(ZeroDivisionError):  # noqa: PT012 - the block is what is tested
        async with ledger.finishing(delivery, now=T0) as tx:
            await a_conversation(tx)
            await tx.plan(a_reply())
            raise ZeroDivisionError

    assert await claim(ledger) == []
    async with ledger.reading() as records:
        assert await records.find_conversation(an_address()) is None
    assert len(await ledger.claim_deliveries(now=later(60), limit=1, lease=LEASE)) == 1


async def test_the_same_cause_never_plans_twice(ledger: SqlLedger) -> None:
    for _ in range(3):
        await plan(ledger, a_reply(1), a_reply(2), cause="delivery-7")
    await plan(ledger, a_reply(3), cause="delivery-8")
    assert len(await claim(ledger)) == 3


async def test_a_conversation_keeps_its_order_and_others_do_not_wait(ledger: SqlLedger) -> None:
    await plan(ledger, a_reply(1, "a"), a_reply(1, "b"), a_reply(2, "c"))
    first, other = await claim(ledger)
    assert (first.work, other.work) == (a_reply(1, "a"), a_reply(2, "c"))
    assert await claim(ledger) == []
    await finish(ledger, first)
    (second,) = await claim(ledger)
    assert second.work == a_reply(1, "b")


async def test_order_holds_in_20_lanes_of_20_with_8_workers_and_retries(ledger: SqlLedger) -> None:
    await plan(ledger, *(a_reply(n % 20, str(n)) for n in range(400)))
    done: list[int] = []

    async def work() -> None:
        while len(done) < 400:
            for leased in await claim(ledger, limit=3):
                number = int(leased.work.text.body)  # type: ignore[union-attr]  # only replies were planned
                if number % 7 == 0 and leased.attempts == 1:
                    await ledger.retry(leased, at=T0, reason="away")
                else:
                    await finish(ledger, leased)
                    done.append(number)

    async with asyncio.timeout(60):
        await asyncio.gather(*(work() for _ in range(8)))

    for lane in range(20):
        assert [n for n in done if n % 20 == lane] == list(range(lane, 400, 20))


async def test_what_is_planned_behind_a_waiting_row_waits_with_it(ledger: SqlLedger) -> None:
    await plan(ledger, a_reply(1, "a"))
    (head,) = await claim(ledger)
    await ledger.retry(head, at=later(30), reason="away")
    await plan(ledger, a_reply(1, "b"), cause="later", at=1)

    assert [row.due_at for row in await ledger.recent()] == [later(30), later(30)]
    (again,) = await claim(ledger, at=30)
    await finish(ledger, again, at=30)
    assert len(await claim(ledger, at=30)) == 1


async def test_what_is_planned_behind_a_row_under_way_follows_at_once(ledger: SqlLedger) -> None:
    await plan(ledger, a_reply(1, "a"))
    (head,) = await claim(ledger)
    await plan(ledger, a_reply(1, "b"), cause="later", at=1)
    await finish(ledger, head, at=2)
    assert len(await claim(ledger, at=2)) == 1


async def test_a_parked_effect_lets_its_lane_go_on_and_can_be_replayed(ledger: SqlLedger) -> None:
    await plan(ledger, a_reply(1, "a"), a_reply(1, "b"))
    (head,) = await claim(ledger)
    await ledger.park(head, now=later(1), reason="no such channel")
    (parked,) = await ledger.parked()
    assert (parked.queue, parked.kind, parked.lane) == ("effects", "PostReply", "slack/1")
    assert [one.work for one in await claim(ledger, at=1)] == [a_reply(1, "b")]
    assert await ledger.replay("effects", [parked.id], now=later(2)) == 1
    with pytest.raises(UserFacingError, match="timers"):
        await ledger.replay("timers", [1], now=T0)


async def test_a_replayed_effect_is_no_first_try_because_it_may_have_been_done(ledger: SqlLedger) -> None:
    await plan(ledger, a_reply(1, "a"))
    (head,) = await claim(ledger)
    await ledger.park(head, now=later(1), reason="no answer, sixty times")
    await ledger.replay("effects", [head.id], now=later(2))

    assert [one.attempts for one in await claim(ledger, at=2)] == [2]


async def test_an_effect_this_version_cannot_read_is_parked_and_hides_nothing(
    ledger: SqlLedger, database: Database
) -> None:
    await plan(ledger, a_reply(1, "secret"), a_reply(2))
    async with database.writing() as connection:
        unreadable = {"payload": {"text": "secret"}}
        await connection.execute(update(effects).where(effects.c.lane == "slack/1").values(**unreadable))

    assert [one.work for one in await claim(ledger)] == [a_reply(2)]
    (parked,) = await ledger.parked()
    assert parked.reason.startswith("PostReply does not fit: conversation")
    assert "secret" not in parked.reason


# -- breakers --


async def test_a_breaker_opens_after_failures_in_a_row_and_one_probe_decides(make_ledger: MakeLedger) -> None:
    ledger = make_ledger(breaker=BreakerPolicy(failures=3, open_for=timedelta(seconds=30)))
    await plan(ledger, *(a_reply(n) for n in range(5)), a_draft())
    for at in (1, 2, 3):
        await ledger.record_failure("slack", now=later(at))

    (draft,) = await claim(ledger, at=3)
    assert draft.work == a_draft(), "the other vendor works on"
    await finish(ledger, draft, at=3)
    assert await ledger.next_due(now=later(3)) == later(33)
    (probe,) = await claim(ledger, at=33)
    assert await claim(ledger, at=34) == [], "one probe at a time"
    await ledger.record_failure("slack", now=later(35))
    await ledger.retry(probe, at=later(36), reason="still away")
    assert await claim(ledger, at=64) == []
    (probe,) = await claim(ledger, at=65)
    await ledger.record_success("slack", now=later(66))
    await finish(ledger, probe, at=66)
    assert len(await claim(ledger, at=66)) == 4


async def test_a_success_in_between_starts_the_count_again(make_ledger: MakeLedger) -> None:
    ledger = make_ledger(breaker=BreakerPolicy(failures=2))
    await plan(ledger, a_reply())
    await ledger.record_failure("slack", now=T0)
    await ledger.record_success("slack", now=T0)
    await ledger.record_failure("slack", now=T0)
    assert len(await claim(ledger)) == 1


async def test_failures_of_what_was_still_under_way_do_not_keep_a_breaker_open(
    make_ledger: MakeLedger,
) -> None:
    ledger = make_ledger(breaker=BreakerPolicy(failures=1, open_for=timedelta(seconds=30)))
    await plan(ledger, a_reply())
    for at in (0, 10, 20):
        await ledger.record_failure("slack", now=later(at))
    assert len(await claim(ledger, at=30)) == 1


async def test_a_lost_probe_is_replaced_when_its_lease_ends(make_ledger: MakeLedger) -> None:
    ledger = make_ledger(breaker=BreakerPolicy(failures=1, open_for=timedelta(seconds=30)))
    await plan(ledger, a_reply(1), a_reply(2))
    await ledger.record_failure("slack", now=T0)
    assert len(await claim(ledger, at=30)) == 1
    assert await ledger.next_due(now=later(31)) == later(90)
    assert len(await claim(ledger, at=90)) == 1


async def test_a_new_process_takes_over_leases_and_probe_at_once(make_ledger: MakeLedger) -> None:
    ledger = make_ledger(breaker=BreakerPolicy(failures=1, open_for=timedelta(seconds=30)))
    await plan(ledger, a_reply(1))
    await ledger.record_failure("slack", now=T0)
    await claim(ledger, at=30)
    assert await ledger.release_leases() == 1
    assert len(await claim(ledger, at=31)) == 1


async def test_one_slow_vendor_cannot_take_every_worker(make_ledger: MakeLedger) -> None:
    ledger = make_ledger(share=2)
    await plan(ledger, *(a_draft(n) for n in range(5)), *(a_reply(n) for n in range(2)))
    kinds = Counter(type(one.work).__name__ for one in await claim(ledger))
    assert kinds == {"DraftAnswer": 2, "PostReply": 2}
    assert await ledger.next_due(now=T0) == later(60), "no earlier than somebody can be ready"


async def test_few_free_workers_are_divided_among_vendors(ledger: SqlLedger) -> None:
    await plan(ledger, *(a_draft(n) for n in range(5)))
    await plan(ledger, *(a_reply(n) for n in range(5)), cause="later", at=1)
    kinds = Counter(type(one.work).__name__ for one in await claim(ledger, at=1, limit=4))
    assert kinds == {"DraftAnswer": 2, "PostReply": 2}


# -- buckets --


def one_a_second(bucket: str) -> Rate | None:
    return Rate(every=SECOND) if bucket.startswith("slack/") else None


async def starts(ledger: SqlLedger, count: int, step: float = 0.25) -> list[datetime]:
    """Drain like a worker that looks every `step` seconds; when each effect was started."""
    started: list[datetime] = []
    at = 0.0
    while len(started) < count:
        assert at < 500, f"only {len(started)} of {count} were ever claimed"
        for leased in await claim(ledger, at=at):
            started.append(later(at))
            await finish(ledger, leased, at=at)
        at += step
    return started


async def test_a_bucket_is_used_once_a_second(make_ledger: MakeLedger) -> None:
    ledger = make_ledger(rates=one_a_second)
    await plan(ledger, *(a_reply(n) for n in range(40)))
    assert await starts(ledger, 40, step=0.5) == [later(n) for n in range(40)]


async def test_late_looks_never_squeeze_the_gap_and_never_lose_more_than_one_look(
    make_ledger: MakeLedger,
) -> None:
    ledger = make_ledger(rates=one_a_second)
    await plan(ledger, *(a_reply(n) for n in range(30)))
    started = await starts(ledger, 30, step=0.7)
    gaps = [after - before for before, after in pairwise(started)]
    assert min(gaps) >= SECOND
    assert max(gaps) <= timedelta(seconds=1.4)


async def test_after_a_pause_waiting_slots_do_not_burst(make_ledger: MakeLedger) -> None:
    ledger = make_ledger(rates=one_a_second)
    await plan(ledger, *(a_reply(n) for n in range(10)))
    (first,) = await claim(ledger, at=0)
    await finish(ledger, first)
    assert len(await claim(ledger, at=100)) == 1, "nine slots have passed, but one use is one use"
    assert await claim(ledger, at=100.5) == []
    assert len(await claim(ledger, at=101)) == 1


async def test_buckets_do_not_wait_for_each_other(make_ledger: MakeLedger) -> None:
    ledger = make_ledger(rates=one_a_second)
    await plan(ledger, *(a_reply(n, room=f"C{n % 5}") for n in range(20)))
    assert await starts(ledger, 20, step=0.5) == [later(n) for n in range(4) for _ in range(5)]


async def test_a_burst_is_allowed_once(make_ledger: MakeLedger) -> None:
    ledger = make_ledger(rates=lambda _bucket: Rate(every=SECOND, burst=3))
    await plan(ledger, *(a_reply(n) for n in range(5)))
    assert [len(await claim(ledger, at=at)) for at in (0, 0, 1, 2)] == [3, 0, 1, 1]


async def test_an_asked_for_pause_holds_with_a_rate_and_without(make_ledger: MakeLedger) -> None:
    ledger = make_ledger(rates=one_a_second)
    await plan(ledger, a_reply(1), a_reply(2), a_draft())
    await ledger.slow_down("slack/T1/C1", until=later(30))
    await ledger.slow_down("slack/T1/C1", until=later(20))
    await ledger.slow_down("knowledge", until=later(10))

    assert await claim(ledger, at=9) == []
    assert await ledger.next_due(now=later(9)) == later(10)
    assert [one.work for one in await claim(ledger, at=10)] == [a_draft()]
    assert await claim(ledger, at=29) == []
    assert [one.work for one in await claim(ledger, at=30)] == [a_reply(1)]
    assert [one.work for one in await claim(ledger, at=31)] == [a_reply(2)]


async def test_a_slow_bucket_with_a_long_queue_does_not_hide_the_others(make_ledger: MakeLedger) -> None:
    ledger = make_ledger(rates=one_a_second)
    await plan(ledger, *(a_reply(n) for n in range(100)), a_reply(500, room="C9"))
    claimed = await claim(ledger)
    assert [one.work for one in claimed] == [a_reply(0), a_reply(500, room="C9")]


async def test_two_processes_share_one_rate_and_one_probe(url: str) -> None:
    policy = BreakerPolicy(failures=1, open_for=timedelta(seconds=30))
    async with Database.open(url) as one, Database.open(url) as other:
        ledgers = [SqlLedger(each, rates=one_a_second, breaker=policy) for each in (one, other)]
        await plan(ledgers[0], *(a_reply(n) for n in range(300)), *(a_draft(n) for n in range(300)))
        await ledgers[0].record_failure("knowledge", now=later(-30))
        claims = await asyncio.gather(*(claim(ledger, limit=20) for ledger in ledgers * 3))
    kinds = Counter(type(leased.work).__name__ for claimed in claims for leased in claimed)
    assert kinds == {"PostReply": 1, "DraftAnswer": 1}


async def test_rates_survive_a_restart(url: str) -> None:
    async with Database.open(url) as database:
        ledger = SqlLedger(database, rates=one_a_second)
        await plan(ledger, a_reply(1), a_reply(2))
        assert len(await claim(ledger)) == 1
    async with Database.open(url) as database:
        assert await claim(SqlLedger(database, rates=one_a_second), at=0.5) == []
