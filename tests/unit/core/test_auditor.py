"""A round of the auditor on a real ledger: what is planted is found, mended, and told once."""

from __future__ import annotations

import asyncio
import random
import shutil
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from core_kit import Bench, a_message, an_address, policies
from sqlalchemy import text

from bot.auditor import Auditor
from bot.core.auditing import Fault
from bot.core.effects import PostReply
from bot.core.model import INTERNAL
from bot.core.repairing import AGAIN, SILENCE
from storage.audits import SqlAuditBook
from storage.database import Database
from storage.ledger import SqlLedger

HOUR, MINUTE, SECOND = timedelta(hours=1), timedelta(minutes=1), timedelta(seconds=1)
TICKETS = 5
FIRST_STEP = HOUR * 3.2  # 80 % of four hours


@dataclass(slots=True)
class Desk:
    """A desk with open tickets, an auditor, and the database at hand for planting."""

    bench: Bench
    database: Database
    heartbeats: int = 0
    enough: asyncio.Event | None = None  #: set at the second heartbeat

    def now(self) -> datetime:
        return self.bench.now

    async def _beat(self) -> None:
        self.heartbeats += 1
        if self.heartbeats == 2 and self.enough:
            self.enough.set()

    def auditor(self, rng: random.Random | None = None) -> Auditor:
        return Auditor(
            ledger=self.bench.ledger,
            book=SqlAuditBook(self.database, batch=2),
            desk=self.bench.desk,
            time=self,
            rng=rng or random.Random(1),  # noqa: S311 - jitter
            heartbeat=self._beat,
        )

    async def audit(self) -> Sequence[Fault]:
        flaws = await self.auditor().round()
        await self.bench.work()
        return [flaw.fault for flaw in flaws]

    async def plant(self, statement: str) -> None:
        async with self.database.writing() as connection:
            await connection.execute(text(statement))

    def told(self) -> list[str]:
        notices = self.bench.of(PostReply)
        return [one.text.body for one in notices if one.room == INTERNAL and "udit of" in one.text.body]


@pytest.fixture
async def desk(template: Path, tmp_path: Path) -> AsyncIterator[Desk]:
    path = tmp_path / "desk.db"
    shutil.copy(template, path)
    async with Database.open(f"sqlite:///{path}") as database:
        bench = Bench(SqlLedger(database), policies())
        for number in range(1, TICKETS + 1):
            address, source = an_address(thread=f"{number}.0"), f"slack:{number}.0"
            await bench.tell(a_message("Production is down for all users", address=address, source=source))
        yield Desk(bench, database)


async def test_a_desk_in_order_passes_and_says_nothing(desk: Desk) -> None:
    assert await desk.audit() == []
    await desk.bench.move(FIRST_STEP + MINUTE)
    assert await desk.audit() == []
    assert not any("wrong" in words for words in desk.told())


async def test_a_promise_without_a_timer_gets_one_and_is_escalated_in_time(desk: Desk) -> None:
    await desk.plant("DELETE FROM timers WHERE key = 'clock:3'")

    assert await desk.audit() == [Fault.NO_TIMER]
    assert await desk.audit() == []
    assert len(desk.told()) == 1

    desk.bench.performed.clear()
    await desk.bench.move(FIRST_STEP)
    escalated = {one.conversation for one in desk.bench.of(PostReply) if one.mentions}
    assert len(escalated) == TICKETS


@pytest.mark.parametrize(
    ("fault", "statement"),
    [
        (Fault.OLD_TIMER, "UPDATE timers SET version = 0 WHERE key = 'clock:3'"),
        (
            Fault.LATE_TIMER,
            "UPDATE timers SET set_for = set_for + 3600000000, due_at = set_for WHERE key = 'clock:3'",
        ),
        (Fault.WRONG_DUE, "UPDATE clocks SET due_at = due_at + 1000000 WHERE id = 3"),
        (Fault.WRONG_DUE, "UPDATE clocks SET warning_at = warning_at - 5000000 WHERE id = 3"),
    ],
)
async def test_what_can_be_mended_is_mended(desk: Desk, fault: Fault, statement: str) -> None:
    await desk.plant(statement)

    assert await desk.audit() == [fault]
    assert await desk.audit() == []
    assert len(desk.told()) == 1


@pytest.mark.parametrize(
    ("fault", "statement"),
    [
        (Fault.BROKEN_CHAIN, "UPDATE segments SET started_at = started_at + 7000000 WHERE clock = 3"),
        (Fault.WRONG_STEPS, "UPDATE clocks SET steps = '[]' WHERE id = 3"),
        (Fault.OUTLIVED, "UPDATE tickets SET status = 'solved' WHERE id = 2"),
        (Fault.BROKEN_CHAIN, "UPDATE clocks SET target = target * 2 WHERE id = 3"),
        (Fault.ENDED_EARLY, "UPDATE clocks SET state = 'cancelled', ended_at = 1 WHERE id = 3"),
        (Fault.ENDED_EARLY, "UPDATE clocks SET state = 'met', ended_at = 1 WHERE id = 4"),
        (Fault.UNREADABLE, "UPDATE clocks SET steps = '[{\"bogus\": 1}]' WHERE id = 3"),
    ],
)
async def test_what_only_a_person_can_mend_is_told_once_for_as_long_as_it_lasts(
    desk: Desk, fault: Fault, statement: str
) -> None:
    await desk.plant(statement)

    assert set(await desk.audit()) == {fault}
    assert set(await desk.audit()) == {fault}
    assert len(desk.told()) == 1
    assert "DB-2" in desk.told()[0]


