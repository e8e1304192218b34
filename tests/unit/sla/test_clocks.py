"""The life of a clock: started, paused, kept, broken, told and explained."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise

import pytest

from bot.core import explanations, marks, sla
from bot.core.model import Clock, ClockState, EscalationStep, Metric, Priority, SegmentKind, TicketId, Tier
from bot.core.policies import Calendar, Interval, SlaTarget

ALWAYS = Calendar(name="24x7", timezone="UTC", hours=((),) * 7, is_always_open=True)
LISBON = Calendar(
    name="business",
    timezone="Europe/Lisbon",  # UTC in winter
    hours=tuple((Interval(start=9 * 60, end=17 * 60),) if day < 5 else () for day in range(7)),
    holidays={date(2026, 12, 8): "Immaculate Conception"},
)
STEPS = (
    EscalationStep(notify="vp_engineering", after=timedelta(hours=2)),
    EscalationStep(notify="manager", percent=80),
    EscalationStep(notify="vp_engineering", percent=100),
    EscalationStep(notify="on_call", percent=120),
)
MONDAY = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)


def at(hours: float) -> datetime:
    return MONDAY + timedelta(hours=hours)


def a_clock(
    calendar: Calendar = ALWAYS,
    target: timedelta = timedelta(hours=4),
    start: datetime = MONDAY,
    steps: tuple[EscalationStep, ...] = STEPS,
) -> Clock:
    promise = SlaTarget(
        policy="default@1",
        tier=Tier.ENTERPRISE,
        priority=Priority.P1,
        metric=Metric.FIRST_REPLY_TIME,
        target=target,
        calendar=calendar.name,
        warn_percent=80,
        steps=steps,
    )
    return sla.start_clock(promise, calendar, TicketId(7), start)


def told_at(clock: Clock, now: datetime) -> list[str]:
    return [mark.name for mark in marks.due_marks(clock, now)]


def test_a_new_clock_is_a_snapshot_of_its_policy() -> None:
    clock = a_clock()

    assert (clock.policy, clock.calendar, clock.target) == ("default@1", "24x7", timedelta(hours=4))
    assert (clock.due_at, clock.warning_at) == (at(4), at(3.2))
    assert (clock.state, clock.version, clock.ticket) == (ClockState.RUNNING, 1, 7)
    assert clock.steps == STEPS


def test_a_fraction_of_a_second_promises_nothing() -> None:
    clock = a_clock(start=MONDAY + timedelta(microseconds=999_999))

    assert (clock.started_at, clock.due_at) == (MONDAY, at(4))


def test_a_share_of_a_target_is_never_early() -> None:
    assert sla.share(timedelta(seconds=101), 80) == timedelta(seconds=81)
    assert sla.share(timedelta(hours=4), 80) == timedelta(hours=3, minutes=12)
    assert sla.share(timedelta(hours=4), 120) == timedelta(hours=4, minutes=48)


@pytest.mark.parametrize(
    ("replied_at", "state"),
    [
        (at(4) - timedelta(microseconds=1), ClockState.MET),
        (at(4), ClockState.BREACHED),
        (at(5), ClockState.BREACHED),
    ],
)
def test_a_promise_is_met_before_its_due_time_and_breached_at_it(
    replied_at: datetime, state: ClockState
) -> None:
    clock = sla.fulfil(a_clock(), replied_at)

    assert clock.state is state
    assert clock.ended_at == replied_at.replace(microsecond=0)
    assert clock.segments[-1].ended_at == clock.ended_at
    assert clock.version == 2


def test_a_pause_moves_the_promise_by_its_business_time() -> None:
    clock = a_clock(LISBON, timedelta(hours=8))
    assert clock.due_at == at(8)

    clock = sla.pause(clock, at(2), "waiting on customer")
    assert (clock.state, clock.due_at) == (ClockState.PAUSED, at(8))
    clock = sla.resume(clock, at(25))  # Tuesday 10:00: six hours of Monday, one of Tuesday

    assert (clock.state, clock.due_at) == (ClockState.RUNNING, at(24 + 7))
    assert [segment.kind for segment in clock.segments] == [
        SegmentKind.RUNNING,
        SegmentKind.PAUSED,
        SegmentKind.RUNNING,
    ]
    assert sla.elapsed(clock, at(26)) == timedelta(hours=3)


def test_a_paused_clock_does_not_age() -> None:
    clock = sla.pause(a_clock(), at(3), "waiting on customer")

    assert sla.elapsed(clock, at(1_000)) == timedelta(hours=3)
    assert told_at(clock, at(1_000)) == ["step:0"]
    assert sla.fulfil(clock, at(1_000)).state is ClockState.MET, "six months on hold are no breach"


def test_what_was_reached_before_a_pause_is_still_told_after_it() -> None:
    clock = sla.pause(a_clock(), at(4.5), "waiting on customer")

    assert told_at(clock, at(9)) == ["step:0", "warning", "step:1", "breach", "step:2"]
    assert sla.fulfil(clock, at(9)).state is ClockState.BREACHED


def test_segments_are_closed_and_appended_never_rewritten() -> None:
    clock = a_clock()
    for hour in range(1, 9, 2):
        paused = sla.pause(clock, at(hour), "waiting on customer")
        resumed = sla.resume(paused, at(hour + 1))
        assert paused.segments[: len(clock.segments) - 1] == clock.segments[:-1]
        assert resumed.segments[: len(paused.segments) - 1] == paused.segments[:-1]
        assert all(segment.ended_at is not None for segment in resumed.segments[:-1])
        clock = resumed

    assert clock.version == 9


def test_a_senders_late_clock_cannot_turn_time_back() -> None:
    clock = sla.pause(a_clock(), at(2), "waiting on customer")

    clock = sla.resume(clock, at(1))

    assert clock.segments[-1].started_at == at(2)
    assert clock.due_at == at(4)


def test_what_changes_nothing_keeps_the_version() -> None:
    running = a_clock()
    paused = sla.pause(running, at(1), "waiting on customer")
    ended = sla.cancel(running, at(1))

    assert sla.resume(running, at(1)) is running
    assert sla.pause(paused, at(2), "again") is paused
    assert marks.tell(running, []) is running
    assert sla.reopen(running, at(1)) is running
    for change in (
        sla.fulfil(ended, at(2)),
        sla.cancel(ended, at(2)),
        sla.pause(ended, at(2), "late"),
        sla.resume(ended, at(2)),
        marks.acknowledge(ended, "Dana", at(2)),
    ):
        assert change is ended


def test_marks_come_in_time_order_and_each_once() -> None:
    clock = a_clock()
    told: list[str] = []
    for minute in range(0, 6 * 60, 7):
        names = told_at(clock, at(minute / 60))
        told += names
        clock = marks.tell(clock, names)

    assert told == ["step:0", "warning", "step:1", "breach", "step:2", "step:3"]
    assert marks.next_check(clock) is None


def test_the_next_check_is_the_next_mark_that_is_not_told() -> None:
    clock = a_clock()
    assert marks.next_check(clock) == at(2)

    clock = marks.tell(clock, ["step:0"])
    assert marks.next_check(clock) == at(3.2)
    clock = marks.tell(clock, ["warning", "step:1", "breach", "step:2"])

    assert marks.next_check(clock) == at(4.8)


def test_percentages_are_of_business_time() -> None:
    clock = a_clock(LISBON, timedelta(hours=8), start=at(4))  # Monday 13:00

    found = {mark.name: mark.at for mark in marks.marks(clock)}

    assert found["step:0"] == at(6)
    assert found["warning"] == at(24) + timedelta(hours=2, minutes=24)
    assert found["breach"] == found["step:2"] == at(24 + 4)
    assert found["step:3"] == at(24 + 4) + timedelta(hours=1, minutes=36)


def test_an_acknowledgement_stops_the_steps_and_not_the_promise() -> None:
    clock = marks.acknowledge(a_clock(), "Dana", at(2.5))

    assert (clock.acknowledged_by, clock.acknowledged_at, clock.version) == ("Dana", at(2.5), 2)
    assert [mark.name for mark in marks.marks(clock)] == ["warning", "breach"]
    assert marks.acknowledge(clock, "Omar", at(3)) is clock
    assert sla.fulfil(clock, at(5)).state is ClockState.BREACHED


def test_a_clock_that_has_ended_has_nothing_to_say() -> None:
    for ended in (sla.fulfil(a_clock(), at(5)), sla.cancel(a_clock(), at(5))):
        assert marks.marks(ended) == ()
        assert marks.next_check(ended) is None


def test_a_ticket_that_comes_back_runs_on_without_the_time_it_was_solved() -> None:
    solved = sla.fulfil(marks.tell(a_clock(), ["step:0"]), at(3))

    again = sla.reopen(solved, at(10))

    assert (again.state, again.ended_at, again.due_at) == (ClockState.RUNNING, None, at(11))
    assert again.told == ("step:0",)
    assert sla.elapsed(again, at(10.5)) == timedelta(hours=3.5)
    assert [segment.reason for segment in again.segments] == ["", "solved", "opened again"]


def test_a_breach_stays_a_breach_when_the_ticket_comes_back() -> None:
    solved = sla.fulfil(a_clock(), at(5))

    again = sla.reopen(solved, at(10))

    assert again.due_at == at(4)
    assert sla.fulfil(again, at(11)).state is ClockState.BREACHED


def test_marks_of_an_edited_policy_do_not_reach_a_running_clock() -> None:
    clock = replace(a_clock(), steps=())

    assert [mark.name for mark in marks.marks(clock)] == ["warning", "breach"]


def test_the_explanation_names_every_span_and_adds_up() -> None:
    friday = datetime(2026, 12, 4, 16, 0, tzinfo=UTC)
    clock = a_clock(LISBON, timedelta(hours=16), start=friday)
    clock = sla.pause(clock, datetime(2026, 12, 7, 10, 0, tzinfo=UTC), "waiting on customer")
    clock = sla.resume(clock, datetime(2026, 12, 7, 11, 0, tzinfo=UTC))
    now = datetime(2026, 12, 9, 10, 30, tzinfo=UTC)

    spans = explanations.explain(clock, now)

    assert [(span.kind.value, span.reason, span.counted / timedelta(hours=1)) for span in spans] == [
        ("running", "", 1),
        ("closed", "night", 0),
        ("closed", "weekend", 0),
        ("closed", "night", 0),
        ("running", "", 1),
        ("paused", "waiting on customer", 0),
        ("running", "", 6),
        ("closed", "night", 0),
        ("closed", "holiday Immaculate Conception", 0),
        ("closed", "night", 0),
        ("running", "", 1.5),
    ]
    assert sum((span.counted for span in spans), timedelta(0)) == sla.elapsed(clock, now)
    assert (spans[0].started_at, spans[-1].ended_at) == (friday, now)
    assert all(one.ended_at == two.started_at for one, two in pairwise(spans))
    assert str(spans[0].local_started_at.tzinfo) == "Europe/Lisbon"


def test_the_explanation_of_an_ended_clock_ends_with_it() -> None:
    clock = sla.fulfil(a_clock(), at(3))

    spans = explanations.explain(clock, at(50))

    assert [(span.started_at, span.ended_at) for span in spans] == [(MONDAY, at(3))]


def test_a_lunch_break_is_called_one() -> None:
    split = replace(
        LISBON, hours=((Interval(start=9 * 60, end=12 * 60), Interval(start=13 * 60, end=17 * 60)),) * 7
    )

    spans = explanations.explain(a_clock(split, start=at(2)), at(5))

    assert [(span.reason, span.counted) for span in spans] == [
        ("", timedelta(hours=1)),
        ("break", timedelta(0)),
        ("", timedelta(hours=1)),
    ]
