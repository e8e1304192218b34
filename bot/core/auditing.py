"""Auditing promises: what is wrong with a clock, its timer and what was told, trusting none of them. Pure.

Nothing here asks `bot.core.marks` or `bot.core.sla` what should be: open time is counted anew from the
segments, and every stored instant is held against it. It is the calendar alone that both sides share, and
that one is checked against an oracle.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from itertools import pairwise

from bot.core import calendars
from bot.core.alerts import Alert, AlertState
from bot.core.model import (
    Clock,
    ClockId,
    ClockState,
    EscalationStep,
    Metric,
    Segment,
    SegmentKind,
    Ticket,
    TicketId,
)
from bot.core.policies import Policies

GRACE = timedelta(minutes=1)  #: so late may anything be that is being done
STUCK_AFTER = timedelta(minutes=2)  #: a timer that came due so long ago and is still there
NOT_PROMISED = "nothing is promised"  #: why a clock was cancelled by a change of terms
UNSENT_AFTER = timedelta(minutes=15)  #: an alert that nobody took, and that nobody was told of

_SECOND = timedelta(seconds=1)
_STEP = "step:"


class Fault(StrEnum):
    """What can be wrong."""

    NO_TIMER = "no_timer"  #: it has something to say, and nothing will make it
    OLD_TIMER = "old_timer"  #: set for a clock as it was before: it will do nothing
    LATE_TIMER = "late_timer"  #: set for later than the next thing to say
    STUCK_TIMER = "stuck_timer"  #: came due, and was not done
    WRONG_DUE = "wrong_due"  #: its instants are not those that its segments come to
    BROKEN_CHAIN = "broken_chain"  #: its segments do not follow each other, or not its state
    SKIPPED_MARK = "skipped_mark"  #: reached and not told
    UNSENT_MARK = "unsent_mark"  #: told, and nothing was ever sent
    STUCK_ALERT = "stuck_alert"  #: on its way for too long, and nobody knows
    TOLD_EARLY = "told_early"  #: marked as told, and not reached: it would never be told
    WRONG_STATE = "wrong_state"  #: it stands still though its ticket does not, or the other way round
    ENDED_EARLY = "ended_early"  #: over, though its ticket is open and nothing has ended it
    NO_CLOCK = "no_clock"  #: promised like what its ticket has, and not there
    UNREADABLE = "unreadable"  #: what is stored of it makes no sense
    WRONG_STEPS = "wrong_steps"  #: not those of the policy whose name and version it bears
    OUTLIVED = "outlived"  #: runs on though its ticket is done


#: For a person: history is not repaired by guessing.
FOR_PEOPLE = frozenset(
    {
        Fault.BROKEN_CHAIN,
        Fault.WRONG_STEPS,
        Fault.OUTLIVED,
        Fault.ENDED_EARLY,
        Fault.NO_CLOCK,
        Fault.UNREADABLE,
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class TimerState:
    """A timer as it is stored."""

    version: int
    set_for: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Watched:
    """A live clock with everything that belongs to it."""

    clock: Clock
    ticket: Ticket
    timer: TimerState | None
    alerts: tuple[Alert, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditRecord:
    """What is remembered from round to round."""

    ran_at: datetime | None = None
    passed_at: datetime | None = None  #: the last round without a flaw
    flaws: tuple[str, ...] = ()  #: keys of those that were there in the last round


@dataclass(frozen=True, slots=True, kw_only=True)
class Flaw:
    """Something wrong with one clock."""

    clock: ClockId
    ticket: TicketId
    fault: Fault
    detail: str = ""  #: a mark's name, or where a chain is broken

    @property
    def key(self) -> str:
        """The same flaw in the next round has the same one."""
        return f"{self.clock}:{self.fault.value}:{self.detail}"


def examine(watched: Watched, policies: Policies, now: datetime) -> Sequence[Flaw]:
    """Everything wrong with one clock; nothing else is said of one whose history makes no sense."""
    clock = watched.clock
    found: list[tuple[Fault, str]] = list(_of_the_chain(clock))
    if not found:
        found += _of_its_instants(clock)
        found += _of_its_timer(watched, now)
        found += _of_what_was_told(watched, now)
        found += _of_its_policy(watched, policies)
    return [Flaw(clock=clock.id, ticket=clock.ticket, fault=fault, detail=detail) for fault, detail in found]


# -- its history ------------------------------------------------------------


def _of_the_chain(clock: Clock) -> Iterator[tuple[Fault, str]]:
    chain = clock.segments
    if not chain or chain[0].started_at != clock.started_at:
        yield Fault.BROKEN_CHAIN, "its start"
        return
    for number, (segment, after) in enumerate(pairwise(chain)):
        if segment.ended_at != after.started_at or segment.started_at > after.started_at:
            yield Fault.BROKEN_CHAIN, f"segment {number}"
    terms = chain[-1].terms
    if (clock.target, clock.policy, clock.calendar) != (terms.target, terms.policy, terms.calendar.name):
        yield Fault.BROKEN_CHAIN, "its terms"
    kind = SegmentKind.PAUSED if clock.state is ClockState.PAUSED else SegmentKind.RUNNING
    if chain[-1].ended_at is not None or chain[-1].kind is not kind:
        yield Fault.BROKEN_CHAIN, "its end"


def _of_its_instants(clock: Clock) -> Iterator[tuple[Fault, str]]:
    for name, at, span in (
        ("due", clock.due_at, clock.target),
        ("warning", clock.warning_at, _share(clock.target, clock.warn_percent)),
    ):
        is_at_a_change = any(segment.started_at == at for segment in clock.segments)
        is_too_late = not is_at_a_change and _counted(clock, at - _SECOND, runs_on=True) >= span
        if _counted(clock, at, runs_on=True) < span or is_too_late:
            yield Fault.WRONG_DUE, name


def _counted(clock: Clock, at: datetime, *, runs_on: bool = False) -> timedelta:
    """Open time used up at an instant; with `runs_on`, as if a pause that lasts had ended at once."""
    return sum((_open(clock, segment, at, runs_on=runs_on) for segment in clock.segments), timedelta(0))


def _open(clock: Clock, segment: Segment, at: datetime, *, runs_on: bool) -> timedelta:
    is_last = segment is clock.segments[-1]
    if segment.kind is SegmentKind.PAUSED and not (is_last and runs_on):
        return timedelta(0)
    end = at if segment.ended_at is None else min(at, segment.ended_at)
    return calendars.open_time_between(segment.terms.calendar, segment.started_at, end)


# -- what it has to say -----------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Due:
    """Something to be said once so much open time is used up."""

    name: str
    span: timedelta
    is_step: bool


def _to_say(clock: Clock) -> Iterator[_Due]:
    yield _Due("warning", _share(clock.target, clock.warn_percent), is_step=False)
    yield _Due("breach", clock.target, is_step=False)
    if clock.acknowledged_by is None:
        for number, step in enumerate(clock.steps):
            yield _Due(f"{_STEP}{number}", _span_of(clock, step), is_step=True)


def _is_reached(clock: Clock, due: _Due, at: datetime) -> bool:
    """Whether it should have been said by then."""
    until = clock.snoozed_until
    if due.is_step and until is not None and at < until:
        return False
    if due.span and _counted(clock, at) < due.span:
        return False
    # Nothing is due before the change that made it due, which is the start of the last segment.
    return at >= clock.segments[-1].started_at or clock.state is ClockState.PAUSED


def _untold(clock: Clock) -> Iterator[_Due]:
    return (due for due in _to_say(clock) if due.name not in clock.told)


def _of_its_timer(watched: Watched, now: datetime) -> Iterator[tuple[Fault, str]]:
    clock, timer = watched.clock, watched.timer
    waiting = [
        due for due in _untold(clock) if clock.state is ClockState.RUNNING or _is_reached(clock, due, now)
    ]
    if timer is None:
        if waiting or _has_repeats_left(clock):
            yield Fault.NO_TIMER, ""
        return
    if timer.version != clock.version:
        yield Fault.OLD_TIMER, ""
    elif timer.set_for < now - STUCK_AFTER:
        yield Fault.STUCK_TIMER, ""
    elif any(_is_reached(clock, due, timer.set_for - _SECOND) for due in waiting):
        yield Fault.LATE_TIMER, ""


def _has_repeats_left(clock: Clock) -> bool:
    """A step that was told is told again, until somebody acknowledges."""
    if clock.acknowledged_by is not None or clock.state is not ClockState.RUNNING:
        return False
    return any(
        step.repeat is not None
        and f"{_STEP}{number}" in clock.told
        and f"{_STEP}{number}:{step.at_most}" not in clock.told
        for number, step in enumerate(clock.steps)
    )


def _of_what_was_told(watched: Watched, now: datetime) -> Iterator[tuple[Fault, str]]:
    clock = watched.clock
    for due in _untold(clock):
        if _is_reached(clock, due, now - GRACE):
            yield Fault.SKIPPED_MARK, due.name
    for name in clock.told:
        if _is_early(clock, name, now):
            yield Fault.TOLD_EARLY, name
    unsent = _unsent(clock, watched.alerts)
    if unsent is not None:
        yield Fault.UNSENT_MARK, unsent
    for alert in watched.alerts:
        if alert.state is AlertState.PLANNED and alert.planned_at < now - UNSENT_AFTER:
            yield Fault.STUCK_ALERT, f"{alert.ref.mark} {alert.ref.destination}".strip()


def _is_early(clock: Clock, name: str, now: datetime) -> bool:
    """Open time never runs back: what was reached once is reached now. Repeats go by the wall clock."""
    due = {one.name: one.span for one in _to_say(replace(clock, acknowledged_by=None))}
    return name in due and _counted(clock, now) < due[name]


def _unsent(clock: Clock, alerts: Sequence[Alert]) -> str | None:
    """The last step that was told, if nothing shows that anybody was.

    Steps that come due together are told in one message, which bears the name of the last of them. A change
    of terms may have taken that one away and left the others: then any message shows that people were told.
    """
    steps = [name for name in clock.told if name.startswith(_STEP)]
    is_changed = any(segment.terms != clock.terms for segment in clock.segments)
    if not steps or any(is_changed or alert.ref.mark == steps[-1] for alert in alerts):
        return None
    return steps[-1]


# -- its policy, its ticket -------------------------------------------------


def _of_its_policy(watched: Watched, policies: Policies) -> Iterator[tuple[Fault, str]]:
    clock, ticket = watched.clock, watched.ticket
    if not ticket.is_open and clock.metric is Metric.RESOLUTION_TIME:
        yield Fault.OUTLIVED, ""
    terms = clock.terms
    promised = policies.target(ticket.organisation, terms.tier, terms.priority, clock.metric)
    if promised is None or promised.policy != clock.policy:
        return
    if (promised.target, promised.warn_percent, promised.steps) != (
        clock.target,
        clock.warn_percent,
        clock.steps,
    ):
        yield Fault.WRONG_STEPS, clock.policy


def _span_of(clock: Clock, step: EscalationStep) -> timedelta:
    return step.after if step.after is not None else _share(clock.target, step.percent or 0)


def _share(target: timedelta, percent: int) -> timedelta:
    """In whole seconds, the part of one being a whole one."""
    seconds, rest = divmod(int(target.total_seconds()) * percent, 100)
    return timedelta(seconds=seconds + bool(rest))
