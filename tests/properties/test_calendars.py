"""Business time against an independent minute walker, and the algebra it obeys."""

from __future__ import annotations

import json
import os
import random
import time
from datetime import UTC, date, datetime, timedelta
from importlib import resources
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from minute_walker import MinuteWalker, changes_of_offset, gaps_between_changes, is_open

from bot.core import calendars
from bot.core.errors import ConfigError
from bot.core.policies import Calendar, Interval

SHARED = Path(__file__).resolve().parents[2].parent / "shared"
SOAK = int(os.environ.get("SOAK", "1"))  #: how many times the usual number of cases

ODD_ZONES = (
    "Pacific/Chatham",  # +12:45, and its gap is at 02:45
    "Australia/Lord_Howe",  # half an hour of summer time
    "Africa/Casablanca",  # changes around Ramadan
    "Pacific/Apia",  # had no 30 December 2011
    "America/St_Johns",  # -03:30; changed at 00:01 until 2011
    "Antarctica/Troll",  # two hours of summer time
    "America/New_York",
    "Europe/Berlin",
    "Asia/Kolkata",
    "America/Sao_Paulo",  # changed at midnight, so that some days began at 01:00
    "Asia/Gaza",
    "UTC",
)
ALL_ZONES = sorted(resources.files("tzdata").joinpath("zones").read_text().split())
FIRST, LAST = datetime(1995, 1, 1, tzinfo=UTC), datetime(2037, 1, 1, tzinfo=UTC)
LUNCH = tuple(
    (Interval(start=9 * 60, end=12 * 60), Interval(start=13 * 60, end=17 * 60 + 30)) if day < 5 else ()
    for day in range(7)
)


def a_calendar(zone: str, rng: random.Random, around: datetime) -> Calendar:
    """Anything that an administrator might write, and some that none would."""

    def interval() -> Interval:
        step = rng.choice((1, 15, 60))
        return Interval(start=rng.randrange(0, 1440, step), end=rng.randrange(0, 1441, step))

    hours = tuple(
        tuple(interval() for _ in range(rng.choice((0, 1, 1, 2, 3)))) if rng.random() < 0.9 else ()
        for _ in range(7)
    )
    usual = (LUNCH, ((Interval(start=0, end=24 * 60),),) * 7, ((Interval(start=22 * 60, end=6 * 60),),) * 7)
    days = [around.date() + timedelta(days=rng.randrange(-3, 12)) for _ in range(rng.randrange(0, 4))]
    return Calendar(
        name="random",
        timezone=zone,
        hours=hours if rng.random() < 0.7 and any(hours) else rng.choice(usual),
        holidays=dict.fromkeys(days, "a holiday"),
    )


def some_pauses(rng: random.Random, start: datetime) -> list[tuple[datetime, datetime]]:
    pauses = []
    for _ in range(rng.choice((0, 0, 1, 2, 3))):
        since = start + timedelta(seconds=rng.randrange(-7_200, 4 * 86_400))
        pauses.append((since, since + timedelta(seconds=rng.choice((0, 1, 61, rng.randrange(200_000))))))
    return pauses


def compare(zone: str, rng: random.Random, cases: int) -> int:
    """One window of a zone; two of three lie on a change of its offset. How many due times were compared."""
    changes = changes_of_offset(zone, FIRST, LAST)
    around = rng.choice(changes) if changes and rng.random() < 0.67 else FIRST + (LAST - FIRST) * rng.random()
    around = around.replace(microsecond=0)
    calendar = a_calendar(zone, rng, around)
    walker = MinuteWalker(calendar, around - timedelta(days=3), days=17)
    compared = 0
    for _ in range(cases):
        start = around + timedelta(seconds=rng.randrange(-2 * 86_400, 2 * 86_400))
        target = timedelta(seconds=rng.choice((0, 1, 60, 3_600, 8 * 3_600, rng.randrange(150_000))))
        pauses = some_pauses(rng, start)
        expected = walker.due_at(start, target, pauses)
        if expected is not None:
            compared += 1
            assert calendars.due_at(calendar, start, target, pauses) == expected, (
                calendar,
                start,
                target,
                pauses,
            )
        end = start + timedelta(seconds=rng.randrange(0, 10 * 86_400))
        counted = walker.open_time_between(start, end, pauses)
        assert calendars.open_time_between(calendar, start, end, pauses) == counted, (
            calendar,
            start,
            end,
            pauses,
        )
        assert calendars.is_open(calendar, start) == is_open(calendar, start)
    return compared


