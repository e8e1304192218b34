"""Giving leased rows back: done, released or parked, as long as nobody holds a higher fence."""

from __future__ import annotations

from datetime import datetime, timedelta

import structlog
from sqlalchemy import ColumnElement, Delete, Table, Update, and_, bindparam, delete, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.core.effects import Effect
from bot.core.errors import LeaseLost
from bot.core.events import TimerFired
from bot.core.ports import Delivery, Leased
from storage.claiming import NOW, is_pending
from storage.claims import park_row
from storage.tables import DONE, breakers, deliveries, effects, timers

log = structlog.get_logger()

LeasedWork = Leased[Delivery | Effect | TimerFired]

#: A timer is never given up, because a promise hangs on it: parking one only postpones it.
POSTPONED_TIMER = timedelta(minutes=15)

_WITH_CREATION = (
    (deliveries, deliveries.c.received_at),
    (effects, effects.c.planned_at),
    (timers, timers.c.set_for),
)


def table_of(leased: LeasedWork) -> Table:
    """Where the row is."""
    match leased.work:
        case Delivery():
            return deliveries
        case TimerFired():
            return timers
        case _:
            return effects


def _is_ours(table: Table) -> ColumnElement[bool]:
    row = (
        table.c.id == bindparam("row"),
        table.c.fence == bindparam("held"),
        table.c.leased_until.is_not(None),
    )
    return and_(*row) if table is timers else and_(*row, is_pending(table))


def _held(leased: LeasedWork) -> dict[str, int]:
    return {"row": leased.id, "held": leased.fence}


def _completing(table: Table) -> Update | Delete:
    if table is timers:
        return delete(table).where(_is_ours(table))
    done = {"state": DONE, "finished_at": NOW, "leased_until": None, "error": None}
    return update(table).where(_is_ours(table)).values(**done)


_COMPLETING = {table.name: _completing(table) for table in (deliveries, effects, timers)}


async def complete(connection: AsyncConnection, leased: LeasedWork, *, now: datetime) -> None:
    """Mark it done (a timer is deleted); LeaseLost when it is no longer ours."""
    table = table_of(leased).name
    values = _held(leased) if table == timers.name else {**_held(leased), "now": now}
    if (await connection.execute(_COMPLETING[table], values)).rowcount != 1:
        raise LeaseLost(f"{table} {leased.id}: fence {leased.fence} was overtaken")


async def release(
    connection: AsyncConnection, leased: LeasedWork, *, at: datetime, reason: str, counts: bool
) -> bool:
    """Due again at `at`, and with it everything behind it in the lane; False when it is no longer ours."""
    table = table_of(leased)
    attempts = table.c.attempts if counts else table.c.attempts - 1
    values = {"due_at": at, "leased_until": None, "attempts": attempts, "error": reason}
    ours = update(table).where(_is_ours(table)).values(**values)
    result = await connection.execute(ours, _held(leased))
    if result.rowcount == 1 and table is not timers:
        # The rows behind it would only be looked at in vain until then.
        lane = select(table.c.lane).where(table.c.id == leased.id).scalar_subquery()
        behind = (table.c.lane == lane, is_pending(table), table.c.due_at < at)
        await connection.execute(update(table).where(*behind).values(due_at=at))
    return result.rowcount == 1


async def give_up(connection: AsyncConnection, leased: LeasedWork, *, now: datetime, reason: str) -> bool:
    """Set it aside for a person, or postpone a timer with all its tries before it; False when not ours."""
    table = table_of(leased)
    row = select(table.c.id).where(_is_ours(table)).with_for_update()
    if await connection.scalar(row, _held(leased)) is None:
        return False
    if table is timers:
        log.warning("timer_postponed", id=leased.id, reason=reason)
        values = {"due_at": now + POSTPONED_TIMER, "leased_until": None, "attempts": 0, "error": reason}
        await connection.execute(update(timers).where(timers.c.id == leased.id).values(**values))
    else:
        await park_row(connection, table, leased.id, now=now, reason=reason)
    return True


async def release_all(connection: AsyncConnection) -> int:
    """Every leased row is claimable at once, and so is the probe of every breaker."""
    released = 0
    for table, since in _WITH_CREATION:
        leased = update(table).where(table.c.leased_until.is_not(None))
        released += (await connection.execute(leased.values(leased_until=None, due_at=since))).rowcount
    await connection.execute(update(breakers).values(probe_until=None))
    return released
