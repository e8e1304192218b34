"""Promises as arithmetic: a clock is a list of segments, and every instant in it is a replay of them.

Each segment counts in the calendar it was begun with, so that an edited calendar or another priority changes
what is left and never what was used. Instants are kept to the whole second, rounded down; shares of a target
are rounded up. As targets and opening hours are whole seconds too, no comparison with a due time changes by
it, and nothing fires early.
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
    Terms,
    TicketId,
)
from bot.core.policies import Calendar, SlaTarget

UNSAVED = ClockId(0)  #: storage assigns the real id
NOTHING = timedelta(0)


def terms_of(target: SlaTarget, calendar: Calendar) -> Terms:
    """What a promise says, with its calendar as it is now."""
    return Terms(
        policy=target.policy,
        tier=target.tier,
        priority=target.priority,
        target=target.target,
        calendar=calendar,
    )


def start_clock(
    target: SlaTarget, calendar: Calendar, ticket: TicketId, now: datetime, reason: str = ""
) -> Clock:
    """Begin to keep a promise, under the policy as it is at this moment."""
    at = whole_second(now)
    terms = terms_of(target, calendar)
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
        segments=(Segment(kind=SegmentKind.RUNNING, started_at=at, terms=terms, reason=reason),),
        state=ClockState.RUNNING,
        due_at=calendars.due_at(calendar, at, target.target),
        warning_at=calendars.due_at(calendar, at, share(target.target, target.warn_percent)),
    )


def pause(clock: Clock, now: datetime, reason: str) -> Clock:
    """Stop counting. While paused, `due_at` says when it would be due if the pause had ended at once."""
    if clock.state is not ClockState.RUNNING:
        return clock
    return changed(retimed(_turned(clock, now, SegmentKind.PAUSED, reason)), state=ClockState.PAUSED)


def resume(clock: Clock, now: datetime, reason: str = "") -> Clock:
    """Count again; the promise moves by the business time of the pause."""
    if clock.state is not ClockState.PAUSED:
        return clock
    return changed(retimed(_turned(clock, now, SegmentKind.RUNNING, reason)), state=ClockState.RUNNING)


def fulfil(clock: Clock, now: datetime, reason: str = "") -> Clock:
    """What was promised has happened: MET before `due_at`, BREACHED at it or after."""
    if not clock.is_live:
        return clock
    at = _not_before(clock, now)
    # A paused clock stands still: what counts is when it was stopped, not when the reply came.
    counted_until = clock.segments[-1].started_at if clock.state is ClockState.PAUSED else at
    is_met = counted_until < clock.due_at
    return _ended(clock, at, ClockState.MET if is_met else ClockState.BREACHED, reason)


def cancel(clock: Clock, now: datetime, reason: str = "") -> Clock:
    """The promise no longer applies."""
    if not clock.is_live:
        return clock
    return _ended(clock, _not_before(clock, now), ClockState.CANCELLED, reason)


def reopen(clock: Clock, now: datetime, reason: str = "solved") -> Clock:
    """A solved ticket came back: the promise is live again, and the time in between is a pause.

    What was told stays told. An acknowledgement is over: whoever took it had finished.
    """
    if clock.is_live or clock.ended_at is None:
        return clock
    at, terms = max(whole_second(now), clock.ended_at), clock.terms
    segments = (
        *clock.segments,
        Segment(kind=SegmentKind.PAUSED, started_at=clock.ended_at, ended_at=at, terms=terms, reason=reason),
        Segment(kind=SegmentKind.RUNNING, started_at=at, terms=terms, reason="opened again"),
    )
    live = replace(
        clock, segments=segments, ended_at=None, ended_because="", acknowledged_by=None, acknowledged_at=None
    )
    return changed(retimed(live), state=ClockState.RUNNING)


def under(clock: Clock, terms: Terms, now: datetime, change: str) -> Clock:
    """A live clock goes on under other terms: the running segment ends, and a like one begins.

    What was used stays used, as it was counted; what is left is the new target less that, in the new hours.
    """
    last = clock.segments[-1]
    turned = _turned(clock, now, last.kind, last.reason)
    fresh = replace(turned.segments[-1], terms=terms, change=change)
    moved = replace(
        turned,
        segments=(*turned.segments[:-1], fresh),
        policy=terms.policy,
        calendar=terms.calendar.name,
        target=terms.target,
    )
    return changed(retimed(moved), state=clock.state)


# -- replay -----------------------------------------------------------------


def elapsed(clock: Clock, now: datetime) -> timedelta:
    """Business time used up, without the pauses: each segment in the calendar it counts in."""
    until = clock.ended_at or max(whole_second(now), clock.segments[-1].started_at)
    return sum((_used(segment, until) for segment in clock.segments), NOTHING)


def reached_at(clock: Clock, span: timedelta) -> datetime:
    """The earliest instant at which so much business time is used up, if the last segment runs on.

    Not before the present target took force: a change makes nothing due before the instant of the change.
    """
    since, left = _in_force_since(clock), span
    for segment in clock.segments[:-1]:
        if segment.kind is SegmentKind.PAUSED:
            continue
        used = _used(segment, segment.started_at)
        if left <= used:
            return max(calendars.due_at(segment.terms.calendar, segment.started_at, left), since)
        left -= used
    last = clock.segments[-1]
    return calendars.due_at(last.terms.calendar, last.started_at, left)


def timed(clock: Clock) -> tuple[datetime, datetime]:
    """`due_at` and `warning_at`, from the segments alone."""
    return (
        reached_at(clock, clock.target),
        reached_at(clock, share(clock.target, clock.warn_percent)),
    )


def pauses_of(clock: Clock) -> tuple[Span, ...]:
    """The pauses that are over."""
    return tuple(
        (segment.started_at, segment.ended_at)
        for segment in clock.segments
        if segment.kind is SegmentKind.PAUSED and segment.ended_at is not None
    )


def share(target: timedelta, percent: int) -> timedelta:
    """So many percent of a target, rounded up to the second: never early."""
    return timedelta(seconds=-(-target * percent // timedelta(seconds=100)))


def whole_second(at: datetime) -> datetime:
    """The instant in UTC without its fraction. Slack's have microseconds, which promise nothing."""
    return at.astimezone(UTC).replace(microsecond=0)


