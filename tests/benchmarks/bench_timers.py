"""What timers cost while there are ever more of them: arming, an empty poll, a thousand due at once.

    python tests/benchmarks/bench_timers.py [--sizes 10000 100000 1000000]

Each size has a SQLite file of its own, with timers over the next thirty days. Every figure is a median, taken
in turns over the sizes, so that only the ratio between them means anything: what the number of timers costs.
Milliseconds are of the process's own CPU time, then by the clock, which waits for the disk and for others.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import structlog
from sqlalchemy import insert

from bot.core.ports import Timer
from storage.database import Database
from storage.ledger import SqlLedger
from storage.migrating import migrate
from storage.tables import timers

T0 = datetime(2026, 11, 2, 9, 0, tzinfo=UTC)
AHEAD = timedelta(days=30)
LEASE = timedelta(seconds=60)
SIZES = (10_000, 100_000, 1_000_000)
ROUNDS = 30
BURST = 1_000
AT_ONCE = 64  #: timers that are claimed together

Spent = tuple[float, float]  #: milliseconds of CPU time, and by the clock
Work = Callable[[SqlLedger, int, int], Awaitable[None]]  #: of a ledger, its size, and the round


async def main() -> None:
    """Print one line for each kind of work and size."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", type=int, nargs="+", default=SIZES)
    sizes: Sequence[int] = parser.parse_args().sizes
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    with tempfile.TemporaryDirectory(prefix="bench-") as directory:
        async with AsyncExitStack() as stack:
            ledgers = {size: await filled(stack, Path(directory), size) for size in sizes}
            tell("arm 100 new timers and commit", await in_turns(ledgers, arm_new))
            tell("arm 100 timers again and commit", await in_turns(ledgers, arm_again))
            tell("poll, nothing due", await in_turns(ledgers, poll))
            tell(
                f"claim and finish {BURST:,} due at once",
                await in_turns(ledgers, burst, before=set_burst, rounds=5),
            )


async def filled(stack: AsyncExitStack, directory: Path, size: int) -> SqlLedger:
    """A ledger with so many timers, their instants in no order."""
    url = f"sqlite:///{directory / f'timers-{size}.db'}"
    migrate(url)
    database = await stack.enter_async_context(Database.open(url))
    rng, began = random.Random(size), time.perf_counter()  # noqa: S311  # figures, not secrets
    for first in range(0, size, 10_000):
        rows = [a_row(number, rng) for number in range(first, min(first + 10_000, size))]
        async with database.writing() as connection:
            await connection.execute(insert(timers), rows)
    print(f"{size:,} timers armed in {time.perf_counter() - began:,.1f} s")  # noqa: T201  # a command
    return SqlLedger(database)


def a_row(number: int, rng: random.Random) -> Mapping[str, object]:
    due_at = T0 + timedelta(hours=1) + AHEAD * rng.random()
    return {"key": f"clock:{number}", "version": 1, "set_for": due_at, "due_at": due_at}


async def arm_new(ledger: SqlLedger, size: int, turn: int) -> None:
    await arm(ledger, [f"clock:{size + 1_000_000 + turn * 100 + number}" for number in range(100)], turn)


async def arm_again(ledger: SqlLedger, size: int, turn: int) -> None:
    rng = random.Random(turn)  # noqa: S311  # as above
    await arm(ledger, [f"clock:{rng.randrange(size)}" for _ in range(100)], turn)


async def arm(ledger: SqlLedger, keys: Sequence[str], turn: int) -> None:
    rng = random.Random(turn)  # noqa: S311  # as above
    async with ledger.transaction(now=T0, cause="bench") as tx:
        for key in keys:
            await tx.set_timer(
                Timer(key=key, due_at=T0 + timedelta(hours=1) + AHEAD * rng.random(), version=2)
            )


async def poll(ledger: SqlLedger, _size: int, _turn: int) -> None:
    """What an idle worker asks when it wakes for nothing."""
    assert not await ledger.claim_timers(now=T0, limit=AT_ONCE, lease=LEASE)
    await ledger.next_due(now=T0)


async def set_burst(ledger: SqlLedger, _size: int, turn: int) -> None:
    async with ledger.transaction(now=T0, cause="bench") as tx:
        for number in range(BURST):
            await tx.set_timer(Timer(key=f"burst:{turn}:{number}", due_at=T0, version=1))


async def burst(ledger: SqlLedger, _size: int, _turn: int) -> None:
    finished = 0
    while claimed := await ledger.claim_timers(now=T0, limit=AT_ONCE, lease=LEASE):
        for leased in claimed:
            async with ledger.finishing(leased, now=T0):
                finished += 1
    assert finished == BURST


async def in_turns(
    ledgers: Mapping[int, SqlLedger], work: Work, *, before: Work | None = None, rounds: int = ROUNDS
) -> dict[int, Spent]:
    """Milliseconds by size."""
    spent: dict[int, list[Spent]] = {size: [] for size in ledgers}
    for turn in range(rounds):
        for size, ledger in ledgers.items():
            if before is not None:
                await before(ledger, size, turn)
            began, cpu = time.perf_counter(), time.process_time()
            await work(ledger, size, turn)
            took = time.process_time() - cpu, time.perf_counter() - began
            spent[size].append((took[0] * 1e3, took[1] * 1e3))
    return {size: _medians(each) for size, each in spent.items()}


def _medians(each: Sequence[Spent]) -> Spent:
    cpu, clock = zip(*each, strict=True)
    return statistics.median(cpu), statistics.median(clock)


def tell(what: str, spent: Mapping[int, Spent]) -> None:
    least_cpu, least = next(iter(spent.values()))
    print(f"{what}:")  # noqa: T201  # a command
    for size, (cpu, clock) in spent.items():
        figures = (
            f"{cpu:,.2f} ms ({cpu / least_cpu:.2f} x), by the clock {clock:,.2f} ms ({clock / least:.2f} x)"
        )
        print(f"  {size:>9,}: {figures}")  # noqa: T201  # a command


if __name__ == "__main__":
    asyncio.run(main())
