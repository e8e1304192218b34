"""The desk: one use case per event, and a last look before each effect."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import assert_never

from bot.core import conversing, promising, saying, ticketing
from bot.core.context import Context
from bot.core.effects import (
    ClockView,
    CommentOnReplica,
    CreateReplica,
    DraftAnswer,
    EditReply,
    Effect,
    IdentifyPerson,
    PostReply,
    Purpose,
    ShowStatus,
    StatusView,
    UpdateReplica,
)
from bot.core.errors import Rejected
from bot.core.events import (
    AnswerDrafted,
    Button,
    ButtonPressed,
    CardPosted,
    CommentReceived,
    Event,
    MessageReceived,
    PersonIdentified,
    ReplicaCommented,
    ReplicaCreated,
    ReplyPosted,
    StatusReceived,
    TimerFired,
)
from bot.core.model import ClockId, Floor, TicketId
from bot.core.policies import Policies
from bot.core.ports import Records, Transaction


class Desk:
    """An event in, effects out. It calls nobody: the transaction is all it touches."""

    def __init__(self, policies: Policies, *, has_desk: bool, installation: str) -> None:
        self._policies = policies
        self._has_desk = has_desk
        self._installation = installation

    async def handle(self, event: Event, tx: Transaction, *, now: datetime) -> None:  # noqa: C901, PLR0915 - a table
        """Let the event change the records and plan what follows."""
        context = Context(
            tx=tx,
            policies=self._policies,
            now=now,
            has_desk=self._has_desk,
            installation=self._installation,
        )
        match event:
            case MessageReceived():
                await conversing.receive_message(context, event)
            case ButtonPressed():
                await _pressed(context, event)
            case AnswerDrafted():
                await conversing.answer_drafted(context, event)
            case ReplyPosted():
                await saying.remember(context, event)
            case CardPosted():
                await conversing.card_posted(context, event)
            case PersonIdentified():
                await conversing.person_identified(context, event)
            case ReplicaCreated():
                await ticketing.replica_created(context, event)
            case ReplicaCommented():
                await ticketing.replica_commented(context, event)
            case CommentReceived():
                await ticketing.take_over_comment(context, event)
            case StatusReceived():
                await ticketing.follow_status(context, event)
            case TimerFired():
                await promising.look_at_clock(context, event)
            case _:
                assert_never(event)

    async def prepare(self, effect: Effect, records: Records) -> Effect | None:
        """Look once more before it is done: the effect with fresh facts, or None when it is no longer wanted.

        Raises Rejected when it never can be done.
        """
        match effect:
            case PostReply():
                return effect if await _may_be_said(effect, records) else None
            case ShowStatus():
                return await _with_view(effect, records)
            case CreateReplica():
                return await _with_names(effect, records)
            case CommentOnReplica():
                known = await records.find_person(effect.author.ref)
                replica = await _replica(effect.ticket, records)
                return replace(effect, author=known or effect.author, replica=replica)
            case UpdateReplica():
                ticket = await records.ticket(effect.ticket)
                return replace(
                    effect,
                    replica=await _replica(effect.ticket, records),
                    status=ticket.status,
                    priority=ticket.priority,
                )
            case DraftAnswer() | EditReply() | IdentifyPerson():
                return effect
            case _:
                assert_never(effect)


async def _pressed(context: Context, event: ButtonPressed) -> None:
    match event.button:
        case Button.OPEN_TICKET:
            await conversing.press_open_ticket(context, event)
        case Button.HELPED:
            await conversing.press_helped(context, event)
        case Button.ACKNOWLEDGE:
            await promising.acknowledge(context, event)
        case _:
            assert_never(event.button)


async def _may_be_said(effect: PostReply, records: Records) -> bool:
    """Floor control at the moment of posting, not when the answer was started."""
    match effect.purpose:
        case Purpose.ANSWER | Purpose.ABSTENTION:
            conversation = await records.conversation(effect.conversation)
            return effect.was_addressed or conversation.floor is Floor.BOT
        case Purpose.ESCALATION:
            clocks = [button.value for button in effect.buttons if button.button is Button.ACKNOWLEDGE]
            clock = await records.clock(ClockId(int(clocks[0])))
            return clock.is_live and clock.acknowledged_by is None
        case Purpose.NOTICE | Purpose.RELAY:
            return True
        case _:
            assert_never(effect.purpose)


async def _with_view(effect: ShowStatus, records: Records) -> ShowStatus | None:
    conversation = await records.conversation(effect.conversation)
    if conversation.ticket is None:
        return None
    ticket = await records.ticket(conversation.ticket)
    view = StatusView(
        ticket=ticket.id,
        subject=ticket.subject,
        status=ticket.status,
        priority=ticket.priority,
        tier=ticket.tier,
        assignee=ticket.assignee,
        has_replica=ticket.replica is not None,
        clocks=tuple(
            ClockView(
                metric=clock.metric,
                state=clock.state,
                due_at=clock.due_at,
                ended_at=clock.ended_at,
            )
            for clock in await records.clocks(ticket.id)
        ),
    )
    return replace(effect, card=conversation.card, view=view)


async def _with_names(effect: CreateReplica, records: Records) -> CreateReplica:
    """Whoever spoke first was a bare id when the ticket was opened; by now they have a name."""
    lines = []
    for line in effect.transcript:
        known = await records.find_person(line.ref) if line.ref else None
        lines.append(replace(line, author=known.name) if known else line)
    requester = await records.find_person(effect.requester.ref)
    return replace(effect, transcript=tuple(lines), requester=requester or effect.requester)


async def _replica(ticket: TicketId, records: Records) -> str:
    replica = (await records.ticket(ticket)).replica
    if replica is None:
        # Creation comes first in the lane: without an id here it was parked, and a person decides.
        raise Rejected("the ticket was never created in the desk; replay its creation first")
    return replica
