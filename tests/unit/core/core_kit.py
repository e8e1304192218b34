"""A desk without a world: events in, effects performed by nobody, on a real database."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

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
)
from bot.core.errors import AudienceViolation, NotYet, Rejected
from bot.core.events import (
    AnswerDrafted,
    CardPosted,
    Event,
    MessageReceived,
    PersonIdentified,
    ReplicaCommented,
    ReplicaCreated,
    ReplyPosted,
    TicketClassified,
)
from bot.core.model import (
    Address,
    Answer,
    AnswerMode,
    Citation,
    EscalationStep,
    Finding,
    Metric,
    OrganisationId,
    Person,
    PersonRef,
    Priority,
    Room,
    RoomKind,
    Text,
    Tier,
    Verdict,
)
from bot.core.policies import Calendar, Policies, SlaTarget
from bot.core.rotas import OnCall
from bot.core.support import Desk
from bot.core.triage import triage
from storage.database import Database
from storage.ledger import SqlLedger
from storage.migrating import migrate

NOON = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
LEASE = timedelta(minutes=1)
ACME, ZETA = OrganisationId("acme"), OrganisationId("zeta")

AGENT = PersonRef(door="slack", workspace="T_HOME", user="U_ADA")
CAROL = PersonRef(door="slack", workspace="T_ACME", user="U_CAROL")
ZOE = PersonRef(door="slack", workspace="T_ZETA", user="U_ZOE")
MIA = PersonRef(door="slack", workspace="T_HOME", user="U_MIA")


def a_room(name: str, kind: RoomKind, organisation: OrganisationId | None = None, **changes: Any) -> Room:
    values: dict[str, Any] = {
        "door": "slack",
        "workspace": "T_HOME",
        "room": name,
        "kind": kind,
        "organisation": organisation,
        "tier": Tier.ENTERPRISE if organisation else Tier.COMMUNITY,
        "mode": AnswerMode.EVERY,
        **changes,
    }
    return Room(**values)


ROOMS = (
    a_room("C_ACME", RoomKind.CUSTOMER, ACME),
    a_room("C_ZETA", RoomKind.CUSTOMER, ZETA),
    a_room("C_OPEN", RoomKind.COMMUNITY),
    a_room("C_OURS", RoomKind.INTERNAL, mode=AnswerMode.MENTION),
)
STEPS = (EscalationStep(notify="manager", percent=80),)


def a_target(priority: Priority, metric: Metric) -> SlaTarget:
    return SlaTarget(
        policy="test@1",
        tier=Tier.ENTERPRISE,
        priority=priority,
        metric=metric,
        target=timedelta(hours=4),
        calendar="24x7",
        warn_percent=50,
        steps=STEPS,
    )


def policies(rooms: Iterable[Room] = ROOMS, *, escalations: str | None = "C_OURS") -> Policies:
    known = {(room.door, room.workspace, room.room): room for room in rooms}
    metrics = (Metric.FIRST_REPLY_TIME, Metric.RESOLUTION_TIME)
    return Policies(
        organisations={},
        rooms=known,
        agents=frozenset({AGENT}),
        targets={
            (Tier.ENTERPRISE, priority, metric): a_target(priority, metric)
            for priority in Priority
            for metric in metrics
        },
        calendars={"24x7": Calendar(name="24x7", timezone="UTC", hours=((),) * 7, is_always_open=True)},
        on_call=OnCall(standing={"manager": (AGENT,)}),
        escalation_room=known[("slack", "T_HOME", escalations)] if escalations else None,
    )


def an_address(room: str = "C_ACME", thread: str = "1.0") -> Address:
    return Address(door="slack", workspace="T_HOME", room=room, thread=thread)


def a_message(text: str = "How?", **changes: Any) -> MessageReceived:
    values: dict[str, Any] = {
        "address": an_address(),
        "source": "slack:1.0",
        "author": CAROL,
        "text": text,
        "sent_at": NOON,
        "is_mention": False,
        "is_bot": False,
        "starts_thread": True,
        **changes,
    }
    return MessageReceived(**values)


def an_answer(text: str, question: DraftAnswer) -> Answer:
    cited = Citation(path="a.md", heading="A", url="https://docs.example/a")
    return Answer(text=Text(body=text, audience=question.reader), citations=(cited,), confidence=0.9)


@dataclass(slots=True)
class Bench:
    """`performed` is what would have been done, as it was prepared; `refused` what its audience forbade."""

    ledger: SqlLedger
    policies: Policies
    answers: Callable[[DraftAnswer], Answer | None] = lambda _question: None
    verdict: Callable[[ClassifyTicket], Verdict] = lambda effect: triage(effect.text)
    now: datetime = NOON
    performed: list[Effect] = field(default_factory=list)
    refused: list[Effect] = field(default_factory=list)
    _told: int = 0

    @property
    def desk(self) -> Desk:
        return Desk(self.policies, has_desk=True, installation="test")

    async def tell(self, *events: Event) -> None:
        """Events that happen now, one transaction each, and all that follows from them."""
        for event in events:
            self._told += 1
            async with self.ledger.transaction(now=self.now, cause=f"test-{self._told}") as tx:
                await self.desk.handle(event, tx, now=self.now)
            await self.work()

    async def move(self, by: timedelta) -> None:
        self.now += by
        for leased in await self.ledger.claim_timers(now=self.now, limit=100, lease=LEASE):
            async with self.ledger.finishing(leased, now=self.now) as tx:
                await self.desk.handle(leased.work, tx, now=self.now)
        await self.work()

    async def work(self) -> None:
        while claimed := await self.ledger.claim_effects(now=self.now, limit=100, lease=LEASE):
            for leased in claimed:
                try:
                    async with self.ledger.reading() as records:
                        effect = await self.desk.prepare(leased.work, records, now=self.now)
                except NotYet:
                    await self.ledger.retry(leased, at=self.now, reason="not yet", counts=False)
                    continue
                except (AudienceViolation, Rejected) as error:
                    await self.ledger.park(leased, now=self.now, reason=str(error))
                    self.refused.append(leased.work)
                    continue
                outcome = self._perform(effect, leased.id) if effect else None
                async with self.ledger.finishing(leased, now=self.now) as tx:
                    if outcome is not None:
                        await self.desk.handle(outcome, tx, now=self.now)

    def of(self, kind: type[Any]) -> list[Any]:
        return [effect for effect in self.performed if isinstance(effect, kind)]

    def _perform(self, effect: Effect, id: int) -> Event | None:  # noqa: PLR0911 - a table
        if isinstance(effect, PostReply | EditReply) and not effect.text.audience.may_reach(effect.room):
            self.refused.append(effect)  # as every door does
            return None
        if isinstance(effect, DraftAnswer) and not effect.is_wanted:
            return None  # nothing was shown of it
        self.performed.append(effect)
        match effect:
            case DraftAnswer():
                return AnswerDrafted(
                    conversation=effect.conversation,
                    question=effect.question,
                    finding=Finding(answer=self.answers(effect)),
                    was_addressed=effect.was_addressed,
                )
            case ClassifyTicket():
                return TicketClassified(ticket=effect.ticket, verdict=self.verdict(effect))
            case PostReply():
                return ReplyPosted(
                    conversation=effect.conversation,
                    source=f"slack:reply-{id}",
                    text=effect.text,
                    posted_at=self.now,
                    answer=effect.answer,
                    alert=effect.alert,
                )
            case ShowStatus():
                return CardPosted(
                    conversation=effect.conversation,
                    address=effect.address,
                    card=f"card-{effect.conversation}",
                    shown_at=self.now,
                    is_internal=effect.is_internal,
                )
            case IdentifyPerson():
                return PersonIdentified(person=Person(ref=effect.ref, name=NAMES.get(effect.ref, "Nobody")))
            case CreateReplica():
                return ReplicaCreated(ticket=effect.ticket, replica=str(100 + effect.ticket))
            case CommentOnReplica():
                return ReplicaCommented(ticket=effect.ticket, comment=f"ours-{id}")
            case _:
                return None


NAMES: Mapping[PersonRef, str] = {AGENT: "Ada", CAROL: "Carol", ZOE: "Zoe", MIA: "Mia"}


def migrated(directory: Path) -> Path:
    """An empty database at the current schema, to be copied."""
    path = directory / "template.db"
    migrate(f"sqlite:///{path}")
    return path


@asynccontextmanager
async def a_bench(template: Path, path: Path, **options: Any) -> AsyncIterator[Bench]:
    shutil.copy(template, path)
    async with Database.open(f"sqlite:///{path}") as database:
        yield Bench(SqlLedger(database), options.pop("policies", None) or policies(), **options)
