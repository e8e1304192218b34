"""What the ledger costs, as ratios against a named baseline of the same run.

    python tests/benchmarks/bench_ledger.py [--json]

The machine is whatever it is: only ratios mean anything, and a ratio is between two figures taken in turns.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import sqlite3
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import closing
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import structlog
from sqlalchemy import insert

from bot.core.effects import PostReply, Purpose
from bot.core.model import PUBLIC, Address, ConversationId, Text
from bot.core.ports import Delivery
from storage.codec import encode
from storage.database import Database
from storage.ledger import SqlLedger
from storage.migrating import migrate
from storage.opening import prepare_sqlite
from storage.tables import effects, timers

T0 = datetime(2026, 11, 2, 9, 0, tzinfo=UTC)
LEASE = timedelta(seconds=60)
ROUNDS = 5
EVENTS = 1000
BODY = b'{"type":"event_callback"}' * 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One comparison."""

    what: str
    measured: float
    baseline: float
    unit: str
    against: str

    @property
    def ratio(self) -> float:
        return self.measured / self.baseline


async def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="print data instead of sentences")
    options = parser.parse_args()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    with tempfile.TemporaryDirectory(prefix="bench-") as directory:
        figures = [figure async for figure in run(Path(directory))]
    if options.json:
        data = [{**asdict(one), "ratio": one.ratio} for one in figures]
        sys.stdout.write(json.dumps(data, indent=2) + "\n")
        return
    for one in figures:
        sys.stdout.write(
            f"{one.what}: {one.measured:,.1f} {one.unit}; {one.against}: {one.baseline:,.1f} {one.unit}; "
            f"ratio {one.ratio:.2f}\n"
        )


