"""Performs effects: one exhaustive match from what was decided to whom it is done through."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import partial
from typing import assert_never

import structlog

from bot.core import preparing, replies
from bot.core.alerts import AlertAction, AlertFailed, AlertSent, SendAlert
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
    WithdrawShown,
)
from bot.core.errors import DeskbellError, RateLimited, Rejected, Unavailable
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
from bot.core.model import Address, Finding, Shown
from bot.core.ports import (
    AlertDoor,
    Attempt,
    KnowledgeBase,
    Ledger,
    LiveRooms,
    Rooms,
    SpeakingKnowledge,
    TicketDesk,
)
from bot.showing import ShowingPace, showing

FIRST_TRIES = 6  #: of an alert, at the worker's own pauses
LAST_TRY = 59  #: one before the worker parks it: then nobody would hear that it was given up
PATIENCE = timedelta(
    minutes=3
)  #: between later ones: whoever is called is waited for, and not for ten minutes

log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class Performers:
    """The outward side of everything that is switched on."""

    rooms: Mapping[str, Rooms]  #: by door
    knowledge: KnowledgeBase
    desk: TicketDesk | None
    alerts: Mapping[str, AlertDoor] = field(default_factory=dict)  #: by the kind of destination, "pagerduty"
    ledger: Ledger | None = None  #: without one nothing is shown before it is posted
    showing: ShowingPace = field(default_factory=ShowingPace)

    async def perform(self, effect: Effect, attempt: Attempt) -> Event | None:
        """Do it, once however often it is tried; what came of it, if the core should know."""
        match effect:
            case DraftAnswer():
                return await self._draft(effect, attempt)
            case ClassifyTicket():
                verdict = await self.knowledge.classify(effect.text, effect.corrections)
                return TicketClassified(ticket=effect.ticket, verdict=verdict)
            case PostReply() | EditReply() | WithdrawShown() | ShowStatus() | IdentifyPerson():
                return await self._in_room(effect, attempt)
            case CreateReplica() | CommentOnReplica() | UpdateReplica():
                return await self._in_desk(effect, attempt)
            case SendAlert():
                return await self._alert(effect, attempt)
            case _:
                assert_never(effect)

    async def _draft(self, effect: DraftAnswer, attempt: Attempt) -> AnswerDrafted | None:
        rooms = self._live_rooms(effect)
        if not effect.is_wanted:
            if rooms is None or attempt.number == 1:
                return None
            return _drafted(effect, Finding(answer=None), _left_behind(effect))
        if rooms is None:
            return _drafted(effect, await self.knowledge.answer(effect.inquiry), None)
        if attempt.number > 1:  # people see what an earlier try began; now they get it whole
            finding = await self.knowledge.answer(effect.inquiry)
            return _drafted(effect, finding, _left_behind(effect))
        return await self._draft_aloud(effect, attempt, rooms)

    async def _draft_aloud(self, effect: DraftAnswer, attempt: Attempt, rooms: LiveRooms) -> AnswerDrafted:
        knowledge = self.knowledge
        assert isinstance(knowledge, SpeakingKnowledge), "looked at before"
        if effect.stage is None or not effect.stage.is_live:
            return _drafted(effect, await knowledge.answer(effect.inquiry), None)
        is_awaited = partial(self._is_awaited, effect)
        async with showing(rooms, effect, attempt, is_awaited=is_awaited, pace=self.showing) as live:
            finding = await knowledge.answer_aloud(effect.inquiry, live)
        return _drafted(effect, finding, live.shown)

    def _live_rooms(self, effect: DraftAnswer) -> LiveRooms | None:
        """Where this question's answer may have been seen, or may be."""
        if effect.stage is None or self.ledger is None or not isinstance(self.knowledge, SpeakingKnowledge):
            return None
        rooms = self.rooms.get(effect.stage.address.door)
        return rooms if isinstance(rooms, LiveRooms) else None

    async def _is_awaited(self, effect: DraftAnswer) -> bool:
        assert self.ledger is not None, "looked at before"
        async with self.ledger.reading() as records:
            return await preparing.is_awaited(effect, records)

    async def _alert(self, effect: SendAlert, attempt: Attempt) -> Event | None:
        """A destination that says no is news for our own people, and no work for later."""
        is_call = effect.action is AlertAction.TRIGGER
        door = self.alerts.get(effect.ref.destination.partition(":")[0])
        if door is None:
            return AlertFailed(ref=effect.ref, reason="it is not configured") if is_call else None
        try:
            await door.send(replace(effect, link=await self._link(effect)), attempt)
        except Rejected as error:
            if not is_call:  # nobody is missed: what was told there simply stands
                log.warning("follow_up_refused", destination=effect.ref.destination, reason=str(error))
                return None
            return AlertFailed(ref=effect.ref, reason=str(error))
        except RateLimited:
            raise
        except Unavailable as error:
            if is_call and attempt.number >= LAST_TRY:
                return AlertFailed(ref=effect.ref, reason=f"it gave no answer in {attempt.number} tries")
            if error.retry_after is None and attempt.number > FIRST_TRIES:
                error.retry_after = PATIENCE
            raise
        return AlertSent(ref=effect.ref, at=attempt.now) if is_call else None

    async def _link(self, effect: SendAlert) -> str | None:
        rooms = self.rooms.get(effect.about.door)
        return await _permalink(rooms, effect.about) if rooms else None

    async def _post(self, effect: PostReply, rooms: Rooms, attempt: Attempt) -> Event:
        """Whoever cannot be told in a room of their own is told in that for escalations."""
        linked = await _linked(effect, rooms)
        try:
            posted = await rooms.post_reply(linked, attempt)
        except Rejected as error:
            if effect.alert is None or effect.alert.is_here:
                raise
            return AlertFailed(ref=effect.alert, reason=str(error))
        return ReplyPosted(
            conversation=effect.conversation,
            source=f"{effect.vendor}:{posted}",
            text=linked.text,
            posted_at=attempt.now,
            answer=effect.answer,
            alert=effect.alert,
        )

    async def _in_room(
        self, effect: PostReply | EditReply | WithdrawShown | ShowStatus | IdentifyPerson, attempt: Attempt
    ) -> Event | None:
        rooms = self.rooms.get(effect.vendor)
        if rooms is None:
            raise Unavailable(f"the {effect.vendor} door is off")
        match effect:
            case PostReply():
                return await self._post(effect, rooms, attempt)
            case EditReply():
                await rooms.edit_reply(effect, attempt)
                return None
            case WithdrawShown():
                if isinstance(rooms, LiveRooms):
                    await rooms.withdraw_shown(effect, attempt)
                return None
            case ShowStatus():
                card = await rooms.show_status(await _with_link(effect, rooms), attempt)
                return CardPosted(
                    conversation=effect.conversation,
                    address=effect.address,
                    card=card,
                    shown_at=attempt.now,
                    is_internal=effect.is_internal,
                )
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


