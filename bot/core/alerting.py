"""Alerts: what leaves for destinations outside the rooms, and what is done about those that do not arrive."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import timedelta

from bot.core import replies
from bot.core.alerts import (
    STAND_IN,
    Alert,
    AlertAction,
    AlertFailed,
    AlertRef,
    AlertSent,
    AlertState,
    SendAlert,
)
from bot.core.context import Context
from bot.core.effects import PostReply, Purpose, ReplyButton
from bot.core.events import Button, ReplyPosted, TimerFired
from bot.core.model import INTERNAL, Address, Clock, ClockId, Mark, Room, Text, Ticket
from bot.core.ports import Timer

TIMER = "alert:"
LATE_AFTER = timedelta(minutes=5)  #: a destination that has not taken an alert by then is spoken of


async def plan(
    context: Context, clock: Clock, ticket: Ticket, mark: Mark, destinations: Iterable[str]
) -> None:
    """Tell each destination on its own, and look after a while whether all of them have it."""
    for destination in destinations:
        ref = AlertRef(clock=clock.id, mark=mark.name, destination=destination)
        await _send(context, clock, ticket, ref, AlertAction.TRIGGER, round_=mark.round)
        await note(context, clock, ref)


async def note(context: Context, clock: Clock, ref: AlertRef, *, calls_people: bool = True) -> None:
    """Write down that somebody is told, before anything is sent."""
    await context.tx.save_alert(Alert(ref=ref, planned_at=context.now, calls_people=calls_people))
    key = f"{TIMER}{ref.clock}:{ref.mark}"
    await context.tx.set_timer(Timer(key=key, due_at=context.now + LATE_AFTER, version=clock.version))


async def acknowledge(context: Context, clock: Clock, ticket: Ticket) -> None:
    """Somebody has it: whoever was told outside the rooms hears that, too."""
    await _follow_up(context, clock, ticket, AlertAction.ACKNOWLEDGE)


async def conclude(context: Context, clock: Clock) -> None:
    """What was promised has happened, or is owed no more."""
    await _follow_up(context, clock, await context.tx.ticket(clock.ticket), AlertAction.RESOLVE)


async def posted(context: Context, event: ReplyPosted) -> None:
    """An escalation stands in a room."""
    if event.alert is not None:
        await sent(context, AlertSent(ref=event.alert, at=event.posted_at, source=event.source))


async def sent(context: Context, event: AlertSent) -> None:
    """It has arrived."""
    found = await _find(context, event.ref)
    await context.tx.save_alert(replace(found, state=AlertState.SENT, source=event.source, reason=""))


async def failed(context: Context, event: AlertFailed) -> None:
    """It never will: our own people hear it here, with the reason, and the fallback is called."""
    found = await _find(context, event.ref)
    if found.state is not AlertState.FAILED:
        await context.tx.save_alert(replace(found, state=AlertState.FAILED, reason=event.reason))
        await _stand_in(context, event.ref, replies.alert_failed(_label(context, event.ref), event.reason))


async def look(context: Context, event: TimerFired) -> None:
    """Some minutes after a mark was told: what has not arrived is spoken of, and goes on being tried."""
    number, _, mark = event.key.removeprefix(TIMER).partition(":")
    clock = await context.tx.clock(ClockId(int(number)))  # locked: what arrives meanwhile waits, and is seen
    for alert in await context.tx.alerts(clock.id):
        if alert.ref.mark == mark and alert.state is AlertState.PLANNED:
            await context.tx.save_alert(replace(alert, state=AlertState.LATE))
            words = replies.alert_late(_label(context, alert.ref), LATE_AFTER)
            await _stand_in(context, alert.ref, words)


def top_of(room: Room) -> Address:
    """A new message in a room."""
    return Address(door=room.door, workspace=room.workspace, room=room.room, thread="")


async def _find(context: Context, ref: AlertRef) -> Alert:
    clock = await context.tx.clock(ref.clock)  # locked, for one of two that speak of the same alert to wait
    known = (alert for alert in await context.tx.alerts(clock.id) if alert.ref == ref)
    return next(known, Alert(ref=ref, planned_at=context.now))


def _label(context: Context, ref: AlertRef) -> str:
    known = context.policies.destinations.get(ref.destination)
    return known.label if known else ref.destination


async def _follow_up(context: Context, clock: Clock, ticket: Ticket, action: AlertAction) -> None:
    last = {alert.ref.destination: alert.ref for alert in await context.tx.alerts(clock.id)}
    for destination, ref in last.items():
        known = context.policies.destinations.get(destination)
        if known is not None and known.hears_the_rest:
            await _send(context, clock, ticket, ref, action)


async def _send(
    context: Context, clock: Clock, ticket: Ticket, ref: AlertRef, action: AlertAction, *, round_: int = 0
) -> None:
    conversation = await context.tx.conversation(ticket.conversation)
    await context.tx.plan(
        SendAlert(
            ref=ref,
            action=action,
            key=f"deskbell-{context.installation}-clock-{clock.id}",
            conversation=conversation.id,
            about=conversation.address,
            ticket=ticket.id,
            subject=ticket.subject,
            organisation=ticket.organisation,
            tier=ticket.tier,
            priority=ticket.priority,
            metric=clock.metric,
            due_at=clock.due_at,
            at=context.now,
            round=round_,
            by=clock.acknowledged_by,
        )
    )


async def _stand_in(context: Context, ref: AlertRef, words: str) -> None:
    """Say it here; nobody is called twice for one mark while others were reached."""
    clock = await context.tx.clock(ref.clock)
    if ref.is_here or not clock.is_live or clock.acknowledged_by is not None:
        return
    ticket = await context.tx.ticket(clock.ticket)
    conversation = await context.tx.conversation(ticket.conversation)
    room = context.policies.escalation_room
    instead = replace(ref, destination=f"{STAND_IN}{ref.destination}")
    mentions = () if await _reached_others(context, ref) else context.policies.on_call.fallback
    if room is not None:
        text = Text(body=replies.stood_in(ticket, words), audience=INTERNAL)
    else:  # customers read here: they see an escalation, and not what is wrong with our tools
        body = replies.escalated(ticket, clock, now=context.now, is_internal=False)
        text = Text(body=body, audience=conversation.audience)
    await context.tx.plan(
        PostReply(
            conversation=conversation.id,
            address=top_of(room) if room else conversation.address,
            room=room.audience if room else conversation.audience,
            text=text,
            purpose=Purpose.ESCALATION,
            buttons=buttons_of(clock, is_internal=room is not None),
            mentions=mentions,
            about=conversation.address if room else None,
            alert=instead,
        )
    )
    await note(context, clock, instead, calls_people=bool(mentions))


async def _reached_others(context: Context, ref: AlertRef) -> bool:
    """Whether somebody else was told at this mark who is not just a room without anybody called in it."""
    missing = (AlertState.FAILED, AlertState.LATE)
    return any(
        alert.ref.mark == ref.mark and alert.state not in missing and alert.ref != ref and alert.calls_people
        for alert in await context.tx.alerts(ref.clock)
    )


def buttons_of(clock: Clock, *, is_internal: bool) -> tuple[ReplyButton, ...]:
    """Under an escalation; who has it needs none, and customers see nothing of snoozing."""
    if clock.acknowledged_by is not None:
        return ()
    offered = [Button.ACKNOWLEDGE]
    offered += [Button.SNOOZE_SHORT, Button.SNOOZE_LONG] if is_internal else []
    return tuple(ReplyButton(button=button, value=str(clock.id)) for button in offered)
