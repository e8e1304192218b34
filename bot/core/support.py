"""The desk: one use case per event."""

from __future__ import annotations

from datetime import datetime
from typing import assert_never

from bot.core import answering, classifying, conversing, escalating, preparing, saying, ticketing
from bot.core.context import Context
from bot.core.effects import Effect
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
    TicketClassified,
    TimerFired,
)
from bot.core.policies import Policies
from bot.core.ports import Records, Transaction


class Desk:
    """An event in, effects out. It calls nobody: the transaction is all it touches."""

    def __init__(self, policies: Policies, *, has_desk: bool, installation: str) -> None:
        self._policies = policies
        self._has_desk = has_desk
        self._installation = installation

    async def handle(self, event: Event, tx: Transaction, *, now: datetime) -> None:  # noqa: C901, PLR0912, PLR0915 - a table
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
                await answering.answer_drafted(context, event)
            case TicketClassified():
                await classifying.apply(context, event)
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
                await escalating.look_at_clock(context, event)
            case _:
                assert_never(event)

    async def prepare(self, effect: Effect, records: Records, *, now: datetime) -> Effect | None:
        """Look once more before it is done; see `bot.core.preparing`."""
        return await preparing.prepare(effect, records, self._policies, now=now)


async def _pressed(context: Context, event: ButtonPressed) -> None:
    match event.button:
        case Button.OPEN_TICKET:
            await conversing.press_open_ticket(context, event)
        case Button.HELPED:
            await answering.press_helped(context, event)
        case Button.NOT_HELPED:
            await answering.press_not_helped(context, event)
        case Button.USE_DRAFT:
            await answering.press_use_draft(context, event)
        case Button.IGNORE_DRAFT:
            await answering.press_ignore_draft(context, event)
        case Button.ACKNOWLEDGE:
            await escalating.acknowledge(context, event)
        case _:
            assert_never(event.button)
