"""A ticket that is merged into another: its promises end, and what is still owed goes on there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from bot.core import marks, promising, replies, retargeting, sla
from bot.core.context import Context
from bot.core.events import TicketMerged
from bot.core.model import Clock, ClockState, Metric, Ticket, TicketStatus


async def follow_merge(context: Context, event: TicketMerged) -> None:
    """The desk says that two tickets are one."""
    if event.ticket == event.into:
        return
    # By number, whichever is merged into which: two merges at once never wait for each other in a circle.
    for number in sorted((event.ticket, event.into)):
        await context.tx.ticket(number)
    merged, into = await context.tx.ticket(event.ticket), await context.tx.ticket(event.into)
    if merged.status is not TicketStatus.CLOSED:
        await merge(context, merged, into, context.at(event.merged_at))


async def merge(context: Context, merged: Ticket, into: Ticket, at: datetime) -> None:
    """Close the one; the other takes over promises that it does not have, from when they began."""
    owed = [clock for clock in await context.tx.clocks(merged.id) if clock.is_live]
    reason = f"merged into {replies.ticket_label(into.id)}"
    for clock in owed:
        await promising.save(context, sla.cancel(clock, at, reason))
    closed = replace(merged, status=TicketStatus.CLOSED, solved_at=merged.solved_at or at)
    await context.tx.save_ticket(closed)
    if into.is_open:
        await _take_over(context, owed, merged, into, at)
    for ticket in (closed, into):
        await promising.show(context, await context.tx.conversation(ticket.conversation))


async def _take_over(
    context: Context, owed: Sequence[Clock], merged: Ticket, into: Ticket, at: datetime
) -> None:
    known = await context.tx.clocks(into.id)
    for clock in owed:
        promised = promising.promised_of(context.policies, into, clock.metric)
        if promised is None or _has(known, clock.metric):
            continue
        change = f"merged from {replies.ticket_label(merged.id)}"
        # Its steps are told anew: whoever was told of the old clock hears now that that one is over.
        told = tuple(name for name in clock.told if not name.startswith(marks.STEP))
        fresh = replace(clock, ticket=into.id, told=told)
        carried = retargeting.retarget(fresh, *promised, at, change)
        await promising.begin(context, _as_it_stands(carried, into, at))


def _has(clocks: Sequence[Clock], metric: Metric) -> bool:
    """A first reply and a resolution are promised once; a next reply as often as the customer writes."""
    if metric is Metric.NEXT_REPLY_TIME:
        return any(clock.is_live and clock.metric in promising.REPLIES for clock in clocks)
    return any(clock.metric is metric for clock in clocks)


def _as_it_stands(clock: Clock, ticket: Ticket, at: datetime) -> Clock:
    """Waiting or not as the ticket that it goes to."""
    waits = promising.WAITING.get(ticket.status)
    if clock.state is ClockState.PAUSED and waits is None:
        return sla.resume(clock, at, "ours to move")
    if clock.metric is Metric.RESOLUTION_TIME and waits is not None:
        return sla.pause(clock, at, waits)
    return clock
