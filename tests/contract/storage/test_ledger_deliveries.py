"""The inbox: nothing acknowledged is lost, nothing is taken in twice, lanes keep their order."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from dataclasses import replace

import pytest
from desk_data import LEASE, T0, a_delivery, a_reply, later

from bot.core.errors import LeaseLost, Unavailable
from bot.core.ports import Delivery, Leased
from storage.database import Database
from storage.ledger import SqlLedger


async def claim_one(ledger: SqlLedger, at: float = 0) -> Leased[Delivery]:
    (leased,) = await ledger.claim_deliveries(now=later(at), limit=1, lease=LEASE)
    return leased


async def finish(ledger: SqlLedger, leased: Leased[Delivery], at: float = 0) -> None:
    async with ledger.finishing(leased, now=later(at)):
        pass


async def test_a_delivery_comes_out_as_it_went_in(ledger: SqlLedger) -> None:
    given = a_delivery(body=b"\x00\xff not text", headers={"a": "ä"}, received_at=later(0.123456))
    assert await ledger.accept(given)

    leased = await claim_one(ledger, at=1)

    assert leased.work == given
    assert (leased.attempts, leased.until) == (1, later(1) + LEASE)


async def test_a_known_id_is_a_duplicate_at_the_same_door_only(ledger: SqlLedger) -> None:
    assert await ledger.accept(a_delivery("Ev1"))
    assert not await ledger.accept(a_delivery("Ev1", body=b"again"))
    assert await ledger.accept(a_delivery("Ev1", door="github"))


async def test_a_finished_delivery_is_still_known(ledger: SqlLedger) -> None:
    await ledger.accept(a_delivery())
    await finish(ledger, await claim_one(ledger))
    assert not await ledger.accept(a_delivery())


async def test_400_concurrent_duplicates_leave_one_row_each(ledger: SqlLedger) -> None:
    answers = await asyncio.gather(
        *(ledger.accept(a_delivery(f"Ev{n % 40}", lane=f"lane{n % 40}")) for n in range(400))
    )
    claimed = await ledger.claim_deliveries(now=T0, limit=1000, lease=LEASE)

    assert sum(answers) == 40
    assert sorted(leased.work.id for leased in claimed) == sorted(f"Ev{n}" for n in range(40))


async def test_a_group_larger_than_one_commit_is_answered_completely(ledger: SqlLedger) -> None:
    answers = await asyncio.gather(*(ledger.accept(a_delivery(f"Ev{n}")) for n in range(450)))
    assert all(answers)
    assert (await ledger.depth())["deliveries", "pending"] == 450


async def test_one_impossible_delivery_does_not_refuse_the_others(ledger: SqlLedger) -> None:
    impossible = replace(a_delivery("bad"), door=None)  # type: ignore[arg-type]  # that is what is wrong with it
    answers = await asyncio.gather(
        *(ledger.accept(a_delivery(f"Ev{n}")) for n in range(3)),
        ledger.accept(impossible),
        return_exceptions=True,
    )
    assert answers[:3] == [True, True, True]
    assert isinstance(answers[3], Unavailable)


async def test_ids_and_lanes_with_nul_and_lone_surrogates_are_stored(ledger: SqlLedger) -> None:
    assert await ledger.accept(a_delivery("E\x00v", lane="a\ud83d\x00b"))
    assert not await ledger.accept(a_delivery("E\x00v"))
    assert (await claim_one(ledger)).work.lane == "a\ufffd\ufffdb"


async def test_a_caller_that_gives_up_waiting_stops_nobody_else(ledger: SqlLedger) -> None:
    impatient = asyncio.create_task(ledger.accept(a_delivery("Ev1")))
    patient = asyncio.create_task(ledger.accept(a_delivery("Ev2")))
    await asyncio.sleep(0)
    impatient.cancel()
    assert await patient
    assert not await ledger.accept(a_delivery("Ev1")), "it was committed all the same"


async def test_only_the_head_of_a_lane_can_be_claimed(ledger: SqlLedger) -> None:
    for n in (1, 2):
        await ledger.accept(a_delivery(f"Ev{n}"))

    (first,) = await ledger.claim_deliveries(now=T0, limit=10, lease=LEASE)
    assert await ledger.claim_deliveries(now=T0, limit=10, lease=LEASE) == []
    await finish(ledger, first)

    assert (await claim_one(ledger)).work.id == "Ev2"


async def test_order_holds_in_20_lanes_of_20_with_8_workers(ledger: SqlLedger) -> None:
    for n in range(400):
        assert await ledger.accept(a_delivery(f"{n}", lane=f"lane{n % 20}"))
    seen: defaultdict[str, list[int]] = defaultdict(list)

    async def work() -> None:
        while sum(map(len, seen.values())) < 400:
            for leased in await ledger.claim_deliveries(now=T0, limit=3, lease=LEASE):
                await asyncio.sleep(0)
                seen[leased.work.lane].append(int(leased.work.id))
                await finish(ledger, leased)

    async with asyncio.timeout(60):
        await asyncio.gather(*(work() for _ in range(8)))

    assert dict(seen) == {f"lane{lane}": list(range(lane, 400, 20)) for lane in range(20)}


async def test_two_processes_share_the_lanes_and_do_everything_once(url: str) -> None:
    async with Database.open(url) as one, Database.open(url) as other:
        ledgers = [SqlLedger(one), SqlLedger(other)]
        for n in range(100):
            await ledgers[n % 2].accept(a_delivery(f"{n}", lane=f"lane{n % 10}"))
        done: list[int] = []

        async def work(ledger: SqlLedger) -> None:
            while len(done) < 100:
                for leased in await ledger.claim_deliveries(now=T0, limit=2, lease=LEASE):
                    await asyncio.sleep(0)
                    await finish(ledger, leased)
                    done.append(int(leased.work.id))

        async with asyncio.timeout(60):
            await asyncio.gather(*(work(ledger) for ledger in ledgers * 2))

    for lane in range(10):
        assert [n for n in done if n % 10 == lane] == list(range(lane, 100, 10))


async def test_an_expired_lease_is_claimed_by_somebody_else_and_fences_the_first_off(
    ledger: SqlLedger,
) -> None:
    await ledger.accept(a_delivery())
    dead = await claim_one(ledger)
    assert await ledger.claim_deliveries(now=later(59), limit=1, lease=LEASE) == []

    alive = await claim_one(ledger, at=60)

    assert (alive.id, alive.attempts, alive.fence) == (dead.id, 2, dead.fence + 1)
    with pytest.raises(LeaseLost):
        async with ledger.finishing(dead, now=later(61)) as tx:
            await tx.plan(a_reply())
    await finish(ledger, alive, at=62)
    assert await ledger.claim_effects(now=later(63), limit=9, lease=LEASE) == [], (
        "the dead one's plan is gone"
    )


async def test_a_slow_worker_may_finish_what_nobody_else_took(ledger: SqlLedger) -> None:
    await ledger.accept(a_delivery())
    slow = await claim_one(ledger)
    await finish(ledger, slow, at=600)
    assert await ledger.claim_deliveries(now=later(700), limit=1, lease=LEASE) == []


async def test_finishing_twice_is_refused(ledger: SqlLedger) -> None:
    await ledger.accept(a_delivery())
    leased = await claim_one(ledger)
    await finish(ledger, leased)
    with pytest.raises(LeaseLost):
        await finish(ledger, leased)


async def test_a_crash_between_claim_and_finish_loses_nothing(url: str) -> None:
    async with Database.open(url) as database:
        await SqlLedger(database).accept(a_delivery())
        await claim_one(SqlLedger(database))
    async with Database.open(url) as database:  # a new process
        assert await SqlLedger(database).release_leases() == 1
        again = await claim_one(SqlLedger(database))
        assert (again.work, again.attempts) == (a_delivery(), 2)


async def test_a_retry_makes_its_whole_lane_wait_and_no_other(ledger: SqlLedger) -> None:
    for key, lane in (("Ev1", "a"), ("Ev2", "a"), ("Ev3", "b")):
        await ledger.accept(a_delivery(key, lane=lane))
    leased = await claim_one(ledger)
    await ledger.retry(leased, at=later(30), reason="away")

    due = {row.id: row.due_at for row in await ledger.recent()}
    assert due == {1: later(30), 2: later(30), 3: T0}, "the row behind is not looked at in vain"
    others = await ledger.claim_deliveries(now=later(29), limit=9, lease=LEASE)
    assert [one.work.id for one in others] == ["Ev3"]
    again = await claim_one(ledger, at=30)
    assert (again.work.id, again.attempts) == ("Ev1", 2)


async def test_a_try_that_does_not_count_is_given_back(ledger: SqlLedger) -> None:
    await ledger.accept(a_delivery())
    await ledger.retry(await claim_one(ledger), at=later(5), reason="not yet", counts=False)
    assert (await claim_one(ledger, at=5)).attempts == 1


async def test_a_retry_after_the_lease_was_lost_changes_nothing(ledger: SqlLedger) -> None:
    await ledger.accept(a_delivery())
    dead = await claim_one(ledger)
    alive = await claim_one(ledger, at=60)
    await ledger.retry(dead, at=later(999), reason="too late")
    await ledger.park(dead, now=later(61), reason="too late")
    await finish(ledger, alive, at=62)
    assert await ledger.parked() == []


async def test_a_parked_row_lets_its_lane_go_on_and_can_be_replayed(ledger: SqlLedger) -> None:
    for n in (1, 2):
        await ledger.accept(a_delivery(f"Ev{n}"))
    await ledger.park(await claim_one(ledger), now=later(1), reason="not JSON")
    await finish(ledger, await claim_one(ledger, at=1), at=1)

    (parked,) = await ledger.parked()
    assert (parked.queue, parked.kind, parked.reason, parked.parked_at) == (
        "deliveries",
        "slack",
        "not JSON",
        later(1),
    )
    assert await ledger.replay("deliveries", [parked.id, 999], now=later(2)) == 1
    again = await claim_one(ledger, at=2)
    assert (again.work.id, again.attempts) == ("Ev1", 2), "and it is no first try"


async def test_a_replayed_row_waits_for_the_younger_one_of_its_lane_that_is_under_way(
    ledger: SqlLedger,
) -> None:
    for n in (1, 2):
        await ledger.accept(a_delivery(f"Ev{n}"))
    first = await claim_one(ledger)
    await ledger.park(first, now=T0, reason="?")
    second = await claim_one(ledger)
    await ledger.replay("deliveries", [first.id], now=T0)

    assert await ledger.claim_deliveries(now=T0, limit=9, lease=LEASE) == []
    await finish(ledger, second)
    assert (await claim_one(ledger)).work.id == "Ev1"


async def test_claims_take_no_more_than_asked_for(ledger: SqlLedger) -> None:
    for n in range(5):
        await ledger.accept(a_delivery(f"Ev{n}", lane=str(n)))
    claimed = await ledger.claim_deliveries(now=T0, limit=3, lease=LEASE)
    assert [one.work.id for one in claimed] == ["Ev0", "Ev1", "Ev2"]