async def _with_link(effect: ShowStatus, rooms: Rooms) -> ShowStatus:
    """Our own people's card leads to the thread; without a link it is shown all the same."""
    view = effect.view
    if effect.about is None or view is None or view.inside is None:
        return effect
    try:
        link = await rooms.permalink(effect.about)
    except DeskbellError:
        return effect
    return replace(effect, view=replace(view, inside=replace(view.inside, link=link)))


def _drafted(effect: DraftAnswer, finding: Finding, shown: Shown | None) -> AnswerDrafted:
    return AnswerDrafted(
        conversation=effect.conversation,
        question=effect.question,
        finding=finding,
        was_addressed=effect.was_addressed,
        shown=shown,
    )


def _left_behind(effect: DraftAnswer) -> Shown | None:
    """Whatever an earlier try showed; the door looks for it."""
    return Shown(message=None, since=effect.stage.since) if effect.stage else None


async def _linked(effect: PostReply, rooms: Rooms) -> PostReply:
    """An escalation is read elsewhere: it carries a link. Without one it is still said."""
    if effect.about is None:
        return effect
    link = await _permalink(rooms, effect.about)
    body = replies.with_link(effect.text.body, link)
    return replace(effect, text=replies.restated(effect.text, body))


async def _permalink(rooms: Rooms, address: Address) -> str | None:
    """Nothing waits for a link: what is told without one is told all the same."""
    try:
        return await rooms.permalink(address)
    except DeskbellError:
        return None
