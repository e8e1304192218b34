"""An independent reckoner of business time: a bitmap of minutes with its sums. It shares no code with ours.

For every local date it paints the open minutes, lays them under every quarter of an hour of UTC at the offset
that zoneinfo has then, and adds them up. What is due when is found by asking "how much by then?" of instants.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from importlib import resources
from itertools import accumulate, pairwise
from typing import Protocol
from zoneinfo import ZoneInfo

Span = tuple[datetime, datetime]

DAY_MINUTES = 1440
QUARTER = timedelta(minutes=15)
MINUTE = timedelta(minutes=1)
SECOND = timedelta(seconds=1)


class Interval(Protocol):
    """Minutes after local midnight; an end not after the start is in the next day."""

    @property
    def start(self) -> int: ...
    @property
    def end(self) -> int: ...


class Hours(Protocol):
    """A calendar, as written."""

    @property
    def timezone(self) -> str: ...
    @property
    def hours(self) -> Sequence[Sequence[Interval]]: ...
    @property
    def holidays(self) -> Iterable[date]: ...
    @property
    def special_hours(self) -> Mapping[date, Sequence[Interval]]: ...
    @property
    def breaks(self) -> Mapping[date, Sequence[Interval]]: ...


def is_open(calendar: Hours, at: datetime) -> bool:
    """By the definition, for a single instant."""
    local = at.astimezone(ZoneInfo(calendar.timezone))
    minute, today = local.hour * 60 + local.minute, local.date()
    yesterday = today - timedelta(days=1)

    def covered(these: Sequence[Interval], those_of_yesterday: Sequence[Interval]) -> bool:
        return any(one.start <= minute < one.end or one.end <= one.start <= minute for one in these) or any(
            one.end <= one.start and minute < one.end for one in those_of_yesterday
        )

    on_break = covered(calendar.breaks.get(today, ()), calendar.breaks.get(yesterday, ()))
    return covered(hours_on(calendar, today), hours_on(calendar, yesterday)) and not on_break


def hours_on(calendar: Hours, day: date) -> Sequence[Interval]:
    if day in calendar.special_hours:
        return calendar.special_hours[day]
    return () if day in calendar.holidays else calendar.hours[day.weekday()]


class Window:
    """The offsets of a zone over some days of UTC, read every quarter of an hour.

    All offsets since 1972 are quarters of an hour, but the changes of some were at one minute past the hour:
    a quarter that begins and ends differently is read minute by minute.
    """

    def __init__(self, zone: str, start: datetime, days: int) -> None:
        self.start = start.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
        self.days = days
        self.first_day = self.start.date() - timedelta(days=2)
        self.pieces: list[tuple[int, int]] = []  #: where in the local minutes each piece begins; its length
        where = ZoneInfo(zone)
        at = self.start.replace(tzinfo=where)  # the reading of UTC that fromutc() wants
        before = self._place(where.fromutc(at))
        for _ in range(days * 96):
            at += QUARTER
            after = self._place(where.fromutc(at))
            if after == before + 15:
                self.pieces.append((before, 15))
            else:
                each = (self._place(where.fromutc(at - QUARTER + number * MINUTE)) for number in range(15))
                self.pieces += [(place, 1) for place in each]
            before = after

    def _place(self, local: datetime) -> int:
        return (local.toordinal() - self.first_day.toordinal()) * DAY_MINUTES + local.hour * 60 + local.minute


class DayOracle:
    """Open minutes of a window, and how many there were before each. Counts in whole seconds."""

    def __init__(self, calendar: Hours, window: Window) -> None:
        local = self._painted(calendar, window)
        self.start = window.start
        self.open = b"".join(local[place : place + length] for place, length in window.pieces)
        self.before = list(accumulate(self.open, initial=0))
        self.end = len(self.open) * 60

    @staticmethod
    def _painted(calendar: Hours, window: Window) -> bytes:
        days = [window.first_day + timedelta(days=number) for number in range(window.days + 5)]
        local = bytearray((len(days) + 1) * DAY_MINUTES)
        for colour, hours in ((1, lambda day: hours_on(calendar, day)), (0, calendar.breaks.get)):
            for number, day in enumerate(days):
                for one in hours(day) or ():
                    end = one.end if one.end > one.start else one.end + DAY_MINUTES
                    begin = number * DAY_MINUTES + one.start
                    local[begin : number * DAY_MINUTES + end] = bytes([colour]) * (end - one.start)
        return bytes(local)

    def due_at(self, start: datetime, target: timedelta, pauses: Sequence[Span] = ()) -> datetime | None:
        """The first second by which so much was open and not paused; None when the window is too small."""
        wanted, since = target // SECOND, self._second(start)
        apart = self._apart(pauses)
        low, high = since, self.end
        if self._counted(since, high, apart) < wanted:
            return None
        while low < high:
            middle = (low + high) // 2
            if self._counted(since, middle, apart) >= wanted:
                high = middle
            else:
                low = middle + 1
        return self.start + low * SECOND

    def open_time_between(self, a: datetime, b: datetime, pauses: Sequence[Span] = ()) -> timedelta:
        """Open, unpaused time in [a, b)."""
        return self._counted(self._second(a), self._second(b), self._apart(pauses)) * SECOND

    def _second(self, at: datetime) -> int:
        second = (at - self.start) // SECOND
        if not 0 <= second <= self.end:
            raise ValueError("outside the window")
        return second

    def _apart(self, pauses: Sequence[Span]) -> list[tuple[int, int]]:
        """The pauses in seconds, those that overlap joined."""
        apart: list[list[int]] = []
        for start, end in sorted(pauses):
            begin, finish = (min(max((at - self.start) // SECOND, 0), self.end) for at in (start, end))
            if apart and begin <= apart[-1][1]:
                apart[-1][1] = max(apart[-1][1], finish)
            else:
                apart.append([begin, finish])
        return [(begin, finish) for begin, finish in apart]

    def _counted(self, a: int, b: int, pauses: Sequence[tuple[int, int]]) -> int:
        counted = self._open_before(b) - self._open_before(a)
        for begin, finish in pauses:
            begin, finish = max(begin, a), min(finish, b)  # noqa: PLW2901  # cut to what is asked
            if begin < finish:
                counted -= self._open_before(finish) - self._open_before(begin)
        return counted

    def _open_before(self, second: int) -> int:
        minute, rest = divmod(second, 60)
        return self.before[minute] * 60 + (rest if rest and self.open[minute] else 0)


def change_after(zone: ZoneInfo, at: datetime, days: int) -> datetime | None:
    """The first second with another offset than at `at`, within so many days."""
    offset = at.astimezone(zone).utcoffset()
    for _ in range(days):
        at += timedelta(days=1)
        if at.astimezone(zone).utcoffset() != offset:
            low, high = at - timedelta(days=1), at
            while high - low > SECOND:
                middle = low + (high - low) // 2
                if middle.astimezone(zone).utcoffset() == offset:
                    low = middle
                else:
                    high = middle
            return high.replace(microsecond=0)
    return None


def listed_changes(name: str) -> list[datetime]:
    """The changes of a zone's offset that its file in the tzdata package lists, from 1970.

    What a rule says from some year on is not listed.
    """
    content = resources.files("tzdata").joinpath("zoneinfo", *name.split("/")).read_bytes()
    # https://datatracker.ietf.org/doc/html/rfc8536#section-3: a header and data in 32 bits, then both in 64.
    utc, std, leap, times, types, chars = struct.unpack_from(">6l", content, 20)
    at = 44 + times * 5 + types * 6 + chars + leap * 8 + std + utc
    _, _, _, times, types, _ = struct.unpack_from(">6l", content, at + 20)
    moments = struct.unpack_from(f">{times}q", content, at + 44)
    kinds = struct.unpack_from(f">{times}B", content, at + 44 + times * 8)
    offsets = [struct.unpack_from(">l", content, at + 44 + times * 9 + kind * 6)[0] for kind in range(types)]
    return [
        datetime.fromtimestamp(moment, UTC)
        for index, (moment, kind) in enumerate(zip(moments, kinds, strict=True))
        if moment >= 0 and offsets[kind] != offsets[kinds[index - 1] if index else 0]
    ]


def shortest_time_between_changes(name: str) -> timedelta:
    """Between two listed changes of a zone."""
    gaps = [two - one for one, two in pairwise(listed_changes(name))]
    return min(gaps, default=timedelta.max)
