"""`sla due` and `sla explain`: when a promise comes due, and why."""

from __future__ import annotations

import argparse
import asyncio
import os
from collections.abc import Iterator, Mapping
from typing import Any

from bot.commands.printing import as_json, complain, keep_apart, lines_of, say, write_lines
from bot.core import explaining, replies
from bot.core.errors import UserFacingError
from bot.core.explanations import ExplainedChange, ExplainedSegment, Explanation, explained
from bot.core.model import Clock, Ticket, TicketId
from bot.core.policies import Calendar, Policies
from bot.core.sla_cases import due_case, due_lines
from bot.core.spelling import parse_id, render_instant
from bot.system import SystemTime
from config.policies import load_policies
from config.settings import Settings

CASE = ("tier", "priority", "metric", "start", "organisation")


def due(arguments: argparse.Namespace) -> int:
    """One promise, or a file of cases."""
    now = SystemTime().now()
    policies = load_policies(Settings.from_environ(os.environ).config_dir, now=now)
    if arguments.batch:
        return _batch(arguments, policies)
    for option in ("tier", "priority", "start"):
        if not getattr(arguments, option):
            raise UserFacingError(f"--{option} is missing; or give a file of cases with --batch")
    case = {name: getattr(arguments, name) for name in CASE}
    answer = due_case(case, policies)
    if arguments.json:
        say(as_json(answer))
    else:
        say(f"due      {answer['due_at']}\nwarning  {answer['warning_at']}")
    return 0


def _batch(arguments: argparse.Namespace, policies: Policies) -> int:
    keep_apart(arguments.batch, arguments.out)
    problems = 0

    def answers() -> Iterator[Any]:
        nonlocal problems
        for line in due_lines(lines_of(arguments.batch, option="--batch"), policies):
            if line.problem:
                problems += 1
                complain(line.problem)
            else:
                yield line.answer

    write_lines(arguments.out, answers())
    return 1 if problems else 0


def explain(arguments: argparse.Namespace) -> int:
    """Every segment behind a ticket's clocks."""
    number = parse_id(arguments.ticket.upper().removeprefix("DB-"))
    if number is None:
        raise UserFacingError(f"{arguments.ticket} is not a ticket; write DB-12 or 12")
    from bot.commands.starting import prepare_database, settings_from_environment  # noqa: PLC0415 - see _clocks

    settings = settings_from_environment()
    prepare_database(settings)
    now = SystemTime().now()
    calendars = load_policies(settings.config_dir, now=now).calendars
    ticket, clocks = asyncio.run(_clocks(settings, TicketId(number), calendars))
    explanations = [explained(clock, now) for clock in clocks]
    if arguments.json:
        say(as_json([_as_data(explanation) for explanation in explanations]))
        return 0
    say(f"{explaining.heading(ticket)} · {ticket.subject}")
    if not explanations:
        say(explaining.unpromised(ticket))
    for explanation in explanations:
        say()
        for line in explaining.lines_of(explanation, now):
            say(line)
    return 0


async def _clocks(
    settings: Settings, id: TicketId, calendars: Mapping[str, Calendar]
) -> tuple[Ticket, list[Clock]]:
    # `sla due` needs no database, and importing one takes longer than its answer.
    from storage.database import Database  # noqa: PLC0415 - as said above
    from storage.ledger import SqlLedger  # noqa: PLC0415
    from storage.promises import adopt_calendars  # noqa: PLC0415

    async with Database.open(settings.database_url.reveal()) as database:
        await adopt_calendars(database, calendars)
        async with SqlLedger(database).reading() as records:
            try:
                ticket = await records.ticket(id)
            except KeyError:
                raise UserFacingError(f"there is no ticket {replies.ticket_label(id)}") from None
            return ticket, list(await records.clocks(id))


def _as_data(explanation: Explanation) -> dict[str, Any]:
    clock = explanation.clock
    return {
        "metric": clock.metric.value,
        "state": clock.state.value,
        "ended_because": clock.ended_because,
        "policy": clock.policy,
        "calendar": clock.calendar,
        "target_seconds": int(clock.target.total_seconds()),
        "due_at": render_instant(clock.due_at),
        "warning_at": render_instant(clock.warning_at),
        "elapsed_seconds": int(explanation.elapsed.total_seconds()),
        "segments": [_segment(part) for part in explanation.spans],
        "changes": [_change(change) for change in explanation.changes],
        "marks": [
            {"name": mark.name, "at": render_instant(mark.at), "told": mark.name in clock.told}
            for mark in explanation.marks
        ],
    }


def _segment(part: ExplainedSegment) -> dict[str, Any]:
    return {
        "kind": part.kind.value,
        "reason": part.reason,
        "from": render_instant(part.started_at),
        "to": render_instant(part.ended_at),
        "local_from": part.local_started_at.isoformat(),
        "local_to": part.local_ended_at.isoformat(),
        "timezone": part.timezone,
        "calendar": part.terms.calendar.name,
        "policy": part.terms.policy,
        "counted_seconds": int(part.counted.total_seconds()),
    }


def _change(change: ExplainedChange) -> dict[str, Any]:
    return {
        "at": render_instant(change.at),
        "change": change.change,
        "target_seconds": int(change.after.target.total_seconds()),
        "calendar": change.after.calendar.name,
        "policy": change.after.policy,
        "used_seconds": int(change.used.total_seconds()),
        "due_before": render_instant(change.due_before),
        "due_after": render_instant(change.due_after),
    }
