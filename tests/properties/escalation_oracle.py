"""When each mark of a clock is told, found without the engine: seconds are counted, span after span."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

NEW_YORK = ZoneInfo("America/New_York")
NEVER = datetime(9000, 1, 1, tzinfo=UTC)
SECOND = timedelta(seconds=1)

Span = tuple[datetime, datetime]


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    after: timedelta  #: of open time
    repeat: timedelta = timedelta(0)
    at_most: int = 0


@dataclass(slots=True, kw_only=True)
class History:
    """What happened to one clock; instants are whole seconds."""

    started_at: datetime
    target: timedelta
    warn_after: timedelta
    steps: Sequence[Step]
    is_business: bool
    pauses: list[Span] = field(default_factory=list)
    snoozes: list[Span] = field(default_factory=list)  #: from the press to the end
    acknowledged_at: datetime = NEVER
    ended_at: datetime = NEVER


def told(history: History) -> dict[str, datetime]:
    """Every mark that must have been told, and when it came due."""
    found: dict[str, datetime] = {}
    for name, span in (("warning", history.warn_after), ("breach", history.target)):
        found[name] = _after(history, span)
    for number, step in enumerate(history.steps):
        first = _after(history, step.after)
        instants = [
            first,
            *(_awake_after(history, first, n * step.repeat) for n in range(1, step.at_most + 1)),
        ]
        for n, instant in enumerate(instants):
            at = _snoozed(history, instant)
            if at < history.acknowledged_at:
                found[f"step:{number}" + (f":{n}" if n else "")] = at
    return {name: at for name, at in found.items() if at < history.ended_at}


def _snoozed(history: History, at: datetime) -> datetime:
    for pressed, until in history.snoozes:
        if at >= pressed:
            at = max(at, until)
    return at


def _after(history: History, span: timedelta) -> datetime:
    """The instant at which so much open time is used up."""
    for start, end in _running(history):
        for opens, closes in _open(history, start, end):
            if span <= closes - opens:
                return opens + span
            span -= closes - opens
    return NEVER


def _awake_after(history: History, first: datetime, span: timedelta) -> datetime:
    """The instant at which so much time has passed since `first` that was no pause."""
    if first == NEVER:
        return NEVER
    for start, end in _running(history):
        begin = max(start, first)
        if begin < end:
            if span <= end - begin:
                return begin + span
            span -= end - begin
    return NEVER


def _running(history: History) -> Iterator[Span]:
    at = history.started_at
    for start, end in history.pauses:
        yield at, start
        at = end
    yield at, NEVER


def _open(history: History, start: datetime, end: datetime) -> Iterator[Span]:
    if not history.is_business:
        yield start, end
        return
    day = start.astimezone(NEW_YORK).date() - timedelta(days=1)
    while day <= date(2030, 1, 1):
        opens, closes = _hours(day)
        day += timedelta(days=1)
        if opens is None or closes <= start:
            continue
        if opens >= end:
            return
        yield max(opens, start), min(closes, end)


def _hours(day: date) -> tuple[datetime | None, datetime]:
    if day.weekday() >= 5:
        return None, NEVER
    opens, closes = (datetime.combine(day, time(hour), NEW_YORK).astimezone(UTC) for hour in (9, 17))
    return opens, closes
