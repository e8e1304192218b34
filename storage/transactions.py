"""State and the work it causes, written in one transaction."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, delete, func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.core.effects import Effect
from bot.core.model import (
    Address,
    Audience,
    Conversation,
    ConversationId,
    Message,
    MessageId,
    OrganisationId,
    Person,
    Ticket,
    TicketId,
    TicketStatus,
    Tier,
)
from bot.core.ports import NewMessage, NewTicket, Timer
from storage.alerts import SqlAlerts
from storage.audits import SqlAudits
from storage.claiming import NOW, is_pending
from storage.clocks import SqlClocks
from storage.codec import encode
from storage.columns import storable
from storage.database import Database, Insert, insert_into
from storage.rotas import SqlToldGaps
from storage.rows import (
    audience_columns,
    description_document,
    person_columns,
)
from storage.tables import (
    PENDING,
    conversations,
    effects,
    messages,
    people,
    replica_comments,
    tickets,
    timers,
)


class SqlTransaction(SqlAudits, SqlToldGaps, SqlAlerts, SqlClocks):
    """`bot.core.ports.Transaction`. The ledger opens it, and commits or rolls back."""

    def __init__(self, connection: AsyncConnection, database: Database, *, now: datetime, cause: str) -> None:
        super().__init__(connection, database)
        self._now = now
        self._cause = cause
        self._planned: Counter[str] = Counter()

    async def open_conversation(
        self,
        *,
        address: Address,
        audience: Audience,
        organisation: OrganisationId | None,
        tier: Tier,
        opened_at: datetime,
    ) -> Conversation:
        new = Conversation(
            id=ConversationId(0),
            address=address,
            audience=audience,
            organisation=organisation,
            tier=tier,
            opened_at=opened_at,
        )
        given = await self._insert(
            conversations,
            door=address.door,
            workspace=address.workspace,
            room=address.room,
            thread=address.thread,
            **audience_columns(audience),
            organisation=organisation,
            tier=tier.value,
            opened_at=opened_at,
            floor=new.floor.value,
        )
        return replace(new, id=ConversationId(given))

    async def save_conversation(self, conversation: Conversation) -> None:
        await self._update(
            conversations,
            conversation.id,
            floor=conversation.floor.value,
            ticket=conversation.ticket,
        )

    async def record_message(self, message: NewMessage) -> Message | None:
        statement = (
            self._database.insert(messages)
            .values(
                conversation=message.conversation,
                source=message.source,
                **person_columns("author", message.author),
                author_name=message.author_name,
                role=message.role.value,
                body=message.text.body,
                **audience_columns(message.text.audience),
                sent_at=message.sent_at,
                files=list(message.files),
            )
            .on_conflict_do_nothing(index_elements=[messages.c.conversation, messages.c.source])
            .returning(messages.c.id)
        )
        given = await self._connection.scalar(statement)
        return None if given is None else _recorded(MessageId(given), message)

    async def reword_message(self, conversation: ConversationId, source: str, body: str) -> None:
        where = messages.c.conversation == conversation, messages.c.source == source
        await self._connection.execute(update(messages).where(*where).values(body=body))

    async def save_person(self, person: Person) -> None:
        ref = person.ref
        statement = self._database.insert(people).values(
            door=ref.door, workspace=ref.workspace, user=ref.user, name=person.name, email=person.email
        )
        await self._connection.execute(
            statement.on_conflict_do_update(
                index_elements=[people.c.door, people.c.workspace, people.c.user],
                set_={"name": statement.excluded.name, "email": statement.excluded.email},
            )
        )

    async def open_ticket(self, ticket: NewTicket) -> Ticket:
        given = await self._insert(
            tickets,
            conversation=ticket.conversation,
            subject=ticket.subject,
            **person_columns("requester", ticket.requester),
            organisation=ticket.organisation,
            tier=ticket.tier.value,
            priority=ticket.priority.value,
            status=TicketStatus.NEW.value,
            opened_at=ticket.opened_at,
        )
        return Ticket(
            id=TicketId(given),
            conversation=ticket.conversation,
            subject=storable(ticket.subject),
            requester=ticket.requester,
            organisation=ticket.organisation,
            tier=ticket.tier,
            priority=ticket.priority,
            status=TicketStatus.NEW,
            opened_at=ticket.opened_at,
        )

    async def save_ticket(self, ticket: Ticket) -> None:
        await self._update(
            tickets,
            ticket.id,
            subject=ticket.subject,
            **person_columns("requester", ticket.requester),
            organisation=ticket.organisation,
            tier=ticket.tier.value,
            priority=ticket.priority.value,
            status=ticket.status.value,
            replica=ticket.replica,
            assignee=ticket.assignee,
            solved_at=ticket.solved_at,
            desk_status_at=ticket.desk_status_at,
            last_replied_at=ticket.last_replied_at,
            product_area=ticket.product_area.value if ticket.product_area else None,
            description=description_document(ticket.description),
            is_area_settled=ticket.is_area_settled,
            is_priority_settled=ticket.is_priority_settled,
        )

    async def remember_comment(self, ticket: TicketId, comment: str) -> bool:
        statement = self._database.insert(replica_comments).values(ticket=ticket, comment=comment)
        returned = statement.on_conflict_do_nothing().returning(replica_comments.c.ticket)
        return await self._connection.scalar(returned) is not None

    async def plan(self, effect: Effect) -> None:
        kind, payload = encode(effect)
        ordinal = self._planned[kind]
        self._planned[kind] += 1
        await self._connection.execute(
            _PLANNING[self._database.is_sqlite],
            {
                "cause": self._cause,
                "kind": kind,
                "ordinal": ordinal,
                "lane": effect.lane,
                "vendor": effect.vendor,
                "bucket": effect.bucket,
                "payload": payload,
                "planned_at": self._now,
                "of_lane": effect.lane,
                "now": self._now,
            },
        )

    async def set_timer(self, timer: Timer) -> None:
        # Without its lease, whoever is just working on the timer as it was cannot finish that.
        statement, fresh = self._timer(timer)
        await self._connection.execute(
            statement.on_conflict_do_update(index_elements=[timers.c.key], set_=fresh)
        )

    async def bring_forward(self, timer: Timer) -> None:
        # One statement: what is read first may be another transaction's, who has not said so yet.
        statement, fresh = self._timer(timer)
        await self._connection.execute(
            statement.on_conflict_do_update(
                index_elements=[timers.c.key], set_=fresh, where=timers.c.due_at > timer.due_at
            )
        )

    def _timer(self, timer: Timer) -> tuple[Any, dict[str, Any]]:
        fresh: dict[str, Any] = {
            "version": timer.version,
            "set_for": timer.due_at,
            "due_at": timer.due_at,
            "attempts": 0,
            "leased_until": None,
            "error": None,
        }
        return self._database.insert(timers).values(key=timer.key, **fresh), fresh

    async def cancel_timer(self, key: str) -> None:
        await self._connection.execute(delete(timers).where(timers.c.key == key))


_WAITS_UNTIL = (
    select(func.max(effects.c.due_at))
    .where(effects.c.lane == bindparam("of_lane"), is_pending(effects))
    .where(effects.c.leased_until.is_(None), effects.c.due_at > NOW)
    .scalar_subquery()
)


def _planning(*, is_sqlite: bool) -> Insert:
    """Behind a row that waits for its next try there is nothing to look at before that try."""
    return (
        insert_into(effects, is_sqlite=is_sqlite)
        .values(state=PENDING, due_at=func.coalesce(_WAITS_UNTIL, NOW))
        .on_conflict_do_nothing(index_elements=[effects.c.cause, effects.c.kind, effects.c.ordinal])
    )


_PLANNING = {is_sqlite: _planning(is_sqlite=is_sqlite) for is_sqlite in (True, False)}


def _recorded(id: MessageId, new: NewMessage) -> Message:
    return Message(
        id=id,
        conversation=new.conversation,
        source=new.source,
        author=new.author,
        author_name=new.author_name,
        role=new.role,
        text=new.text,
        sent_at=new.sent_at,
        files=new.files,
    )
