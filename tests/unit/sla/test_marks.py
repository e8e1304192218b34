"""Repeats and snoozes of escalation steps, instant by instant."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from bot.core import marks, sla
from bot.core.model import Clock, EscalationStep, Metric, Priority, TicketId, Tier
from bot.core.policies import Calendar, Interval, SlaTarget

ALWAYS = Calendar(name="24x7", timezone="UTC", hours=((),) * 7, is_always_open=True)
OFFICE = Calendar(
    name="office",
    timezone="UTC",
    hours=tuple((Interval(start=9 * 60, end=17 * 60),) if day < 5 else () for day in range(7)),
)
MONDAY = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
STEP = EscalationStep(notify="manager", percent=50, repeat=15 * MINUTE, at_most=3)


def at(hours: float, minutes: float = 0) -> datetime:
    return MONDAY + timedelta(hours=hours, minutes=minutes)


def a_clock(*steps: EscalationStep, calendar: Calendar = ALWAYS, hours: float = 4) -> Clock:
    target = SlaTarget(
        policy="test@1",
        tier=Tier.ENTERPRISE,
        priority=Priority.P1,
        metric=Metric.RESOLUTION_TIME,
        target=timedelta(hours=hours),
        calendar=calendar.name,
        warn_percent=80,
        steps=steps or (STEP,),
    )
    return sla.start_clock(target, calendar, TicketId(1), MONDAY)


def steps_of(clock: Clock) -> dict[str, datetime]:
    return {mark.name: mark.at for mark in marks.marks(clock) if mark.step is not None}


def due(clock: Clock, now: datetime) -> list[str]:
    return [mark.name for mark in marks.due_marks(clock, now)]


def test_a_step_comes_again_after_each_span_and_no_more_often_than_it_says() -> None:
    assert steps_of(a_clock()) == {
        "step:0": at(2),
        "step:0:1": at(2, 15),
        "step:0:2": at(2, 30),
        "step:0:3": at(2, 45),
    }
    assert [mark.round for mark in marks.marks(a_clock()) if mark.step] == [0, 1, 2, 3]


def test_repeats_go_on_through_the_night_that_the_step_waited_for() -> None:
    clock = a_clock(STEP, calendar=OFFICE, hours=15.5)  # the step comes at 16:45

    assert list(steps_of(clock).values()) == [at(7, 45), at(8), at(8, 15), at(8, 30)]


def test_a_pause_is_one_for_the_repeats_too() -> None:
    clock = sla.pause(a_clock(), at(2, 20), "waiting")
    assert list(steps_of(clock)) == ["step:0", "step:0:1"]
    assert due(marks.tell(clock, ["step:0", "step:0:1", "warning"]), at(100)) == []

    clock = sla.resume(clock, at(10))
    assert list(steps_of(clock).values()) == [at(2), at(2, 15), at(10, 10), at(10, 25)]


def test_nothing_is_repeated_once_somebody_has_it_or_the_promise_is_kept() -> None:
    assert steps_of(marks.acknowledge(a_clock(), "Ada", at(2, 20))) == {}
    assert steps_of(sla.fulfil(a_clock(), at(2, 20))) == {}


def test_a_snooze_holds_steps_back_until_its_end_and_then_they_are_due_together() -> None:
    told = marks.tell(a_clock(), ["step:0"])
    clock = marks.snooze(told, "Ada", at(2, 5), 30 * MINUTE)

    assert marks.next_check(clock) == at(2, 35)
    assert due(clock, at(2, 34)) == []
    assert due(clock, at(2, 35)) == ["step:0:1", "step:0:2"]
    assert clock.version == told.version + 1


def test_a_snooze_holds_back_neither_the_warning_nor_the_breach() -> None:
    clock = marks.snooze(a_clock(), "Ada", at(1), 4 * timedelta(hours=1))

    assert due(clock, at(4)) == ["warning", "breach"]
    assert marks.next_check(clock) == at(3.2)


def test_the_longest_snooze_counts_and_none_is_forgotten() -> None:
    long = marks.snooze(a_clock(), "Ada", at(1, 59), timedelta(hours=1))
    clock = marks.snooze(long, "Otto", at(2, 5), 30 * MINUTE)

    assert clock.snoozed_until == at(2, 59)
    assert [snooze.by for snooze in clock.snoozes] == ["Ada", "Otto"]


@pytest.mark.parametrize(
    "clock",
    [
        marks.acknowledge(a_clock(), "Ada", at(1)),
        sla.fulfil(a_clock(), at(1)),
    ],
)
def test_what_somebody_has_or_what_is_over_cannot_be_snoozed(clock: Clock) -> None:
    assert marks.snooze(clock, "Ada", at(2), 30 * MINUTE) is clock


def test_targets_of_a_step_are_one_or_several_each_once() -> None:
    assert STEP.targets == ("manager",)
    assert replace(STEP, notify=("a", "b", "a")).targets == ("a", "b")
