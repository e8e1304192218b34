"""Escalating: what happens when a mark of a clock comes due, and who takes it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta

from bot.core import alerting, calling, marks, promising, replies, saying
from bot.core.alerts import HERE, AlertRef
from bot.core.calling import Call
from bot.core.context import Context
from bot.core.effects import EditReply, PostReply, Purpose, ReplyButton
from bot.core.errors import NotYet
from bot.core.events import Button, ButtonPressed, TimerFired
from bot.core.model import INTERNAL, Clock, ClockId, Conversation, Mark, PersonRef, Room, Text, Ticket
from bot.core.spelling import parse_id

SNOOZES = {Button.SNOOZE_SHORT: timedelta(minutes=30), Button.SNOOZE_LONG: timedelta(hours=1)}


async def look_at_clock(context: Context, event: TimerFired) -> None:
    """A clock's timer came due: tell what is due, once, and look again at the next mark."""
    clock = await context.tx.clock(ClockId(int(event.key.removeprefix(promising.CLOCK))))
    if clock.version != event.version or not clock.is_live:
        return  # the clock changed after this timer was set, and has set another
    due = marks.due_marks(clock, context.now)
    if due:
        clock = marks.tell(clock, [mark.name for mark in due])
        await _tell(context, clock, due)
    await promising.save(context, clock)


async def acknowledge(context: Context, event: ButtonPressed) -> None:
    """Somebody of ours takes an escalation: its further steps stop, the promise stays."""
    clock = await _pressed(context, event)
    if clock is None:
        return
    ticket = await context.tx.ticket(clock.ticket)
    who = await _name(context, event)
    is_news = clock.is_live and clock.acknowledged_by is None
    if is_news:
        clock = marks.acknowledge(clock, who, context.now)
        await promising.save(context, clock)
        await alerting.acknowledge(context, clock, ticket)
    taken = clock.acknowledged_by or who
    await _restate(context, clock, ticket, event, lambda said: replies.acknowledged(said, taken))
    if is_news:
        await _restate_elsewhere(context, clock, ticket, event, taken)


async def snooze(context: Context, event: ButtonPressed) -> None:
    """Somebody of ours wants to hear of it later: its steps wait, the promise does not."""
    clock = await _pressed(context, event)
    if clock is None or context.policies.room_of(event.address).audience != INTERNAL:
        return
    ticket = await context.tx.ticket(clock.ticket)
    if not clock.is_live or clock.acknowledged_by is not None:
        taken = clock.acknowledged_by
        await _restate(
            context, clock, ticket, event, lambda said: replies.acknowledged(said, taken) if taken else said
        )
        return
    who = await _name(context, event)
    clock = marks.snooze(clock, who, context.now, SNOOZES[event.button])
    await promising.save(context, clock)
    until = clock.snoozes[-1].until
    button = ReplyButton(button=Button.ACKNOWLEDGE, value=str(clock.id))
    await _restate(
        context, clock, ticket, event, lambda said: replies.snoozed(said, who, until), buttons=(button,)
    )


async def _pressed(context: Context, event: ButtonPressed) -> Clock | None:
    """The clock a button is about; None when it is none, or nobody of ours pressed."""
    number = parse_id(event.value)
    if number is None or not _may_acknowledge(context, event.presser):
        return None
    try:
        return await context.tx.clock(ClockId(number))
    except KeyError:
        return None


def _may_acknowledge(context: Context, presser: PersonRef) -> bool:
    on_call = context.policies.on_call
    return context.policies.is_agent(presser) or presser in on_call.everybody()


async def _name(context: Context, event: ButtonPressed) -> str:
    person = await context.tx.find_person(event.presser)
    return person.name if person else event.presser_name or event.presser.user


async def _restate(
    context: Context,
    clock: Clock,
    ticket: Ticket,
    event: ButtonPressed,
    words: Callable[[str], str],
    *,
    buttons: tuple[ReplyButton, ...] = (),
) -> None:
    """Under the message whose button was pressed: who did what."""
    if await saying.find_pressed(context, ticket.conversation, event) is None:
        for alert in await context.tx.alerts(clock.id):
            lane = f"{event.address.door}/{ticket.conversation}/alert/{alert.ref.destination}"
            if await context.tx.has_pending(lane, PostReply.__name__):
                raise NotYet("an escalation is still under way")
    await saying.restate(context, ticket.conversation, event, words, buttons=buttons)