@pytest.mark.parametrize("zone", ODD_ZONES)
def test_due_times_agree_with_a_walk_over_every_minute(zone: str) -> None:
    rng = random.Random(zone)  # noqa: S311  # cases, not secrets

    assert sum(compare(zone, rng, cases=20) for _ in range(3 * SOAK)) > 20


@pytest.mark.slow
def test_due_times_agree_in_every_zone_there_is() -> None:
    rng = random.Random(2026)  # noqa: S311  # cases, not secrets

    compared = sum(compare(zone, rng, cases=10) for zone in ALL_ZONES for _ in range(SOAK))

    assert compared > 3_000 * SOAK


def test_no_zone_changes_its_offset_twice_within_a_day() -> None:
    """opening_hours looks for a change once a day; it would overlook two that cancel out."""
    nearest = min((gap, name) for name in ALL_ZONES for gap in gaps_between_changes(name))

    assert nearest[0] >= 86_400, nearest


# -- the third opinion --------------------------------------------------------


def _vectors() -> dict[str, Any]:
    path = SHARED / "contracts" / "sla-vectors" / "biz_sample.json"
    if not path.exists():
        pytest.skip("the recorded vectors are not beside this checkout")
    vectors: dict[str, Any] = json.loads(path.read_text())
    return vectors


def _biz_calendar(given: dict[str, Any]) -> tuple[Calendar, list[tuple[datetime, datetime]]]:
    """A calendar of zendesk/biz; its breaks on single dates are pauses for us."""
    zone = ZoneInfo(given["time_zone"])
    days = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
    calendar = Calendar(
        name="biz",
        timezone=given["time_zone"],
        hours=tuple(
            tuple(Interval(start=_minute(a), end=_minute(b)) for a, b in given["hours"].get(day, {}).items())
            for day in days
        ),
        holidays={date.fromisoformat(day): day for day in given["holidays"]},
    )
    breaks = [
        (
            datetime.fromisoformat(f"{day}T{a}").replace(tzinfo=zone),
            datetime.fromisoformat(f"{day}T{b}").replace(tzinfo=zone),
        )
        for day, spans in given["breaks"].items()
        for a, b in spans.items()
    ]
    return calendar, breaks


def _minute(text: str) -> int:
    hours, minutes = text.split(":")
    return int(hours) * 60 + int(minutes)


def test_due_and_elapsed_agree_with_zendesks_own_library() -> None:
    vectors = _vectors()
    known = {name: _biz_calendar(given) for name, given in vectors["calendars"].items()}

    for case in vectors["due"]:
        calendar, breaks = known[case["calendar"]]
        start = datetime.fromisoformat(case["start"])
        due_at = calendars.due_at(calendar, start, timedelta(minutes=case["minutes"]), breaks)
        assert due_at == datetime.fromisoformat(case["due_at_close"]), case
    for case in vectors["elapsed"]:
        calendar, breaks = known[case["calendar"]]
        a, b = datetime.fromisoformat(case["start"]), datetime.fromisoformat(case["end"])
        assert calendars.open_time_between(calendar, a, b, breaks).total_seconds() == case["seconds"], case


# -- algebra ------------------------------------------------------------------

minutes = st.integers(0, 1439)
intervals = st.builds(Interval, start=minutes, end=st.integers(0, 1440))
zones = st.one_of(st.sampled_from(ODD_ZONES), st.sampled_from(ALL_ZONES))
moments = st.datetimes(
    min_value=datetime(1995, 1, 1),  # noqa: DTZ001  # Hypothesis wants bounds without a zone
    max_value=datetime(2037, 1, 1),  # noqa: DTZ001  # as above
    timezones=st.just(UTC),
).map(lambda at: at.replace(microsecond=0))
spans = st.integers(0, 40 * 86_400).map(lambda seconds: timedelta(seconds=seconds))
targets = st.integers(1, 400_000).map(lambda seconds: timedelta(seconds=seconds))


