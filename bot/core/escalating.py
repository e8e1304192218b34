"""Escalating: what happens when a mark of a clock comes due, and who takes it."""

from __future__ import annotations

from collections.abc import Sequence

from bot.core import marks, promising, replies, saying
from bot.core.context import Context
from bot.core.effects import PostReply, Purpose, ReplyButton
from bot.core.events import Button, ButtonPressed, TimerFired
from bot.core.model import (
    INTERNAL,
    Address,
    Audience,
    Clock,
    ClockId,
    Conversation,
    Mark,
    PersonRef,
    Text,
)
from bot.core.spelling import parse_id


async def look_at_clock(context: Context, event: TimerFired) -> None:
    """A clock's timer came due: tell what is due, once, and look again at the next mark."""
    clock = await context.tx.clock(ClockId(int(event.key.removeprefix(promising.CLOCK))))
    if clock.version != event.version or not clock.is_live:
        return  # the clock changed after this timer was set, and has set another
    due = marks.due_marks(clock, promising.calendar_of(context, clock), context.now)
    if due:
        clock = marks.tell(clock, [mark.name for mark in due])
        await _tell(context, clock, due)
    await promising.save(context, clock)


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
        clock = marks.acknowledge(clock, who, context.now)
        await promising.save(context, clock)
    taken = clock.acknowledged_by or who
    await saying.restate(context, ticket.conversation, event, lambda said: replies.acknowledged(said, taken))


def _may_acknowledge(context: Context, presser: PersonRef) -> bool:
    on_call = context.policies.on_call
    return context.policies.is_agent(presser) or presser in on_call.everybody()


async def _tell(context: Context, clock: Clock, due: Sequence[Mark]) -> None:
    """One message for everything that came due together, mentioning everybody a step names."""
    ticket = await context.tx.ticket(clock.ticket)
    conversation = await context.tx.conversation(ticket.conversation)
    address, room = _where(context, conversation)
    is_internal = room == INTERNAL
    body = replies.escalated(ticket, clock, now=context.now, is_internal=is_internal)
    if _is_told(due, clock, is_internal=is_internal):
        button = ReplyButton(button=Button.ACKNOWLEDGE, value=str(clock.id))
        await context.tx.plan(
            PostReply(
                conversation=conversation.id,
                address=address,
                room=room,
                text=Text(body=body, audience=INTERNAL if is_internal else conversation.audience),
                purpose=Purpose.ESCALATION,
                buttons=() if clock.acknowledged_by else (button,),
                mentions=_called(context, due),
                about=conversation.address if is_internal else None,
            )
        )
    await promising.show(context, conversation)


def _is_told(due: Sequence[Mark], clock: Clock, *, is_internal: bool) -> bool:
    """Steps always; a mere warning only among ourselves, for in the customer's own thread the card says it.

    Whoever acknowledged needs no more warnings; that the promise is broken is told all the same.
    """
    if any(mark.step for mark in due):
        return True
    is_news = clock.acknowledged_by is None or any(mark.name == marks.BREACH for mark in due)
    return is_internal and is_news


def _called(context: Context, due: Sequence[Mark]) -> tuple[PersonRef, ...]:
    """Everybody the steps name, as of now, each once."""
    people: dict[PersonRef, None] = {}
    for mark in due:
        if mark.step is not None:
            people.update(dict.fromkeys(context.policies.on_call.who(mark.step.notify, context.now)))
    return tuple(people)


def _where(context: Context, conversation: Conversation) -> tuple[Address, Audience]:
    room = context.policies.escalation_room
    if room is None:
        return conversation.address, conversation.audience
    address = Address(door=room.door, workspace=room.workspace, room=room.room, thread="")
    return address, room.audience
