"""What a clock has to say, and when: its warning, its breach and its escalation steps, each told once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import datetime, timedelta

from bot.core import calendars
from bot.core.calendars import Span
from bot.core.model import Clock, ClockState, EscalationStep, Mark, Snooze
from bot.core.policies import Calendar
from bot.core.sla import changed, pauses_of, reached_at, share, whole_second

WARNING = "warning"
BREACH = "breach"
STEP = "step:"

#: Repeats follow the wall clock: whoever is called at night is called again at night.
WALL = Calendar(name="24x7", timezone="UTC", hours=((),) * 7, is_always_open=True)


def marks(clock: Clock) -> tuple[Mark, ...]:
    """Every instant at which this clock has something to say, told or not, in time order.

    "warning" and "breach" are about the promise and name nobody; "step:N" calls the people of a step, and
    "step:N:K" calls them again. There are none once somebody has acknowledged. A paused clock has only the
    marks it had reached; one that has ended has none.
    """
    if not clock.is_live:
        return ()
    found = [Mark(name=WARNING, at=clock.warning_at), Mark(name=BREACH, at=clock.due_at)]
    if clock.acknowledged_by is None:
        found += _steps(clock)
    if clock.state is ClockState.PAUSED:
        stopped_at = clock.segments[-1].started_at
        found = [mark for mark in found if mark.at <= stopped_at]
    return tuple(sorted(found, key=lambda mark: mark.at))  # stable: the warning comes before its step


def due_marks(clock: Clock, now: datetime) -> tuple[Mark, ...]:
    """The marks that are reached and not told yet, in time order; steps wait for the end of a snooze."""
    return tuple(mark for mark in _untold(clock) if _told_at(clock, mark) <= now)


def next_check(clock: Clock) -> datetime | None:
    """When to look at this clock again; in the past when something is overdue, None when all is told."""
    return min((_told_at(clock, mark) for mark in _untold(clock)), default=None)


def acknowledge(clock: Clock, by: str, now: datetime) -> Clock:
    """Somebody has it: no further escalation steps. The promise itself goes on."""
    if not clock.is_live or clock.acknowledged_by is not None:
        return clock
    taken = replace(clock, acknowledged_by=by, acknowledged_at=whole_second(now))
    return changed(taken, state=clock.state)


def snooze(clock: Clock, by: str, now: datetime, span: timedelta) -> Clock:
    """No steps for a while; what comes due meanwhile is told at its end. The promise itself goes on."""
    if not clock.is_live or clock.acknowledged_by is not None:
        return clock
    at = whole_second(now)
    snoozed = replace(clock, snoozes=(*clock.snoozes, Snooze(by=by, at=at, until=at + span)))
    return changed(snoozed, state=clock.state)


def tell(clock: Clock, names: Iterable[str]) -> Clock:
    """Remember marks as told, so that each is told once."""
    news = tuple(name for name in dict.fromkeys(names) if name not in clock.told)
    return changed(replace(clock, told=(*clock.told, *news)), state=clock.state) if news else clock


def _steps(clock: Clock) -> Iterator[Mark]:
    pauses = pauses_of(clock)
    for number, step in enumerate(clock.steps):
        at = reached_at(clock, _reach(clock, step))
        yield Mark(name=f"{STEP}{number}", at=at, step=step)
        yield from _repeats(number, step, at, pauses)


def _repeats(
    number: int, step: EscalationStep, first_at: datetime, pauses: tuple[Span, ...]
) -> Iterator[Mark]:
    """A pause of the clock is one for its repeats too: nobody is called while the customer is waited for."""
    if step.repeat is None:
        return
    for round_ in range(1, step.at_most + 1):
        at = calendars.due_at(WALL, first_at, round_ * step.repeat, pauses)
        yield Mark(name=f"{STEP}{number}:{round_}", at=at, step=step, round=round_)


def _told_at(clock: Clock, mark: Mark) -> datetime:
    """A broken promise is told whatever is snoozed."""
    until = clock.snoozed_until
    return mark.at if mark.step is None or until is None else max(mark.at, until)


def _untold(clock: Clock) -> tuple[Mark, ...]:
    return tuple(mark for mark in marks(clock) if mark.name not in clock.told)


def _reach(clock: Clock, step: EscalationStep) -> timedelta:
    if step.percent is not None:
        return share(clock.target, step.percent)
    assert step.after is not None  # a step has one of the two
    return step.after
