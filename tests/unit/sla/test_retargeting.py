"""Changes under a running clock: what was used stays used, what is left counts anew, nothing is rewritten."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import pytest
from sla_kit import ALWAYS, HOUR, LISBON, MONDAY, a_promise, at

from bot.core import explanations, marks, retargeting, sla
from bot.core.model import Clock, ClockState, EscalationStep, Priority, SegmentKind, TicketId
from bot.core.policies import Calendar, SlaTarget

MANAGER = EscalationStep(notify="manager", percent=80)
DIRECTOR = EscalationStep(notify="director", percent=100)
EARLY = EscalationStep(notify="vp_engineering", after=2 * HOUR)


def begun(promise: SlaTarget, calendar: Calendar = ALWAYS) -> Clock:
    return sla.start_clock(promise, calendar, TicketId(7), MONDAY)


def test_what_was_used_stays_used_and_the_rest_counts_under_the_new_target() -> None:
    clock = retargeting.retarget(begun(a_promise(24)), a_promise(8), ALWAYS, at(3), "")

    assert clock.due_at == at(8)
    assert sla.elapsed(clock, at(5)) == 5 * HOUR
    assert [segment.terms.target / HOUR for segment in clock.segments] == [24, 8]


def test_each_segment_counts_in_its_own_calendar() -> None:
    clock = begun(a_promise(24, LISBON), LISBON)
    # Monday 19:00: eight hours are used; four of twelve are left, around the clock from now on.
    clock = retargeting.retarget(clock, a_promise(12, priority=Priority.P1), ALWAYS, at(10), "")

    assert clock.due_at == at(14)
    assert clock.calendar == "24x7"
    assert sla.elapsed(clock, at(12)) == 10 * HOUR
    assert clock.segments[-1].change == "priority P1 instead of P3, calendar 24x7 instead of business"


def test_a_change_makes_nothing_due_before_itself() -> None:
    clock = retargeting.retarget(begun(a_promise(24)), a_promise(4), ALWAYS, at(10), "")

    assert (clock.due_at, clock.warning_at) == (at(10), at(10))
    assert sla.fulfil(clock, at(10)).state is ClockState.BREACHED


def test_a_breach_under_the_same_target_stays_where_it_was() -> None:
    edited = replace(LISBON, holidays={**LISBON.holidays, date(2026, 11, 26): "Founders' Day"})
    clock = retargeting.recount(begun(a_promise(8, LISBON), LISBON), edited, at(24))

    assert clock.due_at == at(8)


def test_a_new_holiday_moves_what_is_left_and_not_what_was_used() -> None:
    clock = begun(a_promise(16, LISBON), LISBON)
    tuesday = replace(LISBON, holidays={**LISBON.holidays, date(2026, 11, 24): "Founders' Day"})
    # On Tuesday at 11:00 somebody enters Tuesday as a holiday: its two hours were worked all the same.
    moved = retargeting.recount(clock, tuesday, at(26))

    assert moved.due_at == at(48 + 6)
    assert moved.segments[-1].change == retargeting.CALENDAR_CHANGED
    assert sla.elapsed(moved, at(30)) == 10 * HOUR


def test_the_same_calendar_loaded_in_another_year_is_no_change() -> None:
    later = replace(LISBON, holidays={**LISBON.holidays, date(2060, 1, 1): "New Year's Day"})
    clock = begun(a_promise(16, LISBON), LISBON)

    assert retargeting.recount(clock, later, at(1)) is clock
    assert retargeting.retarget(clock, a_promise(16, LISBON), later, at(1), "") is clock


def test_a_pause_survives_a_change() -> None:
    clock = sla.pause(begun(a_promise(24)), at(2), "on hold")
    clock = retargeting.retarget(clock, a_promise(8), ALWAYS, at(5), "")

    assert clock.state is ClockState.PAUSED
    assert (clock.segments[-1].kind, clock.segments[-1].reason) == (SegmentKind.PAUSED, "on hold")
    assert sla.elapsed(clock, at(50)) == 2 * HOUR
    assert sla.resume(clock, at(7)).due_at == at(13)


def test_a_change_to_less_than_what_was_used_is_told_during_a_pause() -> None:
    clock = sla.pause(begun(a_promise(24)), at(6), "waiting on the customer")
    clock = retargeting.retarget(clock, a_promise(4), ALWAYS, at(9), "")

    assert [mark.name for mark in marks.due_marks(clock, at(9))] == ["warning", "breach"]
    assert sla.fulfil(clock, at(20)).state is ClockState.BREACHED


def test_what_comes_due_again_is_told_again_and_the_rest_is_not() -> None:
    clock = begun(a_promise(4, steps=(MANAGER, DIRECTOR)))
    clock = marks.tell(clock, [mark.name for mark in marks.due_marks(clock, at(5))])
    assert set(clock.told) == {"warning", "breach", "step:0", "step:1"}

    lowered = retargeting.retarget(clock, a_promise(6, steps=(MANAGER, DIRECTOR)), ALWAYS, at(5), "")
    assert set(lowered.told) == {"warning", "step:0"}  # 80 % of six hours are used
    assert marks.next_check(lowered) == at(6)

    raised = retargeting.retarget(clock, a_promise(2, steps=(MANAGER, DIRECTOR)), ALWAYS, at(5), "")
    assert set(raised.told) == {"warning", "breach", "step:0", "step:1"}


def test_a_step_is_the_same_when_it_calls_the_same_people_at_the_same_time() -> None:
    clock = begun(a_promise(4, steps=(MANAGER, DIRECTOR)))
    clock = marks.tell(clock, ["warning", "step:0"])

    other = retargeting.retarget(
        clock, a_promise(4, steps=(EARLY, MANAGER), policy="p@2"), ALWAYS, at(3.5), ""
    )

    assert set(other.told) == {"warning", "step:1"}
    assert [mark.name for mark in marks.due_marks(other, at(3.5))] == ["step:0"]


def test_an_acknowledgement_stands_through_a_change() -> None:
    clock = marks.acknowledge(begun(a_promise(4, steps=(MANAGER,))), "Dana", at(1))
    clock = retargeting.retarget(clock, a_promise(8, steps=(MANAGER,)), ALWAYS, at(2), "")

    assert clock.acknowledged_by == "Dana"
    assert [mark.name for mark in marks.marks(clock)] == ["warning", "breach"]


def test_what_changes_nothing_is_no_change() -> None:
    clock = begun(a_promise(4, steps=(MANAGER,)))
    ended = sla.fulfil(clock, at(1))

    assert retargeting.retarget(clock, a_promise(4, steps=(MANAGER,)), ALWAYS, at(2), "again") is clock
    assert retargeting.retarget(ended, a_promise(9), ALWAYS, at(2), "") is ended
    assert retargeting.recount(clock, ALWAYS, at(2)) is clock


def test_steps_alone_can_change() -> None:
    clock = retargeting.retarget(begun(a_promise(4)), a_promise(4, steps=(EARLY,)), ALWAYS, at(1), "")

    assert clock.steps == (EARLY,)
    assert clock.segments[-1].change == "policy edited"
    assert clock.due_at == at(4)


def test_a_promise_that_comes_back_after_a_change_keeps_what_it_used() -> None:
    clock = sla.fulfil(begun(a_promise(24)), at(3), "solved")
    again = retargeting.retarget(sla.reopen(clock, at(10)), a_promise(8), ALWAYS, at(10), "")

    assert again.due_at == at(15)
    assert sla.elapsed(again, at(12)) == 5 * HOUR


@pytest.mark.parametrize("when", [-5, 0])
def test_a_change_heard_late_does_not_turn_time_back(when: float) -> None:
    clock = sla.pause(begun(a_promise(24)), at(2), "on hold")
    clock = retargeting.retarget(clock, a_promise(8), ALWAYS, at(when), "")

    assert clock.segments[-1].started_at == at(2)
    assert all(one.ended_at is None or one.ended_at >= one.started_at for one in clock.segments)


def test_the_explanation_says_what_each_change_did() -> None:
    clock = begun(a_promise(24, LISBON), LISBON)
    clock = retargeting.retarget(clock, a_promise(12, priority=Priority.P1), ALWAYS, at(10), "")

    found = explanations.explained(clock, at(12))

    (change,) = found.changes
    assert (change.at, change.used) == (at(10), 8 * HOUR)
    assert (change.due_before, change.due_after) == (at(48 + 8), at(14))
    assert sum((span.counted for span in found.spans), timedelta(0)) == found.elapsed == 10 * HOUR
