"""An independent reckoner of business time: it looks at every single minute, and shares no code with ours."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
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
    """Every minute of a window, open or not. Offsets must be whole minutes, as all are since 1972."""

    def __init__(self, calendar: Calendar, start: datetime, days: int) -> None:
        self.start = start.replace(second=0, microsecond=0)
        self.open = [is_open(calendar, self.start + minute * MINUTE) for minute in range(days * 24 * 60)]

    def due_at(
        self, start: datetime, target: timedelta, pauses: Sequence[tuple[datetime, datetime]] = ()
    ) -> datetime | None:
        """None when the window is too small."""
        if not target:
            return start
        left = int(target.total_seconds())
        for begin, end in self._counting(start, pauses, self.start + len(self.open) * MINUTE):
            seconds = (end - begin) // SECOND
            if left <= seconds:
                return begin + left * SECOND
            left -= seconds
        return None

    def open_time_between(
        self, a: datetime, b: datetime, pauses: Sequence[tuple[datetime, datetime]] = ()
    ) -> timedelta:
        return sum((end - begin for begin, end in self._counting(a, pauses, b)), timedelta(0))

    def _counting(
        self, a: datetime, pauses: Sequence[tuple[datetime, datetime]], b: datetime
    ) -> Iterator[tuple[datetime, datetime]]:
        """Pieces of at most a minute in [a, b) that are open; by the second where a pause is near."""
        for index in range((a - self.start) // MINUTE, len(self.open)):
            if not self.open[index]:
                continue
            begin = max(a, self.start + index * MINUTE)
            end = min(b, self.start + (index + 1) * MINUTE)
            if begin >= end:
                if begin >= b:
                    return
                continue
            if not any(begin < to and end > since for since, to in pauses):
                yield begin, end
                continue
            for second in range((end - begin) // SECOND):
                at = begin + second * SECOND
                if not any(since <= at < to for since, to in pauses):
                    yield at, at + SECOND


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
