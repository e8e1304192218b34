"""Due times per second, beside two plain ways of finding them and beside businesstimedelta.

    python tests/benchmarks/bench_sla.py

Exit code 1 below 20,000 a second, or below 50 times businesstimedelta. That one is compared where it is there
(`pip install businesstimedelta`), on the cases where both are right by the oracle of the tests. Figures are
per second of one core's own time, so that what else the machine does matters less.
"""

from __future__ import annotations

import random
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from datetime import time as wall_time
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "properties"))

from day_oracle import DayOracle, Window

from bot.core import calendars
from bot.core.policies import Calendar, Interval
from bot.system import pin_time_zones, time_zones_of
from config.policies import load_policies

PER_SECOND = 20_000  #: the goals
TIMES = 50
CASES = 2_000  #: side by side, for each calendar


def at(minutes: str) -> int:
    hours, _, rest = minutes.partition(":")
    return int(hours) * 60 + int(rest)


def weekdays(*spans: tuple[str, str], days: Sequence[int] = range(5)) -> tuple[tuple[Interval, ...], ...]:
    hours = tuple(Interval(start=at(start), end=at(end)) for start, end in spans)
    return tuple(hours if day in days else () for day in range(7))


NEW_YORK = load_policies(None, now=datetime(2026, 1, 1, tzinfo=UTC)).calendars["business"]
NIGHTS = Calendar(
    name="nights",
    timezone="Pacific/Chatham",
    hours=((Interval(start=22 * 60, end=2 * 60), Interval(start=3 * 60, end=6 * 60)),) * 7,
)
BESIDE = (
    NEW_YORK,
    Calendar(name="berlin", timezone="Europe/Berlin", hours=weekdays(("8:30", "18:00"))),
    Calendar(name="lunch", timezone="Europe/Lisbon", hours=weekdays(("9:00", "12:00"), ("13:00", "17:30"))),
    Calendar(
        name="nights", timezone="America/New_York", hours=weekdays(("22:00", "6:00"), days=(0, 1, 2, 3, 4))
    ),
)
START = datetime(2026, 1, 1, tzinfo=UTC)
TARGETS = [
    timedelta(hours=hours) for hours in (8, 24, 48, 16, 40, 80, 56, 112)
]  # ADR-096's in business hours

DueAt = Callable[[Calendar, datetime, timedelta], datetime]


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


def rate(due_at: DueAt, calendar: Calendar, cases: int) -> float:
    """Cases per second, over the year 2026 and all of the targets."""
    starts = [START + timedelta(minutes=index * 525_600 // cases) for index in range(cases)]
    began = time.process_time()
    for index, start in enumerate(starts):
        due_at(calendar, start, TARGETS[index % len(TARGETS)])
    return cases / (time.process_time() - began)


def main() -> int:
    """Print the figures; 1 when one is below its goal."""
    pin_time_zones()
    say(f"Due times per second, targets of 8 to 112 business hours, starts over one year; {time_zones_of()}.")
    rates = [ours_beside_walks(calendar) for calendar in (NEW_YORK, NIGHTS)] + [with_pauses()]
    if find_spec("businesstimedelta") is None:
        say("businesstimedelta is not installed: not compared.")
        return 0 if min(rates) >= PER_SECOND else 1
    say(f"Beside businesstimedelta, {CASES:,} cases for each calendar, in turns on the same cases:")
    times = [beside(calendar) for calendar in BESIDE]
    return 0 if min(rates) >= PER_SECOND and min(times) >= TIMES else 1


def ours_beside_walks(calendar: Calendar) -> float:
    rate(calendars.due_at, calendar, 500)  # the weeks are computed once
    ours = rate(calendars.due_at, calendar, 50_000)
    say(f"{calendar.name}: {ours:,.0f}/s")
    for walk, cases in ((day_walk, 2_000), (minute_walk, 40)):
        theirs = rate(walk, calendar, cases)
        say(f"  {walk.__name__} {theirs:,.0f}/s: {ours / theirs:,.0f} times")
    return ours


def with_pauses() -> float:
    hours = [START + timedelta(hours=hour) for hour in range(4, 76)]
    pauses = [(hours[0], hours[20]), (hours[40], hours[60])]
    found = rate(
        lambda calendar, start, target: calendars.due_at(calendar, start, target, pauses), NEW_YORK, 20_000
    )
    say(f"business, two pauses: {found:,.0f}/s")
    return found


# -- businesstimedelta ----------------------------------------------------------


def beside(calendar: Calendar) -> float:
    """How many times faster ours is where both are right."""
    rng = random.Random(calendar.name)  # noqa: S311  # cases, not secrets
    oracle = DayOracle(calendar, Window(calendar.timezone, START - timedelta(days=2), 420))
    theirs = businesstimedelta_of(calendar)
    cases = [
        (START + timedelta(seconds=rng.randrange(365 * 86_400)), rng.choice(TARGETS)) for _ in range(CASES)
    ]
    right = {case: oracle.due_at(*case) for case in cases}
    ours_right = [case for case in cases if calendars.due_at(calendar, *case) == right[case]]
    both = [case for case in ours_right if theirs(calendar, *case).astimezone(UTC) == right[case]]
    pairs = [
        (spent(calendars.due_at, calendar, both * 20) / 20, spent(theirs, calendar, both)) for _ in range(3)
    ]
    mine, other = (float(min(each)) for each in zip(*pairs, strict=True))
    say(
        f"  {calendar.name}: ours right {len(ours_right):,}, both right {len(both):,}; there "
        f"{len(both) / mine:,.0f}/s and {len(both) / other:,.0f}/s: {other / mine:,.0f} times"
    )
    return other / mine


def spent(due_at: DueAt, calendar: Calendar, cases: Sequence[tuple[datetime, timedelta]]) -> float:
    began = time.process_time()
    for start, target in cases:
        due_at(calendar, start, target)
    return time.process_time() - began


def businesstimedelta_of(calendar: Calendar) -> DueAt:
    """Its way of writing the same calendar: a rule for each interval of a day, and one of the holidays."""
    import businesstimedelta as other  # type: ignore[import-not-found]  # noqa: PLC0415  # may not be there
    import pytz  # type: ignore[import-untyped]  # noqa: PLC0415  # comes with it

    zone = pytz.timezone(calendar.timezone)
    days_of: dict[Interval, list[int]] = {}
    for day, hours in enumerate(calendar.hours):
        for interval in hours:
            days_of.setdefault(interval, []).append(day)
    parts = [
        other.WorkDayRule(
            start_time=_wall(interval.start), end_time=_wall(interval.end), working_days=days, tz=zone
        )
        for interval, days in days_of.items()
    ]
    holidays: Mapping[date, str] = calendar.holidays
    if holidays:
        # It looks for the next one for five years, and for all of them a day at a time.
        parts.append(other.HolidayRule(holidays, tz=zone))
    rules = other.Rules(parts)

    def due_at(_: Calendar, start: datetime, target: timedelta) -> Any:
        return start + other.BusinessTimeDelta(rules, timedelta=target)

    return due_at


def _wall(minutes: int) -> wall_time:
    return wall_time(minutes // 60, minutes % 60)


def say(words: str) -> None:
    print(words)  # noqa: T201  # a command


if __name__ == "__main__":
    sys.exit(main())
