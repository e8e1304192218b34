"""Giving leased rows back: done, released or parked, as long as nobody holds a higher fence."""

from __future__ import annotations

from datetime import datetime, timedelta

import structlog
from sqlalchemy import ColumnElement, Table, delete, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.core.effects import Effect
from bot.core.errors import LeaseLost
from bot.core.events import TimerFired
from bot.core.ports import Delivery, Leased
from storage.claiming import is_pending
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


def _is_ours(table: Table, leased: LeasedWork) -> ColumnElement[bool]:
    ours = (table.c.id == leased.id) & (table.c.fence == leased.fence) & table.c.leased_until.is_not(None)
    return ours if table is timers else ours & is_pending(table)


async def complete(connection: AsyncConnection, leased: LeasedWork, *, now: datetime) -> None:
    """Mark it done (a timer is deleted); LeaseLost when it is no longer ours."""
    table = table_of(leased)
    ours = _is_ours(table, leased)
    done = {"state": DONE, "finished_at": now, "leased_until": None, "error": None}
    statement = delete(table).where(ours) if table is timers else update(table).where(ours).values(**done)
    if (await connection.execute(statement)).rowcount != 1:
        raise LeaseLost(f"{table.name} {leased.id}: fence {leased.fence} was overtaken")


async def release(
    connection: AsyncConnection, leased: LeasedWork, *, at: datetime, reason: str, counts: bool
) -> bool:
    """Due again at `at`, and with it everything behind it in the lane; False when it is no longer ours."""
    table = table_of(leased)
    attempts = table.c.attempts if counts else table.c.attempts - 1
    values = {"due_at": at, "leased_until": None, "attempts": attempts, "error": reason}
    result = await connection.execute(update(table).where(_is_ours(table, leased)).values(**values))
    if result.rowcount == 1 and table is not timers:
        # The rows behind it would only be looked at in vain until then.
        lane = select(table.c.lane).where(table.c.id == leased.id).scalar_subquery()
        behind = (table.c.lane == lane, is_pending(table), table.c.due_at < at)
        await connection.execute(update(table).where(*behind).values(due_at=at))
    return result.rowcount == 1


async def give_up(connection: AsyncConnection, leased: LeasedWork, *, now: datetime, reason: str) -> bool:
    """Set it aside for a person, or postpone a timer with all its tries before it; False when not ours."""
    table = table_of(leased)
    row = select(table.c.id).where(_is_ours(table, leased)).with_for_update()
    if await connection.scalar(row) is None:
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
