"""Boring values for the contract of the ledger."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from bot.core.effects import DraftAnswer, PostReply, Purpose
from bot.core.model import (
    PUBLIC,
    Address,
    Clock,
    ClockId,
    ClockState,
    Conversation,
    ConversationId,
    EscalationStep,
    MessageId,
    Metric,
    PersonRef,
    Priority,
    Role,
    Segment,
    SegmentKind,
    Terms,
    Text,
    Ticket,
    Tier,
    customer,
)
from bot.core.model import OrganisationId as Org
from bot.core.policies import Calendar
from bot.core.ports import Delivery, NewMessage, NewTicket
from storage.transactions import SqlTransaction

T0 = datetime(2026, 11, 2, 9, 0, tzinfo=UTC)
LEASE = timedelta(seconds=60)
SECOND = timedelta(seconds=1)
ACME = Org("acme")
ANNA = PersonRef(door="slack", workspace="T1", user="U1")


TERMS = Terms(
    policy="default@1",
    tier=Tier.ENTERPRISE,
    priority=Priority.P1,
    target=timedelta(hours=1),
    calendar=Calendar(name="24x7", timezone="UTC", hours=((),) * 7, is_always_open=True),
)


def later(seconds: float) -> datetime:
    return T0 + timedelta(seconds=seconds)


def a_delivery(id: str = "Ev1", *, lane: str = "slack/C1/1", **changes: Any) -> Delivery:
    values = {
        "door": "slack",
        "id": id,
        "lane": lane,
        "headers": {"x-slack-retry-num": "1"},
        "body": b'{"type":"event_callback"}',
        "received_at": T0,
        **changes,
    }
    return Delivery(**values)


def a_reply(
    conversation: int = 1, text: str = "Hello", *, door: str = "slack", room: str = "C1"
) -> PostReply:
    return PostReply(
        conversation=ConversationId(conversation),
        address=Address(door=door, workspace="T1", room=room, thread=f"{conversation}.0"),
        room=PUBLIC,
        text=Text(body=text, audience=PUBLIC),
        purpose=Purpose.NOTICE,
    )


def a_draft(conversation: int = 1) -> DraftAnswer:
    return DraftAnswer(
        conversation=ConversationId(conversation),
        question=MessageId(1),
        text="Why?",
        reader=PUBLIC,
        tier=Tier.COMMUNITY,
        was_addressed=True,
    )


def an_address(thread: str = "1.0") -> Address:
    return Address(door="slack", workspace="T1", room="C1", thread=thread)


async def a_conversation(tx: SqlTransaction, thread: str = "1.0") -> Conversation:
    return await tx.open_conversation(
        address=an_address(thread),
        audience=customer(ACME),
        organisation=ACME,
        tier=Tier.ENTERPRISE,
        opened_at=T0,
    )


def a_message(conversation: ConversationId, source: str = "slack:1", body: str = "Help") -> NewMessage:
    return NewMessage(
        conversation=conversation,
        source=source,
        author=ANNA,
        author_name="Anna",
        role=Role.REQUESTER,
        text=Text(body=body, audience=customer(ACME)),
        sent_at=T0,
        files=("log.txt",),
    )


async def a_ticket(tx: SqlTransaction, conversation: ConversationId) -> Ticket:
    return await tx.open_ticket(
        NewTicket(
            conversation=conversation,
            subject="It is down",
            requester=ANNA,
            organisation=ACME,
            tier=Tier.ENTERPRISE,
            priority=Priority.P1,
            opened_at=T0,
        )
    )


def a_clock(ticket: Ticket) -> Clock:
    return Clock(
        id=ClockId(0),
        ticket=ticket.id,
        metric=Metric.FIRST_REPLY_TIME,
        policy="default@1",
        calendar="24x7",
        target=timedelta(hours=1),
        warn_percent=80,
        steps=(
            EscalationStep(notify="manager", percent=120),
            EscalationStep(notify="vp", after=timedelta(hours=4)),
        ),
        started_at=T0,
        segments=(Segment(kind=SegmentKind.RUNNING, started_at=T0, terms=TERMS),),
        state=ClockState.RUNNING,
        due_at=T0 + timedelta(hours=1),
        warning_at=T0 + timedelta(minutes=48),
    )
