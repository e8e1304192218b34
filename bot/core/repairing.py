"""Repairing what an audit found, and saying so: each flaw once, for as long as it lasts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

from bot.core import alerting, auditing, promising, replies, sla, ticket_audits, watching
from bot.core.auditing import AuditRecord, Fault, Flaw, Watched
from bot.core.context import Context
from bot.core.effects import PostReply, Purpose
from bot.core.errors import NONSENSE
from bot.core.model import INTERNAL, Clock, ClockId, Room, Text, Ticket
from bot.core.ports import Timer

TIMER = "audit"
SILENCE = timedelta(minutes=10)  #: without a round that passes, our own people are told
AGAIN = timedelta(hours=1)  #: and again, for as long as that lasts


async def look_again(context: Context, id: ClockId) -> Sequence[Flaw]:
    """Examine one clock under its lock, for it may have changed since it was read; repair what can be."""
    clock = await context.tx.clock(id)
    ticket = await context.tx.ticket(clock.ticket)
    flaws = [flaw for flaw in await _of_its_ticket(context, ticket) if flaw.clock == id]
    if clock.is_live:
        watched = Watched(
            clock=clock,
            ticket=ticket,
            timer=await context.tx.timer(f"{promising.CLOCK}{id}"),
            alerts=tuple(await context.tx.alerts(id)),
        )
        flaws += auditing.examine(watched, context.policies, context.now)
    await _repair(context, clock, flaws)
    return flaws


async def _of_its_ticket(context: Context, ticket: Ticket) -> Sequence[Flaw]:
    """Nothing is said of a ticket with a clock that cannot be read: that one is a flaw by itself."""
    try:
        clocks = await context.tx.clocks(ticket.id)
    except NONSENSE:
        return ()
    return ticket_audits.examine_ticket(ticket, clocks, context.policies) if ticket.is_open else ()


async def _repair(context: Context, clock: Clock, flaws: Sequence[Flaw]) -> None:
    mendable = [flaw for flaw in flaws if flaw.fault not in auditing.FOR_PEOPLE]
    if not mendable:
        return
    if any(flaw.fault is Fault.WRONG_STATE for flaw in mendable):
        await promising.fall_in(context, await context.tx.ticket(clock.ticket))
        return
    wrongly = (Fault.UNSENT_MARK, Fault.TOLD_EARLY)
    unsent = {flaw.detail for flaw in mendable if flaw.fault in wrongly}
    mended = replace(clock, told=tuple(name for name in clock.told if name not in unsent))
    if unsent or any(flaw.fault is Fault.WRONG_DUE for flaw in mendable):
        await promising.save(context, sla.changed(sla.retimed(mended), state=clock.state))
    else:
        await promising.rearm(context, clock)
    if any(flaw.fault is Fault.STUCK_ALERT for flaw in mendable):
        for alert in await context.tx.alerts(clock.id):
            key = f"{alerting.TIMER}{clock.id}:{alert.ref.mark}"
            await context.tx.set_timer(Timer(key=key, due_at=context.now, version=clock.version))


async def begin(context: Context) -> None:
    """From now on a round has to pass now and then, the first one included."""
    await context.tx.bring_forward(Timer(key=TIMER, due_at=context.now + SILENCE, version=0))


async def conclude(context: Context, flaws: Sequence[Flaw]) -> None:
    """The end of a round: what is new is told; a round that passes keeps the silence from being told."""
    before = await context.tx.audit()
    news = [flaw for flaw in flaws if flaw.key not in before.flaws]
    if news and context.policies.escalation_room is not None:
        await _tell(context, context.policies.escalation_room, replies.audited(news))
    record = AuditRecord(
        ran_at=context.now,
        passed_at=before.passed_at if flaws else context.now,
        flaws=tuple(flaw.key for flaw in flaws),
    )
    await context.tx.keep_audit(record)
    if not flaws:
        await context.tx.set_timer(Timer(key=TIMER, due_at=context.now + SILENCE, version=0))


async def silent(context: Context) -> None:
    """No round has passed for too long: nobody watches the promises, or they are found wanting."""
    record = await context.tx.audit()
    if context.policies.escalation_room is not None:
        await _tell(context, context.policies.escalation_room, replies.audit_silent(record.passed_at))
    await context.tx.set_timer(Timer(key=TIMER, due_at=context.now + AGAIN, version=0))


async def _tell(context: Context, room: Room, body: str) -> None:
    conversation = await watching.of_the_room(context, room)
    await context.tx.plan(
        PostReply(
            conversation=conversation.id,
            address=conversation.address,
            room=room.audience,
            text=Text(body=body, audience=INTERNAL),
            purpose=Purpose.NOTICE,
        )
    )
