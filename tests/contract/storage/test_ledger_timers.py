"""Timers are rows: one per key, fired when due, safe to set again while they fire."""

from __future__ import annotations

import pytest
from desk_data import LEASE, T0, a_reply, later

from bot.core.errors import LeaseLost
from bot.core.events import TimerFired
from bot.core.ports import Leased, Timer
from storage.leases import POSTPONED_TIMER
from storage.ledger import SqlLedger


async def set_timer(ledger: SqlLedger, key: str = "clock:1", *, at: float = 10, version: int = 1) -> None:
    async with ledger.transaction(now=T0, cause="test") as tx:
        await tx.set_timer(Timer(key=key, due_at=later(at), version=version))


async def fire(ledger: SqlLedger, at: float = 10) -> Leased[TimerFired]:
    (leased,) = await ledger.claim_timers(now=later(at), limit=1, lease=LEASE)
    return leased


async def test_100_due_timers_fire_once_each_and_earliest_first(ledger: SqlLedger) -> None:
    async with ledger.transaction(now=T0, cause="test") as tx:
        for n in range(120):
            await tx.set_timer(Timer(key=f"clock:{n}", due_at=later(1000 - n), version=n))

    fired = await ledger.claim_timers(now=later(980), limit=1000, lease=LEASE)

    assert [one.work for one in fired] == [
        TimerFired(key=f"clock:{n}", version=n) for n in range(119, 19, -1)
    ]
    assert await ledger.claim_timers(now=later(980), limit=1000, lease=LEASE) == []


async def test_a_timer_is_not_early(ledger: SqlLedger) -> None:
    await set_timer(ledger)
    assert await ledger.claim_timers(now=later(9.999999), limit=1, lease=LEASE) == []
    assert await ledger.next_due(now=T0) == later(10)
    await fire(ledger)


async def test_setting_again_replaces(ledger: SqlLedger) -> None:
    await set_timer(ledger, version=1)
    await set_timer(ledger, at=20, version=2)
    assert await ledger.claim_timers(now=later(19), limit=9, lease=LEASE) == []
    assert (await fire(ledger, at=20)).work.version == 2


async def test_a_cancelled_timer_never_fires_and_cancelling_nothing_is_fine(ledger: SqlLedger) -> None:
    await set_timer(ledger)
    async with ledger.transaction(now=T0, cause="test") as tx:
        await tx.cancel_timer("clock:1")
        await tx.cancel_timer("clock:9")
    assert await ledger.claim_timers(now=later(99), limit=9, lease=LEASE) == []


async def test_a_finished_timer_is_gone(ledger: SqlLedger) -> None:
    await set_timer(ledger)
    async with ledger.finishing(await fire(ledger), now=later(10)):
        pass
    assert await ledger.next_due(now=later(10)) is None


async def test_the_next_mark_survives_the_completion_of_the_one_that_set_it(ledger: SqlLedger) -> None:
    await set_timer(ledger)
    async with ledger.finishing(await fire(ledger), now=later(10)) as tx:
        await tx.set_timer(Timer(key="clock:1", due_at=later(20), version=1))
        await tx.plan(a_reply(1, "warning"))
    async with ledger.finishing(await fire(ledger, at=20), now=later(20)) as tx:
        await tx.plan(a_reply(2, "breach"))

    told = await ledger.claim_effects(now=later(20), limit=9, lease=LEASE)
    assert [one.work for one in told] == [a_reply(1, "warning"), a_reply(2, "breach")], (
        "the same key and version firing again is another cause"
    )


async def test_a_timer_set_again_elsewhere_fences_the_firing_one_off(ledger: SqlLedger) -> None:
    await set_timer(ledger)
    firing = await fire(ledger)
    await set_timer(ledger, at=30, version=2)
    with pytest.raises(LeaseLost):
        async with ledger.finishing(firing, now=later(11)) as tx:
            await tx.plan(a_reply())
    assert await ledger.claim_effects(now=later(11), limit=9, lease=LEASE) == []
    assert (await fire(ledger, at=30)).work.version == 2


async def test_a_timer_cancelled_elsewhere_fences_the_firing_one_off(ledger: SqlLedger) -> None:
    await set_timer(ledger)
    firing = await fire(ledger)
    async with ledger.transaction(now=T0, cause="test") as tx:
        await tx.cancel_timer("clock:1")
    with pytest.raises(LeaseLost):
        async with ledger.finishing(firing, now=later(11)):
            pass


async def test_an_expired_lease_fires_again(ledger: SqlLedger) -> None:
    await set_timer(ledger)
    dead = await fire(ledger)
    assert await ledger.next_due(now=later(11)) == later(70)
    alive = await fire(ledger, at=70)
    assert (alive.id, alive.attempts) == (dead.id, 2)


async def test_a_retried_timer_comes_back(ledger: SqlLedger) -> None:
    await set_timer(ledger)
    await ledger.retry(await fire(ledger), at=later(12), reason="away")
    assert (await fire(ledger, at=12)).attempts == 2


async def test_parking_postpones_a_timer_because_a_promise_hangs_on_it(ledger: SqlLedger) -> None:
    await set_timer(ledger)
    await ledger.park(await fire(ledger), now=later(10), reason="a bug")
    assert await ledger.parked() == []
    assert await ledger.next_due(now=later(10)) == later(10) + POSTPONED_TIMER
    (again,) = await ledger.claim_timers(now=later(10) + POSTPONED_TIMER, limit=1, lease=LEASE)
    assert again.attempts == 1
