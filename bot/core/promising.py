"""Promises: starting, pausing and keeping clocks, and what happens when one of them comes due."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from bot.core import replies, saying, sla
from bot.core.context import Context
from bot.core.effects import PostReply, Purpose, ReplyButton, ShowStatus
from bot.core.events import Button, ButtonPressed, TimerFired
from bot.core.model import (
    INTERNAL,
    Address,
    Audience,
    Clock,
    ClockId,
    ClockState,
    Conversation,
    Mark,
    Metric,
    PersonRef,
    Text,
    Ticket,
)
from bot.core.policies import Calendar
from bot.core.ports import Timer
from bot.core.spelling import parse_id

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
            await _save(context, sla.cancel(clock, context.now))
        else:
            await _save(context, sla.retarget(clock, target, context.policies.calendars[target.calendar]))


async def keep(context: Context, ticket: Ticket, metric: Metric, at: datetime) -> None:
    """A person of ours did what was promised, at `at`."""
    for clock in await context.tx.clocks(ticket.id):
        if clock.metric is metric and clock.is_live:
            await _save(context, sla.fulfil(clock, max(at, clock.started_at)))


async def cancel(context: Context, ticket: Ticket, metric: Metric, at: datetime) -> None:
    """The promise no longer applies."""
    for clock in await context.tx.clocks(ticket.id):
        if clock.metric is metric and clock.is_live:
            await _save(context, sla.cancel(clock, at))


async def pause(context: Context, ticket: Ticket, at: datetime, reason: str) -> None:
    """Waiting on somebody else stops the resolution clock; a first reply is still owed."""
    for clock in await context.tx.clocks(ticket.id):
        if clock.metric is Metric.RESOLUTION_TIME and clock.is_live:
            await _save(context, sla.pause(clock, _calendar(context, clock), at, reason))


async def resume(context: Context, ticket: Ticket, at: datetime) -> None:
    """It is ours to move again: what was solved is promised again, and so is a first reply never given."""
    for clock in await context.tx.clocks(ticket.id):
        is_owed = clock.metric is Metric.RESOLUTION_TIME or clock.state is ClockState.CANCELLED
        if clock.state is ClockState.PAUSED:
            await _save(context, sla.resume(clock, _calendar(context, clock), at))
        elif is_owed and not clock.is_live:
            await _save(context, sla.reopen(clock, _calendar(context, clock), at))


async def look_at_clock(context: Context, event: TimerFired) -> None:
    """A clock's timer came due: tell what is due, once, and look again at the next mark."""
    clock = await context.tx.clock(ClockId(int(event.key.removeprefix(CLOCK))))
    if clock.version != event.version or not clock.is_live:
        return  # the clock changed after this timer was set, and has set another
    marks = sla.due_marks(clock, _calendar(context, clock), context.now)
    if marks:
        clock = sla.tell(clock, [mark.name for mark in marks])
        await _tell(context, clock, marks)
    await _save(context, clock)


async def acknowledge(context: Context, event: ButtonPressed) -> None:
    """Somebody of ours takes an escalation: its further steps stop, the promise stays."""
    number = parse_id(event.value)
    if number is None or not _may_acknowledge(context, event.presser):
        return
    try:
        clock = await context.tx.clock(ClockId(number))
    except KeyError:
        return
    ticket = await context.tx.ticket(clock.ticket)
    person = await context.tx.find_person(event.presser)
    who = person.name if person else event.presser_name or event.presser.user
    if clock.is_live and clock.acknowledged_by is None:
        clock = sla.acknowledge(clock, who, context.now)
        await _save(context, clock)
    taken = clock.acknowledged_by or who
    await saying.restate(context, ticket.conversation, event, lambda said: replies.acknowledged(said, taken))


async def show(context: Context, conversation: Conversation) -> None:
    """Bring the status card up to date."""
    await context.tx.plan(
        ShowStatus(conversation=conversation.id, address=conversation.address, room=conversation.audience)
    )


def _calendar(context: Context, clock: Clock) -> Calendar:
    return context.policies.calendars[clock.calendar]


def _may_acknowledge(context: Context, presser: PersonRef) -> bool:
    on_call = context.policies.on_call
    return context.policies.is_agent(presser) or presser in on_call.everybody()


async def _save(context: Context, clock: Clock) -> None:
    await context.tx.save_clock(clock)
    await _rearm(context, clock)


async def _rearm(context: Context, clock: Clock) -> None:
    key = f"{CLOCK}{clock.id}"
    due_at = sla.next_check(clock, _calendar(context, clock)) if clock.is_live else None
    if due_at is None:
        await context.tx.cancel_timer(key)
    else:
        await context.tx.set_timer(Timer(key=key, due_at=due_at, version=clock.version))


async def _tell(context: Context, clock: Clock, marks: Sequence[Mark]) -> None:
    """One message for everything that came due together, mentioning everybody a step names."""
    ticket = await context.tx.ticket(clock.ticket)
    conversation = await context.tx.conversation(ticket.conversation)
    address, room = _where(context, conversation)
    is_internal = room == INTERNAL
    body = replies.escalated(ticket, clock, now=context.now, is_internal=is_internal)
    if _is_told(marks, clock, is_internal=is_internal):
        button = ReplyButton(button=Button.ACKNOWLEDGE, value=str(clock.id))
        await context.tx.plan(
            PostReply(
                conversation=conversation.id,
                address=address,
                room=room,
                text=Text(body=body, audience=INTERNAL if is_internal else conversation.audience),
                purpose=Purpose.ESCALATION,
                buttons=() if clock.acknowledged_by else (button,),
                mentions=_called(context, marks),
                about=conversation.address if is_internal else None,
            )
        )
    await show(context, conversation)


def _is_told(marks: Sequence[Mark], clock: Clock, *, is_internal: bool) -> bool:
    """Steps always; a mere warning only among ourselves, for in the customer's own thread the card says it.

    Whoever acknowledged needs no more warnings; that the promise is broken is told all the same.
    """
    if any(mark.step for mark in marks):
        return True
    is_news = clock.acknowledged_by is None or any(mark.name == sla.BREACH for mark in marks)
    return is_internal and is_news


def _called(context: Context, marks: Sequence[Mark]) -> tuple[PersonRef, ...]:
    """Everybody the steps name, as of now, each once."""
    people: dict[PersonRef, None] = {}
    for mark in marks:
        if mark.step is not None:
            people.update(dict.fromkeys(context.policies.on_call.who(mark.step.notify, context.now)))
    return tuple(people)


def _where(context: Context, conversation: Conversation) -> tuple[Address, Audience]:
    room = context.policies.escalation_room
    if room is None:
        return conversation.address, conversation.audience
    address = Address(door=room.door, workspace=room.workspace, room=room.room, thread="")
    return address, room.audience
