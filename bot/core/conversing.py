"""Conversations: who speaks, who holds the floor, what is answered and what becomes a ticket."""

from __future__ import annotations

from dataclasses import replace

from bot.core import (
    answering,
    asking,
    classifying,
    explain_order,
    promising,
    recalling,
    replies,
    saying,
    ticketing,
    triage,
    watching,
)
from bot.core.context import Context
from bot.core.effects import IdentifyPerson
from bot.core.events import (
    ButtonPressed,
    MessageReceived,
    PersonIdentified,
)
from bot.core.model import (
    INTERNAL,
    AnswerMode,
    Conversation,
    Floor,
    Message,
    PersonRef,
    Role,
    Room,
    RoomKind,
    Text,
    TicketId,
    TicketStatus,
)
from bot.core.ports import NewMessage


async def receive_message(context: Context, event: MessageReceived) -> None:
    """Somebody wrote: remember it, and decide whether it is ours to answer."""
    if event.is_bot:
        return  # programs start nothing, stop nothing and are never answered
    room = context.policies.room_of(event.address)
    conversation = await _conversation(context, event, room)
    if conversation is None:
        return
    message = await _record(context, event, conversation)
    if message is None:
        return  # the same words came before, as a mention or a retry
    if message.role is Role.AGENT:
        await _agent_spoke(context, event, conversation, message, room)
    else:
        await _requester_spoke(context, event, conversation, message, room)


async def _conversation(context: Context, event: MessageReceived, room: Room) -> Conversation | None:
    known = await context.tx.find_conversation(event.address)
    if known:
        return context.of_its_readers(known)
    # A thread that one of ours begins is followed as well: that is how we know who holds its floor.
    is_ours = event.is_mention or room.listens
    if room.mode is AnswerMode.OFF or not is_ours:
        return None
    return await context.tx.open_conversation(
        address=event.address,
        audience=room.audience,
        organisation=room.organisation,
        tier=room.tier,
        opened_at=context.now,
    )


async def _record(context: Context, event: MessageReceived, conversation: Conversation) -> Message | None:
    person = await context.tx.find_person(event.author)
    message = await context.tx.record_message(
        NewMessage(
            conversation=conversation.id,
            source=event.source,
            author=event.author,
            author_name=person.name if person else event.author.user,
            role=Role.AGENT if context.policies.is_agent(event.author) else Role.REQUESTER,
            text=Text(body=event.text, audience=conversation.audience),
            sent_at=event.sent_at,
            files=event.files,
        )
    )
    if message and person is None:
        await context.tx.plan(IdentifyPerson(ref=event.author, room=event.address.room))
    return message


async def _agent_spoke(
    context: Context,
    event: MessageReceived,
    conversation: Conversation,
    message: Message,
    room: Room,
) -> None:
    """A person of ours takes the floor, unless they only asked the bot something."""
    if event.is_mention:
        if classifying.is_order(event.text):
            await classifying.correct(context, conversation, message)
        elif watching.is_order(event.text):
            await watching.answer(context, conversation, event.text)
        elif explain_order.is_order(event.text):
            await explain_order.answer(context, conversation, message)
        elif recalling.is_order(event.text):
            await recalling.take_back(context, conversation)
        else:
            await answering.ask(context, conversation, message, room, was_addressed=True)
        return
    conversation = replace(conversation, floor=Floor.HUMAN)
    await context.tx.save_conversation(conversation)
    if conversation.ticket is None:
        return
    ticket = await context.tx.ticket(conversation.ticket)
    await ticketing.mirror(context, ticket, message)
    if conversation.audience != INTERNAL:
        await ticketing.agent_replied(context, ticket, context.at(event.sent_at))
    await promising.show(context, conversation)


async def _requester_spoke(
    context: Context,
    event: MessageReceived,
    conversation: Conversation,
    message: Message,
    room: Room,
) -> None:
    if conversation.ticket is not None:
        is_taken = await _wrote_to_ticket(context, event, conversation, message, conversation.ticket)
        if not is_taken or not event.is_mention:
            return  # the team has it; the bot does not talk into their thread
    elif _needs_ticket(event.text, room):
        conversation, _ = await ticketing.open_ticket(context, conversation, event.author)
        if asking.wants_ticket(event.text):
            return  # they asked for a person, not for an article
    if event.is_mention or (conversation.floor is Floor.BOT and room.listens):
        await answering.ask(context, conversation, message, room, was_addressed=event.is_mention)


async def _wrote_to_ticket(
    context: Context,
    event: MessageReceived,
    conversation: Conversation,
    message: Message,
    number: TicketId,
) -> bool:
    """Whether the ticket could still take it."""
    ticket = await context.tx.ticket(number)
    if ticket.status is TicketStatus.CLOSED:
        await saying.say_once(context, conversation, replies.ticket_closed(ticket.id))
        return False
    wants_reply = bool(event.files) or asking.wants_reply(event.text)
    await ticketing.mirror(context, ticket, message, wants_reply=wants_reply)
    ticket = await classifying.raise_floor(context, ticket, event.text)
    at = context.at(event.sent_at)
    if wants_reply and await ticketing.requester_replied(context, ticket, at):
        await promising.show(context, conversation)
    return True


def _needs_ticket(text: str, room: Room) -> bool:
    """Whether to open a ticket unasked: production is down at a customer's, or somebody asks for one."""
    if room.mode is AnswerMode.OFF:
        return False
    return asking.wants_ticket(text) or (room.kind is RoomKind.CUSTOMER and triage.is_emergency(text))


async def press_open_ticket(context: Context, event: ButtonPressed) -> None:
    """Anybody in the thread may ask for a ticket; the one who asked the question is its requester."""
    conversation = context.of_its_readers(await context.tx.find_conversation(event.address))
    if conversation is None:
        return
    if conversation.ticket is not None:
        await saying.say_once(context, conversation, replies.ticket_stands(conversation.ticket))
        return
    await saying.find_pressed(context, conversation.id, event)  # a number, once taken, is not given back
    requester = await _asker(context, conversation, event)
    conversation, ticket = await ticketing.open_ticket(context, conversation, requester)
    await saying.restate(context, conversation.id, event, lambda said: replies.ticket_opened(said, ticket.id))


async def _asker(context: Context, conversation: Conversation, event: ButtonPressed) -> PersonRef:
    """Whoever asked the question under which the button stood; else whoever pressed it."""
    messages = await context.tx.messages(conversation.id)
    asked = (
        message for message in messages if message.role is Role.REQUESTER and str(message.id) == event.value
    )
    question = next(asked, None)
    return question.author if question else event.presser


async def person_identified(context: Context, event: PersonIdentified) -> None:
    """A name for an id."""
    await context.tx.save_person(event.person)
