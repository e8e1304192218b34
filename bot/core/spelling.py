"""How people spell tiers, priorities, metrics, spans, hours and instants, in files and in commands."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime, timedelta
from difflib import get_close_matches
from itertools import pairwise
from typing import TypeVar

from bot.core.errors import UserFacingError
from bot.core.model import Metric, Priority, ProductArea, Tier
from bot.core.policies import Calendar, Interval

Known = TypeVar("Known")

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_LONG_DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
BUSINESS_DAY = timedelta(hours=8)  #: ADR-096's Mon-Fri, 9am-5pm

_PRIORITIES = {
    "critical": Priority.P1,
    "urgent": Priority.P1,  # Professional's names: Urgent, High, Normal
    "high": Priority.P2,
    "normal": Priority.P3,
    "low": Priority.P4,
} | {priority.value.lower(): priority for priority in Priority}
_TIERS = {tier.value.lower(): tier for tier in Tier}
_METRICS = {metric.value: metric for metric in Metric} | {
    "first_reply": Metric.FIRST_REPLY_TIME,
    "first_response": Metric.FIRST_REPLY_TIME,
    "next_reply": Metric.NEXT_REPLY_TIME,
    "resolution": Metric.RESOLUTION_TIME,
}
_UNITS = {
    "business day": BUSINESS_DAY,
    "hour": timedelta(hours=1),
    "h": timedelta(hours=1),
    "minute": timedelta(minutes=1),
    "min": timedelta(minutes=1),
    "m": timedelta(minutes=1),
    "second": timedelta(seconds=1),
    "s": timedelta(seconds=1),
}
_PART = re.compile(r"([0-9]{1,6})\s*(business day|hour|minute|second|min|h|m|s)s?(?![a-z])\s*")
_CLOCK_TIME = re.compile(r"([0-9]{1,2}):([0-9]{2})")
_MIDNIGHT = 24 * 60


def parse_tier(text: str) -> Tier:
    """Such as "Enterprise", in any case."""
    return _lookup(text, _TIERS, "tier")


def parse_priority(text: str) -> Priority:
    """P1 to P4, or Critical or Urgent, High, Normal, Low."""
    return _lookup(text, _PRIORITIES, "priority")


def parse_area(text: str) -> ProductArea:
    """A product area, in any case."""
    return _lookup(text, {area.value.casefold(): area for area in ProductArea}, "product area")


def parse_metric(text: str) -> Metric:
    """Zendesk's names, with spaces or dashes if you like."""
    return _lookup(re.sub(r"[\s-]+", "_", text.strip()), _METRICS, "metric")


def parse_span(text: str) -> timedelta:
    """Such as "4h", "90m", "1h 30m" or "10 business days"; above zero."""
    total, rest = timedelta(0), text.strip().lower()
    while part := _PART.match(rest):
        total += int(part[1]) * _UNITS[part[2]]
        rest = rest[part.end() :]
    if rest or not total:
        raise UserFacingError(f"{text!r} is not a span like '4h', '1h 30m' or '10 business days'")
    return total


LARGEST_ID = 2**63 - 1  #: what a database can number


def parse_id(text: str) -> int | None:
    """A row's number as we write it, or None: buttons and terminals send anything."""
    if not (text.isascii() and text.isdecimal()) or len(text) > len(str(LARGEST_ID)):
        return None
    number = int(text)
    return number if 0 < number <= LARGEST_ID else None


def parse_instant(text: str) -> datetime:
    """ISO 8601 with its offset; UTC, whole seconds."""
    try:
        at = datetime.fromisoformat(text.strip())
    except ValueError:
        raise UserFacingError(f"{text!r} is not an instant like 2026-11-01T05:30:00Z") from None
    if at.tzinfo is None:
        raise UserFacingError(f"{text!r} has no UTC offset; write 2026-11-01T05:30:00Z or …+02:00")
    try:
        return at.astimezone(UTC).replace(microsecond=0)
    except OverflowError:
        raise UserFacingError(f"{text!r} is outside the years 1 to 9999") from None


def parse_day(text: str) -> date:
    """ISO 8601."""
    try:
        return date.fromisoformat(text.strip())
    except ValueError:
        raise UserFacingError(f"{text!r} is not a date like 2026-12-25") from None