@st.composite
def any_calendar(draw: st.DrawFn) -> Calendar:
    hours = draw(st.tuples(*[st.lists(intervals, max_size=2).map(tuple)] * 7))
    assume(any(hours))
    return Calendar(name="any", timezone=draw(zones), hours=hours)


quick = settings(max_examples=100 * SOAK, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@quick
@given(any_calendar(), moments, targets)
def test_exactly_the_target_is_open_until_it_is_due_and_less_a_second_before(
    calendar: Calendar, start: datetime, target: timedelta
) -> None:
    due_at = calendars.due_at(calendar, start, target)
    second = timedelta(seconds=1)

    assert calendars.open_time_between(calendar, start, due_at) == target
    assert calendars.open_time_between(calendar, start, due_at - second) == target - second


@quick
@given(any_calendar(), moments, spans, spans)
def test_open_time_adds_up(calendar: Calendar, a: datetime, first: timedelta, second: timedelta) -> None:
    b, c = a + first, a + first + second

    parts = calendars.open_time_between(calendar, a, b) + calendars.open_time_between(calendar, b, c)
    assert calendars.open_time_between(calendar, a, c) == parts
    opened = sum((end - start for start, end in calendars.open_spans(calendar, a, c)), timedelta(0))
    assert opened == parts


@quick
@given(any_calendar(), moments, targets, targets)
def test_a_longer_target_is_not_due_earlier(
    calendar: Calendar, start: datetime, one: timedelta, more: timedelta
) -> None:
    assert calendars.due_at(calendar, start, one) < calendars.due_at(calendar, start, one + more)


@quick
@given(any_calendar(), moments, targets, spans, spans)
def test_a_pause_moves_the_due_time_by_its_own_open_time(
    calendar: Calendar, start: datetime, target: timedelta, wait: timedelta, length: timedelta
) -> None:
    pause = (start + wait, start + wait + length)
    paused_for = calendars.open_time_between(calendar, *pause)

    moved = calendars.due_at(calendar, start, target, [pause])

    if calendars.due_at(calendar, start, target) <= pause[0]:
        assert moved == calendars.due_at(calendar, start, target)
    else:
        assert moved == calendars.due_at(calendar, start, target + paused_for)
    assert calendars.open_time_between(calendar, start, moved, [pause]) == target


@quick
@given(any_calendar(), moments, spans)
def test_open_and_closed_spans_fill_the_time_without_a_gap(
    calendar: Calendar, a: datetime, length: timedelta
) -> None:
    b = a + length
    pieces = [
        *calendars.open_spans(calendar, a, b),
        *((start, end) for start, end, _ in calendars.closed_spans(calendar, a, b)),
    ]

    edges = sorted(pieces)
    assert [end for _, end in edges[:-1]] == [start for start, _ in edges[1:]]
    if edges:
        assert (edges[0][0], edges[-1][1]) == (a, b)


@quick
@given(moments, targets)
def test_always_open_is_plain_arithmetic(start: datetime, target: timedelta) -> None:
    always = Calendar(name="24x7", timezone="UTC", hours=((),) * 7, is_always_open=True)
    spelled_out = Calendar(
        name="all week", timezone="Europe/Berlin", hours=((Interval(start=0, end=1440),),) * 7
    )

    assert calendars.due_at(always, start, target) == start + target
    assert calendars.due_at(spelled_out, start, target) == start + target
    assert calendars.next_opening(always, start) == start


@quick
@given(any_calendar(), moments)
def test_the_next_opening_is_open_and_nothing_before_it_is(calendar: Calendar, at: datetime) -> None:
    opening = calendars.next_opening(calendar, at)

    assume(opening is not None)
    assert opening is not None
    assert calendars.is_open(calendar, opening)
    assert calendars.open_time_between(calendar, at, opening) == timedelta(0)


# -- examples that a person can check -----------------------------------------

NEW_YORK = Calendar(
    name="business",
    timezone="America/New_York",
    hours=tuple((Interval(start=9 * 60, end=17 * 60),) if day < 5 else () for day in range(7)),
)


def nightly(zone: str) -> Calendar:
    return Calendar(name="nights", timezone=zone, hours=((Interval(start=60, end=180),),) * 7)


def test_a_repeated_hour_counts_twice() -> None:
    day = datetime(2026, 11, 1, tzinfo=UTC)  # New York puts its clocks back at 06:00Z

    opened = calendars.open_time_between(nightly("America/New_York"), day, day + timedelta(days=1))

    assert opened == timedelta(hours=3)


def test_a_skipped_hour_counts_not_at_all() -> None:
    day = datetime(2026, 3, 8, tzinfo=UTC)  # New York puts its clocks forward at 07:00Z

    opened = calendars.open_time_between(nightly("America/New_York"), day, day + timedelta(days=1))

    assert opened == timedelta(hours=1)


def test_a_target_used_up_at_closing_time_is_due_then() -> None:
    friday_morning = datetime(2026, 11, 20, 14, 0, tzinfo=UTC)

    assert calendars.due_at(NEW_YORK, friday_morning, timedelta(hours=8)) == datetime(
        2026, 11, 20, 22, 0, tzinfo=UTC
    )


def test_a_holiday_takes_away_the_whole_night_that_starts_on_it() -> None:
    nights = Calendar(
        name="nights",
        timezone="UTC",
        hours=((Interval(start=22 * 60, end=6 * 60),),) * 7,
        holidays={date(2026, 12, 25): "Christmas Day"},
    )

    assert calendars.is_open(nights, datetime(2026, 12, 25, 5, 59, tzinfo=UTC)), "Thursday's night"
    assert not calendars.is_open(nights, datetime(2026, 12, 25, 23, 0, tzinfo=UTC))
    assert not calendars.is_open(nights, datetime(2026, 12, 26, 5, 0, tzinfo=UTC))
    assert calendars.is_open(nights, datetime(2026, 12, 26, 22, 0, tzinfo=UTC))


def test_a_calendar_that_never_opens_says_so_at_once() -> None:
    never = Calendar(name="never", timezone="UTC", hours=((),) * 7)
    start, began = datetime(2026, 1, 1, tzinfo=UTC), time.monotonic()

    with pytest.raises(ConfigError, match="'never' does not open"):
        calendars.due_at(never, start, timedelta(seconds=1))
    assert calendars.next_opening(never, start) is None
    assert calendars.due_at(never, start, timedelta(0)) == start
    assert time.monotonic() - began < 1


def test_a_target_beyond_a_hundred_years_is_refused_and_not_searched_for() -> None:
    with pytest.raises(ConfigError, match="within a hundred years"):
        calendars.due_at(NEW_YORK, datetime(2026, 1, 1, tzinfo=UTC), timedelta(days=80_000))


def test_fractions_of_a_second_are_kept() -> None:
    start = datetime(2026, 11, 24, 15, 0, 0, 250_000, tzinfo=UTC)

    assert calendars.due_at(NEW_YORK, start, timedelta(hours=1)) == start + timedelta(hours=1)


def test_an_instant_needs_a_zone_and_may_be_in_any() -> None:
    local = datetime(2026, 11, 24, 10, 0, tzinfo=ZoneInfo("America/New_York"))

    assert calendars.due_at(NEW_YORK, local, timedelta(hours=1)) == datetime(2026, 11, 24, 16, 0, tzinfo=UTC)
    with pytest.raises(ValueError, match="timezone-aware"):
        calendars.due_at(NEW_YORK, local.replace(tzinfo=None), timedelta(hours=1))


def test_nonsense_is_refused() -> None:
    at = datetime(2026, 11, 24, tzinfo=UTC)

    with pytest.raises(ValueError, match="negative"):
        calendars.due_at(NEW_YORK, at, timedelta(seconds=-1))
    with pytest.raises(ValueError, match="cannot end before it starts"):
        calendars.due_at(NEW_YORK, at, timedelta(hours=1), [(at + timedelta(hours=1), at)])
    with pytest.raises(ConfigError, match="seven days"):
        calendars.is_open(Calendar(name="short", timezone="UTC", hours=((),)), at)


@pytest.mark.parametrize("name", ["Mars/Base", "America", "", "../etc/passwd", "/etc/localtime"])
def test_a_zone_that_is_none_is_one_sentence(name: str) -> None:
    with pytest.raises(ConfigError, match="is not the name of a time zone"):
        calendars.is_open(Calendar(name="x", timezone=name, hours=LUNCH), datetime(2026, 1, 1, tzinfo=UTC))
