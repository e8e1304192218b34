"""A clock in words: how far it has run, what happens next, and how that was counted."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

from bot.core import calling, marks, replies, sla
from bot.core.explanations import ExplainedSegment, explain
from bot.core.model import Clock, ClockState, Mark
from bot.core.policies import Calendar, Policies
from bot.sandbox.page.views import ClockView, StepView

MINUTE = 60
LINES = 12  #: of an explanation; a clock of weeks has a night in it for each day

NameOf = Callable[[str], str]  #: a person's name by the door's id


def clock_view(clock: Clock, policies: Policies, now: datetime, *, name_of: NameOf) -> ClockView:
    """Everything the page says about a promise."""
    calendar = clock.counts_in
    used = sla.elapsed(clock, now)
    is_running = clock.state is ClockState.RUNNING
    return ClockView(
        id=clock.id,
        label=replies.METRICS[clock.metric],
        state=clock.state.value,
        is_late=is_running and clock.due_at <= now,
        due_at=clock.due_at,
        left=_left(clock, now),
        used=_used(used, clock, calendar),
        percent=min(int(100 * (used / clock.target)), 100) if clock.target else 100,
        is_acknowledged=clock.acknowledged_by is not None,
        steps=[_step(mark, clock, policies, now, name_of) for mark in marks.marks(clock)],
        explained=_explained(clock, now),
    )


def _used(used: timedelta, clock: Clock, calendar: Calendar) -> str:
    if calendar.is_always_open:
        whole = used - used % timedelta(minutes=1) if used >= timedelta(minutes=1) else used
        return f"{replies.spoken(whole)} of {replies.spoken(clock.target)}, around the clock"
    return f"{_hours(used)} of {_hours(clock.target)} of business time"


def _hours(span: timedelta) -> str:
    """Business time is never told in days: one of eight hours would be taken for one of twenty-four."""
    hours, rest = divmod(int(span.total_seconds()), 3600)
    words = [f"{hours} h"] if hours or rest < MINUTE else []
    return " ".join([*words, f"{rest // MINUTE} min"] if rest >= MINUTE else words)


def _left(clock: Clock, now: datetime) -> str:
    match clock.state:
        case ClockState.MET:
            return "kept"
        case ClockState.BREACHED:
            return "broken"
        case ClockState.CANCELLED:
            return "no longer owed"
        case ClockState.PAUSED:
            return "paused"
        case ClockState.RUNNING:
            left = clock.due_at - now
            return f"{replies.spoken(left)} left" if left > timedelta(0) else f"{replies.spoken(-left)} late"


def _step(mark: Mark, clock: Clock, policies: Policies, now: datetime, name_of: NameOf) -> StepView:
    return StepView(words=_words(mark, policies, now, name_of), at=mark.at, is_told=mark.name in clock.told)


def _words(mark: Mark, policies: Policies, now: datetime, name_of: NameOf) -> str:
    if mark.step is None:
        return "the promise is broken" if mark.name == marks.BREACH else "#triage is warned"
    call = calling.called(policies, None, mark.step.targets, now=now)
    role = ", ".join(mark.step.targets).replace("_", " ")
    again = " again" if mark.round else ""
    if not call.is_for_people:
        return f"{role} is told{again}"
    names = " and ".join(name_of(person.user) for person in call.people)
    is_or_are = "is" if len(call.people) == 1 else "are"
    return f"{names or 'nobody'} {is_or_are} called{again} ({role})"


def _explained(clock: Clock, now: datetime) -> Sequence[str]:
    lines = [_line(one) for one in explain(clock, now)]
    if len(lines) <= LINES:
        return lines
    return [*lines[: LINES // 2], f"… {len(lines) - LINES} more …", *lines[-LINES // 2 :]]


def _line(part: ExplainedSegment) -> str:
    why = f" ({part.reason})" if part.reason else ""
    start, end = part.local_started_at, part.local_ended_at
    to = f"{end:%H:%M}" if start.date() == end.date() else f"{end:%a %H:%M}"
    counted = f"counts {replies.spoken(part.counted)}" if part.counted else "counts nothing"
    return f"{start:%a %H:%M} to {to} {start:%Z}: {part.kind.value}{why}, {counted}"
