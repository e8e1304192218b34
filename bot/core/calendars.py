"""Business time: when a promise falls due, and how much open time lies between two instants.

Everything is counted in UTC, in integers of microseconds; bot/core/opening_hours.py knows when it is open.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from bot.core.errors import ConfigError
from bot.core.opening_hours import WEEK, moment, plan_of, ticks, ticks_in, week_of, weeks_from, zone
from bot.core.policies import Calendar, Interval

Span = tuple[datetime, datetime]

_TICK = timedelta(microseconds=1)


def due_at(calendar: Calendar, start: datetime, target: timedelta, pauses: Iterable[Span] = ()) -> datetime:
    """The earliest instant at which open time since `start`, without the pauses, reaches `target`.

    A target used up exactly at closing time is due at closing time, not at the next opening.
    ConfigError when the calendar never opens for long enough.
    """
    if target < timedelta(0):
        raise ValueError("a target cannot be negative")
    remaining, at = ticks_in(target), ticks(start)
    if not remaining:
        return moment(at)
    for pause_start, pause_end in _ordered(pauses):
        if pause_start > at:
            counted = _open_between(calendar, at, pause_start)
            if remaining <= counted:
                break
            remaining -= counted
        at = max(at, pause_end)
    return moment(_advance(calendar, at, remaining))


def open_time_between(calendar: Calendar, a: datetime, b: datetime, pauses: Iterable[Span] = ()) -> timedelta:
    """Open time in [a, b) without the pauses; zero when `b` is not after `a`."""
    at, end, counted = ticks(a), ticks(b), 0
    for pause_start, pause_end in _ordered(pauses):
        counted += _open_between(calendar, at, min(pause_start, end))
        at = max(at, pause_end)
    return (counted + _open_between(calendar, at, end)) * _TICK


def is_open(calendar: Calendar, at: datetime) -> bool:
    """Whether time counts at this instant; closing time itself is closed."""
    if calendar.is_always_open:
        return True
    now = ticks(at)
    return week_of(plan_of(calendar), now // WEEK).is_open(now)


def next_opening(calendar: Calendar, at: datetime) -> datetime | None:
    """The earliest open instant not before `at`; None when there is none in a hundred years."""
    if calendar.is_always_open:
        return at.astimezone(UTC)
    now = ticks(at)
    openings = (week.opening_from(now) for week in weeks_from(plan_of(calendar), now))
    first = next((opening for opening in openings if opening is not None), None)
    return None if first is None else moment(first)


def open_spans(calendar: Calendar, a: datetime, b: datetime) -> Iterator[Span]:
    """The open parts of [a, b), in order; touching ones may come in two pieces."""
    at, end = ticks(a), ticks(b)
    if calendar.is_always_open:
        if at < end:
            yield moment(at), moment(end)
        return
    plan = plan_of(calendar)
    for number in range(at // WEEK, -(-end // WEEK)):
        week = week_of(plan, number)
        for opens, closes in zip(week.starts, week.ends, strict=True):
            if max(opens, at) < min(closes, end):
                yield moment(max(opens, at)), moment(min(closes, end))


# -- arithmetic in ticks ----------------------------------------------------


def _ordered(pauses: Iterable[Span]) -> list[tuple[int, int]]:
    if not pauses:
        return []
    spans = sorted((ticks(start), ticks(end)) for start, end in pauses)
    if any(start > end for start, end in spans):
        raise ValueError("a pause cannot end before it starts")
    return spans


def _open_between(calendar: Calendar, a: int, b: int) -> int:
    if b <= a:
        return 0
    if calendar.is_always_open:
        return b - a
    plan = plan_of(calendar)
    first, last = a // WEEK, b // WEEK
    whole = sum(week_of(plan, number).total for number in range(first, last))
    return whole + week_of(plan, last).open_before(b) - week_of(plan, first).open_before(a)


def _advance(calendar: Calendar, at: int, amount: int) -> int:
    if calendar.is_always_open:
        return at + amount
    plan = plan_of(calendar)
    first = at // WEEK
    week = week_of(plan, first)
    wanted = amount + week.open_before(at)
    for number in range(first + 1, first + plan.horizon):
        if wanted <= week.total:
            return week.reaches(wanted)
        wanted -= week.total
        week = week_of(plan, number)
    raise ConfigError(f"calendar {calendar.name!r} does not open for that long within a hundred years")


# -- words ------------------------------------------------------------------


def closed_spans(calendar: Calendar, a: datetime, b: datetime) -> Iterator[tuple[datetime, datetime, str]]:
    """The closed parts of [a, b), cut at local midnights, each with the reason, such as "night"."""
    at = a
    for opens, closes in (*open_spans(calendar, a, b), (b, b)):
        while at < opens:
            midnight = min(_next_midnight(zone(calendar.timezone), at), opens)
            yield at, midnight, _why_closed(calendar, at)
            at = midnight
        at = max(at, closes)


def _why_closed(calendar: Calendar, at: datetime) -> str:
    local = at.astimezone(zone(calendar.timezone))
    day, minute = local.date(), local.hour * 60 + local.minute
    if any(_covers(pause, minute) for pause in calendar.breaks.get(day, ())):
        return "break"
    if day in calendar.holidays and day not in calendar.special_hours:
        return f"holiday {calendar.holidays[day]}"
    today = calendar.special_hours.get(day, calendar.hours[day.weekday()])
    if not today:
        return "weekend" if day.weekday() >= 5 else "day off"  # noqa: PLR2004  # Saturday
    earlier = any(interval.start < interval.end <= minute for interval in today)
    return "break" if earlier and any(interval.start > minute for interval in today) else "night"


def _covers(interval: Interval, minute: int) -> bool:
    return interval.start <= minute and (minute < interval.end or interval.end <= interval.start)


def _next_midnight(where: ZoneInfo, at: datetime) -> datetime:
    tomorrow = date.fromordinal(at.astimezone(where).toordinal() + 1)
    midnight = datetime(tomorrow.year, tomorrow.month, tomorrow.day, tzinfo=where)
    first = midnight.astimezone(UTC)
    return first if first > at else midnight.replace(fold=1).astimezone(UTC)
