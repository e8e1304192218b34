"""`sla dry-run` and `sla apply`: what edited policies would do to promises that run, and doing it."""

from __future__ import annotations

import argparse
import asyncio
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from bot.commands.printing import as_json, complain, say
from bot.commands.starting import prepare_database, settings_from_environment
from bot.core import explaining, replies
from bot.core.errors import UserFacingError
from bot.core.following import PromiseBook, apply_policies
from bot.core.model import ClockState
from bot.core.policies import Policies
from bot.core.rehearsing import Move, Outcome, Verdict, moves, verdict
from bot.core.spelling import render_instant
from bot.system import SystemTime
from config.policies import load_policies
from config.settings import Settings
from storage.database import Database
from storage.ledger import SqlLedger
from storage.promises import SqlPromiseBook, adopt_calendars

DAYS = 90
Key = tuple[str, str, str]
Told = Callable[[int], None]


@dataclass(slots=True)
class Attainment:
    """Promises of one tier, priority and metric."""

    ended: int = 0
    kept: int = 0
    promised_then: int = 0
    kept_then: int = 0


@dataclass(slots=True)
class Rehearsal:
    """What was found."""

    tickets: int = 0
    moved: list[Move] = field(default_factory=list)
    attainment: dict[Key, Attainment] = field(default_factory=dict)

    def add(self, found: Verdict) -> None:
        """One more promise of the past."""
        key = (found.tier.value, found.priority.value, found.metric.value)
        row = self.attainment.setdefault(key, Attainment())
        row.ended += 1
        row.kept += found.was_kept
        row.promised_then += found.would_be_kept is not None
        row.kept_then += found.would_be_kept is True


def dry_run(arguments: argparse.Namespace) -> int:
    """What the policies in a directory would do. Nothing is changed."""
    if not Path(arguments.config).is_dir():
        raise UserFacingError(f"--config: {arguments.config} is not a directory")
    now = SystemTime().now()
    settings = settings_from_environment()
    tried = load_policies(Path(arguments.config), now=now)
    prepare_database(settings)
    found = asyncio.run(_rehearsed(settings, tried, now))
    if arguments.json:
        say(as_json(_as_data(found, now)))
    else:
        for line in report(found):
            say(line)
    return 0


def apply(arguments: argparse.Namespace) -> int:
    """Bring every running promise under the policies that are configured now."""
    now = SystemTime().now()
    settings = settings_from_environment()
    policies = load_policies(settings.config_dir, now=now)
    prepare_database(settings)
    changed = asyncio.run(_applied(settings, policies, now))
    if arguments.json:
        say(as_json({"tickets_changed": changed}))
    else:
        say(f"{changed} tickets changed. A running server has read older files: restart it, too.")
    return 0


async def _applied(settings: Settings, policies: Policies, now: datetime) -> int:
    async with Database.open(settings.database_url.reveal()) as database:
        await adopt_calendars(database, policies.calendars)
        return await apply_policies(SqlLedger(database), SqlPromiseBook(database), policies, now=now)


async def _rehearsed(settings: Settings, tried: Policies, now: datetime) -> Rehearsal:
    async with Database.open(settings.database_url.reveal()) as database:
        # Clocks of an earlier version count in what is configured, not in what is tried.
        await adopt_calendars(database, load_policies(settings.config_dir, now=now).calendars)
        return await rehearse(SqlPromiseBook(database), tried, now)


async def rehearse(book: PromiseBook, tried: Policies, now: datetime) -> Rehearsal:
    """Batch by batch; only what moves, and counts, are kept."""
    found, since = Rehearsal(), now - timedelta(days=DAYS)
    with _progress(await book.count(since=since)) as told:
        async for tickets in book.open_tickets():
            found.tickets += len(tickets)
            for ticket, clocks in tickets:
                found.moved += moves(ticket, clocks, tried, now)
            told(len(tickets))
        async for ended in book.ended_clocks(since=since):
            for ticket, clock in ended:
                found.add(verdict(ticket, clock, tried))
            told(len(ended))
    return found


@contextmanager
def _progress(total: int) -> Iterator[Told]:
    """A bar on a terminal; otherwise a line now and then. Both beside the result."""
    from rich.console import Console  # noqa: PLC0415 - only who waits
    from rich.progress import Progress  # noqa: PLC0415

    console = Console(stderr=True)
    if console.is_terminal:
        with Progress(console=console, transient=True) as bar:
            task = bar.add_task("replaying", total=total)
            yield lambda done: bar.advance(task, done)
        return
    so_far = 0

    def line(done: int) -> None:
        nonlocal so_far
        before, so_far = so_far, so_far + done
        if so_far // 10_000 > before // 10_000:
            complain(f"{so_far:,} of {total:,}")

    yield line


