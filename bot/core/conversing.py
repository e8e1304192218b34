"""Conversations: who speaks, who holds the floor, what is answered and what becomes a ticket."""

from __future__ import annotations

import re
from dataclasses import replace

from bot.core import promising, replies, saying, ticketing, triage
from bot.core.context import Context
from bot.core.effects import DraftAnswer, IdentifyPerson, Purpose, ReplyButton
from bot.core.events import (
    AnswerDrafted,
    Button,
    ButtonPressed,
    CardPosted,
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
    Priority,
    Role,
    Room,
    RoomKind,
    Text,
)
from bot.core.ports import NewMessage

# Asking for a person or a ticket in plain words, in the two languages of the knowledge base.
WANTS_TICKET = re.compile(
    r"\b(open|create|raise|file|log)\s+(me\s+|us\s+)?(a|an|the|another)?\s*(support\s+)?(ticket|case)\b"
    r"|\b(talk|speak)\s+(to|with)\s+(a|an|some)\s*(human|person|agent|engineer)\b"
    r"|\b(abr\w*|cri\w*)\s+(um|o|outro)?\s*(ticket|chamado)\b"
    r"|\bfalar\s+com\s+(um|uma|algum|alguma)?\s*(humano|pessoa|atendente|agente)\b",
    re.IGNORECASE,
)


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
        await _agent_spoke(context, event, conversation, message)
    else:
        await _requester_spoke(context, event, conversation, message, room)


async def _conversation(context: Context, event: MessageReceived, room: Room) -> Conversation | None:
    known = await context.tx.find_conversation(event.address)
    if known:
        return known
    is_ours = event.is_mention or (
        room.mode is AnswerMode.EVERY and not context.policies.is_agent(event.author)
    )
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
    context: Context, event: MessageReceived, conversation: Conversation, message: Message
) -> None:
    """A person of ours takes the floor, unless they only asked the bot something."""
    if event.is_mention:
        await _ask(context, conversation, message, was_addressed=True)
        return
    conversation = replace(conversation, floor=Floor.HUMAN)
    await context.tx.save_conversation(conversation)
    if conversation.ticket is None:
        return
    ticket = await context.tx.ticket(conversation.ticket)
    await ticketing.mirror(context, ticket, message)
    if conversation.audience != INTERNAL:
        await ticketing.agent_replied(context, ticket, event.sent_at)
    await promising.show(context, conversation)


async def _requester_spoke(
    context: Context,
    event: MessageReceived,
    conversation: Conversation,
    message: Message,
    room: Room,
) -> None:
    if conversation.ticket is not None:
        ticket = await context.tx.ticket(conversation.ticket)
        await ticketing.mirror(context, ticket, message)
        reopened = await ticketing.requester_replied(context, ticket)
        if reopened != ticket:
            await promising.show(context, conversation)
        if not event.is_mention:
            return  # the team has it; the bot does not talk into their thread
    elif _needs_ticket(event.text, room):
        conversation, _ = await ticketing.open_ticket(context, conversation, event.author)
        if WANTS_TICKET.search(event.text):
            return  # they asked for a person, not for an article
    if event.is_mention or conversation.floor is Floor.BOT:
        await _ask(context, conversation, message, was_addressed=event.is_mention)


def _needs_ticket(text: str, room: Room) -> bool:
    """Whether to open a ticket unasked: production is down at a customer's, or somebody asks for one."""
    if WANTS_TICKET.search(text):
        return True
    return room.kind is RoomKind.CUSTOMER and triage.triage(text).priority is Priority.P1


async def _ask(
    context: Context, conversation: Conversation, message: Message, *, was_addressed: bool
) -> None:
    if not message.text.body.strip():
        return  # a bare mention or a lone file asks nothing
    await context.tx.plan(
        DraftAnswer(
            conversation=conversation.id,
            question=message.id,
            text=message.text.body,
            reader=conversation.audience,
            tier=conversation.tier,
            was_addressed=was_addressed,
        )
    )


async def answer_drafted(context: Context, event: AnswerDrafted) -> None:
    """Post a cited answer, or say that we do not know and offer a ticket; silent when unsure and unasked."""
    conversation = await context.tx.conversation(event.conversation)
    if conversation.floor is Floor.HUMAN and not event.was_addressed:
        return
    is_customer = context.policies.room_of(conversation.address).kind is RoomKind.CUSTOMER
    offer = ReplyButton(button=Button.OPEN_TICKET, value=str(event.question))
    offers = (offer,) if conversation.ticket is None and conversation.audience != INTERNAL else ()
    if event.answer is not None and event.answer.is_grounded:
        helped = ReplyButton(button=Button.HELPED, value=str(event.question))
        text = replies.restated(event.answer.text, replies.answered(event.answer))
        await saying.say(
            context,
            conversation,
            text,
            Purpose.ANSWER,
            buttons=(helped, *offers),
            was_addressed=event.was_addressed,
        )
    elif (is_customer or event.was_addressed) and conversation.ticket is None:
        text = Text(body=replies.not_known(), audience=conversation.audience)
        await saying.say(
            context,
            conversation,
            text,
            Purpose.ABSTENTION,
            buttons=offers,
            was_addressed=event.was_addressed,
        )


async def press_open_ticket(context: Context, event: ButtonPressed) -> None:
    """Anybody in the thread may ask for a ticket; the one who asked the question is its requester."""
    conversation = await context.tx.find_conversation(event.address)
    if conversation is None:
        return
    if conversation.ticket is not None:
        text = Text(body=replies.ticket_stands(conversation.ticket), audience=conversation.audience)
        await saying.say(context, conversation, text, Purpose.NOTICE)
        return
    requester = await _asker(context, conversation, event)
    conversation, ticket = await ticketing.open_ticket(context, conversation, requester)
    await saying.restate(context, conversation.id, event, lambda said: replies.ticket_opened(said, ticket.id))


async def press_helped(context: Context, event: ButtonPressed) -> None:
    """The answer did it: the buttons go, the thanks stay."""
    conversation = await context.tx.find_conversation(event.address)
    if conversation is not None:
        await saying.restate(context, conversation.id, event, replies.helped)


async def _asker(context: Context, conversation: Conversation, event: ButtonPressed) -> PersonRef:
    """Whoever asked the question under which the button stood; else whoever pressed it."""
    messages = await context.tx.messages(conversation.id)
    asked = (
        message for message in messages if message.role is Role.REQUESTER and str(message.id) == event.value
    )
    question = next(asked, None)
    return question.author if question else event.presser


async def card_posted(context: Context, event: CardPosted) -> None:
    """From now on the card is edited in place."""
    conversation = await context.tx.conversation(event.conversation)
    if conversation.card != event.card:
        await context.tx.save_conversation(replace(conversation, card=event.card))


async def person_identified(context: Context, event: PersonIdentified) -> None:
    """A name for an id."""
    await context.tx.save_person(event.person)
