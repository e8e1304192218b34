"""What a ticket is about and how much it hurts: judged by a classifier, settled by people."""

from __future__ import annotations

import re
from dataclasses import replace

from bot.core import promising, replies, saying, triage
from bot.core.context import Context
from bot.core.effects import Purpose, UpdateReplica
from bot.core.errors import UserFacingError
from bot.core.events import TicketClassified
from bot.core.masking import mask
from bot.core.model import (
    Conversation,
    Correction,
    Message,
    Priority,
    Role,
    Text,
    Ticket,
)
from bot.core.spelling import parse_area, parse_priority

# "priority P2", "area: Lineage", "prioridade = P1": the whole message, so that a sentence is no order.
_ORDER = re.compile(
    r"\s*(?P<what>priority|prioridade|product area|area|área)\s*[:=]?\s+(?P<value>[\w ]{1,40}?)\s*[.!]?\s*",
    re.IGNORECASE,
)


async def apply(context: Context, event: TicketClassified) -> None:
    """Take the judgement over, but for what a person of ours has settled."""
    ticket, verdict = await context.tx.ticket(event.ticket), event.verdict
    area = ticket.product_area if ticket.is_area_settled else verdict.product_area
    described = replace(ticket, product_area=area, description=verdict.description)
    await context.tx.save_ticket(described)
    # The floor: what opened as an emergency stays one until a person says otherwise.
    is_floor = ticket.priority is Priority.P1 and verdict.priority is not Priority.P1
    if described.is_open and not ticket.is_priority_settled and not is_floor:
        await _set_priority(context, described, verdict.priority)


async def raise_floor(context: Context, ticket: Ticket, text: str) -> Ticket:
    """Production went down under an open ticket of a customer: P1, unless a person of ours settled it."""
    is_asked = ticket.organisation is not None and ticket.is_open and not ticket.is_priority_settled
    if is_asked and triage.is_emergency(text):
        return await _set_priority(context, ticket, Priority.P1)
    return ticket


def is_order(text: str) -> bool:
    """Whether an agent tells the bot what a ticket is."""
    return _ORDER.fullmatch(text) is not None


async def correct(context: Context, conversation: Conversation, message: Message) -> None:
    """An agent says what it is: that holds, and is remembered as an example."""
    if conversation.ticket is None:
        await _say(context, conversation, replies.no_ticket_to_correct())
        return
    ticket = await context.tx.ticket(conversation.ticket)
    try:
        said = _said(message.text.body)
    except UserFacingError as error:
        await _say(context, conversation, str(error))
        return
    if said.product_area is not None:
        ticket = replace(ticket, product_area=said.product_area, is_area_settled=True)
    if said.priority is not None:
        ticket = replace(ticket, is_priority_settled=True)
    await context.tx.save_ticket(ticket)
    if said.priority is not None:
        await _set_priority(context, ticket, said.priority)
    await _remember(context, conversation, ticket, said)
    await _say(context, conversation, replies.ticket_corrected(ticket.id, said))


def _said(text: str) -> Correction:
    match = _ORDER.fullmatch(text)
    assert match is not None
    if match["what"].casefold().startswith("prior"):
        return Correction(text="", product_area=None, priority=parse_priority(match["value"]))
    return Correction(text="", product_area=parse_area(match["value"]), priority=None)


async def _remember(context: Context, conversation: Conversation, ticket: Ticket, said: Correction) -> None:
    messages = await context.tx.messages(conversation.id)
    asked = [one.text.body for one in messages if one.role is Role.REQUESTER]
    if asked:
        example = replace(said, text=mask("\n".join(asked)))
        await context.tx.record_correction(ticket.id, example, at=context.now)


async def _set_priority(context: Context, ticket: Ticket, priority: Priority) -> Ticket:
    if ticket.priority is priority:
        return ticket
    ticket = replace(ticket, priority=priority)
    await context.tx.save_ticket(ticket)
    await promising.retarget(context, ticket)
    if context.has_desk:
        await context.tx.plan(UpdateReplica(ticket=ticket.id, status=ticket.status, priority=priority))
    await promising.show(context, await context.tx.conversation(ticket.conversation))
    return ticket


async def _say(context: Context, conversation: Conversation, body: str) -> None:
    text = Text(body=body, audience=conversation.audience)
    await saying.say(context, conversation, text, Purpose.NOTICE)
