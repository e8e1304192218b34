"""`oncall`: who is on call now, when that changes, and when nobody will be."""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from bot.commands.printing import as_json, say
from bot.commands.starting import prepare_database, settings_from_environment
from bot.core.errors import UserFacingError
from bot.core.model import PersonRef
from bot.core.rotas import HORIZON, OnCall, Turn, Why
from bot.core.spelling import did_you_mean, parse_instant, render_instant
from bot.rosters import Known, known_rotas
from bot.system import SystemTime
from config.policies import load_policies

BOLD, RED, DIM, PLAIN = "\x1b[1m", "\x1b[31m", "\x1b[2m", "\x1b[0m"
SHOWN = 5  #: gaps of a role in the table; --json has all


def show(arguments: argparse.Namespace) -> int:
    """Every role, or one."""
    settings = settings_from_environment()
    now = SystemTime().now()
    at = parse_instant(arguments.at) if arguments.at else now
    base = load_policies(settings.config_dir, now=now).on_call
    roles = _roles(base, arguments.role)
    prepare_database(settings)
    known = asyncio.run(known_rotas(settings, base))
    try:
        turns = {role: known.on_call.turns(role, at, at + HORIZON) for role in roles}
        gaps = {role: known.on_call.gaps(role, at, at + HORIZON) for role in roles}
    except OverflowError:
        raise UserFacingError(f"--at: {arguments.at} is too far away") from None
    if arguments.json:
        say(as_json(_as_data(at, known, turns, gaps)))
    else:
        _print(known, turns, gaps, at)
    return 0


def _roles(on_call: OnCall, wanted: str | None) -> tuple[str, ...]:
    if wanted is None:
        return tuple(on_call.standing)
    if wanted not in on_call.standing:
        raise UserFacingError(
            f"--role: {wanted!r} is not in oncall.toml{did_you_mean(wanted, on_call.standing)}"
        )
    return (wanted,)


# -- for people ---------------------------------------------------------------


def _print(
    known: Known, turns: Mapping[str, Sequence[Turn]], gaps: Mapping[str, Sequence[Turn]], at: datetime
) -> None:
    names = known.on_call.names
    rows = [(role, *_row(found, names)) for role, found in turns.items()]
    widths = [max((len(row[column]) for row in rows), default=0) for column in range(3)]
    for row, missing in zip(rows, gaps.values(), strict=True):
        cells = [cell.ljust(width) for cell, width in zip(row, widths, strict=False)]
        say("  ".join((_coloured(cells[0], BOLD), *cells[1:], row[3])).rstrip())
        for line in _gap_lines(missing, at):
            say(_coloured(f"  {line}", RED))
    for line in _feed_lines(known):
        say(_coloured(line, DIM))


def _row(turns: Sequence[Turn], names: Mapping[PersonRef, str]) -> tuple[str, str, str]:
    first, *later = turns
    until = f"until {_local(first.ends_at)}" if later else "for 30 days and more"
    return _who(first, names), until, f"then {_who(later[0], names)}" if later else ""


def _who(turn: Turn, names: Mapping[PersonRef, str]) -> str:
    people = ", ".join(names.get(person, person.user) for person in turn.called.people)
    match turn.called.why:
        case Why.NOBODY:
            return "nobody"
        case Why.FALLBACK:
            return f"nobody (fallback: {people})"
        case Why.OVERRIDE:
            return f"{people} (standing in)"
        case _:
            return people


def _gap_lines(gaps: Sequence[Turn], at: datetime) -> list[str]:
    lines = [
        f"gap: {'now' if gap.starts_at <= at else _local(gap.starts_at)} to {_local(gap.ends_at)}"
        for gap in gaps[:SHOWN]
    ]
    more = len(gaps) - SHOWN
    return [*lines, f"and {more} more within 30 days"] if more > 0 else lines


def _feed_lines(known: Known) -> Iterable[str]:
    for source in known.sources:
        copy = known.copies.get(source.source)
        read = f"read {_local(copy.read_at)}" if copy and copy.read_at else "never read; the worker does that"
        yield f"{source.where}: {read}"
        if copy and copy.problem:
            yield f"  last try: {copy.problem}"
    for role, names in known.on_call.unknown.items():
        yield f"{role}: people.toml does not know {', '.join(names[:SHOWN])}"


def _local(at: datetime) -> str:
    return f"{at.astimezone():%a %Y-%m-%d %H:%M %Z}"


def _coloured(text: str, colour: str) -> str:
    return f"{colour}{text}{PLAIN}" if sys.stdout.isatty() else text


# -- for machines -------------------------------------------------------------


def _as_data(
    at: datetime, known: Known, turns: Mapping[str, Sequence[Turn]], gaps: Mapping[str, Sequence[Turn]]
) -> dict[str, Any]:
    return {
        "at": render_instant(at),
        "roles": [_role(role, found, gaps[role], known.on_call) for role, found in turns.items()],
        "feeds": [
            {
                "role": source.role,
                "kind": source.kind.value,
                "read_at": render_instant(copy.read_at) if copy and copy.read_at else None,
                "problem": copy.problem if copy else None,
                "unknown": list(known.on_call.unknown.get(source.role, ())),
            }
            for source in known.sources
            for copy in [known.copies.get(source.source)]
        ],
    }


def _role(role: str, turns: Sequence[Turn], gaps: Sequence[Turn], on_call: OnCall) -> dict[str, Any]:
    first, *later = turns
    return {
        "role": role,
        **_turn(first, on_call.names),
        "until": render_instant(first.ends_at) if later else None,
        "next": {**_turn(later[0], on_call.names), "from": render_instant(later[0].starts_at)}
        if later
        else None,
        "gaps": [{"from": render_instant(gap.starts_at), "to": render_instant(gap.ends_at)} for gap in gaps],
    }


def _turn(turn: Turn, names: Mapping[PersonRef, str]) -> dict[str, Any]:
    people = [
        {"name": names.get(ref, ref.user), "door": ref.door, "workspace": ref.workspace, "user": ref.user}
        for ref in turn.called.people
    ]
    return {"people": people, "why": turn.called.why.value}
