"""Opening hours on the UTC axis.

A local wall-clock time is open or closed; an instant is open when its local time is. So the open set is
built by sliding the local intervals over the UTC axis, once per stretch of constant UTC offset: a repeated
hour is slid twice and a skipped one never. Instants are integers of microseconds since 1970, here "ticks".
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from itertools import accumulate
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from bot.core.errors import ConfigError
from bot.core.policies import Calendar, Interval

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_EPOCH_DAY = _EPOCH.toordinal()
_TICK = timedelta(microseconds=1)
_SECOND = 1_000_000
_MINUTE = 60 * _SECOND
_DAY = 24 * 60 * _MINUTE
WEEK = 7 * _DAY
Hours = tuple[tuple[int, int], ...]  #: in ticks after midnight, in order; an end may lie in the next day

_PROBE = _DAY  # no zone changes its offset twice within a day; a test reads them all
_MOST = 256  #: calendars that are kept prepared
_HORIZON = 5_219  # weeks, a hundred years: whatever is not due by then never is


def zone(name: str) -> ZoneInfo:
    """The zone with this IANA name; ConfigError when there is none."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:  # OSError: "America" is a directory
        raise ConfigError(f"{name!r} is not the name of a time zone, such as 'Europe/Lisbon'") from error


def ticks(at: datetime) -> int:
    """An aware datetime on the UTC axis."""
    if at.tzinfo is None:
        raise ValueError("an instant must be timezone-aware")
    # Subtracting two datetimes of one zone would ignore the change of its offset; the epoch is in UTC.
    return ticks_in(at - _EPOCH)


def ticks_in(span: timedelta) -> int:
    """A span in ticks; three times as fast as a division."""
    return (span.days * 86_400 + span.seconds) * _SECOND + span.microseconds


def moment(ticks: int) -> datetime:
    """Back to a datetime, in UTC."""
    return _EPOCH + ticks * _TICK


@dataclass(frozen=True, eq=False)  # compared by identity, so that looking a week up hashes no table
class Plan:
    """A calendar with its zone found and its hours in ticks."""

    zone: ZoneInfo
    hours: tuple[Hours, ...]
    closed_days: frozenset[int]
    special: Mapping[int, Hours]
    breaks: Mapping[int, Hours]
    horizon: int  #: weeks to look ahead; none where there are no hours at all

    def hours_of(self, day: int) -> Hours:
        """The hours that start on day `day` since 1970."""
        if day in self.special:
            return self.special[day]
        return () if day in self.closed_days else self.hours[(day + 3) % 7]  # 1970-01-01 was a Thursday


@dataclass(frozen=True, slots=True)
class Week:
    """The open intervals within one week of the UTC axis, disjoint and in order."""

    starts: tuple[int, ...]
    ends: tuple[int, ...]
    sums: tuple[int, ...]  #: open time up to each end
    total: int  #: open time in the whole week

    def open_before(self, at: int) -> int:
        """Open time from the start of the week to `at`."""
        index = bisect_right(self.starts, at)
        if not index:
            return 0
        return self.sums[index - 1] - max(0, self.ends[index - 1] - at)

    def is_open(self, at: int) -> bool:
        """Whether time counts at `at`."""
        index = bisect_right(self.starts, at)
        return bool(index) and at < self.ends[index - 1]

    def opening_from(self, at: int) -> int | None:
        """The first open instant not before `at`."""
        index = bisect_right(self.ends, at)
        return max(at, self.starts[index]) if index < len(self.ends) else None

    def reaches(self, amount: int) -> int:
        """The first instant with this much open time, which is above zero, before it."""
        index = bisect_left(self.sums, amount)
        return self.ends[index] - (self.sums[index] - amount)


#: By identity: hashing a calendar takes longer than finding a due time in it. Equal ones share a plan below.
_prepared: dict[int, tuple[Calendar, Plan]] = {}


def plan_of(calendar: Calendar) -> Plan:
    """The calendar, prepared; ConfigError for an unknown zone."""
    known = _prepared.get(id(calendar))
    if known is not None and known[0] is calendar:
        return known[1]
    if len(_prepared) >= _MOST:
        _prepared.clear()
    plan = _plan_of(calendar)
    _prepared[id(calendar)] = calendar, plan
    return plan


