"""Counts for Prometheus and reports, in a handful of statements over the records."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Select, case, func, literal_column, select, type_coerce
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.types import BigInteger

from bot.core.model import ClockState, Metric, TicketStatus
from bot.core.statistics import DurationCount, Statistics, TierPriority
from storage.alerts import count_alerts
from storage.audits import last_audit
from storage.database import Database
from storage.reports import depth, oldest_pending
from storage.tables import clocks, tickets

DAY = timedelta(hours=24)
SECOND = 1_000_000  #: microseconds
ENDED = (ClockState.MET.value, ClockState.BREACHED.value)
SOLVED = (TicketStatus.SOLVED.value, TicketStatus.CLOSED.value)
_GROUP = (tickets.c.tier, tickets.c.priority)


class SqlCounting:
    """`bot.core.statistics.Counting` on the ledger's database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def statistics(
        self, *, now: datetime, reply_bounds: Sequence[int], resolution_bounds: Sequence[int]
    ) -> Statistics:
        """One consistent look."""
        async with self._database.reading() as connection:
            waited = await oldest_pending(connection, now=now)
            return Statistics(
                created=await _counts(connection, _tickets()),
                resolved=await _counts(connection, _tickets().where(tickets.c.status.in_(SOLVED))),
                kept=await _counts(connection, _clocks().where(clocks.c.state == ClockState.MET.value)),
                ended=await _counts(connection, _clocks().where(clocks.c.state.in_(ENDED))),
                by_age=await _by_age(connection, now),
                first_replies=await _durations(connection, Metric.FIRST_REPLY_TIME, reply_bounds),
                resolutions=await _durations(connection, Metric.RESOLUTION_TIME, resolution_bounds),
                depth=await depth(connection),
                oldest_due={queue: now - age for queue, age in waited.items()},
                alerts=await count_alerts(connection),
                audit=await last_audit(connection),
            )


def _tickets() -> Select[Any]:
    return select(*_GROUP, func.count()).group_by(*_GROUP)


def _clocks() -> Select[Any]:
    return (
        select(*_GROUP, func.count())
        .select_from(clocks.join(tickets, clocks.c.ticket == tickets.c.id))
        .group_by(*_GROUP)
    )


async def _counts(connection: AsyncConnection, query: Select[Any]) -> Mapping[TierPriority, int]:
    return {(tier, priority): count for tier, priority, count in await connection.execute(query)}


async def _by_age(connection: AsyncConnection, now: datetime) -> Mapping[tuple[str, str], int]:
    """Open tickets as ADR-096's "by age" panel groups them."""
    age = case(
        (tickets.c.opened_at > now - DAY, literal_column("'0-24h'")),
        (tickets.c.opened_at > now - 3 * DAY, literal_column("'24-72h'")),
        else_=literal_column("'>72h'"),
    )
    query = (
        select(tickets.c.status, age, func.count())
        .where(tickets.c.status.not_in(SOLVED))
        .group_by(tickets.c.status, age)
    )
    return {(status, group): count for status, group, count in await connection.execute(query)}


async def _durations(
    connection: AsyncConnection, metric: Metric, bounds: Sequence[int]
) -> Sequence[DurationCount]:
    taken = type_coerce(clocks.c.ended_at, BigInteger) - type_coerce(clocks.c.started_at, BigInteger)
    within = [func.sum(case((taken <= bound * SECOND, 1), else_=0)) for bound in bounds]
    query = (
        select(*_GROUP, func.count(), func.sum(taken), *within)
        .select_from(clocks.join(tickets, clocks.c.ticket == tickets.c.id))
        .where(clocks.c.metric == metric.value, clocks.c.state.in_(ENDED))
        .group_by(*_GROUP)
    )
    return [
        DurationCount(
            tier=tier,
            priority=priority,
            count=count,
            seconds=float(total) / SECOND,
            at_most=tuple(zip(bounds, counts, strict=True)),
        )
        for tier, priority, count, total, *counts in await connection.execute(query)
    ]
