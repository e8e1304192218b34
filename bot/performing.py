"""Performs effects: one exhaustive match from what was decided to whom it is done through."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import assert_never

from bot.core import replies
from bot.core.effects import (
    ClassifyTicket,
    CommentOnReplica,
    CreateReplica,
    DraftAnswer,
    EditReply,
    Effect,
    IdentifyPerson,
    PostReply,
    ShowStatus,
    UpdateReplica,
)
from bot.core.errors import DeskbellError, Unavailable
from bot.core.events import (
    AnswerDrafted,
    CardPosted,
    Event,
    PersonIdentified,
    ReplicaCommented,
    ReplicaCreated,
    ReplyPosted,
    TicketClassified,
)
from bot.core.ports import Attempt, KnowledgeBase, Rooms, TicketDesk


@dataclass(frozen=True, slots=True, kw_only=True)
class Performers:
    """The outward side of everything that is switched on."""

    rooms: Mapping[str, Rooms]  #: by door
    knowledge: KnowledgeBase
    desk: TicketDesk | None

    async def perform(self, effect: Effect, attempt: Attempt) -> Event | None:
        """Do it, once however often it is tried; what came of it, if the core should know."""
        match effect:
            case DraftAnswer():
                finding = await self.knowledge.answer(effect.inquiry)
                return AnswerDrafted(
                    conversation=effect.conversation,
                    question=effect.question,
                    finding=finding,
                    was_addressed=effect.was_addressed,
                )
            case ClassifyTicket():
                verdict = await self.knowledge.classify(effect.text, effect.corrections)
                return TicketClassified(ticket=effect.ticket, verdict=verdict)
            case PostReply() | EditReply() | ShowStatus() | IdentifyPerson():
                return await self._in_room(effect, attempt)
            case CreateReplica() | CommentOnReplica() | UpdateReplica():
                return await self._in_desk(effect, attempt)
            case _:
                assert_never(effect)

    async def _in_room(
        self, effect: PostReply | EditReply | ShowStatus | IdentifyPerson, attempt: Attempt
    ) -> Event | None:
        rooms = self.rooms.get(effect.vendor)
        if rooms is None:
            raise Unavailable(f"the {effect.vendor} door is off")
        match effect:
            case PostReply():
                linked = await _linked(effect, rooms)
                posted = await rooms.post_reply(linked, attempt)
                return ReplyPosted(
                    conversation=effect.conversation,
                    source=f"{effect.vendor}:{posted}",
                    text=linked.text,
                    posted_at=attempt.now,
                    answer=effect.answer,
                )
            case EditReply():
                await rooms.edit_reply(effect, attempt)
                return None
            case ShowStatus():
                card = await rooms.show_status(effect, attempt)
                return CardPosted(conversation=effect.conversation, card=card)
            case IdentifyPerson():
                return PersonIdentified(person=await rooms.identify(effect, attempt))
            case _:
                assert_never(effect)

    async def _in_desk(
        self, effect: CreateReplica | CommentOnReplica | UpdateReplica, attempt: Attempt
    ) -> Event | None:
        if self.desk is None:
            raise Unavailable("the ticket desk is off")
        match effect:
            case CreateReplica():
                return ReplicaCreated(ticket=effect.ticket, replica=await self.desk.create(effect, attempt))
            case CommentOnReplica():
                return ReplicaCommented(
                    ticket=effect.ticket, comment=await self.desk.comment(effect, attempt)
                )
            case UpdateReplica():
                await self.desk.update(effect, attempt)
                return None
            case _:
                assert_never(effect)


async def _linked(effect: PostReply, rooms: Rooms) -> PostReply:
    """An escalation is read elsewhere: it carries a link. Without one it is still said."""
    if effect.about is None:
        return effect
    try:
        link = await rooms.permalink(effect.about)
    except DeskbellError:
        link = None
    body = replies.with_link(effect.text.body, link)
    return replace(effect, text=replies.restated(effect.text, body))
