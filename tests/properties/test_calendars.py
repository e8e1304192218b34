"""Business time against an independent oracle, and the algebra it obeys.

Fifty thousand random cases over all zones; SOAK=20 makes it a million, and SOAK=100 gives each law of the
algebra ten thousand examples.
"""

from __future__ import annotations

import json
import os
import random
import time
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from importlib import resources
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from day_oracle import (
    DayOracle,
    Window,
    change_after,
    is_open,
    listed_changes,
    shortest_time_between_changes,
)
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from bot.core import calendars
from bot.core.errors import ConfigError
from bot.core.policies import Calendar, Interval

SHARED = Path(__file__).resolve().parents[2].parent / "shared"
SOAK = int(os.environ.get("SOAK", "1"))  #: how many times the usual number of cases

ODD_ZONES = (
    "Pacific/Chatham",  # +12:45, and its gap is at 02:45
    "Australia/Lord_Howe",  # half an hour of summer time
    "Africa/Casablanca",  # changes around Ramadan
    "Africa/El_Aaiun",  # likewise
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
TWO_DAYS = timedelta(days=2)
BEFORE, DAYS = timedelta(days=5), 26  #: what the oracle looks at around a case
LUNCH = tuple(
    (Interval(start=9 * 60, end=12 * 60), Interval(start=13 * 60, end=17 * 60 + 30)) if day < 5 else ()
    for day in range(7)
)
USUAL = (LUNCH, ((Interval(start=0, end=24 * 60),),) * 7, ((Interval(start=22 * 60, end=6 * 60),),) * 7)


def an_interval(rng: random.Random) -> Interval:
    step = rng.choice((1, 15, 60))
    return Interval(start=rng.randrange(0, 1440, step), end=rng.randrange(0, 1441, step))


def some_intervals(rng: random.Random, numbers: tuple[int, ...]) -> tuple[Interval, ...]:
    return tuple(an_interval(rng) for _ in range(rng.choice(numbers)))


def a_calendar(zone: str, rng: random.Random, around: datetime) -> Calendar:
    """Anything that an administrator might write, and some that none would, such as overlapping intervals."""
    hours = tuple(some_intervals(rng, (0, 1, 1, 2, 3)) for _ in range(7))

    def days(most: int) -> list[date]:
        return [around.date() + timedelta(days=rng.randrange(-3, 12)) for _ in range(rng.randrange(most))]

    return Calendar(
        name="random",
        timezone=zone,
        hours=hours if rng.random() < 0.7 and any(hours) else rng.choice(USUAL),
        holidays=dict.fromkeys(days(4), "a holiday"),
        special_hours={day: some_intervals(rng, (0, 1, 2)) for day in days(3)},
        breaks={day: some_intervals(rng, (1, 2)) for day in days(3)},
    )


def some_pauses(rng: random.Random, start: datetime) -> list[calendars.Span]:
    pauses = []
    for _ in range(rng.choice((0, 0, 1, 2, 3))):
        since = start + timedelta(seconds=rng.randrange(-7_200, 4 * 86_400))
        pauses.append((since, since + timedelta(seconds=rng.choice((0, 1, 61, rng.randrange(200_000))))))
    return pauses


def a_place(zone: str, rng: random.Random) -> tuple[datetime, datetime | None]:
    """An instant to look around, and the change of the zone's offset that it is, if it is one."""
    anywhere = (FIRST + (LAST - FIRST) * rng.random()).replace(microsecond=0)
    change = None
    if rng.random() < 0.8:
        listed = [at for at in listed_changes(zone) if FIRST < at < LAST]
        by_rule = change_after(ZoneInfo(zone), anywhere, days=220)
        change = rng.choice(listed) if listed and (by_rule is None or rng.random() < 0.5) else by_rule
    return change or anywhere, change


def compare(zone: str, rng: random.Random, cases: int) -> Counter[str]:
    """Some calendars around one place of a zone; what was compared."""
    around, change = a_place(zone, rng)
    window = Window(zone, around - BEFORE, DAYS)
    compared: Counter[str] = Counter()
    for _ in range(4):
        calendar = a_calendar(zone, rng, around)
        oracle = DayOracle(calendar, window)
        for _ in range(cases):
            start = around + timedelta(seconds=rng.randrange(-2 * 86_400, 2 * 86_400))
            compared.update(compare_one(calendar, oracle, rng, start, change))
    return compared


def compare_one(
    calendar: Calendar, oracle: DayOracle, rng: random.Random, start: datetime, change: datetime | None
) -> Iterator[str]:
    target = timedelta(seconds=rng.choice((0, 1, 60, 3_600, 8 * 3_600, rng.randrange(150_000))))
    pauses = some_pauses(rng, start)
    end = start + timedelta(seconds=rng.randrange(0, 10 * 86_400))
    case = (calendar, start, target, pauses, end)
    counted = oracle.open_time_between(start, end, pauses)
    assert calendars.open_time_between(calendar, start, end, pauses) == counted, case
    assert calendars.is_open(calendar, start) == is_open(calendar, start), case
    expected = oracle.due_at(start, target, pauses)
    if expected is None:
        return
    assert calendars.due_at(calendar, start, target, pauses) == expected, case
    yield "due"
    for name, is_there in (
        ("paused", pauses),
        ("special", calendar.special_hours),
        ("break", calendar.breaks),
        ("holiday", calendar.holidays),
        ("near a change", change and abs(start - change) <= TWO_DAYS),
    ):
        if is_there:
            yield name


def test_due_times_agree_with_an_oracle_in_every_zone() -> None:
    compared: Counter[str] = Counter()
    for run in range(SOAK):
        rng = random.Random(2026 + run)  # noqa: S311  # cases, not secrets
        for zone in (*ALL_ZONES, *ODD_ZONES * 6):
            compared += compare(zone, rng, cases=22)

    assert compared["due"] >= 50_000 * SOAK
    assert compared["near a change"] >= 0.3 * compared["due"]
    assert min(compared[name] for name in ("paused", "special", "break", "holiday")) > 10_000 * SOAK
    print(f"{dict(compared)}: all equal to the second")  # noqa: T201  # seen with -s


@pytest.mark.parametrize("zone", ODD_ZONES)
def test_the_oracle_itself_agrees_with_the_definition_minute_by_minute(zone: str) -> None:
    rng = random.Random(zone)  # noqa: S311  # cases, not secrets
    around, _ = a_place(zone, rng)
    calendar = a_calendar(zone, rng, around)
    oracle = DayOracle(calendar, Window(zone, around - TWO_DAYS, 4))

    for minute, flag in enumerate(oracle.open):
        at = oracle.start + timedelta(minutes=minute)
        assert bool(flag) == is_open(calendar, at), (calendar, at)


def test_no_zone_changes_its_offset_twice_within_a_day() -> None:
    """opening_hours looks for a change once a day; it would overlook two that cancel out."""
    nearest = min((shortest_time_between_changes(name), name) for name in ALL_ZONES)

    assert nearest[0] >= timedelta(days=1), nearest


# -- the third opinion --------------------------------------------------------


def _vectors() -> dict[str, Any]:
    path = SHARED / "contracts" / "sla-vectors" / "biz_sample.json"
    if not path.exists():
        pytest.skip("the recorded vectors are not beside this checkout")
    vectors: dict[str, Any] = json.loads(path.read_text())
    return vectors


def _biz_calendar(given: dict[str, Any]) -> Calendar:
    days = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
    return Calendar(
        name="biz",
        timezone=given["time_zone"],
        hours=tuple(_biz_intervals(given["hours"].get(day, {})) for day in days),
        holidays={date.fromisoformat(day): day for day in given["holidays"]},
        breaks={date.fromisoformat(day): _biz_intervals(spans) for day, spans in given["breaks"].items()},
    )


def _biz_intervals(spans: dict[str, str]) -> tuple[Interval, ...]:
    return tuple(Interval(start=_minute(a), end=_minute(b)) for a, b in spans.items())


def _minute(text: str) -> int:
    hours, minutes = text.split(":")
    return int(hours) * 60 + int(minutes)


def test_due_and_elapsed_agree_with_zendesks_own_library() -> None:
    vectors = _vectors()
    known = {name: _biz_calendar(given) for name, given in vectors["calendars"].items()}

    for case in vectors["due"]:
        calendar = known[case["calendar"]]
        start = datetime.fromisoformat(case["start"])
        due_at = calendars.due_at(calendar, start, timedelta(minutes=case["minutes"]))
        assert due_at == datetime.fromisoformat(case["due_at_close"]), case
    for case in vectors["elapsed"]:
        calendar = known[case["calendar"]]
        a, b = datetime.fromisoformat(case["start"]), datetime.fromisoformat(case["end"])
        assert calendars.open_time_between(calendar, a, b).total_seconds() == case["seconds"], case


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


day_hours = st.lists(intervals, max_size=2).map(tuple)
offsets = st.integers(-2, 14)


@st.composite
def situations(draw: st.DrawFn) -> tuple[Calendar, datetime]:
    """A calendar, and an instant near its holidays and its dates with hours and breaks of their own."""
    at = draw(moments)

    def dates(values: st.SearchStrategy[Any]) -> dict[date, Any]:
        found = draw(st.dictionaries(offsets, values, max_size=2))
        return {at.date() + timedelta(days=offset): value for offset, value in found.items()}

    calendar = Calendar(
        name="any",
        timezone=draw(zones),
        hours=draw(st.tuples(*[day_hours] * 7).filter(any)),
        holidays=dates(st.just("a holiday")),
        special_hours=dates(day_hours),
        breaks=dates(day_hours),
    )
    return calendar, at


quick = settings(max_examples=100 * SOAK, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@quick
@given(situations(), targets)
def test_exactly_the_target_is_open_until_it_is_due_and_less_a_second_before(
    situation: tuple[Calendar, datetime], target: timedelta
) -> None:
    calendar, start = situation
    due_at = calendars.due_at(calendar, start, target)
    second = timedelta(seconds=1)

    assert calendars.open_time_between(calendar, start, due_at) == target
    assert calendars.open_time_between(calendar, start, due_at - second) == target - second


@quick
@given(situations(), spans, spans)
def test_open_time_adds_up(situation: tuple[Calendar, datetime], first: timedelta, second: timedelta) -> None:
    calendar, a = situation
    b, c = a + first, a + first + second

    parts = calendars.open_time_between(calendar, a, b) + calendars.open_time_between(calendar, b, c)
    assert calendars.open_time_between(calendar, a, c) == parts
    opened = sum((end - start for start, end in calendars.open_spans(calendar, a, c)), timedelta(0))
    assert opened == parts


@quick
@given(situations(), targets, targets)
def test_a_longer_target_is_not_due_earlier(
    situation: tuple[Calendar, datetime], one: timedelta, more: timedelta
) -> None:
    calendar, start = situation
    assert calendars.due_at(calendar, start, one) < calendars.due_at(calendar, start, one + more)


@quick
@given(situations(), targets, spans, spans)
def test_a_pause_moves_the_due_time_by_its_own_open_time(
    situation: tuple[Calendar, datetime], target: timedelta, wait: timedelta, length: timedelta
) -> None:
    calendar, start = situation
    pause = (start + wait, start + wait + length)
    paused_for = calendars.open_time_between(calendar, *pause)

    moved = calendars.due_at(calendar, start, target, [pause])

    if calendars.due_at(calendar, start, target) <= pause[0]:
        assert moved == calendars.due_at(calendar, start, target)
    else:
        assert moved == calendars.due_at(calendar, start, target + paused_for)
    assert calendars.open_time_between(calendar, start, moved, [pause]) == target


@quick
@given(situations(), spans)
def test_open_and_closed_spans_fill_the_time_without_a_gap(
    situation: tuple[Calendar, datetime], length: timedelta
) -> None:
    calendar, a = situation
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
@given(situations())
def test_the_next_opening_is_open_and_nothing_before_it_is(situation: tuple[Calendar, datetime]) -> None:
    calendar, at = situation
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