def parse_hours(days: Mapping[str, object]) -> tuple[tuple[Interval, ...], ...]:
    """A week, Monday first, from {"mon": [["09:00", "17:00"]], …}; a day left out is closed."""
    week: dict[str, tuple[Interval, ...]] = {}
    for name, intervals in days.items():
        day = name.strip().lower()
        day = dict(zip(_LONG_DAYS, DAYS, strict=True)).get(day, day)
        if day not in DAYS:
            raise UserFacingError(f"{name!r} is not a day; write mon to sun")
        if day in week:
            raise UserFacingError(f"{name!r} is there twice")
        week[day] = _intervals(name, intervals)
    if not any(week.values()):
        raise UserFacingError("no hour is ever open, so nothing could come due")
    return tuple(week.get(day, ()) for day in DAYS)


def check_nights(hours: tuple[tuple[Interval, ...], ...]) -> tuple[tuple[Interval, ...], ...]:
    """UserFacingError when a night runs into the hours of the day after it: somebody meant something else."""
    for number, day in enumerate(DAYS):
        if overlap := _spilled(hours[number - 1], hours[number]):
            raise UserFacingError(f"{DAYS[number - 1]} {overlap[0]} runs into {day} {overlap[1]}")
    return hours


def parse_dates(dates: Mapping[str, object]) -> dict[date, tuple[Interval, ...]]:
    """Intervals of single dates, from {"2026-12-24": [["09:00", "12:00"]], …}; a date may have none."""
    return {parse_day(day): _intervals(day, intervals) for day, intervals in dates.items()}


def check_special_hours(calendar: Calendar) -> None:
    """UserFacingError when hours of a date and those of the nights around it overlap."""
    for day in calendar.special_hours:
        if not date.min < day < date.max:
            continue  # no day before, or none after
        for first in (day - timedelta(days=1), day):
            second = first + timedelta(days=1)
            if overlap := _spilled(calendar.hours_on(first), calendar.hours_on(second)):
                raise UserFacingError(f"{first} {overlap[0]} runs into {second} {overlap[1]}")


def render_instant(at: datetime) -> str:
    """As the command line prints it: UTC, whole seconds."""
    return f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """The tail of a sentence about an unknown word; empty when nothing is near."""
    spelled = {str(name).lower(): str(name) for name in known}
    near = get_close_matches(word.strip().lower(), spelled, n=1)
    return f"; did you mean {spelled[near[0]]!r}?" if near else ""


def _intervals(day: str, pairs: object) -> tuple[Interval, ...]:
    if not isinstance(pairs, list):
        raise UserFacingError(f'{day} is not a list of intervals like [["09:00", "17:00"]]')
    found = tuple(_interval(day, pair) for pair in pairs)
    for one, two in pairwise(sorted(found, key=lambda interval: (interval.start, _end(interval)))):
        if two.start < _end(one):
            raise UserFacingError(f"{day}: {_spelled(one)} and {_spelled(two)} overlap")
    return found


def _spilled(before: tuple[Interval, ...], after: tuple[Interval, ...]) -> tuple[str, str] | None:
    """The night of one day and the interval of the next that it runs into."""
    for night in before:
        for interval in after:
            if interval.start + _MIDNIGHT < _end(night):
                return _spelled(night), _spelled(interval)
    return None


def _end(interval: Interval) -> int:
    return interval.end if interval.end > interval.start else interval.end + _MIDNIGHT


def _spelled(interval: Interval) -> str:
    times = (f"{minutes // 60:02}:{minutes % 60:02}" for minutes in (interval.start, interval.end))
    return "-".join(times)


def _interval(day: str, pair: object) -> Interval:
    match pair:
        case [str(start), str(end)]:
            opens, closes = _minutes(day, start), _minutes(day, end)
        case _:
            raise UserFacingError(f'{day}: {pair!r} is not an interval like ["09:00", "17:00"]')
    if opens == _MIDNIGHT:
        raise UserFacingError(f"{day}: an interval cannot start at 24:00; write 00:00 on the next day")
    return Interval(start=opens, end=closes)


def _minutes(day: str, text: str) -> int:
    found = _CLOCK_TIME.fullmatch(text.strip())
    minutes = int(found[1]) * 60 + int(found[2]) if found and int(found[2]) < 60 else -1  # noqa: PLR2004  # an hour
    if not 0 <= minutes <= _MIDNIGHT:
        raise UserFacingError(f"{day}: {text!r} is not a time between 00:00 and 24:00")
    return minutes


def _lookup(text: str, known: Mapping[str, Known], what: str) -> Known:
    found = known.get(text.strip().lower())
    if found is None:
        raise UserFacingError(f"{text!r} is not a {what}{did_you_mean(text, known)}")
    return found
