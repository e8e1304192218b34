"""What a clock has to say, and when: its warning, its breach and its escalation steps, each told once."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, timedelta

from bot.core import calendars
from bot.core.model import Clock, ClockState, EscalationStep, Mark
from bot.core.policies import Calendar
from bot.core.sla import changed, pauses_of, share, whole_second

WARNING = "warning"
BREACH = "breach"
STEP = "step:"


def marks(clock: Clock, calendar: Calendar) -> tuple[Mark, ...]:
    """Every instant at which this clock has something to say, told or not, in time order.

    "warning" and "breach" are about the promise and name nobody; "step:N" calls the people of a step, and
    there are none once somebody has acknowledged. A paused clock has only the marks it had reached; one
    that has ended has none.
    """
    if not clock.is_live:
        return ()
    found = [Mark(name=WARNING, at=clock.warning_at), Mark(name=BREACH, at=clock.due_at)]
    if clock.acknowledged_by is None:
        pauses = pauses_of(clock)
        for number, step in enumerate(clock.steps):
            at = calendars.due_at(calendar, clock.started_at, _reach(clock, step), pauses)
            found.append(Mark(name=f"{STEP}{number}", at=at, step=step))
    if clock.state is ClockState.PAUSED:
        stopped_at = clock.segments[-1].started_at
        found = [mark for mark in found if mark.at <= stopped_at]
    return tuple(sorted(found, key=lambda mark: mark.at))  # stable: the warning comes before its step


def due_marks(clock: Clock, calendar: Calendar, now: datetime) -> tuple[Mark, ...]:
    """The marks that are reached and not told yet, in time order."""
    return tuple(mark for mark in _untold(clock, calendar) if mark.at <= now)


def next_check(clock: Clock, calendar: Calendar) -> datetime | None:
    """When to look at this clock again; in the past when something is overdue, None when all is told."""
    return next((mark.at for mark in _untold(clock, calendar)), None)


def acknowledge(clock: Clock, by: str, now: datetime) -> Clock:
    """Somebody has it: no further escalation steps. The promise itself goes on."""
    if not clock.is_live or clock.acknowledged_by is not None:
        return clock
    taken = replace(clock, acknowledged_by=by, acknowledged_at=whole_second(now))
    return changed(taken, state=clock.state)


def tell(clock: Clock, names: Iterable[str]) -> Clock:
    """Remember marks as told, so that each is told once."""
    news = tuple(name for name in dict.fromkeys(names) if name not in clock.told)
    return changed(replace(clock, told=(*clock.told, *news)), state=clock.state) if news else clock


def _untold(clock: Clock, calendar: Calendar) -> tuple[Mark, ...]:
    return tuple(mark for mark in marks(clock, calendar) if mark.name not in clock.told)


def _reach(clock: Clock, step: EscalationStep) -> timedelta:
    if step.percent is not None:
        return share(clock.target, step.percent)
    assert step.after is not None  # a step has one of the two
    return step.after
