"""Polling with real copies: who reads, how often after a failure, and what holds meanwhile."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from rotas_kit import ADA, DAY, NOW, OTTO

from bot.core.errors import RateLimited, Rejected, Unavailable
from bot.core.live_rotas import Directory, Duty, Reading
from bot.core.policies import Policies
from bot.core.rotas import OnCall
from bot.core.support import Desk
from bot.polling import EVERY, Polling
from storage.database import Database
from storage.ledger import SqlLedger
from storage.migrating import migrate
from storage.rotas import SqlRotas

MINUTE = timedelta(minutes=1)
DIRECTORY = Directory({"ada": ADA, "otto": OTTO})


@dataclass(slots=True)
class HandClock:
    at: datetime = NOW

    def now(self) -> datetime:
        return self.at


@dataclass(slots=True)
class Paper:
    """A rota on paper: somebody reads it out, or cannot."""

    says: str = "Ada"
    error: Exception | None = None
    reads: int = 0
    source: str = "on_call/paper/1"
    role: str = "on_call"

    async def read(self, known: Reading | None, *, now: datetime) -> Reading:
        del known
        self.reads += 1
        if self.error is not None:
            raise self.error
        duty = Duty(names=(self.says,), starts_at=NOW - DAY, ends_at=NOW + 80 * DAY)
        return Reading(duties=(duty,), until=now + 90 * DAY)


@dataclass(slots=True)
class Replica:
    desk: Desk
    polling: Polling
    ledger: SqlLedger

    def who(self, at: datetime) -> tuple[object, ...]:
        return self.desk.policies.on_call.who("on_call", at)


@dataclass(slots=True)
class Stage:
    url: str
    time: HandClock = field(default_factory=HandClock)
    paper: Paper = field(default_factory=Paper)

    @asynccontextmanager
    async def replica(self) -> AsyncIterator[Replica]:
        base = OnCall(standing={"on_call": ()})
        policies = Policies(
            organisations={},
            rooms={},
            agents=frozenset(),
            targets={},
            calendars={},
            on_call=base,
            escalation_room=None,
        )
        async with Database.open(self.url) as database:
            ledger, desk = SqlLedger(database), Desk(policies, has_desk=False, installation="test")
            polling = Polling(
                feeds=[self.paper],
                copies=SqlRotas(database),
                directory=DIRECTORY,
                base=base,
                desk=desk,
                ledger=ledger,
                time=self.time,
            )
            await polling.take_over()
            yield Replica(desk, polling, ledger)


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    url = f"sqlite:///{tmp_path / 'desk.db'}"
    migrate(url)
    return Stage(url)


async def test_two_replicas_read_a_rota_once_and_both_follow_it(stage: Stage) -> None:
    async with stage.replica() as one, stage.replica() as other:
        await asyncio.gather(one.polling.round(), other.polling.round())
        await one.polling.round()
        await other.polling.round()

        assert stage.paper.reads == 1
        assert one.who(NOW) == other.who(NOW) == (ADA,)

        stage.time.at += EVERY
        stage.paper.says = "Otto"
        await other.polling.round()
        await one.polling.round()

        assert stage.paper.reads == 2
        assert one.who(NOW) == other.who(NOW) == (OTTO,)


async def test_a_restart_begins_with_the_last_good_copy(stage: Stage) -> None:
    async with stage.replica() as one:
        await one.polling.round()
    stage.paper.error = Unavailable("out of town")
    async with stage.replica() as again:
        assert again.who(NOW) == (ADA,)
        stage.time.at += EVERY
        await again.polling.round()

        assert again.who(NOW) == (ADA,)
        (copy,) = again.polling.copies.values()
        assert (copy.failures, copy.problem, copy.read_at) == (1, "out of town", NOW)


@pytest.mark.parametrize("error", [Unavailable("no"), Rejected("no"), ZeroDivisionError("a bug")])
async def test_after_a_failure_it_is_tried_again_soon_and_then_less_often(
    stage: Stage, error: Exception
) -> None:
    stage.paper.error = error
    pauses, before = [], NOW
    async with stage.replica() as one:
        for _ in range(90):
            reads = stage.paper.reads
            await one.polling.round()
            if stage.paper.reads > reads:
                pauses.append((stage.time.at - before) // MINUTE)
                before = stage.time.at
            stage.time.at += MINUTE

    assert pauses[:7] == [0, 1, 2, 4, 8, 15, 15]


async def test_whoever_asks_for_patience_gets_it(stage: Stage) -> None:
    stage.paper.error = RateLimited("slow down", retry_after=timedelta(minutes=40))
    async with stage.replica() as one:
        for _ in range(41):
            await one.polling.round()
            stage.time.at += MINUTE

    assert stage.paper.reads == 2


async def test_news_rings_for_gaps_and_sameness_does_not(stage: Stage) -> None:
    async with stage.replica() as one:
        await one.polling.round()
        assert await one.ledger.next_due(now=NOW) == NOW
        (timer,) = await one.ledger.claim_timers(now=NOW, limit=10, lease=MINUTE)
        async with one.ledger.finishing(timer, now=NOW) as tx:
            await one.desk.handle(timer.work, tx, now=NOW)
        assert await one.ledger.next_due(now=NOW) == NOW + DAY

        stage.time.at += EVERY
        await one.polling.round()
        assert stage.paper.reads == 2
        assert await one.ledger.next_due(now=NOW) == NOW + DAY


async def test_it_runs_until_it_is_told_to_stop(stage: Stage) -> None:
    stop = asyncio.Event()
    async with stage.replica() as one:
        running = asyncio.create_task(one.polling.run(stop))
        async with asyncio.timeout(5):
            while one.who(NOW) != (ADA,):  # noqa: ASYNC110 - a file rings no bell
                await asyncio.sleep(0.005)
            stop.set()
            await running


async def test_a_stranger_is_nobody_of_ours_and_is_named_to_those_who_ask(stage: Stage) -> None:
    stage.paper.says = "Zed"
    async with stage.replica() as one:
        await one.polling.round()

        assert one.who(NOW) == ()
        assert one.desk.policies.on_call.unknown == {"on_call": ("Zed",)}
        report = one.polling.report(NOW)
        assert report.people == {"on_call": 0}