async def _restate_elsewhere(
    context: Context, clock: Clock, ticket: Ticket, event: ButtonPressed, who: str
) -> None:
    """Everywhere else that this clock was told: nobody needs to take it any more."""
    said = {message.source: message.text for message in await context.tx.messages(ticket.conversation)}
    conversation = await context.tx.conversation(ticket.conversation)
    for alert in await context.tx.alerts(clock.id):
        text = said.get(alert.source or "")
        room = context.policies.escalation_room
        if not alert.ref.is_here:
            room = context.policies.rooms_by_name.get(alert.ref.destination.removeprefix(calling.CHANNEL))
        address = alerting.top_of(room) if room else conversation.address
        message = (alert.source or "").partition(":")[2]
        is_lost = room is None and not alert.ref.is_here  # the room is not among ours any more
        if text is None or message == event.message or is_lost:
            continue
        await context.tx.plan(
            EditReply(
                conversation=conversation.id,
                address=address,
                room=room.audience if room else conversation.audience,
                message=message,
                text=replies.restated(text, replies.acknowledged(text.body, who)),
            )
        )


# -- telling ----------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class _Occasion:
    """What is told, about whom, and who is called."""

    clock: Clock
    ticket: Ticket
    conversation: Conversation
    mark: Mark  #: the last of those that are told together
    call: Call


async def _tell(context: Context, clock: Clock, due: Sequence[Mark]) -> None:
    """Everybody whom the steps name, each once, for everything that came due together."""
    ticket = await context.tx.ticket(clock.ticket)
    conversation = await context.tx.conversation(ticket.conversation)
    steps = [mark for mark in due if mark.step is not None]
    targets = [target for mark in steps if mark.step is not None for target in mark.step.targets]
    call = calling.called(context.policies, ticket.organisation, targets, now=context.now)
    mark = (steps or list(due))[-1]
    occasion = _Occasion(clock=clock, ticket=ticket, conversation=conversation, mark=mark, call=call)
    room = context.policies.escalation_room
    if _is_told_here(clock, due, call, is_internal=room is not None):
        await _tell_here(context, occasion, room)
    for target, other in call.rooms.items():
        if other != room:
            await _post(context, occasion, target, other, notes=())
    await alerting.plan(context, clock, ticket, mark, call.destinations)
    await promising.show(context, conversation)


def _is_told_here(clock: Clock, due: Sequence[Mark], call: Call, *, is_internal: bool) -> bool:
    """Steps always; a mere warning only among ourselves, for in the customer's own thread the card says it.

    Whoever acknowledged or snoozed needs no more warnings; that the promise is broken is told all the same.
    """
    if any(mark.step for mark in due):
        return is_internal or call.is_for_people
    until = clock.snoozed_until
    is_silent = clock.acknowledged_by is not None or (until is not None and due[-1].at < until)
    return is_internal and (not is_silent or any(mark.name == marks.BREACH for mark in due))


async def _tell_here(context: Context, occasion: _Occasion, room: Room | None) -> None:
    """In the room for it, with everybody who is called; or in the thread where there is none."""
    call = occasion.call
    labels = [context.policies.destinations[each].label for each in call.destinations]
    notes = [*call.notes, *([replies.called_too(labels)] if labels else [])]
    await _post(context, occasion, HERE, room, notes=notes)


async def _post(
    context: Context, occasion: _Occasion, destination: str, room: Room | None, *, notes: Sequence[str]
) -> None:
    clock, call, conversation = occasion.clock, occasion.call, occasion.conversation
    is_internal, is_here = room is not None, destination == HERE
    ref = AlertRef(clock=clock.id, mark=occasion.mark.name, destination=destination)
    body = replies.escalated(
        occasion.ticket,
        clock,
        now=context.now,
        is_internal=is_internal,
        round_=occasion.mark.round,
        notes=notes,
    )
    await context.tx.plan(
        PostReply(
            conversation=conversation.id,
            address=alerting.top_of(room) if room else conversation.address,
            room=room.audience if room else conversation.audience,
            text=Text(body=body, audience=INTERNAL if is_internal else conversation.audience),
            purpose=Purpose.ESCALATION,
            buttons=alerting.buttons_of(clock, is_internal=is_internal),
            mentions=tuple(call.people) if is_here else (),
            groups=tuple(call.groups) if is_here else (),
            about=conversation.address if is_internal else None,
            alert=ref,
        )
    )
    await alerting.note(context, clock, ref, calls_people=is_here and bool(call.people or call.groups))
