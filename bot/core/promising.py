"""Promises: starting, pausing and keeping clocks, and what happens when one of them comes due."""

from __future__ import annotations

from datetime import datetime

from bot.core import marks, sla
from bot.core.context import Context
from bot.core.effects import ShowStatus
from bot.core.model import (
    Clock,
    ClockState,
    Conversation,
    Metric,
    Ticket,
)
from bot.core.policies import Calendar
from bot.core.ports import Timer

CLOCK = "clock:"
METRICS = (Metric.FIRST_REPLY_TIME, Metric.RESOLUTION_TIME)


async def start_clocks(context: Context, ticket: Ticket) -> None:
    """Start what the contract promises for this tier and priority, under the policy of this moment."""
    for metric in METRICS:
        target = context.policies.targets.get((ticket.tier, ticket.priority, metric))
        if target is None:
            continue
        calendar = context.policies.calendars[target.calendar]
        clock = sla.start_clock(target, calendar, ticket=ticket.id, now=context.now)
        await _rearm(context, await context.tx.start_clock(clock))


async def retarget(context: Context, ticket: Ticket) -> None:
    """The ticket's priority has changed: live promises become those of the new one."""
    for clock in await context.tx.clocks(ticket.id):
        if not clock.is_live:
            continue
        target = context.policies.targets.get((ticket.tier, ticket.priority, clock.metric))
        if target is None:
            await save(context, sla.cancel(clock, context.now))
        else:
            await save(context, sla.retarget(clock, target, context.policies.calendars[target.calendar]))


async def keep(context: Context, ticket: Ticket, metric: Metric, at: datetime) -> None:
    """A person of ours did what was promised, at `at`."""
    for clock in await context.tx.clocks(ticket.id):
        if clock.metric is metric and clock.is_live:
            await save(context, sla.fulfil(clock, max(at, clock.started_at)))


async def cancel(context: Context, ticket: Ticket, metric: Metric, at: datetime) -> None:
    """The promise no longer applies."""
    for clock in await context.tx.clocks(ticket.id):
        if clock.metric is metric and clock.is_live:
            await save(context, sla.cancel(clock, at))


async def pause(context: Context, ticket: Ticket, at: datetime, reason: str) -> None:
    """Waiting on somebody else stops the resolution clock; a first reply is still owed."""
    for clock in await context.tx.clocks(ticket.id):
        if clock.metric is Metric.RESOLUTION_TIME and clock.is_live:
            await save(context, sla.pause(clock, calendar_of(context, clock), at, reason))


async def resume(context: Context, ticket: Ticket, at: datetime) -> None:
    """It is ours to move again: what was solved is promised again, and so is a first reply never given."""
    for clock in await context.tx.clocks(ticket.id):
        is_owed = clock.metric is Metric.RESOLUTION_TIME or clock.state is ClockState.CANCELLED
        if clock.state is ClockState.PAUSED:
            await save(context, sla.resume(clock, calendar_of(context, clock), at))
        elif is_owed and not clock.is_live:
            await save(context, sla.reopen(clock, calendar_of(context, clock), at))


async def show(context: Context, conversation: Conversation) -> None:
    """Bring the status card up to date."""
    await context.tx.plan(
        ShowStatus(conversation=conversation.id, address=conversation.address, room=conversation.audience)
    )


def calendar_of(context: Context, clock: Clock) -> Calendar:
    """The hours in which this clock counts."""
    return context.policies.calendars[clock.calendar]


async def save(context: Context, clock: Clock) -> None:
    """Keep what has changed, and look again when it next has something to say."""
    await context.tx.save_clock(clock)
    await _rearm(context, clock)


async def _rearm(context: Context, clock: Clock) -> None:
    key = f"{CLOCK}{clock.id}"
    due_at = marks.next_check(clock, calendar_of(context, clock)) if clock.is_live else None
    if due_at is None:
        await context.tx.cancel_timer(key)
    else:
        await context.tx.set_timer(Timer(key=key, due_at=due_at, version=clock.version))
