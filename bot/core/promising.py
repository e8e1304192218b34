"""Promises: starting, pausing and keeping clocks, and what happens when one of them comes due."""

from __future__ import annotations

from datetime import datetime

from bot.core import alerting, marks, retargeting, sla
from bot.core.auditing import NOT_PROMISED
from bot.core.context import Context
from bot.core.effects import ShowStatus
from bot.core.model import (
    INTERNAL,
    Address,
    Clock,
    ClockState,
    Conversation,
    ConversationId,
    Metric,
    Ticket,
    TicketStatus,
)
from bot.core.policies import Calendar, Policies, SlaTarget
from bot.core.ports import Timer

CLOCK = "clock:"
CANCELLED_WITHOUT = NOT_PROMISED
REPLIES = (Metric.FIRST_REPLY_TIME, Metric.NEXT_REPLY_TIME)
AT_ONCE = (Metric.FIRST_REPLY_TIME, Metric.RESOLUTION_TIME)
WAITING = {
    TicketStatus.PENDING: "waiting on the customer",
    TicketStatus.HOLD: "on hold",
}


async def start_clocks(context: Context, ticket: Ticket) -> None:
    """Start what the contract promises for this tier and priority, under the policy of this moment."""
    for metric in AT_ONCE:
        await _start(context, ticket, metric, context.now, "opened")


async def owe_reply(context: Context, ticket: Ticket, at: datetime) -> bool:
    """The customer said something that wants an answer: the first such message starts the next-reply clock.

    Whether it did. Zendesk counts from the oldest unanswered comment as well:
    https://support.zendesk.com/hc/en-us/articles/4408829459866
    """
    if ticket.last_replied_at is None or at <= ticket.last_replied_at:
        return False  # the first reply is still owed, or this was heard late and is answered
    if any(clock.is_live and clock.metric in REPLIES for clock in await context.tx.clocks(ticket.id)):
        return False
    return await _start(context, ticket, Metric.NEXT_REPLY_TIME, at, "the customer wrote")


async def retarget(context: Context, ticket: Ticket, change: str = "") -> None:
    """Its priority or tier has changed: live promises become those of the new one, others begin."""
    for clock in await context.tx.clocks(ticket.id):
        promised = promised_of(context.policies, ticket, clock.metric)
        if not clock.is_live:
            continue
        if promised is None:
            await save(context, sla.cancel(clock, context.now, CANCELLED_WITHOUT))
        else:
            await _save_other(context, clock, retargeting.retarget(clock, *promised, context.now, change))
    if ticket.is_open:
        for metric in AT_ONCE:
            await _promise_anew(context, ticket, metric)


async def recount(context: Context, ticket: Ticket) -> bool:
    """Calendars may have been edited: what is left of live promises counts in the hours they have now.

    Whether anything changed by it.
    """
    pairs = [(clock, _recounted(context, clock)) for clock in await context.tx.clocks(ticket.id)]
    for before, after in pairs:
        await _save_other(context, before, after)
    return any(before is not after for before, after in pairs)


async def keep(context: Context, ticket: Ticket, metric: Metric, at: datetime) -> None:
    """A person of ours did what was promised, at `at`."""
    reason = "solved" if metric is Metric.RESOLUTION_TIME else "a person replied"
    for clock in await context.tx.clocks(ticket.id):
        # A reply that was sent before the customer's words, and came after them, does not answer them.
        is_early = metric is Metric.NEXT_REPLY_TIME and sla.whole_second(at) < clock.started_at
        if clock.metric is metric and clock.is_live and not is_early:
            await save(context, sla.fulfil(clock, max(at, clock.started_at), reason))


async def cancel(context: Context, ticket: Ticket, metric: Metric, at: datetime, reason: str) -> None:
    """The promise no longer applies."""
    for clock in await context.tx.clocks(ticket.id):
        if clock.metric is metric and clock.is_live:
            await save(context, sla.cancel(clock, at, reason))


async def pause(context: Context, ticket: Ticket, at: datetime, reason: str) -> None:
    """Waiting on somebody else stops the resolution clock; a reply is still owed."""
    for clock in await context.tx.clocks(ticket.id):
        if clock.metric is Metric.RESOLUTION_TIME and clock.is_live:
            await save(context, sla.pause(clock, at, reason))


async def resume(context: Context, ticket: Ticket, at: datetime) -> None:
    """It is ours to move again: what was solved is promised again, and so is a reply never given."""
    last = {clock.metric: clock for clock in await context.tx.clocks(ticket.id)}
    for clock in last.values():
        if clock.state is ClockState.PAUSED:
            await save(context, sla.resume(clock, at, "ours to move"))
        elif not clock.is_live and _is_owed_again(context, ticket, clock):
            await save(context, _caught_up(context, ticket, sla.reopen(clock, at)))


