"""Random lives of a clock against a reckoner that walks every minute and knows nothing of segments."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot.core import explanations, marks, retargeting, sla
from bot.core.model import Clock, ClockState, EscalationStep, Metric, Priority, TicketId, Tier
from bot.core.policies import Calendar, Interval, SlaTarget

EXAMPLES = int(os.environ.get("DESKBELL_HISTORIES", "150"))
START = datetime(2026, 10, 30, 12, 0, tzinfo=UTC)  # a Friday; clocks change in New York on Sunday
MINUTE = timedelta(minutes=1)
ALWAYS = Calendar(name="24x7", timezone="UTC", hours=((),) * 7, is_always_open=True)
NEW_YORK = Calendar(
    name="business",
    timezone="America/New_York",
    hours=tuple((Interval(start=9 * 60, end=17 * 60),) if day < 5 else () for day in range(7)),
)
WITH_HOLIDAY = Calendar(
    name="business",
    timezone="America/New_York",
    hours=NEW_YORK.hours,
    holidays={date(2026, 11, 2): "All Souls"},
)
NIGHTS = Calendar(
    name="nights",
    timezone="Pacific/Chatham",
    hours=((Interval(start=22 * 60, end=6 * 60),),) * 7,
)
CALENDARS = (ALWAYS, NEW_YORK, WITH_HOLIDAY, NIGHTS)
STEPS = (EscalationStep(notify="manager", percent=50), EscalationStep(notify="director", percent=100))


@dataclass(frozen=True)
class Happening:
    after: int  #: minutes
    what: str
    calendar: Calendar = ALWAYS
    target: int = 60


class Walker:
    """What holds at each minute, and the minutes that counted. Written from the rule, not from the code."""

    def __init__(self, calendar: Calendar, target: int) -> None:
        self.now = START
        self.is_live, self.is_paused = True, False
        self.calendar, self.target = calendar, target
        self.used = 0
        self.due_at: datetime | None = None
        self.since = START

    def walk(self, minutes: int) -> None:
        for _ in range(minutes):
            if self.is_live and not self.is_paused and _is_open(self.calendar, self.now):
                self.used += 1
                if self.used == self.target and self.due_at is None:
                    self.due_at = self.now + MINUTE
            self.now += MINUTE

    def change(self, calendar: Calendar, target: int) -> None:
        if not self.is_live:
            return
        if target != self.target:
            self.due_at = self.now if self.used >= target else None
        self.calendar, self.target = calendar, target


def _is_open(calendar: Calendar, at: datetime) -> bool:
    if calendar.is_always_open:
        return True
    from zoneinfo import ZoneInfo  # noqa: PLC0415 - here, to share nothing with the code under test

    local = at.astimezone(ZoneInfo(calendar.timezone))
    minute = local.hour * 60 + local.minute
    for back in (0, 1):
        day = local.date() - timedelta(days=back)
        if day in calendar.holidays:
            continue
        for hours in calendar.hours[day.weekday()]:
            end = hours.end + (24 * 60 if hours.end <= hours.start else 0)
            if hours.start <= minute + back * 24 * 60 < end:
                return True
    return False


def a_target(calendar: Calendar, minutes: int) -> SlaTarget:
    return SlaTarget(
        policy=f"of {minutes}",
        tier=Tier.ENTERPRISE,
        priority=Priority.P3,
        metric=Metric.RESOLUTION_TIME,
        target=minutes * MINUTE,
        calendar=calendar.name,
        warn_percent=80,
        steps=STEPS,
    )


HAPPENINGS = st.lists(
    st.builds(
        Happening,
        after=st.one_of(st.just(0), st.integers(0, 300), st.integers(0, 2_000)),
        what=st.sampled_from(
            ("pause", "resume", "retarget", "recount", "fulfil", "cancel", "reopen", "tell")
        ),
        calendar=st.sampled_from(CALENDARS),
        target=st.sampled_from((1, 60, 240, 480, 481, 960)),
    ),
    max_size=9,
)


@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.sampled_from(CALENDARS), st.sampled_from((60, 240, 480, 960)), HAPPENINGS)
def test_a_replay_is_what_a_walk_over_every_minute_finds(
    calendar: Calendar, minutes: int, happenings: Sequence[Happening]
) -> None:
    clock = sla.start_clock(a_target(calendar, minutes), calendar, TicketId(1), START)
    walker = Walker(calendar, minutes)
    for happening in happenings:
        walker.walk(happening.after)
        after = _happened(clock, walker, happening)
        _check(clock, after, walker)
        clock = after
    _check_end(clock, walker)


def _happened(clock: Clock, walker: Walker, happening: Happening) -> Clock:  # noqa: PLR0911 - a table
    now, calendar, target = walker.now, happening.calendar, happening.target
    match happening.what:
        case "pause":
            walker.is_paused = walker.is_paused or walker.is_live
            return sla.pause(clock, now, "on hold")
        case "resume":
            walker.is_paused = walker.is_paused and not walker.is_live
            return sla.resume(clock, now)
        case "retarget":
            walker.change(calendar, target)
            return retargeting.retarget(clock, a_target(calendar, target), calendar, now, "")
        case "recount":
            walker.change(calendar, walker.target)
            return retargeting.recount(clock, calendar, now)
        case "fulfil":
            ended = sla.fulfil(clock, now)
            if walker.is_live:
                assert (ended.state is ClockState.BREACHED) == (walker.due_at is not None)
            walker.is_live = False
            return ended
        case "cancel":
            walker.is_live = False
            return sla.cancel(clock, now)
        case "reopen":
            if not walker.is_live:
                walker.is_live, walker.is_paused = True, False
            return sla.reopen(clock, now)
        case _:
            return marks.tell(clock, [mark.name for mark in marks.due_marks(clock, now)])


def _check(before: Clock, after: Clock, walker: Walker) -> None:
    assert sla.elapsed(after, walker.now) == walker.used * MINUTE
    assert after.target == walker.target * MINUTE
    assert (after.due_at, after.warning_at) == sla.timed(after)
    if walker.due_at is not None:
        assert after.due_at == walker.due_at
    elif after.state is ClockState.RUNNING:
        assert after.due_at > walker.now
    # History is only appended to: closed segments are as they were, an open one may have been closed.
    kept = len(before.segments) - 1
    assert after.segments[:kept] == before.segments[:kept]
    assert after.segments[kept].started_at == before.segments[kept].started_at
    assert after.segments[kept].terms == before.segments[kept].terms
    assert (after is before) or after.version > before.version
    spans = explanations.explain(after, walker.now)
    assert sum((span.counted for span in spans), timedelta(0)) == walker.used * MINUTE


def _check_end(clock: Clock, walker: Walker) -> None:
    """The promise comes due exactly when the walk finds its last minute used up."""
    is_due_ahead = walker.due_at is None
    if clock.state is not ClockState.RUNNING or not is_due_ahead:
        return
    if clock.due_at - walker.now > timedelta(days=9):
        return
    walker.walk((clock.due_at - walker.now) // MINUTE)
    assert (walker.due_at, walker.used) == (clock.due_at, walker.target)
