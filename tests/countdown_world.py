"""Many open tickets with cards in a workspace that takes only so many edits; virtual time, the real core."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import mean

from bot.core import cards, countdown, sla
from bot.core.context import Context
from bot.core.effects import ShowStatus
from bot.core.events import CardPosted
from bot.core.model import (
    Address,
    AnswerMode,
    Clock,
    ConversationId,
    Metric,
    OrganisationId,
    PersonRef,
    Priority,
    Room,
    RoomKind,
    Tier,
    customer,
)
from bot.core.policies import Calendar, Policies, SlaTarget
from bot.core.ports import NewTicket
from bot.core.rotas import OnCall
from bot.core.support import Desk
from bot.limits import rate_of
from storage.database import Database
from storage.ledger import SqlLedger
from storage.migrating import migrate
from storage.transactions import SqlTransaction

NOON = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
SECOND, MINUTE = timedelta(seconds=1), timedelta(minutes=1)
LEASE = timedelta(minutes=5)
ACME = OrganisationId("acme")
CAROL = PersonRef(door="slack", workspace="T1", user="U_CAROL")
ALWAYS = Calendar(name="24x7", timezone="UTC", hours=((),) * 7, is_always_open=True)
ROOM = Room(
    door="slack",
    workspace="T1",
    room="C_ACME",
    kind=RoomKind.CUSTOMER,
    organisation=ACME,
    tier=Tier.ENTERPRISE,
    mode=AnswerMode.EVERY,
)
POLICIES = Policies(
    organisations={},
    rooms={("slack", "T1", "C_ACME"): ROOM},
    agents=frozenset(),
    targets={},
    calendars={ALWAYS.name: ALWAYS},
    on_call=OnCall(standing={}),
    escalation_room=None,
)
URGENT = timedelta(hours=1)  #: whoever has less left looks at the card


@dataclass(slots=True)
class World:
    """Clocks, when their cards were last edited, and every edit."""

    ledger: SqlLedger
    now: datetime = NOON
    clocks: dict[ConversationId, Clock] = field(default_factory=dict)
    shown_at: dict[ConversationId, datetime] = field(default_factory=dict)
    edits: list[datetime] = field(default_factory=list)

    @property
    def desk(self) -> Desk:
        return Desk(POLICIES, has_desk=False, installation="test")

    async def open_tickets(self, targets: Sequence[timedelta]) -> None:
        """One for each target, with a card that is right now."""
        async with self.ledger.transaction(now=self.now, cause="world") as tx:
            for number, target in enumerate(targets):
                await self._open(tx, number, target)

    async def run(self, span: timedelta, *, step: timedelta = SECOND) -> None:
        """Let time pass, and do whatever comes due and may be done."""
        until = self.now + span
        while self.now < until:
            self.now += step
            for timer in await self.ledger.claim_timers(now=self.now, limit=100, lease=LEASE):
                async with self.ledger.finishing(timer, now=self.now) as tx:
                    await self.desk.handle(timer.work, tx, now=self.now)
            for effect in await self.ledger.claim_effects(now=self.now, limit=100, lease=LEASE):
                assert isinstance(effect.work, ShowStatus)
                async with self.ledger.finishing(effect, now=self.now) as tx:
                    await self.desk.handle(self._edited(effect.work), tx, now=self.now)

    def most_edits_within(self, span: timedelta) -> int:
        return max((sum(start <= at < start + span for at in self.edits) for start in self.edits), default=0)

    def mean_wrongness(self) -> float:
        """Of the urgent cards: by which share of what is left they say too much."""
        urgent = [one for one in self.clocks.items() if MINUTE < cards.left(one[1], self.now) <= URGENT]
        return mean(self._share(conversation, clock) for conversation, clock in urgent) if urgent else 0.0

    def is_right(self, conversation: ConversationId, clock: Clock, *, within: timedelta) -> bool:
        """Whether the card says what it should, or should have said a moment ago."""
        said = cards.told(cards.left(clock, self.shown_at[conversation]))
        return said in {cards.told(cards.left(clock, at)) for at in (self.now, self.now - within)}

    def _share(self, conversation: ConversationId, clock: Clock) -> float:
        left = cards.left(clock, self.now)
        return (cards.told(cards.left(clock, self.shown_at[conversation])) - left) / left

    def _edited(self, effect: ShowStatus) -> CardPosted:
        self.edits.append(self.now)
        self.shown_at[effect.conversation] = self.now
        return CardPosted(
            conversation=effect.conversation,
            address=effect.address,
            card=f"card-{effect.conversation}",
            shown_at=self.now,
        )

    async def _open(self, tx: SqlTransaction, number: int, target: timedelta) -> None:
        address = Address(door="slack", workspace="T1", room="C_ACME", thread=f"{number}.0")
        conversation = await tx.open_conversation(
            address=address,
            audience=customer(ACME),
            organisation=ACME,
            tier=Tier.ENTERPRISE,
            opened_at=self.now,
        )
        ticket = await tx.open_ticket(
            NewTicket(
                conversation=conversation.id,
                subject="Slow",
                requester=CAROL,
                organisation=ACME,
                tier=Tier.ENTERPRISE,
                priority=Priority.P2,
                opened_at=self.now,
            )
        )
        await tx.save_conversation(replace(conversation, ticket=ticket.id))
        clock = await tx.start_clock(sla.start_clock(_promise(target), ALWAYS, ticket.id, self.now))
        self.clocks[conversation.id] = clock
        self.shown_at[conversation.id] = self.now
        context = Context(tx=tx, policies=POLICIES, now=self.now, has_desk=False, installation="test")
        event = CardPosted(
            conversation=conversation.id, address=address, card=f"card-{conversation.id}", shown_at=self.now
        )
        await countdown.card_posted(context, event)


def _promise(target: timedelta) -> SlaTarget:
    return SlaTarget(
        policy="test@1",
        tier=Tier.ENTERPRISE,
        priority=Priority.P2,
        metric=Metric.FIRST_REPLY_TIME,
        target=target,
        calendar=ALWAYS.name,
        warn_percent=80,
        steps=(),
    )


def targets(count: int, rng: random.Random) -> list[timedelta]:
    """Between ten minutes and two days, as many of each order of magnitude."""
    return [timedelta(seconds=int(600 * 288 ** rng.random())) for _ in range(count)]


@asynccontextmanager
async def a_world(directory: Path) -> AsyncIterator[World]:
    """An empty one on a SQLite file."""
    url = f"sqlite:///{directory / 'world.db'}"
    migrate(url)
    async with Database.open(url) as database:
        yield World(SqlLedger(database, rates=rate_of))
