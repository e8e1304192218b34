"""Rotas on random wall clocks: nobody is forgotten, nobody doubled, and 09:00 stays 09:00."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.core.model import PersonRef
from bot.core.policies import Calendar, Interval
from bot.core.rotas import OnCall, Rotation, Shift, Why, wall_clock

ZONES = (
    "America/New_York",
    "Europe/Lisbon",
    "Australia/Lord_Howe",
    "Pacific/Chatham",
    "Africa/Casablanca",
    "Antarctica/Troll",
    "America/St_Johns",
    "UTC",
)
HOUR, DAY, WEEK = timedelta(hours=1), timedelta(days=1), timedelta(weeks=1)
SECOND = timedelta(seconds=1)
START = datetime(2026, 1, 5, tzinfo=UTC)

zones = st.sampled_from(ZONES)
instants = st.integers(0, 2 * 365 * 86_400).map(lambda seconds: START + seconds * SECOND)
spans = st.sampled_from((HOUR, 8 * HOUR, 12 * HOUR, DAY, 3 * DAY, WEEK, 2 * WEEK))
local_starts = st.integers(0, 365 * 24 * 4).map(
    lambda quarters: datetime(2025, 6, 2) + quarters * timedelta(minutes=15)  # noqa: DTZ001 - a wall clock
)
counts = st.integers(1, 5)

calm = settings(deadline=None)


def person(name: str | int) -> PersonRef:
    return PersonRef(door="slack", workspace="T", user=f"U{name}")


def rotation(
    count: int, every: timedelta, starts: datetime, zone: str, hours: Calendar | None = None
) -> Rotation:
    people = tuple(person(number) for number in range(count))
    return Rotation(people=people, every=every, starts=starts, timezone=zone, hours=hours)


def on_call(*rotations: Rotation, **options: object) -> OnCall:
    return OnCall(standing={"on_call": ()}, rotations={"on_call": rotations}, **options)  # type: ignore[arg-type]  # any of its fields


def local(at: datetime, zone: str) -> datetime:
    return at.astimezone(ZoneInfo(zone)).replace(tzinfo=None)


@calm
@given(count=counts, every=spans, starts=local_starts, zone=zones, at=instants)
def test_exactly_one_person_of_a_rotation_is_on_call_at_every_instant_after_its_start(
    count: int, every: timedelta, starts: datetime, zone: str, at: datetime
) -> None:
    one = rotation(count, every, starts, zone)
    who = on_call(one).who("on_call", at)

    assert len(who) == (1 if at >= wall_clock(starts, zone) else 0)
    assert set(who) <= set(one.people)


@calm
@given(count=counts, every=spans, starts=local_starts, zone=zones, at=instants)
def test_a_full_rotation_has_no_gap_and_its_turns_touch(
    count: int, every: timedelta, starts: datetime, zone: str, at: datetime
) -> None:
    rota = on_call(rotation(count, every, starts, zone))
    begins = max(at, wall_clock(starts, zone))
    turns = rota.turns("on_call", begins, begins + 20 * DAY)

    assert rota.gaps("on_call", begins, begins + 20 * DAY) == ()
    assert turns[0].starts_at == begins
    assert turns[-1].ends_at == begins + 20 * DAY
    assert all(one.ends_at == after.starts_at for one, after in pairwise(turns))


@calm
@given(every=st.sampled_from((DAY, WEEK, 2 * WEEK)), zone=zones, at=instants, hour=st.integers(6, 23))
def test_a_handoff_stays_at_its_wall_clock_time_across_every_change_of_the_clocks(
    every: timedelta, zone: str, at: datetime, hour: int
) -> None:
    starts = datetime(2025, 6, 2, hour)  # noqa: DTZ001 - a wall clock
    turns = on_call(rotation(2, every, starts, zone)).turns("on_call", at, at + 60 * DAY)

    assert len(turns) > 2
    assert {local(turn.ends_at, zone).hour for turn in turns[:-1]} == {hour}
    assert {local(turn.ends_at, zone).minute for turn in turns[:-1]} == {0}


@calm
@given(every=spans, starts=local_starts, zone=zones, at=instants, moments=st.lists(instants))
def test_the_turns_name_whoever_is_named_when_it_is_asked_at_once(
    every: timedelta, starts: datetime, zone: str, at: datetime, moments: list[datetime]
) -> None:
    night = Calendar(name="n", timezone=zone, hours=((Interval(start=22 * 60, end=6 * 60),),) * 7)
    rota = on_call(rotation(3, every, starts, zone, night), fallback=(person("F"),))
    end = at + 10 * DAY
    turns = rota.turns("on_call", at, end)

    edges = [edge for turn in turns for edge in (turn.starts_at, turn.ends_at - SECOND)]
    for moment in [*edges, *(one for one in moments if at <= one < end)]:
        (turn,) = [turn for turn in turns if turn.starts_at <= moment < turn.ends_at]
        assert turn.called == rota.called("on_call", moment)


@calm
@given(zone=zones, at=instants)
def test_day_and_night_layers_hand_over_without_a_hole_or_a_double(zone: str, at: datetime) -> None:
    day = Calendar(name="d", timezone=zone, hours=((Interval(start=8 * 60, end=20 * 60),),) * 7)
    night = Calendar(name="n", timezone=zone, hours=((Interval(start=20 * 60, end=8 * 60),),) * 7)
    starts = datetime(2025, 6, 2)  # noqa: DTZ001 - a wall clock
    rota = on_call(rotation(2, WEEK, starts, zone, day), rotation(3, WEEK, starts, zone, night))

    assert len(rota.who("on_call", at)) <= 2
    assert rota.gaps("on_call", at, at + 5 * DAY) == ()
    is_day = 8 <= local(at, zone).hour < 20
    by_layer = [one.on(at) for one in rota.rotations["on_call"]]
    assert [person is not None for person in by_layer] == [is_day, not is_day]


@calm
@given(starts=instants, length=st.integers(1, 10**6), zone=zones)
def test_an_override_beats_everything_from_its_first_instant_up_to_its_last(
    starts: datetime, length: int, zone: str
) -> None:
    begins = datetime(2025, 6, 2, 9)  # noqa: DTZ001 - a wall clock
    ends = starts + length * SECOND
    override = Shift(role="on_call", person=person("S"), starts_at=starts, ends_at=ends)
    shift = Shift(role="on_call", person=person("X"), starts_at=starts, ends_at=ends)
    rota = on_call(rotation(2, DAY, begins, zone), overrides=(override,), shifts=(shift,))

    assert rota.called("on_call", starts).why is Why.OVERRIDE
    assert rota.who("on_call", starts) == rota.who("on_call", ends - SECOND) == (person("S"),)
    assert person("S") not in rota.who("on_call", ends)
    assert person("S") not in rota.who("on_call", starts - SECOND)


@calm
@given(local_time=local_starts, zone=zones)
def test_a_wall_clock_time_is_the_first_instant_at_which_the_clocks_have_reached_it(
    local_time: datetime, zone: str
) -> None:
    at = wall_clock(local_time, zone)

    assert local(at, zone) >= local_time
    assert local(at - SECOND, zone) < local_time


@pytest.mark.parametrize(
    ("zone", "local_time", "expected"),
    [
        ("America/New_York", "2026-03-08T02:30", "2026-03-08T07:00:00+00:00"),  # skipped
        ("America/New_York", "2026-11-01T01:30", "2026-11-01T05:30:00+00:00"),  # twice: the first
        ("Australia/Lord_Howe", "2026-10-04T02:15", "2026-10-03T15:30:00+00:00"),  # half an hour is skipped
        ("Pacific/Apia", "2011-12-30T09:00", "2011-12-30T10:00:00+00:00"),  # a whole day is skipped
    ],
)
def test_skipped_and_repeated_times_are_those_that_people_would_expect(
    zone: str, local_time: str, expected: str
) -> None:
    assert wall_clock(datetime.fromisoformat(local_time), zone).isoformat() == expected


def test_the_week_in_which_clocks_go_back_is_an_hour_longer_and_nobody_is_called_twice() -> None:
    starts = datetime(2026, 10, 19, 9)  # noqa: DTZ001 - a wall clock
    rota = on_call(rotation(2, WEEK, starts, "America/New_York"))
    turns = rota.turns("on_call", datetime(2026, 10, 20, tzinfo=UTC), datetime(2026, 11, 20, tzinfo=UTC))
    lengths = [turn.ends_at - turn.starts_at for turn in turns[1:-1]]

    assert lengths == [WEEK + HOUR, WEEK, WEEK]
    assert [turn.called.people[0].user for turn in turns] == ["U0", "U1", "U0", "U1", "U0"]


def test_an_hour_that_comes_again_takes_no_turn_back() -> None:
    starts = datetime(2026, 10, 31, 0, 45)  # noqa: DTZ001 - a wall clock
    rota = on_call(rotation(2, HOUR, starts, "America/New_York"))
    clocks_go_back = datetime(2026, 11, 1, 6, tzinfo=UTC)
    turns = rota.turns("on_call", clocks_go_back - HOUR, clocks_go_back + 2 * HOUR)

    assert [f"{turn.ends_at:%H:%M}" for turn in turns] == ["05:45", "07:45", "08:00"]
    for minute in range(-15, 105, 5):
        assert rota.who("on_call", clocks_go_back + minute * timedelta(minutes=1)) == turns[1].called.people


def test_hours_that_must_be_covered_leave_the_others_alone() -> None:
    office = Calendar(
        name="o", timezone="UTC", hours=((Interval(start=9 * 60, end=17 * 60),),) * 5 + ((), ())
    )
    starts = datetime(2026, 11, 2)  # noqa: DTZ001 - a wall clock
    until_noon = Calendar(name="u", timezone="UTC", hours=((Interval(start=9 * 60, end=12 * 60),),) * 7)
    rota = on_call(rotation(1, WEEK, starts, "UTC", until_noon), covers={"on_call": office})
    gaps = rota.gaps("on_call", datetime(2026, 11, 23, tzinfo=UTC), datetime(2026, 11, 30, tzinfo=UTC))

    assert [(gap.starts_at.hour, gap.ends_at.hour) for gap in gaps] == [(12, 17)] * 5


stretches = st.tuples(st.integers(0, 400), st.integers(1, 60), st.sampled_from("ABC"))


@calm
@given(live=st.lists(stretches, max_size=12), own=st.lists(stretches, max_size=4), moment=st.integers(0, 500))
def test_turns_of_overlapping_shifts_are_what_is_named_at_each_instant(
    live: list[tuple[int, int, str]], own: list[tuple[int, int, str]], moment: int
) -> None:
    def shifts(given_: list[tuple[int, int, str]]) -> tuple[Shift, ...]:
        return tuple(
            Shift(
                role="on_call",
                person=person(who),
                starts_at=START + begins * HOUR,
                ends_at=START + (begins + length) * HOUR,
            )
            for begins, length, who in given_
        )

    rota = OnCall(standing={"on_call": ()}, live=shifts(live), shifts=shifts(own), overrides=shifts(own[:1]))
    at = START + moment * HOUR
    (turn,) = [
        turn
        for turn in rota.turns("on_call", START, START + 500 * HOUR + HOUR)
        if turn.starts_at <= at < turn.ends_at
    ]
    assert turn.called == rota.called("on_call", at)