async def test_a_promise_that_is_gone_is_missed(desk: Desk) -> None:
    await desk.plant("DELETE FROM segments WHERE clock = 3")
    await desk.plant("DELETE FROM timers WHERE key = 'clock:3'")
    await desk.plant("DELETE FROM clocks WHERE id = 3")

    assert await desk.audit() == [Fault.NO_CLOCK]
    assert "DB-2" in desk.told()[0]


async def test_a_clock_that_stands_still_while_its_ticket_is_open_runs_again(desk: Desk) -> None:
    await desk.plant("UPDATE clocks SET state = 'paused' WHERE id = 4")
    await desk.plant("UPDATE segments SET kind = 'paused' WHERE clock = 4")
    await desk.plant("DELETE FROM timers WHERE key = 'clock:4'")

    assert Fault.WRONG_STATE in await desk.audit()
    assert await desk.audit() == []
    desk.bench.performed.clear()
    await desk.bench.move(4 * HOUR)
    assert [one for one in desk.bench.of(PostReply) if one.alert and one.alert.clock == 4]


async def test_what_was_marked_as_told_before_its_time_is_told_in_its_time(desk: Desk) -> None:
    await desk.plant("""UPDATE clocks SET told = '["warning", "step:0", "breach"]' WHERE id = 3""")
    await desk.plant("DELETE FROM timers WHERE key = 'clock:3'")
    await desk.plant(
        "INSERT INTO alerts (clock, mark, destination, planned_at, calls_people, state, reason) "
        "VALUES (3, 'step:0', '', 0, true, 'sent', '')"
    )

    assert set(await desk.audit()) == {Fault.TOLD_EARLY}
    assert await desk.audit() == []
    desk.bench.performed.clear()
    await desk.bench.move(FIRST_STEP)
    assert [one for one in desk.bench.of(PostReply) if one.alert and one.alert.clock == 3]


async def test_a_row_that_makes_no_sense_hides_nobody_elses(desk: Desk) -> None:
    await desk.plant("UPDATE clocks SET steps = '[{\"bogus\": 1}]' WHERE id = 3")
    await desk.plant("DELETE FROM timers WHERE key = 'clock:4'")
    await desk.plant("DELETE FROM timers WHERE key = 'clock:9'")

    assert sorted(await desk.audit()) == sorted([Fault.UNREADABLE, Fault.NO_TIMER, Fault.NO_TIMER])
    assert await desk.audit() == [Fault.UNREADABLE]


async def test_before_the_first_round_too_silence_is_told(desk: Desk) -> None:
    stop = asyncio.Event()
    stop.set()
    await desk.auditor().run(stop)

    await desk.bench.move(SILENCE)

    assert "since the start" in desk.told()[0]


async def test_a_timer_that_nobody_does_is_set_again(desk: Desk) -> None:
    desk.bench.now += FIRST_STEP + HOUR

    assert set(await desk.audit()) == {Fault.STUCK_TIMER, Fault.SKIPPED_MARK}
    desk.bench.performed.clear()
    await desk.bench.move(SECOND)

    assert len([one for one in desk.bench.of(PostReply) if one.mentions]) >= TICKETS
    assert await desk.audit() == []


async def test_what_was_marked_as_told_and_never_sent_is_sent(desk: Desk) -> None:
    await desk.bench.move(FIRST_STEP)
    await desk.plant("DELETE FROM alerts WHERE clock = 3")

    assert await desk.audit() == [Fault.UNSENT_MARK]
    desk.bench.performed.clear()
    await desk.bench.move(SECOND)

    assert [one.alert.clock for one in desk.bench.of(PostReply) if one.mentions] == [3]
    assert await desk.audit() == []


async def test_without_a_round_that_passes_our_own_people_are_told(desk: Desk) -> None:
    assert await desk.audit() == []
    await desk.plant("UPDATE tickets SET status = 'solved' WHERE id = 2")
    for _ in range(12):
        await desk.bench.move(MINUTE)
        await desk.audit()
    silent = [words for words in desk.told() if "has passed" in words]
    assert len(silent) == 1
    assert "2026-11-24 12:00" in silent[0]

    await desk.bench.move(AGAIN - 3 * MINUTE)
    assert len([words for words in desk.told() if "has passed" in words]) == 1
    await desk.plant("UPDATE tickets SET status = 'open' WHERE id = 2")
    assert await desk.audit() == []
    await desk.bench.move(SILENCE - SECOND)
    assert len([words for words in desk.told() if "has passed" in words]) == 1


async def test_a_heartbeat_follows_only_a_round_that_passes(desk: Desk) -> None:
    class AtOnce(random.Random):
        def uniform(self, _a: float, _b: float) -> float:
            return 0.0

    stop = asyncio.Event()
    desk.enough = stop
    async with asyncio.timeout(20):
        await desk.auditor(AtOnce()).run(stop)
    assert desk.heartbeats >= 2
    before = desk.heartbeats
    await desk.plant("UPDATE tickets SET status = 'solved' WHERE id = 2")
    assert await desk.audit()
    assert desk.heartbeats == before
