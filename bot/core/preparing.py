"""The last look before an effect is done: whether it is still wanted, and what the facts are now."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import assert_never

from bot.core import card_views
from bot.core.alerts import AlertAction, SendAlert
from bot.core.effects import (
    ClassifyTicket,
    CommentOnReplica,
    CreateReplica,
    DraftAnswer,
    EditReply,
    Effect,
    IdentifyPerson,
    PostReply,
    Purpose,
    ShowStatus,
    Stage,
    UpdateReplica,
    WithdrawShown,
)
from bot.core.errors import Rejected
from bot.core.events import Button
from bot.core.model import (
    AnswerMode,
    Audience,
    ClockId,
    Conversation,
    Floor,
    Message,
    Turn,
)
from bot.core.naming import NAMED_WITHIN, named
from bot.core.policies import Policies
from bot.core.ports import Records

CORRECTIONS = 500  #: that a classifier is given as examples
TURNS = 8  #: of the thread that a question is read together with


async def prepare(  # noqa: PLR0911 - a table
    effect: Effect, records: Records, policies: Policies, *, now: datetime
) -> Effect | None:
    """The effect with fresh facts, or None when it is no longer wanted.

    Raises Rejected when it never can be done, NotYet when it soon can.
    """
    match effect:
        case PostReply():
            return await _reply(effect, records, policies)
        case EditReply():
            return replace(effect, room=policies.room_of(effect.address).audience)
        case WithdrawShown():
            return effect
        case ShowStatus():
            return await card_views.filled(effect, records, policies, now=now)
        case DraftAnswer():
            return await _question(effect, records, policies)
        case ClassifyTicket():
            return replace(effect, corrections=tuple(await records.corrections(limit=CORRECTIONS)))
        case SendAlert():
            return effect if await _is_alarming(effect, records) else None
        case IdentifyPerson():
            return None if await records.find_person(effect.ref) else effect
        case CreateReplica() | CommentOnReplica() | UpdateReplica():
            return await _in_desk(effect, records, now)
        case _:
            assert_never(effect)


async def is_awaited(effect: DraftAnswer, records: Records) -> bool:
    """Whether an answer would still be said: people may take the floor while it is being composed."""
    conversation = await records.conversation(effect.conversation)
    return conversation.floor is Floor.BOT or effect.was_addressed


async def _is_alarming(effect: SendAlert, records: Records) -> bool:
    """Nobody is called for what somebody has, or for what is over; that it is so is always told."""
    clock = await records.clock(effect.ref.clock)
    is_open = clock.is_live and clock.acknowledged_by is None
    return effect.action is not AlertAction.TRIGGER or is_open


async def _question(effect: DraftAnswer, records: Records, policies: Policies) -> DraftAnswer:
    """With what was said before it, what the asker is known to run, and where it may be seen meanwhile."""
    conversation = await records.conversation(effect.conversation)
    messages = await records.messages(effect.conversation)
    place = next((place for place, message in enumerate(messages) if message.id == effect.question), 0)
    stage = _stage(conversation, messages[place], effect.reader, policies) if messages else None
    if conversation.floor is Floor.HUMAN and not effect.was_addressed:
        return replace(effect, is_wanted=False, stage=stage)
    earlier = [message for message in messages[:place] if message.text.audience.may_reach(effect.reader)]
    organisation = (
        policies.organisations.get(conversation.organisation) if conversation.organisation else None
    )
    return replace(
        effect,
        earlier=tuple(Turn(role=message.role, text=message.text.body) for message in earlier[-TURNS:]),
        version=organisation.version if organisation else None,
        environment=organisation.environment if organisation else None,
        stage=stage,
    )


def _stage(conversation: Conversation, question: Message, reader: Audience, policies: Policies) -> Stage:
    room = policies.room_of(conversation.address)
    is_open = room.mode in (AnswerMode.EVERY, AnswerMode.MENTION) and room.audience == reader
    return Stage(
        address=conversation.address,
        room=room.audience,
        asker=question.author,
        sure=room.sure,
        since=question.sent_at,
        is_live=room.is_live and is_open,
    )


async def _reply(effect: PostReply, records: Records, policies: Policies) -> PostReply | WithdrawShown | None:
    """With the readers whom the room has now: it may have been given to another customer meanwhile."""
    if not await _may_be_said(effect, records):
        if effect.shown is None:
            return None
        return WithdrawShown(conversation=effect.conversation, address=effect.address, shown=effect.shown)
    return replace(effect, room=policies.room_of(effect.address).audience)


async def _may_be_said(effect: PostReply, records: Records) -> bool:
    """Floor control at the moment of posting, not when the answer was started."""
    conversation = await records.conversation(effect.conversation)
    match effect.purpose:
        case Purpose.ANSWER:
            return effect.was_addressed or conversation.floor is Floor.BOT
        case Purpose.ABSTENTION:
            is_offer = any(button.button is Button.OPEN_TICKET for button in effect.buttons)
            if is_offer and conversation.ticket is not None:
                return False  # what it offers has been done meanwhile
            return effect.was_addressed or conversation.floor is Floor.BOT
        case Purpose.ESCALATION:
            asked = [button.value for button in effect.buttons if button.button is Button.ACKNOWLEDGE]
            clocks = [await records.clock(ClockId(int(value))) for value in asked]
            return all(clock.is_live and clock.acknowledged_by is None for clock in clocks)
        case Purpose.NOTICE | Purpose.RELAY:
            return True
        case _:
            assert_never(effect.purpose)


async def _in_desk(
    effect: CreateReplica | CommentOnReplica | UpdateReplica, records: Records, now: datetime
) -> Effect:
    ticket = await records.ticket(effect.ticket)
    if isinstance(effect, CreateReplica):
        return await _with_names(effect, records, is_patient=now < ticket.opened_at + NAMED_WITHIN)
    if ticket.replica is None:
        # Creation comes first in the lane: without an id here it was parked, and a person decides.
        raise Rejected("the ticket was never created in the desk; replay its creation first")
    if isinstance(effect, UpdateReplica):
        return replace(effect, replica=ticket.replica, status=ticket.status, priority=ticket.priority)
    is_patient = effect.said_at is not None and now < effect.said_at + NAMED_WITHIN
    author = await named(effect.author.ref, records, is_patient=is_patient)
    return replace(effect, replica=ticket.replica, author=author or effect.author)


async def _with_names(effect: CreateReplica, records: Records, *, is_patient: bool) -> CreateReplica:
    """Whoever spoke first was a bare id when the ticket was opened; by now they have a name."""
    lines = []
    for line in effect.transcript:
        known = await named(line.ref, records, is_patient=is_patient) if line.ref else None
        lines.append(replace(line, author=known.name) if known else line)
    requester = await named(effect.requester.ref, records, is_patient=is_patient)
    return replace(effect, transcript=tuple(lines), requester=requester or effect.requester)
