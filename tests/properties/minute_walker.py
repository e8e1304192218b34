"""An independent reckoner of business time: it looks at every single minute, and shares no code with ours."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from importlib import resources
from itertools import pairwise
from zoneinfo import ZoneInfo

from bot.core.policies import Calendar

MINUTE = timedelta(minutes=1)
SECOND = timedelta(seconds=1)


def is_open(calendar: Calendar, at: datetime) -> bool:
    """By the definition: the local wall-clock time lies in an interval of a day that is no holiday."""
    local = at.astimezone(ZoneInfo(calendar.timezone))
    minute = local.hour * 60 + local.minute
    today, yesterday = local.date(), local.date() - timedelta(days=1)
    for start, end in _intervals(calendar, today):
        if (start <= minute < end) or (end <= start <= minute):
            return True
    return any(end <= start and minute < end for start, end in _intervals(calendar, yesterday))


def _intervals(calendar: Calendar, day: date) -> list[tuple[int, int]]:
    if day in calendar.holidays:
        return []
    return [(interval.start, interval.end) for interval in calendar.hours[day.weekday()]]


class MinuteWalker:
    """Every minute of a window, open or not. Offsets must be whole minutes, as all are since 1972.

    Between the minutes it counts in whole seconds since the start of the window.
    """

    def __init__(self, calendar: Calendar, start: datetime, days: int) -> None:
        self.start = start.replace(second=0, microsecond=0)
        self.open = bytes(is_open(calendar, self.start + minute * MINUTE) for minute in range(days * 24 * 60))

    def due_at(
        self, start: datetime, target: timedelta, pauses: Sequence[tuple[datetime, datetime]] = ()
    ) -> datetime | None:
        """None when the window is too small."""
        if not target:
            return start
        left = target // SECOND
        for begin, end in self._counting(self._seconds(start), pauses, len(self.open) * 60):
            if left <= end - begin:
                return self.start + (begin + left) * SECOND
            left -= end - begin
        return None

    def open_time_between(
        self, a: datetime, b: datetime, pauses: Sequence[tuple[datetime, datetime]] = ()
    ) -> timedelta:
        counting = self._counting(self._seconds(a), pauses, self._seconds(b))
        return sum(end - begin for begin, end in counting) * SECOND

    def _seconds(self, at: datetime) -> int:
        return (at - self.start) // SECOND

    def _counting(
        self, a: int, pauses: Sequence[tuple[datetime, datetime]], b: int
    ) -> Iterator[tuple[int, int]]:
        """Pieces of at most a minute in [a, b) that are open; by the second where a pause is near."""
        paused = [(self._seconds(since), self._seconds(to)) for since, to in pauses]
        index = self.open.find(1, a // 60)
        while 0 <= index * 60 < b:
            begin, end = max(a, index * 60), min(b, (index + 1) * 60)
            if not any(begin < to and end > since for since, to in paused):
                yield begin, end
            else:
                for second in range(begin, end):
                    if not any(since <= second < to for since, to in paused):
                        yield second, second + 1
            index = self.open.find(1, index + 1)


def changes_of_offset(name: str, first: datetime, last: datetime) -> list[datetime]:
    """Instants within an hour after each change of a zone's UTC offset."""
    zone, found = ZoneInfo(name), []
    at, before = first, first.astimezone(zone).utcoffset()
    while at < last:
        at += timedelta(days=1)
        offset = at.astimezone(zone).utcoffset()
        if offset != before:
            hour = at - timedelta(days=1)
            while hour.astimezone(zone).utcoffset() == before:
                hour += timedelta(hours=1)
            found.append(hour.astimezone(UTC))
            before = offset
    return found


def gaps_between_changes(name: str) -> Iterator[int]:
    """Seconds between the changes of a zone's offset that its file in the tzdata package lists, from 1970."""
    content = resources.files("tzdata").joinpath("zoneinfo", *name.split("/")).read_bytes()
    # https://datatracker.ietf.org/doc/html/rfc8536#section-3: a header and data in 32 bits, then both in 64.
    utc, std, leap, times, types, chars = struct.unpack_from(">6l", content, 20)
    at = 44 + times * 5 + types * 6 + chars + leap * 8 + std + utc
    _, _, _, times, types, _ = struct.unpack_from(">6l", content, at + 20)
    moments = struct.unpack_from(f">{times}q", content, at + 44)
    kinds = struct.unpack_from(f">{times}B", content, at + 44 + times * 8)
    offsets = [struct.unpack_from(">l", content, at + 44 + times * 9 + kind * 6)[0] for kind in range(types)]
    changes = [
        moment
        for index, (moment, kind) in enumerate(zip(moments, kinds, strict=True))
        if moment >= 0 and offsets[kind] != offsets[kinds[index - 1] if index else 0]
    ]
    yield from (two - one for one, two in pairwise(changes))
