"""`sla due` on one case or a file of them: when a promise comes due, by our policies or a given calendar.

A case is {id, start, pauses: [[from, to]…]} with either {tier, priority, metric, perhaps organisation} or
{calendar: {timezone, hours, holidays}, target_seconds}; a calendar may have special_hours and breaks as well.
Further keys are ignored. The answer is {id, due_at, warning_at}.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from bot.core import calendars, sla
from bot.core.errors import UserFacingError
from bot.core.model import Metric, OrganisationId
from bot.core.opening_hours import zone
from bot.core.policies import Calendar, Interval, Policies
from bot.core.spelling import (
    did_you_mean,
    parse_dates,
    parse_day,
    parse_hours,
    parse_instant,
    parse_metric,
    parse_priority,
    parse_tier,
    render_instant,
)

WARN_PERCENT = 80  #: of a target given in seconds


@dataclass(frozen=True, slots=True)
class DueLine:
    """What became of one line: an answer, or one sentence about what is wrong with it."""

    number: int
    id: Any
    answer: dict[str, Any] | None = None
    problem: str | None = None


def due_case(case: Mapping[str, Any], policies: Policies) -> dict[str, Any]:
    """The answer to one case; UserFacingError with one sentence when it makes no sense."""
    start = _instant(case, "start")
    pauses = _pauses(case.get("pauses") or [])
    calendar, target, percent = _inline(case) if "calendar" in case else _promised(case, policies)
    try:
        due_at = calendars.due_at(calendar, start, target, pauses)
        warning_at = calendars.due_at(calendar, start, sla.share(target, percent), pauses)
    except OverflowError:
        raise UserFacingError("its instants leave the years 1 to 9999") from None
    return {
        "id": case.get("id"),
        "due_at": render_instant(due_at),
        "warning_at": render_instant(warning_at),
    }


def due_lines(lines: Iterable[str], policies: Policies) -> Iterator[DueLine]:
    """Every line of a JSONL file; a bad one becomes a sentence and the others are still computed."""
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        name: Any = None
        try:
            case = _parsed(line)
            name = case.get("id")
            yield DueLine(number, name, answer=due_case(case, policies))
        except UserFacingError as error:
            yield DueLine(number, name, problem=f"line {number}: {error}")


def _parsed(line: str) -> Mapping[str, Any]:
    try:
        case = json.loads(line)
    except (ValueError, RecursionError):
        raise UserFacingError("not JSON") from None
    if not isinstance(case, dict):
        raise UserFacingError("not a JSON object")
    return case


def _promised(case: Mapping[str, Any], policies: Policies) -> tuple[Calendar, timedelta, int]:
    tier, priority = parse_tier(_text(case, "tier")), parse_priority(_text(case, "priority"))
    metric = parse_metric(_text(case, "metric")) if case.get("metric") else Metric.FIRST_REPLY_TIME
    found = policies.target(_organisation(case, policies), tier, priority, metric)
    if found is None:
        raise UserFacingError(f"{tier.value} promises no {metric.value} for {priority.value}")
    return policies.calendars[found.calendar], found.target, found.warn_percent


def _organisation(case: Mapping[str, Any], policies: Policies) -> OrganisationId | None:
    if case.get("organisation") is None:
        return None
    name = OrganisationId(_text(case, "organisation"))
    if name not in policies.organisations:
        hint = did_you_mean(name, policies.organisations)
        raise UserFacingError(f"{name!r} is not in organisations.toml{hint}")
    return name


def _inline(case: Mapping[str, Any]) -> tuple[Calendar, timedelta, int]:
    given = case["calendar"]
    if not isinstance(given, dict):
        raise UserFacingError("calendar is not an object with timezone, hours and holidays")
    timezone = _text(given, "timezone")
    zone(timezone)
    # A night that runs into the next day's hours is refused in a policy file, where it is a slip of the pen.
    # Here it means what it says: an instant is open when it lies in any of the intervals.
    calendar = Calendar(
        name="given",
        timezone=timezone,
        hours=_hours(given),
        holidays=_holidays(given.get("holidays")),
        special_hours=_dates(given, "special_hours"),
        breaks=_dates(given, "breaks"),
    )
    return calendar, _target(case), WARN_PERCENT


def _hours(given: Mapping[str, Any]) -> tuple[tuple[Interval, ...], ...]:
    hours = given.get("hours")
    if not isinstance(hours, dict):
        raise UserFacingError('hours is not an object like {"mon": [["09:00", "17:00"]]}')
    return parse_hours(hours)


def _dates(given: Mapping[str, Any], key: str) -> dict[date, tuple[Interval, ...]]:
    dates = given.get(key) or {}
    if not isinstance(dates, dict):
        raise UserFacingError(f'{key} is not an object like {{"2026-12-24": [["09:00", "12:00"]]}}')
    try:
        return parse_dates(dates)
    except UserFacingError as error:
        raise UserFacingError(f"{key}: {error}") from error


def _holidays(given: object) -> dict[date, str]:
    days = given or []
    if not isinstance(days, list) or not all(isinstance(day, str) for day in days):
        raise UserFacingError('holidays is not a list of dates like ["2026-12-25"]')
    return {parse_day(day): day for day in days}


def _target(case: Mapping[str, Any]) -> timedelta:
    seconds = case.get("target_seconds")
    if isinstance(seconds, float) and seconds.is_integer():
        seconds = int(seconds)  # total_seconds() writes 28800.0
    if isinstance(seconds, bool) or not isinstance(seconds, int) or seconds <= 0:
        raise UserFacingError("target_seconds is not a whole number of seconds above zero")
    try:
        return timedelta(seconds=seconds)
    except OverflowError:
        raise UserFacingError("target_seconds is more than a calendar can hold") from None


def _pauses(given: object) -> Sequence[calendars.Span]:
    if not isinstance(given, list):
        raise UserFacingError("pauses is not a list of [from, to]")
    return [_pause(pair) for pair in given]


def _pause(pair: object) -> tuple[datetime, datetime]:
    match pair:
        case [str(start), str(end)]:
            span = parse_instant(start), parse_instant(end)
        case _:
            raise UserFacingError(f"{pair!r} is not a pause like [from, to]")
    if span[0] > span[1]:
        raise UserFacingError(f"the pause {start} to {end} ends before it starts")
    return span


def _instant(case: Mapping[str, Any], key: str) -> datetime:
    try:
        return parse_instant(_text(case, key))
    except UserFacingError as error:
        raise UserFacingError(f"{key}: {error}") from error


def _text(case: Mapping[str, Any], key: str) -> str:
    value = case.get(key)
    if not isinstance(value, str) or not value.strip():
        raise UserFacingError(f"{key} is missing" if value is None else f"{key} is not a text")
    return value
