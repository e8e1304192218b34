"""How a promise was reckoned, in words for our own people: at the terminal, and where an agent asks."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

from bot.core import marks, replies
from bot.core.explanations import ExplainedChange, ExplainedSegment, Explanation
from bot.core.model import Clock, ClockState, EscalationStep, Mark, Ticket
from bot.core.opening_hours import zone
from bot.core.policies import Calendar

SPANS_SHOWN = 24  #: of one clock; the older ones are added up
LONGEST = 9_000  #: characters of everything; Slack takes 12,000 in a markdown block
LEAST_SPANS = 4

Event = ExplainedChange | ExplainedSegment

_STATES = {
    ClockState.RUNNING: "running",
    ClockState.PAUSED: "paused",
    ClockState.MET: "kept",
    ClockState.BREACHED: "broken",
    ClockState.CANCELLED: "no longer owed",
}


def heading(ticket: Ticket) -> str:
    """Which ticket it is about, and under what it was promised."""
    number = replies.ticket_label(ticket.id)
    return f"{number} · {ticket.tier.value} {ticket.priority.value} · {ticket.status.value}"


def unpromised(ticket: Ticket) -> str:
    """A ticket without a clock says so."""
    return f"No clock: nothing is promised for {ticket.tier.value} {ticket.priority.value}. Best effort."


def no_such_ticket(number: int) -> str:
    """An agent named one that does not exist."""
    return f"There is no ticket {replies.ticket_label(number)}."


def nowhere() -> str:
    """An agent asked where customers read, and there is no room of our own."""
    return "I explain this only where nobody but our own people reads, and I know of no such room yet."


def explained(ticket: Ticket, explanations: Sequence[Explanation], now: datetime) -> str:
    """Markdown for our own people, short enough for a channel: older spans are added up until it fits."""
    head = f"**{heading(ticket)}** · {replies.plain(ticket.subject)}"
    if not explanations:
        return f"{head}\n{unpromised(ticket)}"
    shown = SPANS_SHOWN
    while True:
        blocks = ["\n".join(lines_of(each, now, spans=shown)).replace("`", "'") for each in explanations]
        body = "\n".join([head, *(f"```\n{block}\n```" for block in blocks)])
        if len(body) <= LONGEST:
            return body
        if shown <= LEAST_SPANS:
            return _shortest(head, blocks)
        shown //= 2


def _shortest(head: str, blocks: Sequence[str]) -> str:
    """The newest promises, as many as there is room for, and how many were left out."""
    kept: list[str] = []
    for block in reversed(blocks):
        whole = f"```\n{block}\n```"
        if sum(map(len, kept)) + len(whole) > LONGEST:
            break
        kept.insert(0, whole)
    left_out = len(blocks) - len(kept)
    note = f"{left_out} earlier promises left out; `sla explain` at the terminal shows all of them."
    return "\n".join([head, note, *kept])


def lines_of(explanation: Explanation, now: datetime, *, spans: int | None = None) -> Iterator[str]:
    """One promise, line by line."""
    clock = explanation.clock
    yield (
        f"{replies.METRICS[clock.metric]}: {_STATES[clock.state]}"
        + (f" ({clock.ended_because})" if clock.ended_because else "")
        + f" · {hours(clock.target, clock.counts_in)} in {clock.calendar} · policy {clock.policy}"
    )
    yield f"  {_due(clock, now)}"
    yield from _history(explanation, spans)
    used, target = (hours(span, clock.counts_in) for span in (explanation.elapsed, clock.target))
    yield f"  together {used} of {target}"
    for mark in explanation.marks:
        yield f"  {_mark(mark, clock, now)}"


def _history(explanation: Explanation, shown: int | None) -> Iterator[str]:
    """Spans and changes in the order in which they came; the older ones are added up."""
    # A change comes before the span that begins with it: sorting is stable.
    found: list[Event] = [*explanation.changes, *explanation.spans]
    events = sorted(found, key=_came_at)
    hidden = events[:-shown] if shown is not None else []
    spans = [event for event in hidden if isinstance(event, ExplainedSegment)]
    if spans:
        counted = sum((span.counted for span in spans), timedelta(0))
        changes = f" and {len(hidden) - len(spans)} changes" if len(hidden) > len(spans) else ""
        yield f"  {len(spans)} earlier spans{changes}, together {hours(counted, spans[-1].terms.calendar)}"
    for event in events[len(hidden) :]:
        if isinstance(event, ExplainedSegment):
            yield f"  {_span(event)}"
        else:
            yield from (f"  {line}" for line in _change(event))


def _came_at(event: Event) -> datetime:
    return event.started_at if isinstance(event, ExplainedSegment) else event.at


def _span(span: ExplainedSegment) -> str:
    start, end = span.local_started_at, span.local_ended_at
    is_same = (start.date(), start.tzname()) == (end.date(), end.tzname())
    began = f"{start:%a %Y-%m-%d %H:%M:%S}" if is_same else f"{start:%a %Y-%m-%d %H:%M:%S %Z}"
    ended = f"{end:%H:%M:%S %Z}" if is_same else f"{end:%a %Y-%m-%d %H:%M:%S %Z}"
    why = f" ({span.reason})" if span.reason else ""
    counts = f"counts {hours(span.counted, span.terms.calendar)}" if span.counted else "counts nothing"
    return f"{began} to {ended}  {span.kind.value}{why}, {counts}"


def _change(change: ExplainedChange) -> Iterator[str]:
    before, after = change.before, change.after
    due, was_due = local(change.due_after, after.calendar), local(change.due_before, before.calendar)
    moved = f"due {due} instead of {was_due}" if change.due_after != change.due_before else f"still due {due}"
    target = f"{hours(after.target, after.calendar)} in {after.calendar.name}, policy {after.policy}"
    yield f"{local(change.at, after.calendar)}  {change.change}: {target}"
    yield f"    {hours(change.used, after.calendar)} used stay used; {moved}"


def _due(clock: Clock, now: datetime) -> str:
    due = f"due {local(clock.due_at, clock.counts_in)}"
    if clock.state is ClockState.PAUSED:
        return f"{due} if it went on at once; paused, so it moves"
    if not clock.is_live:
        return f"{due}; ended {local(clock.ended_at or now, clock.counts_in)}"
    left = clock.due_at - now
    when = f"{replies.spoken(-left)} ago" if left <= timedelta(0) else f"in {replies.spoken(left)}"
    return f"{due}, {when}"


def _mark(mark: Mark, clock: Clock, now: datetime) -> str:
    at = local(mark.at, clock.counts_in)
    if mark.name in clock.told:
        return f"told      {at}  {_what(mark)}"
    return f"{'due now  ' if mark.at <= now else 'to come  '} {at}  {_what(mark)}"


def _what(mark: Mark) -> str:
    if mark.step is None:
        return "the promise is broken" if mark.name == marks.BREACH else "warning"
    again = f", again ({mark.round})" if mark.round else ""
    return f"{', '.join(mark.step.targets)} called at {_when(mark.step)}{again}"


def _when(step: EscalationStep) -> str:
    return f"{step.percent} %" if step.percent is not None else replies.spoken(step.after or timedelta(0))


def local(at: datetime, calendar: Calendar) -> str:
    """An instant on the calendar's wall clock, with its zone."""
    return f"{at.astimezone(zone(calendar.timezone)):%a %Y-%m-%d %H:%M:%S %Z}"


def hours(span: timedelta, calendar: Calendar) -> str:
    """Business time is never told in days: one of eight hours would be taken for one of twenty-four."""
    if calendar.is_always_open:
        return replies.spoken(span)
    whole, seconds = divmod(int(span.total_seconds()), 3_600)
    minutes, seconds = divmod(seconds, 60)
    parts = [(whole, "h"), (minutes, "min"), (seconds, "s")]
    return " ".join(f"{value} {unit}" for value, unit in parts if value) or "0 h"