async def run(directory: Path) -> AsyncIterator[Figure]:
    url = fresh(directory, "accept")
    async with Database.open(url) as database:
        ledger = SqlLedger(database)
        single, grouped, bare = [], [], []
        for number in range(ROUNDS):
            bare.append(EVENTS / bare_commits(directory / "bare.db", number))
            grouped.append(EVENTS / await timed(partial(accept, ledger, f"g{number}", 64)))
            single.append(EVENTS / 4 / await timed(partial(accept, ledger, f"s{number}", 1, EVENTS // 4)))
        against = "bare sqlite3 INSERT + commit, FULL"
        yield figure("accept, 64 at once", grouped, bare, "per second", against)
        yield figure("accept, one after the other", single, bare, "per second", against)

    async with Database.open(fresh(directory, "a")) as quiet, Database.open(fresh(directory, "b")) as busy:
        await arm_timers(busy, 100_000)
        polls = await in_turns(lambda: poll(SqlLedger(busy)), lambda: poll(SqlLedger(quiet)))
        yield figure("idle poll with 100k future timers", *polls, "ms", "with none")

    async with Database.open(fresh(directory, "c")) as quiet, Database.open(fresh(directory, "d")) as busy:
        await plan_outage(busy, 50_000, due_at=T0 + timedelta(minutes=5))
        polls = await in_turns(lambda: poll(SqlLedger(busy)), lambda: poll(SqlLedger(quiet)))
        yield figure("poll with 50k effects, 5,000 lanes in back-off", *polls, "ms", "with none")

    async with Database.open(fresh(directory, "e")) as quiet, Database.open(fresh(directory, "f")) as busy:
        await plan_outage(busy, 50_000, due_at=T0)
        ledger = SqlLedger(busy)
        for _ in range(5):
            await ledger.record_failure("slack", now=T0)
        polls = await in_turns(lambda: poll(ledger), lambda: poll(SqlLedger(quiet)))
        yield figure("poll with 50k due effects behind an open breaker", *polls, "ms", "with none")
        await ledger.record_success("slack", now=T0)
        claims = await in_turns(lambda: claim_and_finish(ledger), lambda: poll(SqlLedger(quiet)))
        yield figure("claim 8 of 50k due effects and finish each", *claims, "ms", "an empty poll")


def figure(what: str, measured: list[float], baseline: list[float], unit: str, against: str) -> Figure:
    return Figure(
        what=what,
        measured=statistics.median(measured),
        baseline=statistics.median(baseline),
        unit=unit,
        against=against,
    )


def fresh(directory: Path, name: str) -> str:
    url = f"sqlite:///{directory / name}.db"
    migrate(url)
    return url


async def timed(work: Callable[[], Awaitable[object]]) -> float:
    start = time.perf_counter()
    await work()
    return time.perf_counter() - start


async def in_turns(
    work: Callable[[], Awaitable[object]], baseline: Callable[[], Awaitable[object]]
) -> tuple[list[float], list[float]]:
    await work()
    await baseline()
    pairs = [(await timed(work) * 1e3, await timed(baseline) * 1e3) for _ in range(ROUNDS * 10)]
    return [pair[0] for pair in pairs], [pair[1] for pair in pairs]


def bare_commits(path: Path, number: int) -> float:
    with closing(sqlite3.connect(path)) as connection:
        prepare_sqlite(connection)
        columns = "id INTEGER PRIMARY KEY, key TEXT UNIQUE, body BLOB"
        connection.execute(f"CREATE TABLE IF NOT EXISTS d ({columns})")
        start = time.perf_counter()
        for event in range(EVENTS):
            connection.execute("BEGIN IMMEDIATE")
            connection.execute("INSERT INTO d (key, body) VALUES (?, ?)", (f"{number}-{event}", BODY))
            connection.execute("COMMIT")
        return time.perf_counter() - start


async def accept(ledger: SqlLedger, prefix: str, at_once: int, events: int = EVENTS) -> None:
    numbers = iter(range(events))

    async def send() -> None:
        for number in numbers:
            key = f"{prefix}-{number}"
            delivery = Delivery(door="slack", id=key, lane=key, headers={}, body=BODY, received_at=T0)
            assert await ledger.accept(delivery)

    await asyncio.gather(*(send() for _ in range(at_once)))


async def poll(ledger: SqlLedger) -> None:
    """What an idle worker does when it wakes for nothing."""
    await ledger.claim_deliveries(now=T0, limit=8, lease=LEASE)
    await ledger.claim_effects(now=T0, limit=8, lease=LEASE)
    await ledger.claim_timers(now=T0, limit=8, lease=LEASE)
    await ledger.next_due(now=T0)


async def claim_and_finish(ledger: SqlLedger) -> None:
    claimed = await ledger.claim_effects(now=T0, limit=8, lease=LEASE)
    assert len(claimed) == 8
    for leased in claimed:
        async with ledger.finishing(leased, now=T0):
            pass


async def arm_timers(database: Database, count: int) -> None:
    due_at = T0 + timedelta(hours=1)
    rows = [
        {"key": f"clock:{number}", "version": 1, "set_for": due_at, "due_at": due_at}
        for number in range(count)
    ]
    async with database.writing() as connection:
        await connection.execute(insert(timers), rows)


async def plan_outage(database: Database, count: int, *, due_at: datetime) -> None:
    rows = []
    for number in range(count):
        effect = a_reply(number % (count // 10))
        kind, payload = encode(effect)
        rows.append(
            {
                "cause": f"bench-{number}",
                "kind": kind,
                "ordinal": 0,
                "lane": effect.lane,
                "vendor": effect.vendor,
                "bucket": effect.bucket,
                "payload": payload,
                "planned_at": T0,
                "due_at": due_at,
            }
        )
    async with database.writing() as connection:
        await connection.execute(insert(effects), rows)


def a_reply(conversation: int) -> PostReply:
    return PostReply(
        conversation=ConversationId(conversation),
        address=Address(door="slack", workspace="T1", room="C1", thread=str(conversation)),
        room=PUBLIC,
        text=Text(body="Hello", audience=PUBLIC),
        purpose=Purpose.NOTICE,
    )


if __name__ == "__main__":
    asyncio.run(main())
