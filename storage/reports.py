"""What operations and the sandbox show of the ledger. Nothing here contains a body."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Table, case, func, literal, literal_column, null, select
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.core.model import Ticket
from bot.core.ports import Parked
from storage.claiming import Row, is_parked, is_pending
from storage.rows import ticket_of
from storage.tables import PARKED, PENDING, deliveries, effects, tickets, timers

LEASED = "leased"  #: under way, or its worker died and the lease has not yet ended
_IS_OPEN = tickets.c.status.not_in(("solved", "closed"))


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkRow:
    """One piece of durable work, for people."""

    queue: str  #: "deliveries", "effects" or "timers"
    id: int
    kind: str  #: the door, the effect's kind, or "timer"
    lane: str  #: for a timer its key
    state: str  #: "pending", "leased", "done" or "parked"
    attempts: int
    error: str | None
    created_at: datetime | None
    due_at: datetime
    finished_at: datetime | None


async def depth(connection: AsyncConnection) -> Mapping[tuple[str, str], int]:
    """Rows by (queue, state): pending, leased and parked. Zeros are told; what is done is not counted."""
    counts = {
        (table.name, state): 0 for table in (deliveries, effects) for state in (PENDING, LEASED, PARKED)
    }
    counts |= {(timers.name, PENDING): 0, (timers.name, LEASED): 0}
    for table in (deliveries, effects, timers):
        state = _pending_or_leased(table)
        pending = select(state, func.count()).group_by(state)
        if table is not timers:
            pending = pending.where(is_pending(table))
            parked = select(func.count()).select_from(table).where(is_parked(table))
            counts[table.name, PARKED] = await connection.scalar(parked) or 0
        for name, count in (await connection.execute(pending)).all():
            counts[table.name, name] = count
    return counts


async def oldest_pending(connection: AsyncConnection, *, now: datetime) -> Mapping[str, timedelta]:
    """How long the oldest pending row of each queue has waited; for timers, how late the latest one is."""
    oldest = {
        deliveries.name: select(func.min(deliveries.c.received_at)).where(is_pending(deliveries)),
        effects.name: select(func.min(effects.c.planned_at)).where(is_pending(effects)),
        timers.name: select(func.min(timers.c.set_for)),
    }
    ages = {}
    for queue, statement in oldest.items():
        since = await connection.scalar(statement)
        ages[queue] = max(now - since, timedelta(0)) if since is not None else timedelta(0)
    return ages


async def recent(connection: AsyncConnection, *, limit: int) -> Sequence[WorkRow]:
    """The newest rows of all queues, newest first."""
    rows: list[WorkRow] = []
    for table, kind, lane, created in (
        (deliveries, deliveries.c.door, deliveries.c.lane, deliveries.c.received_at),
        (effects, effects.c.kind, effects.c.lane, effects.c.planned_at),
        (timers, literal("timer"), timers.c.key, null()),
    ):
        newest = select(
            table, kind.label("shown_kind"), lane.label("shown_lane"), created.label("created_at")
        )
        found = await connection.execute(newest.order_by(table.c.id.desc()).limit(limit))
        rows += [_work_row(table, row) for row in found.mappings()]
    rows.sort(key=lambda row: (row.created_at or row.due_at, row.id), reverse=True)
    return rows[:limit]


def _work_row(table: Table, row: Row) -> WorkRow:
    state = row.get("state", PENDING)
    return WorkRow(
        queue=table.name,
        id=row["id"],
        kind=row["shown_kind"],
        lane=row["shown_lane"],
        state=LEASED if state == PENDING and row["leased_until"] else state,
        attempts=row["attempts"],
        error=row["error"],
        created_at=row["created_at"],
        due_at=row["due_at"],
        finished_at=row.get("finished_at"),
    )


async def parked(connection: AsyncConnection) -> Sequence[Parked]:
    """Everything that waits for a person, oldest first."""
    found: list[Parked] = []
    for table, kind in ((deliveries, deliveries.c.door), (effects, effects.c.kind)):
        rows = await connection.execute(
            select(table, kind.label("shown_kind")).where(is_parked(table)).order_by(table.c.id)
        )
        found += [_parked(table.name, row) for row in rows.mappings()]
    return found


def _parked(queue: str, row: Row) -> Parked:
    return Parked(
        queue=queue,
        id=row["id"],
        kind=row["shown_kind"],
        lane=row["lane"],
        attempts=row["attempts"],
        reason=row["error"] or "",
        parked_at=row["finished_at"],
    )


async def list_tickets(connection: AsyncConnection, *, limit: int, only_open: bool) -> Sequence[Ticket]:
    """Tickets, newest first."""
    newest = select(tickets).order_by(tickets.c.id.desc()).limit(limit)
    rows = await connection.execute(newest.where(_IS_OPEN) if only_open else newest)
    return [ticket_of(row) for row in rows.mappings()]


def _pending_or_leased(table: Table) -> ColumnElement[str]:
    return case(
        (table.c.leased_until.is_(None), literal_column(f"'{PENDING}'")), else_=literal_column(f"'{LEASED}'")
    )
