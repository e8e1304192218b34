"""The segments behind the number of a clock, so that a person can check it by hand."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from heapq import merge

from bot.core import calendars, sla
from bot.core.model import Clock, Segment, SegmentKind
from bot.core.opening_hours import zone
from bot.core.policies import Calendar


class ExplainedKind(StrEnum):
    """What a span of a clock's life was."""

    RUNNING = "running"  #: open, and counted
    PAUSED = "paused"  #: by us or the customer; not counted
    CLOSED = "closed"  #: outside the opening hours; not counted


@dataclass(frozen=True, slots=True, kw_only=True)
class ExplainedSegment:
    """One span; `counted` is its part of the elapsed time."""

    kind: ExplainedKind
    reason: str  #: "waiting on customer", "night", "weekend", "break", "holiday Labor Day"
    started_at: datetime
    ended_at: datetime
    timezone: str  #: of the calendar
    counted: timedelta

    @property
    def local_started_at(self) -> datetime:
        """In the calendar's zone."""
        return self.started_at.astimezone(zone(self.timezone))

    @property
    def local_ended_at(self) -> datetime:
        """In the calendar's zone."""
        return self.ended_at.astimezone(zone(self.timezone))


def explain(clock: Clock, calendar: Calendar, now: datetime) -> Sequence[ExplainedSegment]:
    """The clock's life up to its end, or up to `now`; the counted spans add up to `sla.elapsed`."""
    until = clock.ended_at or max(sla.whole_second(now), clock.started_at)
    joined: list[ExplainedSegment] = []
    for segment in clock.segments:
        for part in _parts(segment, calendar, segment.ended_at or until):
            if joined and _continues(joined[-1], part):
                joined[-1] = replace(
                    joined[-1], ended_at=part.ended_at, counted=joined[-1].counted + part.counted
                )
            else:
                joined.append(part)
    return joined


def _continues(before: ExplainedSegment, part: ExplainedSegment) -> bool:
    return (before.kind, before.reason, before.ended_at) == (part.kind, part.reason, part.started_at)


def _parts(segment: Segment, calendar: Calendar, until: datetime) -> Iterator[ExplainedSegment]:
    start = segment.started_at
    if segment.kind is SegmentKind.PAUSED:
        if start < until:
            yield _part(calendar, ExplainedKind.PAUSED, start, until, segment.reason)
        return
    counted = (
        _part(calendar, ExplainedKind.RUNNING, opens, closes)
        for opens, closes in calendars.open_spans(calendar, start, until)
    )
    closed = (
        _part(calendar, ExplainedKind.CLOSED, closes, opens, reason)
        for closes, opens, reason in calendars.closed_spans(calendar, start, until)
    )
    yield from merge(counted, closed, key=lambda part: part.started_at)


def _part(
    calendar: Calendar, kind: ExplainedKind, start: datetime, end: datetime, reason: str = ""
) -> ExplainedSegment:
    return ExplainedSegment(
        kind=kind,
        reason=reason,
        started_at=start,
        ended_at=end,
        timezone=calendar.timezone,
        counted=end - start if kind is ExplainedKind.RUNNING else timedelta(0),
    )
