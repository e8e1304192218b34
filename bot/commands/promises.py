"""`sla due` and `sla explain`: when a promise comes due, and why."""

from __future__ import annotations

import argparse
import asyncio
import os
from collections.abc import Iterator
from typing import Any

from bot.commands.printing import as_json, complain, lines_of, say, write_lines
from bot.core import replies, sla
from bot.core.errors import UserFacingError
from bot.core.explanations import ExplainedSegment
from bot.core.explanations import explain as explained
from bot.core.model import Clock, Ticket, TicketId
from bot.core.policies import Policies
from bot.core.ports import Time
from bot.core.sla_cases import due_case, due_lines
from bot.core.spelling import parse_id, render_instant
from bot.system import SystemTime
from config.policies import load_policies
from config.settings import Settings


def due(arguments: argparse.Namespace) -> int:
    """One promise, or a file of cases."""
    now = SystemTime().now()
    policies = load_policies(Settings.from_environ(os.environ).config_dir, now=now)
    if arguments.batch:
        return _batch(arguments, policies)
    for option in ("tier", "priority", "start"):
        if not getattr(arguments, option):
            raise UserFacingError(f"--{option} is missing; or give a file of cases with --batch")
    case = {name: getattr(arguments, name) for name in ("tier", "priority", "metric", "start")}
    answer = due_case(case, policies)
    if arguments.json:
        say(as_json(answer))
    else:
        say(f"due      {answer['due_at']}\nwarning  {answer['warning_at']}")
    return 0


def _batch(arguments: argparse.Namespace, policies: Policies) -> int:
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
    time = SystemTime()
    policies = load_policies(settings.config_dir, now=time.now())
    ticket, clocks = asyncio.run(_clocks(settings, TicketId(number)))
    if arguments.json:
        say(as_json([_as_data(clock, policies, time) for clock in clocks]))
        return 0
    say(f"{replies.ticket_label(ticket.id)} · {ticket.subject} · {ticket.tier.value} {ticket.priority.value}")
    if not clocks:
        say("No promise: best effort.")
    for clock in clocks:
        _say_clock(clock, policies, time)
    return 0


async def _clocks(settings: Settings, id: TicketId) -> tuple[Ticket, list[Clock]]:
    # `sla due` needs no database, and importing one takes longer than its answer.
    from storage.database import Database  # noqa: PLC0415 - as said above
    from storage.ledger import SqlLedger  # noqa: PLC0415

    async with (
        Database.open(settings.database_url.reveal()) as database,
        SqlLedger(database).reading() as records,
    ):
        try:
            ticket = await records.ticket(id)
        except KeyError:
            raise UserFacingError(f"there is no ticket {replies.ticket_label(id)}") from None
        return ticket, list(await records.clocks(id))


def _say_clock(clock: Clock, policies: Policies, time: Time) -> None:
    calendar, now = policies.calendars[clock.calendar], time.now()
    say(
        f"\n{replies.METRICS[clock.metric]}: {clock.state.value}, target {replies.spoken(clock.target)} "
        f"({clock.calendar}, policy {clock.policy}), due {render_instant(clock.due_at)}"
    )
    for part in explained(clock, calendar, now):
        why = f" ({part.reason})" if part.reason else ""
        say(
            f"  {part.local_started_at:%Y-%m-%d %H:%M:%S} to {part.local_ended_at:%Y-%m-%d %H:%M:%S %Z}"
            f"  {part.kind.value}{why}  counts {replies.spoken(part.counted)}"
        )
    say(f"  together {replies.spoken(sla.elapsed(clock, calendar, now))}")


def _as_data(clock: Clock, policies: Policies, time: Time) -> dict[str, Any]:
    calendar, now = policies.calendars[clock.calendar], time.now()
    return {
        "metric": clock.metric.value,
        "state": clock.state.value,
        "policy": clock.policy,
        "calendar": clock.calendar,
        "target_seconds": int(clock.target.total_seconds()),
        "due_at": render_instant(clock.due_at),
        "warning_at": render_instant(clock.warning_at),
        "elapsed_seconds": int(sla.elapsed(clock, calendar, now).total_seconds()),
        "segments": [_segment(part) for part in explained(clock, calendar, now)],
    }


def _segment(part: ExplainedSegment) -> dict[str, Any]:
    return {
        "kind": part.kind.value,
        "reason": part.reason,
        "from": render_instant(part.started_at),
        "to": render_instant(part.ended_at),
        "timezone": part.timezone,
        "counted_seconds": int(part.counted.total_seconds()),
    }
