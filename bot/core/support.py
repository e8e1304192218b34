"""The desk: one use case per event."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import assert_never

from bot.core import (
    alerting,
    answering,
    classifying,
    conversing,
    countdown,
    escalating,
    merging,
    preparing,
    promising,
    repairing,
    saying,
    ticketing,
    voting,
    watching,
)
from bot.core.alerts import AlertFailed, AlertSent
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
    TicketMerged,
    TimerFired,
)
from bot.core.policies import Policies
from bot.core.ports import Records, Transaction
from bot.core.rotas import OnCall


class Desk:
    """An event in, effects out. It calls nobody: the transaction is all it touches."""

    def __init__(self, policies: Policies, *, has_desk: bool, installation: str) -> None:
        self._policies = policies
        self._has_desk = has_desk
        self._installation = installation

    @property
    def policies(self) -> Policies:
        """Those in force."""
        return self._policies

    def follow(self, on_call: OnCall) -> None:
        """From the next event on these people are on call; replaced as a whole, never changed in place."""
        self._policies = replace(self._policies, on_call=on_call)

    def context(self, tx: Transaction, *, now: datetime) -> Context:
        """What every use case is given, under the policies in force."""
        return Context(
            tx=tx,
            policies=self._policies,
            now=now,
            has_desk=self._has_desk,
            installation=self._installation,
        )

    async def handle(self, event: Event, tx: Transaction, *, now: datetime) -> None:  # noqa: C901, PLR0912, PLR0915 - a table
        """Let the event change the records and plan what follows."""
        context = self.context(tx, now=now)
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
                await alerting.posted(context, event)
            case AlertSent():
                await alerting.sent(context, event)
            case AlertFailed():
                await alerting.failed(context, event)
            case CardPosted():
                await countdown.card_posted(context, event)
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
            case TicketMerged():
                await merging.follow_merge(context, event)
            case TimerFired():
                await _rang(context, event)
            case _:
                assert_never(event)

    async def prepare(self, effect: Effect, records: Records, *, now: datetime) -> Effect | None:
        """Look once more before it is done; see `bot.core.preparing`."""
        return await preparing.prepare(effect, records, self._policies, now=now)


async def _rang(context: Context, event: TimerFired) -> None:
    """By whose timer it is; one that nobody knows any more is forgotten."""
    if event.key.startswith(promising.CLOCK):
        await escalating.look_at_clock(context, event)
    elif event.key == watching.TIMER:
        await watching.look_ahead(context)
    elif event.key.startswith(alerting.TIMER):
        await alerting.look(context, event)
    elif event.key == repairing.TIMER:
        await repairing.silent(context)
    elif event.key.startswith(countdown.TIMER):
        await countdown.edit_the_worst(context, event)


async def _pressed(context: Context, event: ButtonPressed) -> None:
    match event.button:
        case Button.OPEN_TICKET:
            await conversing.press_open_ticket(context, event)
        case Button.HELPED:
            await voting.press_helped(context, event)
        case Button.NOT_HELPED:
            await voting.press_not_helped(context, event)
        case Button.USE_DRAFT:
            await answering.press_use_draft(context, event)
        case Button.IGNORE_DRAFT:
            await answering.press_ignore_draft(context, event)
        case Button.ACKNOWLEDGE:
            await escalating.acknowledge(context, event)
        case Button.SNOOZE_SHORT | Button.SNOOZE_LONG:
            await escalating.snooze(context, event)
        case _:
            assert_never(event.button)
