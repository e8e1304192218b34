"""The segments behind the number of a clock, so that a person can check it by hand."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from heapq import merge

from bot.core import calendars, marks, sla
from bot.core.model import Clock, ClockState, Mark, Segment, SegmentKind, Terms
from bot.core.opening_hours import zone


class ExplainedKind(StrEnum):
    """What a span of a clock's life was."""

    RUNNING = "running"  #: open, and counted
    PAUSED = "paused"  #: by us or the customer; not counted
    CLOSED = "closed"  #: outside the opening hours; not counted


@dataclass(frozen=True, slots=True, kw_only=True)
class ExplainedSegment:
    """One span; `counted` is its part of the elapsed time."""

    kind: ExplainedKind
    reason: str  #: "waiting on the customer", "night", "weekend", "break", "holiday Labor Day"
    started_at: datetime
    ended_at: datetime
    terms: Terms
    counted: timedelta

    @property
    def timezone(self) -> str:
        """Of the calendar."""
        return self.terms.calendar.timezone

    @property
    def local_started_at(self) -> datetime:
        """In the calendar's zone."""
        return self.started_at.astimezone(zone(self.timezone))

    @property
    def local_ended_at(self) -> datetime:
        """In the calendar's zone."""
        return self.ended_at.astimezone(zone(self.timezone))


@dataclass(frozen=True, slots=True, kw_only=True)
class ExplainedChange:
    """What a change of the terms did to a promise."""

    at: datetime
    change: str  #: "priority P1 instead of P3"
    before: Terms
    after: Terms
    used: timedelta  #: by then, and it stays used
    due_before: datetime
    due_after: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """Everything about one clock."""

    clock: Clock
    spans: Sequence[ExplainedSegment]
    changes: Sequence[ExplainedChange]
    marks: Sequence[Mark]  #: told or not, in time order; none when the promise is over
    elapsed: timedelta


def explained(clock: Clock, now: datetime) -> Explanation:
    """A clock's life so far, and what it has still to say."""
    return Explanation(
        clock=clock,
        spans=explain(clock, now),
        changes=tuple(_changes(clock)),
        marks=marks.marks(clock),
        elapsed=sla.elapsed(clock, now),
    )


def explain(clock: Clock, now: datetime) -> Sequence[ExplainedSegment]:
    """The clock's life up to its end, or up to `now`; the counted spans add up to `sla.elapsed`."""
    until = clock.ended_at or max(sla.whole_second(now), clock.segments[-1].started_at)
    joined: list[ExplainedSegment] = []
    for segment in clock.segments:
        for part in _parts(segment, segment.ended_at or until):
            if joined and _continues(joined[-1], part):
                joined[-1] = replace(
                    joined[-1], ended_at=part.ended_at, counted=joined[-1].counted + part.counted
                )
            else:
                joined.append(part)
    return joined


def _continues(before: ExplainedSegment, part: ExplainedSegment) -> bool:
    return (before.kind, before.reason, before.ended_at, before.terms) == (
        part.kind,
        part.reason,
        part.started_at,
        part.terms,
    )


def _parts(segment: Segment, until: datetime) -> Iterator[ExplainedSegment]:
    start, calendar = segment.started_at, segment.terms.calendar
    if segment.kind is SegmentKind.PAUSED:
        if start < until:
            yield _part(segment, ExplainedKind.PAUSED, start, until, segment.reason)
        return
    counted = (
        _part(segment, ExplainedKind.RUNNING, opens, closes, segment.reason)
        for opens, closes in calendars.open_spans(calendar, start, until)
    )
    closed = (
        _part(segment, ExplainedKind.CLOSED, closes, opens, reason)
        for closes, opens, reason in calendars.closed_spans(calendar, start, until)
    )
    yield from merge(counted, closed, key=lambda part: part.started_at)


def _part(
    segment: Segment, kind: ExplainedKind, start: datetime, end: datetime, reason: str = ""
) -> ExplainedSegment:
    return ExplainedSegment(
        kind=kind,
        reason=reason,
        started_at=start,
        ended_at=end,
        terms=segment.terms,
        counted=end - start if kind is ExplainedKind.RUNNING else timedelta(0),
    )


def _changes(clock: Clock) -> Iterator[ExplainedChange]:
    """Each replayed: the clock as it was when the change came, and as it went on."""
    for place, segment in enumerate(clock.segments):
        if not segment.change:
            continue
        before, after = _as_it_was(clock, place), _as_it_was(clock, place + 1)
        yield ExplainedChange(
            at=segment.started_at,
            change=segment.change,
            before=before.terms,
            after=after.terms,
            used=sla.elapsed(before, segment.started_at),
            due_before=before.due_at,
            due_after=after.due_at,
        )


def _as_it_was(clock: Clock, segments: int) -> Clock:
    """With so many of its segments, under what held in the last of them."""
    kept = clock.segments[:segments]
    terms = kept[-1].terms
    return sla.retimed(
        replace(clock, segments=kept, target=terms.target, state=ClockState.RUNNING, ended_at=None)
    )
