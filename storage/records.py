"""Reading the records, locked within a transaction and free of locks outside one."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import ColumnElement, Select, Table, exists, select
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.core.alerts import Alert
from bot.core.model import (
    Address,
    AnswerId,
    Clock,
    ClockId,
    Conversation,
    ConversationId,
    Correction,
    Gap,
    GivenAnswer,
    Message,
    Person,
    PersonRef,
    Segment,
    Ticket,
    TicketId,
)
from storage.alert_tables import alert_of, alerts
from storage.answer_tables import answers, corrections, gaps
from storage.card_tables import cards
from storage.claiming import Row, is_pending
from storage.pinned import pinned
from storage.rows import (
    answer_of,
    clock_of,
    conversation_of,
    correction_of,
    gap_of,
    message_of,
    person_of,
    segment_of,
    ticket_of,
)
from storage.tables import (
    clocks,
    conversations,
    effects,
    messages,
    people,
    replica_comments,
    segments,
    tickets,
)


class SqlRecords:
    """`bot.core.ports.Records` on one connection.

    On PostgreSQL a locking reader takes the row (FOR UPDATE) until its transaction ends; on SQLite a writer
    holds the whole database by then, and the clause is not even sent.
    """

    def __init__(self, connection: AsyncConnection, *, is_locking: bool = False) -> None:
        self._connection = connection
        self._is_locking = is_locking

    async def find_conversation(self, address: Address) -> Conversation | None:
        row = await self._locked(
            conversations,
            conversations.c.door == address.door,
            conversations.c.workspace == address.workspace,
            conversations.c.room == address.room,
            conversations.c.thread == address.thread,
        )
        return conversation_of(row) if row else None

    async def conversation(self, id: ConversationId) -> Conversation:
        row = await self._locked(conversations, conversations.c.id == id)
        return conversation_of(_known(row, "conversation", id))

    async def messages(self, conversation: ConversationId) -> Sequence[Message]:
        said = select(messages).where(messages.c.conversation == conversation)
        rows = await self._all(said.order_by(messages.c.sent_at, messages.c.id))
        return [message_of(row) for row in rows]

    async def find_person(self, ref: PersonRef) -> Person | None:
        rows = await self._all(
            select(people).where(
                people.c.door == ref.door, people.c.workspace == ref.workspace, people.c.user == ref.user
            )
        )
        return person_of(rows[0]) if rows else None

    async def ticket(self, id: TicketId) -> Ticket:
        return ticket_of(_known(await self._locked(tickets, tickets.c.id == id), "ticket", id))

    async def find_replicated(self, replica: str) -> Ticket | None:
        row = await self._locked(tickets, tickets.c.replica == replica)
        return ticket_of(row) if row else None

    async def clocks(self, ticket: TicketId) -> Sequence[Clock]:
        return await self._clocks(clocks.c.ticket == ticket)

    async def clock(self, id: ClockId) -> Clock:
        found = await self._clocks(clocks.c.id == id)
        if not found:
            raise KeyError(f"no clock {id}")
        return found[0]

    async def alerts(self, clock: ClockId) -> Sequence[Alert]:
        told = select(alerts).where(alerts.c.clock == clock)
        rows = await self._all(told.order_by(alerts.c.planned_at, alerts.c.mark, alerts.c.destination))
        return [alert_of(row) for row in rows]

    async def knows_comment(self, ticket: TicketId, comment: str) -> bool:
        return await self._exists(replica_comments.c.ticket == ticket, replica_comments.c.comment == comment)

    async def answer(self, id: AnswerId) -> GivenAnswer:
        return answer_of(_known(await self._locked(answers, answers.c.id == id), "answer", id))

    async def find_answer(self, conversation: ConversationId, source: str) -> GivenAnswer | None:
        row = await self._locked(answers, answers.c.conversation == conversation, answers.c.source == source)
        return answer_of(row) if row else None

    async def answers(self, *, since: datetime) -> Sequence[GivenAnswer]:
        given = select(answers).where(answers.c.given_at >= since).order_by(answers.c.id)
        return [answer_of(row) for row in await self._all(given)]

    async def gaps(self, *, since: datetime) -> Sequence[Gap]:
        asked = messages.c.body, messages.c.audience, messages.c.audience_organisation
        found = select(gaps, *asked).join(messages, messages.c.id == gaps.c.question)
        rows = await self._all(found.where(gaps.c.asked_at >= since).order_by(gaps.c.question))
        return [gap_of(row) for row in rows]

    async def corrections(self, *, limit: int) -> Sequence[Correction]:
        latest = select(corrections).order_by(corrections.c.said_at.desc(), corrections.c.ticket).limit(limit)
        return [correction_of(row) for row in reversed(await self._all(latest))]

    async def card(self, conversation: ConversationId, *, is_internal: bool) -> str | None:
        found: str | None = await self._connection.scalar(
            select(cards.c.card).where(
                cards.c.conversation == conversation, cards.c.is_internal.is_(is_internal)
            )
        )
        return found

    async def has_pending(self, lane: str, kind: str) -> bool:
        return await self._exists(effects.c.lane == lane, effects.c.kind == kind, is_pending(effects))

    async def _clocks(self, condition: ColumnElement[bool]) -> Sequence[Clock]:
        found = select(clocks).where(condition).order_by(clocks.c.id)
        rows = await self._all(found.with_for_update() if self._is_locking else found)
        spans = select(segments).where(segments.c.clock.in_([row["id"] for row in rows]))
        found_spans = await self._all(spans.order_by(segments.c.clock, segments.c.ordinal))
        of_clock: defaultdict[int, list[Segment]] = defaultdict(list)
        for row, segment in zip(found_spans, await self._segments(found_spans), strict=True):
            of_clock[row["clock"]].append(segment)
        return [clock_of(row, of_clock[row["id"]]) for row in rows]

    async def _segments(self, rows: Sequence[Row]) -> Sequence[Segment]:
        """Rows of `segments`, each with its calendar as it was when it was begun."""
        known = await pinned(self._connection, {row["calendar"] for row in rows})
        return [segment_of(row, known[row["calendar"]]) for row in rows]

    async def _locked(self, table: Table, *conditions: ColumnElement[bool]) -> Row | None:
        statement = select(table).where(*conditions)
        rows = await self._all(statement.with_for_update() if self._is_locking else statement)
        return rows[0] if rows else None

    async def _all(self, statement: Select[tuple[object, ...]]) -> Sequence[Row]:
        return (await self._connection.execute(statement)).mappings().all()

    async def _exists(self, *conditions: ColumnElement[bool]) -> bool:
        return bool(await self._connection.scalar(select(exists().where(*conditions))))


def _known(row: Row | None, what: str, id: int) -> Row:
    if row is None:
        raise KeyError(f"no {what} {id}")
    return row