@lru_cache(maxsize=_MOST)
def _plan_of(calendar: Calendar) -> Plan:
    if len(calendar.hours) != 7:  # noqa: PLR2004  # the days of a week
        raise ConfigError(f"calendar {calendar.name!r} needs hours for seven days")
    opens_at_all = any(calendar.hours) or any(calendar.special_hours.values())
    return Plan(
        zone=zone(calendar.timezone),
        hours=tuple(_in_ticks(day) for day in calendar.hours),
        closed_days=frozenset(_number(day) for day in calendar.holidays),
        special={_number(day): _in_ticks(hours) for day, hours in calendar.special_hours.items()},
        horizon=_HORIZON if opens_at_all else 0,
        breaks={_number(day): _in_ticks(hours) for day, hours in calendar.breaks.items()},
    )


def _number(day: date) -> int:
    return day.toordinal() - _EPOCH_DAY


def _in_ticks(intervals: Iterable[Interval]) -> Hours:
    return tuple(
        sorted(
            (one.start * _MINUTE, one.end * _MINUTE + (_DAY if one.end <= one.start else 0))
            for one in intervals
        )
    )


def weeks_from(plan: Plan, at: int) -> Iterator[Week]:
    """The week of `at` and those after it, up to the horizon."""
    first = at // WEEK
    return (week_of(plan, number) for number in range(first, first + plan.horizon))


@lru_cache(maxsize=8_192)
def week_of(plan: Plan, number: int) -> Week:
    """The open intervals in week `number` since 1970."""
    starts: list[int] = []
    ends: list[int] = []
    for start, end, offset in _stretches(plan.zone, number * WEEK, (number + 1) * WEEK):
        for local_start, local_end in _local_intervals(plan, start + offset, end + offset):
            opens, closes = local_start - offset, local_end - offset
            if ends and opens == ends[-1]:
                ends[-1] = closes
            else:
                starts.append(opens)
                ends.append(closes)
    sums = tuple(accumulate(closes - opens for opens, closes in zip(starts, ends, strict=True)))
    return Week(tuple(starts), tuple(ends), sums, total=sums[-1] if sums else 0)


def _local_intervals(plan: Plan, start: int, end: int) -> list[tuple[int, int]]:
    """The open local times in [start, end), merged; an interval belongs to the day it starts on."""
    merged: list[tuple[int, int]] = []
    for opens, closes in _placed(plan.hours_of, start, end):
        if merged and opens <= merged[-1][1]:
            merged[-1] = merged[-1][0], max(merged[-1][1], closes)
        else:
            merged.append((opens, closes))
    if plan.breaks:
        for pause in _placed(lambda day: plan.breaks.get(day, ()), start, end):
            merged = list(_without(merged, *pause))
    return merged


def _placed(hours_of: Callable[[int], Hours], start: int, end: int) -> Iterator[tuple[int, int]]:
    """What lies in [start, end) of the hours of each day, and of the night before."""
    for day in range(start // _DAY - 1, -(-end // _DAY)):
        for begin, finish in hours_of(day):
            opens, closes = max(day * _DAY + begin, start), min(day * _DAY + finish, end)
            if opens < closes:
                yield opens, closes


def _without(intervals: Iterable[tuple[int, int]], start: int, end: int) -> Iterator[tuple[int, int]]:
    for opens, closes in intervals:
        if opens < min(closes, start):
            yield opens, min(closes, start)
        if max(opens, end) < closes:
            yield max(opens, end), closes


def _stretches(where: ZoneInfo, start: int, end: int) -> Iterator[tuple[int, int, int]]:
    """[start, end) cut where the zone's offset changes, each part with its offset."""
    begun, offset = start, _offset(where, start)
    low = start
    while low < end:
        high = min(low + _PROBE, end)
        if _offset(where, high) == offset:
            low = high
            continue
        change = _change_between(where, low, high, offset)
        if change < end:
            yield begun, change, offset
            begun, offset = change, _offset(where, change)
        low = change
    yield begun, end, offset


def _change_between(where: ZoneInfo, low: int, high: int, offset: int) -> int:
    """The first instant with another offset; zones change on whole seconds."""
    while high - low > _SECOND:
        middle = low + (high - low) // (2 * _SECOND) * _SECOND
        if _offset(where, middle) == offset:
            low = middle
        else:
            high = middle
    return high


def _offset(where: ZoneInfo, at: int) -> int:
    offset = moment(at).astimezone(where).utcoffset()
    assert offset is not None  # a ZoneInfo always has one
    return offset // _TICK