def retimed(clock: Clock) -> Clock:
    """The same clock, its instants replayed."""
    due_at, warning_at = timed(clock)
    return replace(clock, due_at=due_at, warning_at=warning_at)


def changed(clock: Clock, *, state: ClockState) -> Clock:
    """The same clock one version on: a timer that was set for an older one is a no-op."""
    return replace(clock, state=state, version=clock.version + 1)


def _used(segment: Segment, until: datetime) -> timedelta:
    if segment.kind is SegmentKind.PAUSED:
        return NOTHING
    return calendars.open_time_between(segment.terms.calendar, segment.started_at, segment.ended_at or until)


def _in_force_since(clock: Clock) -> datetime:
    since = clock.segments[-1].started_at
    for segment in reversed(clock.segments):
        if segment.terms.target != clock.target:
            break
        since = segment.started_at
    return since


# -- the life of a clock ----------------------------------------------------


def _not_before(clock: Clock, now: datetime) -> datetime:
    """Senders' clocks differ: what happens to a clock cannot come before what happened to it last."""
    return max(whole_second(now), clock.segments[-1].started_at)


def _closed(clock: Clock, at: datetime) -> tuple[Segment, ...]:
    return (*clock.segments[:-1], replace(clock.segments[-1], ended_at=at))


def _turned(clock: Clock, now: datetime, kind: SegmentKind, reason: str = "") -> Clock:
    at = _not_before(clock, now)
    fresh = Segment(kind=kind, started_at=at, terms=clock.terms, reason=reason)
    return replace(clock, segments=(*_closed(clock, at), fresh))


def _ended(clock: Clock, at: datetime, state: ClockState, reason: str) -> Clock:
    ended = replace(clock, segments=_closed(clock, at), ended_at=at, ended_because=reason)
    return changed(ended, state=state)
