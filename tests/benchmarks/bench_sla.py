"""Due times per second, beside two plain ways of finding them: python -m tests.benchmarks.bench_sla."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from bot.core import calendars
from bot.core.policies import Calendar, Interval

NEW_YORK = Calendar(
    name="business",
    timezone="America/New_York",
    hours=tuple((Interval(start=9 * 60, end=17 * 60),) if day < 5 else () for day in range(7)),
    holidays={date(2026, 11, 26): "Thanksgiving Day", date(2026, 12, 25): "Christmas Day"},
)
NIGHTS = Calendar(
    name="nights",
    timezone="Pacific/Chatham",
    hours=((Interval(start=22 * 60, end=2 * 60), Interval(start=3 * 60, end=6 * 60)),) * 7,
)
START = datetime(2026, 1, 1, tzinfo=UTC)
TARGETS = [
    timedelta(hours=hours) for hours in (8, 24, 48, 16, 40, 80, 56, 112)
]  # ADR-096's in business hours


def minute_walk(calendar: Calendar, start: datetime, target: timedelta) -> datetime:
    """Step by a minute in UTC, and ask each whether it is open: obviously right."""
    zone, step, left, at = ZoneInfo(calendar.timezone), timedelta(minutes=1), target, start
    while left > timedelta(0):
        local = at.astimezone(zone)
        if _is_open(calendar, local.date(), local.hour * 60 + local.minute):
            left -= step
        at += step
    return at


def day_walk(calendar: Calendar, start: datetime, target: timedelta) -> datetime:
    """Go from local day to local day and convert the ends of its intervals: not right everywhere."""
    zone, left = ZoneInfo(calendar.timezone), target
    day = start.astimezone(zone).date() - timedelta(days=1)
    while True:
        for interval in calendar.hours[day.weekday()] if day not in calendar.holidays else ():
            midnight = datetime(day.year, day.month, day.day, tzinfo=zone)
            end = interval.end + (1440 if interval.end <= interval.start else 0)
            opens = max((midnight + timedelta(minutes=interval.start)).astimezone(UTC), start)
            closes = (midnight + timedelta(minutes=end)).astimezone(UTC)
            if left <= closes - opens:
                return opens + left
            left -= max(closes - opens, timedelta(0))
        day += timedelta(days=1)


def _is_open(calendar: Calendar, day: date, minute: int) -> bool:
    before = day - timedelta(days=1)
    today = calendar.hours[day.weekday()] if day not in calendar.holidays else ()
    yesterday = calendar.hours[before.weekday()] if before not in calendar.holidays else ()
    return any(i.start <= minute < i.end or i.end <= i.start <= minute for i in today) or any(
        i.end <= i.start and minute < i.end for i in yesterday
    )


def rate(
    due_at: Callable[[Calendar, datetime, timedelta], datetime], calendar: Calendar, cases: int
) -> float:
    """Cases per second, over the year 2026 and all of the targets."""
    starts = [START + timedelta(minutes=index * 525_600 // cases) for index in range(cases)]
    began = time.perf_counter()
    for index, start in enumerate(starts):
        due_at(calendar, start, TARGETS[index % len(TARGETS)])
    return cases / (time.perf_counter() - began)


def main() -> int:
    """Print the figures; 1 when they are below the goal of 20,000 a second."""
    print("Due times per second, targets of 8 to 112 business hours, starts over one year.")  # noqa: T201  # a command
    slowest = float("inf")
    for calendar in (NEW_YORK, NIGHTS):
        rate(calendars.due_at, calendar, 500)  # the weeks are computed once
        ours = rate(calendars.due_at, calendar, 50_000)
        slowest = min(slowest, ours)
        print(f"{calendar.name}: {ours:,.0f}/s")  # noqa: T201  # a command
        for walk, cases in ((day_walk, 2_000), (minute_walk, 40)):
            theirs = rate(walk, calendar, cases)
            print(f"  {walk.__name__} {theirs:,.0f}/s: {ours / theirs:,.0f} times")  # noqa: T201  # a command
    with_pauses = _rate_with_pauses()
    print(f"business, two pauses: {with_pauses:,.0f}/s")  # noqa: T201  # a command
    return 0 if min(slowest, with_pauses) >= 20_000 else 1


def _rate_with_pauses() -> float:
    hours = [START + timedelta(hours=hour) for hour in range(4, 76)]
    pauses = [(hours[0], hours[20]), (hours[40], hours[60])]
    return rate(
        lambda calendar, start, target: calendars.due_at(calendar, start, target, pauses), NEW_YORK, 20_000
    )


if __name__ == "__main__":
    sys.exit(main())