async def fall_in(context: Context, ticket: Ticket) -> None:
    """The resolution clock runs or waits as its ticket does."""
    waits = WAITING.get(ticket.status)
    if waits is not None:
        await pause(context, ticket, context.now, waits)
        return
    for clock in await context.tx.clocks(ticket.id):
        if clock.metric is Metric.RESOLUTION_TIME and clock.state is ClockState.PAUSED:
            await save(context, sla.resume(clock, context.now, "ours to move"))


def promised_of(policies: Policies, ticket: Ticket, metric: Metric) -> tuple[SlaTarget, Calendar] | None:
    """What is promised for a ticket, and in whose hours; None is best effort."""
    target = policies.target(ticket.organisation, ticket.tier, ticket.priority, metric)
    return None if target is None else (target, policies.calendars[target.calendar])


async def _start(context: Context, ticket: Ticket, metric: Metric, at: datetime, reason: str) -> bool:
    promised = promised_of(context.policies, ticket, metric)
    if promised is None:
        return False
    clock = sla.start_clock(*promised, ticket=ticket.id, now=at, reason=reason)
    if metric is Metric.RESOLUTION_TIME and ticket.status in WAITING:
        clock = sla.pause(clock, at, WAITING[ticket.status])
    await begin(context, clock)
    return True


async def _promise_anew(context: Context, ticket: Ticket, metric: Metric) -> None:
    """Where nothing was promised before: from now on, not from when the ticket was opened."""
    if metric is Metric.FIRST_REPLY_TIME and ticket.last_replied_at is not None:
        return
    known = [clock for clock in await context.tx.clocks(ticket.id) if clock.metric is metric]
    if not known:
        await _start(context, ticket, metric, context.now, "promised from now on")
    elif known[-1].ended_because == CANCELLED_WITHOUT and _is_owed_again(context, ticket, known[-1]):
        again = sla.reopen(known[-1], context.now, CANCELLED_WITHOUT)
        await save(context, _caught_up(context, ticket, again))


def _is_owed_again(context: Context, ticket: Ticket, clock: Clock) -> bool:
    if promised_of(context.policies, ticket, clock.metric) is None:
        return False
    if clock.metric is Metric.RESOLUTION_TIME:
        return True
    is_answered = ticket.last_replied_at is not None and ticket.last_replied_at >= clock.started_at
    return clock.state is ClockState.CANCELLED and not is_answered


def _caught_up(context: Context, ticket: Ticket, clock: Clock) -> Clock:
    """A clock that begins again goes on under the priority, tier and hours of now."""
    promised = promised_of(context.policies, ticket, clock.metric)
    if promised is not None and (clock.terms.tier, clock.terms.priority) != (ticket.tier, ticket.priority):
        return retargeting.retarget(clock, *promised, context.now, "")
    return _recounted(context, clock)


def _recounted(context: Context, clock: Clock) -> Clock:
    """In the calendar of the same name as it is now; what the policy says beside that stays pinned."""
    calendar = context.policies.calendars.get(clock.counts_in.name)
    return retargeting.recount(clock, calendar, context.now) if calendar else clock


async def _save_other(context: Context, before: Clock, after: Clock) -> None:
    if after is not before:
        await save(context, after)


async def show(context: Context, conversation: Conversation) -> None:
    """Bring the status cards up to date."""
    await context.tx.plan(card_at(conversation.id, conversation.address))
    room = context.policies.card_room
    if room is not None:
        top = Address(door=room.door, workspace=room.workspace, room=room.room, thread="")
        await context.tx.plan(card_at(conversation.id, top, is_internal=True))


def card_at(conversation: ConversationId, address: Address, *, is_internal: bool = False) -> ShowStatus:
    """A card in its place; who reads there, and what it says, is looked up just before."""
    return ShowStatus(conversation=conversation, address=address, room=INTERNAL, is_internal=is_internal)


async def begin(context: Context, clock: Clock) -> None:
    """Keep a new clock, and look at it when it first has something to say."""
    await rearm(context, await context.tx.start_clock(clock))


async def save(context: Context, clock: Clock) -> None:
    """Keep what has changed, and look again when it next has something to say."""
    await context.tx.save_clock(clock)
    if not clock.is_live:
        await alerting.conclude(context, clock)
    await rearm(context, clock)


async def rearm(context: Context, clock: Clock) -> None:
    """Look at it when it next has something to say, at once where that is past."""
    key = f"{CLOCK}{clock.id}"
    due_at = marks.next_check(clock) if clock.is_live else None
    if due_at is None:
        await context.tx.cancel_timer(key)
    else:
        await context.tx.set_timer(Timer(key=key, due_at=due_at, version=clock.version))
