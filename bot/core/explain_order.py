"""The order "@bot explain": how a ticket's promises were reckoned, for our own people's eyes only."""

from __future__ import annotations

import re

from bot.core import explaining, explanations, replies, saying
from bot.core.context import Context
from bot.core.effects import PostReply, Purpose
from bot.core.model import INTERNAL, Address, Conversation, Message, Text, TicketId

# The whole message, so that "explain how DataHub works" is a question; with a number, about another ticket.
_ORDER = re.compile(
    r"\s*(?:explain|explicar?|explique)(?:\s+(?:the\s+|o\s+)?(?:sla|clocks?))?"
    r"(?:\s+(?:DB-)?(?P<number>\d{1,15}))?\s*[.!?]?\s*",
    re.IGNORECASE,
)


def is_order(text: str) -> bool:
    """Whether an agent asks the bot how promises were reckoned."""
    return _ORDER.fullmatch(text) is not None


async def answer(context: Context, conversation: Conversation, message: Message) -> None:
    """In the thread where everybody is ours, else in the room where our own people are called."""
    if conversation.audience == INTERNAL:
        text = await _explained(context, conversation, message)
        await saying.say(context, conversation, text, Purpose.NOTICE)
        return
    room = context.policies.escalation_room
    if room is None or room.audience != INTERNAL:
        text = Text(body=explaining.nowhere(), audience=conversation.audience)
        await saying.say(context, conversation, text, Purpose.NOTICE)
        return
    await context.tx.plan(
        PostReply(
            conversation=conversation.id,
            address=Address(door=room.door, workspace=room.workspace, room=room.room, thread=""),
            room=room.audience,
            text=await _explained(context, conversation, message),
            purpose=Purpose.NOTICE,
            mentions=(message.author,),
            about=conversation.address,
        )
    )


async def _explained(context: Context, conversation: Conversation, message: Message) -> Text:
    return Text(body=await _words(context, conversation, message.text.body), audience=INTERNAL)


async def _words(context: Context, conversation: Conversation, order: str) -> str:
    match = _ORDER.fullmatch(order)
    assert match is not None
    number = TicketId(int(match["number"])) if match["number"] else conversation.ticket
    if number is None:
        return replies.no_ticket_to_correct()
    try:
        ticket = await context.tx.ticket(number)
    except KeyError:
        return explaining.no_such_ticket(number)
    clocks = await context.tx.clocks(ticket.id)
    found = [explanations.explained(clock, context.now) for clock in clocks]
    return explaining.explained(ticket, found, context.now)
