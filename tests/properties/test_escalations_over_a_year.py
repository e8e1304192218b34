"""Tickets over a virtual year, people at random and a worker that dies: nothing missed, early or doubled.

DESKBELL_YEAR_TICKETS says how many tickets, in memory: a thousand unless told otherwise, 100,000 before a
release. DESKBELL_YEAR_STORED says how many on SQLite, which takes about a second for each on an idle machine.
DESKBELL_YEAR_SEED says which ones.
"""

from __future__ import annotations

import os
import random
import sys
import time
from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from escalation_oracle import NEVER, History, told
from escalation_year import Year
from memory_ledger import MemoryLedger

from bot.core.alerts import HERE
from storage.database import Database
from storage.ledger import SqlLedger
from storage.migrating import migrate

TICKETS = int(os.environ.get("DESKBELL_YEAR_TICKETS", "1000"))
STORED = int(os.environ.get("DESKBELL_YEAR_STORED", "8"))
SEED = int(os.environ.get("DESKBELL_YEAR_SEED", "20261124"))
DEATH = 0.001  #: of the worker, at each row
CLOSE = timedelta(seconds=2)  #: two things at the same second: either may come first
LONGEST_ABSENCE = timedelta(hours=6)
LATE, LATE_AFTER_RESTART = timedelta(seconds=5), timedelta(seconds=60)


async def test_nothing_is_missed_early_or_doubled_over_a_year() -> None:
    # A worker dies now and then at what it does. Of ten times the work it dies as often as of a tenth, or a
    # hundred thousand tickets would have one that is hardly ever there.
    death = DEATH * min(1.0, 10_000 / TICKETS)
    year = Year(MemoryLedger(), random.Random(SEED), death=death)  # noqa: S311 - repeatable, not secret
    await _live(year, TICKETS)
    assert year.restarts


async def test_nothing_is_missed_early_or_doubled_on_the_database(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'year.db'}"
    migrate(url)
    async with Database.open(url) as database:
        year = Year(SqlLedger(database), random.Random(SEED), death=0.01)  # noqa: S311 - repeatable, not secret
        await _live(year, STORED)


async def _live(year: Year, tickets: int) -> None:
    began = time.perf_counter()
    year.arrange(tickets)
    await year.run()
    year.due = {clock: told(history) for clock, history in year.histories.items()}
    marks = sum(len(found) for found in year.told.values())
    awake = (found - due for _, _, found, due in _delays(year) if not _gone(year, due))
    worst = max(awake, default=timedelta(0))
    sys.stdout.write(
        f"{tickets} tickets, {len(year.histories)} clocks, {marks} marks, {len(year.sent)} alerts, "
        f"{len(year.restarts)} deaths, worst delay while awake {worst}, {time.perf_counter() - began:.0f} s, "
        f"{dict(year.happened)}\n"
    )
    wrong = {
        "missed": _missed(year),
        "early": _early(year),
        "late": _late(year),
        "doubled": _doubled(year),
    }
    sys.stdout.write(f"{ {name: len(found) for name, found in wrong.items()} }\n")
    if any(wrong.values()):
        pytest.fail(f"{ {name: found[:5] for name, found in wrong.items()} }", pytrace=False)
    assert marks > 3 * tickets


def _missed(year: Year) -> list[object]:
    marks = [
        (clock, name)
        for clock, history in year.histories.items()
        for name, at in year.due[clock].items()
        if name not in year.told[clock] and _is_sure(history, at, year)
    ]
    alerts = [ref for ref in year.planned if ref not in year.sent and ref not in year.dropped]
    return [*marks, *alerts]


def _early(year: Year) -> list[object]:
    found: list[object] = []
    for clock, history in year.histories.items():
        for name, at in year.told[clock].items():
            due = year.due[clock].get(name, NEVER)
            if at < due and (due != NEVER or _is_sure(history, at, year)):
                found.append((clock, name, at))
    return found


def _late(year: Year) -> list[object]:
    marks = [
        (clock, name, found, due)
        for clock, name, found, due in _delays(year)
        if found > due + _allowed(year, due) and not _was_snoozed(year, clock, found, due)
    ]
    here = [
        (ref, at)
        for ref, at in year.sent_at.items()
        if ref.destination == HERE and at > year.planned[ref] + _allowed(year, year.planned[ref])
    ]
    return [*marks, *here]


def _was_snoozed(year: Year, clock: int, found: datetime, due: datetime) -> bool:
    """Snoozed before anybody was there to tell it: it waits for the end of that, or for a return after it."""
    ends = (until for _, until in year.histories[clock].snoozes)
    waited = any(end <= found <= end + _allowed(year, end) for end in ends)
    return waited and bool(_gone(year, due))


def _doubled(year: Year) -> list[object]:
    """Told twice, or sent twice by effects with different keys."""
    return [*year.doubled, *(ref for ref, keys in year.sent.items() if len(keys) > 1)]


def _delays(year: Year) -> Iterator[tuple[int, str, datetime, datetime]]:
    for clock, due in year.due.items():
        for name in due.keys() & year.told[clock].keys():
            yield clock, name, year.told[clock][name], due[name]


def _is_sure(history: History, at: datetime, year: Year) -> bool:
    """Not where something else happened within the same seconds, or while nobody worked."""
    edges = [history.ended_at, history.acknowledged_at, *(edge for pause in history.pauses for edge in pause)]
    edges += [pressed for pressed, _ in history.snoozes]
    return not any(abs(at - edge) <= CLOSE for edge in edges if edge != NEVER) and not _gone(year, at)


def _allowed(year: Year, at: datetime) -> timedelta:
    return max((back + LATE_AFTER_RESTART - at for _, back in _gone(year, at)), default=LATE)


def _gone(year: Year, at: datetime) -> list[tuple[datetime, datetime]]:
    """When nobody worked, around an instant; one death may follow another's return."""
    found, place = [], bisect_right(year.restarts, at + CLOSE, key=lambda gone: gone[0])
    while place and year.restarts[place - 1][0] > at - LONGEST_ABSENCE:
        place -= 1
        if at <= year.restarts[place][1] + LATE_AFTER_RESTART:
            found.append(year.restarts[place])
    if found:
        found += _gone_again(year, max(back for _, back in found))
    return found


def _gone_again(year: Year, back: datetime) -> Iterator[tuple[datetime, datetime]]:
    """Deaths before it had caught up with what waited: it is late from its last return."""
    for gone in year.restarts[bisect_left(year.restarts, back, key=lambda one: one[0]) :]:
        if gone[0] > back + LATE_AFTER_RESTART:
            return
        back = max(back, gone[1])
        yield gone