# -- what people see --------------------------------------------------------


def report(found: Rehearsal) -> Iterator[str]:
    """For the terminal."""
    ended = sum(row.ended for row in found.attainment.values())
    tickets = "1 open ticket" if found.tickets == 1 else f"{found.tickets:,} open tickets"
    promises = "1 promise" if ended == 1 else f"{ended:,} promises"
    yield f"{tickets}, {promises} of the last {DAYS} days. Nothing was changed."
    yield ""
    yield from _moves(found.moved)
    yield ""
    yield from _attainment(found.attainment)


def _moves(moved: Sequence[Move]) -> Iterator[str]:
    if not moved:
        yield "No due time would move."
        return
    outcomes = Counter(move.outcome for move in moved)
    parts = [f"{count} {outcome.value}" for outcome in Outcome if (count := outcomes[outcome])]
    waiting = sum(not move.is_at_start for move in moved)
    what = "1 due time" if len(moved) == 1 else f"{len(moved):,} due times"
    yield f"{what} would move: {', '.join(parts)}."
    yield (
        f"{len(moved) - waiting} at the next start with these files (calendars, tiers),"
        f" {waiting} only by `sla apply`."
    )
    rows = [_row(move) for move in sorted(moved, key=lambda one: (_urgency(one), one.due_at))]
    yield from _table(("ticket", "for", "promise", "due", "would be due", "", "when"), rows)


def _urgency(move: Move) -> int:
    order = (Outcome.BREACHED, Outcome.SAVED, Outcome.EARLIER, Outcome.LATER, Outcome.DROPPED)
    return order.index(move.outcome)


def _row(move: Move) -> tuple[str, ...]:
    would_be = "never"
    if move.would_be_due_at is not None and move.would_count_in is not None:
        would_be = explaining.local(move.would_be_due_at, move.would_count_in)
    paused = " (paused)" if move.state is ClockState.PAUSED else ""
    return (
        replies.ticket_label(move.ticket),
        f"{move.organisation or '-'}, {move.tier.value} {move.priority.value}",
        f"{replies.METRICS[move.metric]}{paused}",
        explaining.local(move.due_at, move.counts_in),
        would_be,
        move.outcome.value,
        "next start" if move.is_at_start else "sla apply",
    )


def _attainment(rows: Mapping[Key, Attainment]) -> Iterator[str]:
    if not rows:
        yield f"No promise was kept or broken in the last {DAYS} days."
        return
    yield f"Attainment of the last {DAYS} days, as it was and as it would have been:"
    lines = []
    for (tier, priority, metric), row in sorted(rows.items()):
        dropped = row.ended - row.promised_then
        lines.append(
            (
                f"{tier} {priority}",
                metric,
                _share(row.kept, row.ended),
                _share(row.kept_then, row.promised_then),
                f"{dropped} not promised" if dropped else "",
            )
        )
    yield from _table(("tier", "promise", "now", "then", ""), lines)


def _share(kept: int, ended: int) -> str:
    return f"{100 * kept / ended:5.1f} %  {kept:,} of {ended:,}" if ended else "not promised"


def _table(head: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> Iterator[str]:
    widths = [max(len(row[place]) for row in (head, *rows)) for place in range(len(head))]
    for row in (head, *rows):
        yield "  " + "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()


def _as_data(found: Rehearsal, now: datetime) -> dict[str, Any]:
    return {
        "at": render_instant(now),
        "open_tickets": found.tickets,
        "days": DAYS,
        "moves": [_move(move) for move in found.moved],
        "attainment": [
            {
                "tier": tier,
                "priority": priority,
                "metric": metric,
                "ended": row.ended,
                "kept": row.kept,
                "promised_then": row.promised_then,
                "kept_then": row.kept_then,
            }
            for (tier, priority, metric), row in sorted(found.attainment.items())
        ],
    }


def _move(move: Move) -> dict[str, Any]:
    return {
        "ticket": replies.ticket_label(move.ticket),
        "organisation": move.organisation,
        "tier": move.tier.value,
        "priority": move.priority.value,
        "metric": move.metric.value,
        "state": move.state.value,
        "due_at": render_instant(move.due_at),
        "would_be_due_at": render_instant(move.would_be_due_at) if move.would_be_due_at else None,
        "outcome": move.outcome.name.lower(),
        "at_next_start": move.is_at_start,
    }
