"""Promises as arithmetic: a clock is a list of segments, and every instant in it is a replay of them.

Instants are kept to the whole second, rounded down; shares of a target are rounded up. As targets and
opening hours are whole seconds too, no comparison with a due time changes by it, and nothing fires early.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from bot.core import calendars
from bot.core.calendars import Span
from bot.core.model import (
    Clock,
    ClockId,
    ClockState,
    Segment,
    SegmentKind,
    TicketId,
)
from bot.core.policies import Calendar, SlaTarget

UNSAVED = ClockId(0)  #: storage assigns the real id


def start_clock(target: SlaTarget, calendar: Calendar, ticket: TicketId, now: datetime) -> Clock:
    """Begin to keep a promise, under the policy as it is at this moment."""
    at = whole_second(now)
    return Clock(
        id=UNSAVED,
        ticket=ticket,
        metric=target.metric,
        policy=target.policy,
        calendar=target.calendar,
        target=target.target,
        warn_percent=target.warn_percent,
        steps=target.steps,
        started_at=at,
        segments=(Segment(kind=SegmentKind.RUNNING, started_at=at),),
        state=ClockState.RUNNING,
        due_at=calendars.due_at(calendar, at, target.target),
        warning_at=calendars.due_at(calendar, at, share(target.target, target.warn_percent)),
    )


def pause(clock: Clock, calendar: Calendar, now: datetime, reason: str) -> Clock:
    """Stop counting. While paused, `due_at` says when it would be due if the pause had ended at once."""
    if clock.state is not ClockState.RUNNING:
        return clock
    paused = _turn(clock, now, SegmentKind.PAUSED, reason)
    return changed(_timed(paused, calendar), state=ClockState.PAUSED)


def resume(clock: Clock, calendar: Calendar, now: datetime) -> Clock:
    """Count again; the promise moves by the business time of the pause."""
    if clock.state is not ClockState.PAUSED:
        return clock
    running = _turn(clock, now, SegmentKind.RUNNING)
    return changed(_timed(running, calendar), state=ClockState.RUNNING)


def fulfil(clock: Clock, now: datetime) -> Clock:
    """What was promised has happened: MET before `due_at`, BREACHED at it or after."""
    if not clock.is_live:
        return clock
    at = _not_before(clock, now)
    # A paused clock stands still: what counts is when it was stopped, not when the reply came.
    counted_until = clock.segments[-1].started_at if clock.state is ClockState.PAUSED else at
    is_met = counted_until < clock.due_at
    return _ended(clock, at, ClockState.MET if is_met else ClockState.BREACHED)


def cancel(clock: Clock, now: datetime) -> Clock:
    """The promise no longer applies."""
    return _ended(clock, _not_before(clock, now), ClockState.CANCELLED) if clock.is_live else clock


def reopen(clock: Clock, calendar: Calendar, now: datetime, reason: str = "solved") -> Clock:
    """A solved ticket came back: the promise is live again, and the time in between is a pause.

    What was told stays told. An acknowledgement is over: whoever took it had finished.
    """
    if clock.is_live or clock.ended_at is None:
        return clock
    at = max(whole_second(now), clock.ended_at)
    between = Segment(kind=SegmentKind.PAUSED, started_at=clock.ended_at, ended_at=at, reason=reason)
    segments = (*clock.segments, between, Segment(kind=SegmentKind.RUNNING, started_at=at))
    live = replace(clock, segments=segments, ended_at=None, acknowledged_by=None, acknowledged_at=None)
    return changed(_timed(live, calendar), state=ClockState.RUNNING)


def retarget(clock: Clock, target: SlaTarget, calendar: Calendar) -> Clock:
    """Another priority: the same history under the promise that holds for it now.

    What was told is told anew as far as it comes due again; an acknowledgement stands.
    """
    if not clock.is_live:
        return clock
    moved = replace(
        clock,
        policy=target.policy,
        calendar=target.calendar,
        target=target.target,
        warn_percent=target.warn_percent,
        steps=target.steps,
        told=(),
    )
    return changed(_timed(moved, calendar), state=clock.state)


def elapsed(clock: Clock, calendar: Calendar, now: datetime) -> timedelta:
    """Business time used up, without the pauses."""
    end = clock.ended_at or max(whole_second(now), clock.started_at)
    return calendars.open_time_between(calendar, clock.started_at, end, pauses_of(clock, until=end))


def pauses_of(clock: Clock, until: datetime | None = None) -> tuple[Span, ...]:
    """The clock's pauses; one that still lasts is given as far as `until`, or left out."""
    return tuple(
        (segment.started_at, max(end, segment.started_at))
        for segment in clock.segments
        if segment.kind is SegmentKind.PAUSED and (end := segment.ended_at or until) is not None
    )


def share(target: timedelta, percent: int) -> timedelta:
    """So many percent of a target, rounded up to the second: never early."""
    return timedelta(seconds=-(-target * percent // timedelta(seconds=100)))


def whole_second(at: datetime) -> datetime:
    """The instant in UTC without its fraction. Slack's have microseconds, which promise nothing."""
    return at.astimezone(UTC).replace(microsecond=0)


# -- the life of a clock ----------------------------------------------------


def _not_before(clock: Clock, now: datetime) -> datetime:
    """Senders' clocks differ: what happens to a clock cannot come before what happened to it last."""
    return max(whole_second(now), clock.segments[-1].started_at)


def _closed(clock: Clock, at: datetime) -> tuple[Segment, ...]:
    return (*clock.segments[:-1], replace(clock.segments[-1], ended_at=at))


def _turn(clock: Clock, now: datetime, kind: SegmentKind, reason: str = "") -> Clock:
    at = _not_before(clock, now)
    return replace(clock, segments=(*_closed(clock, at), Segment(kind=kind, started_at=at, reason=reason)))


def _timed(clock: Clock, calendar: Calendar) -> Clock:
    pauses = pauses_of(clock)
    warn_after = share(clock.target, clock.warn_percent)
    return replace(
        clock,
        due_at=calendars.due_at(calendar, clock.started_at, clock.target, pauses),
        warning_at=calendars.due_at(calendar, clock.started_at, warn_after, pauses),
    )


def _ended(clock: Clock, at: datetime, state: ClockState) -> Clock:
    return changed(replace(clock, segments=_closed(clock, at), ended_at=at), state=state)


def changed(clock: Clock, *, state: ClockState) -> Clock:
    """The same clock one version on: a timer that was set for an older one is a no-op."""
    return replace(clock, state=state, version=clock.version + 1)
