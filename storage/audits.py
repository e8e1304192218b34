"""What an audit reads: live clocks with their timers and alerts, in batches; and what it remembers."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from typing import Any, TypeVar

from sqlalchemy import Column, Result, Select, select
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.core.alerts import Alert
from bot.core.auditing import AuditRecord, Fault, Flaw, TimerState, Watched
from bot.core.errors import NONSENSE, ConfigError
from bot.core.model import Clock, ClockId, Ticket, TicketId
from storage.alert_tables import alert_of, alerts
from storage.answers import SqlAnswers
from storage.audit_tables import audits
from storage.database import Database
from storage.records import SqlRecords
from storage.rows import ticket_of
from storage.tables import clocks, tickets, timers

BATCH = 500
_NONSENSE = (*NONSENSE, ConfigError)

Read = TypeVar("Read")
_ONLY = 1  # the row's id


async def last_audit(connection: AsyncConnection) -> AuditRecord:
    """What the last rounds came to."""
    return _record(await connection.execute(select(audits).where(audits.c.id == _ONLY)))


def _record(found: Result[Any]) -> AuditRecord:
    row = found.one_or_none()
    if row is None:
        return AuditRecord()
    return AuditRecord(ran_at=row.ran_at, passed_at=row.passed_at, flaws=tuple(row.flaws))


class SqlAudits(SqlAnswers):
    """The part of a transaction that is about audits."""

    async def timer(self, key: str) -> TimerState | None:
        rows = await self._all(select(timers.c.version, timers.c.set_for).where(timers.c.key == key))
        return TimerState(version=rows[0]["version"], set_for=rows[0]["set_for"]) if rows else None

    async def audit(self) -> AuditRecord:
        one = select(audits).where(audits.c.id == _ONLY).with_for_update()
        return _record(await self._connection.execute(one))

    async def keep_audit(self, record: AuditRecord) -> None:
        values = {"ran_at": record.ran_at, "passed_at": record.passed_at, "flaws": list(record.flaws)}
        statement = self._database.insert(audits).values(id=_ONLY, **values)
        await self._connection.execute(
            statement.on_conflict_do_update(index_elements=[audits.c.id], set_=values)
        )


class SqlAuditBook:
    """`bot.auditor.AuditBook` on the ledger's database. No batch holds a lock or stays open.

    A row that makes no sense spoils nobody else's: a batch that cannot be read is read one by one.
    """

    def __init__(self, database: Database, *, batch: int = BATCH) -> None:
        self._database = database
        self._batch = batch

    async def live(self) -> AsyncIterator[Sequence[Watched | Flaw]]:
        """Every clock that runs or is paused, by number."""
        async for ids in self._ids(select(clocks.c.id).where(clocks.c.ended_at.is_(None)), clocks.c.id):
            yield await self._read(ids, _Reading.watched, self._unreadable)

    async def tickets(self) -> AsyncIterator[Sequence[tuple[Ticket, Sequence[Clock]] | Flaw]]:
        """Every open ticket with all its clocks, by number."""
        is_open = tickets.c.status.not_in(("solved", "closed"))
        async for ids in self._ids(select(tickets.c.id).where(is_open), tickets.c.id):
            yield await self._read(ids, _Reading.with_clocks, None)

    async def _ids(self, found: Select[Any], number: Column[Any]) -> AsyncIterator[Sequence[int]]:
        after = 0
        while True:
            async with self._database.reading() as connection:
                some = found.where(number > after).order_by(number).limit(self._batch)
                ids = (await connection.scalars(some)).all()
            if not ids:
                return
            yield ids
            after = ids[-1]

    async def _read(
        self,
        ids: Sequence[int],
        read: Callable[[_Reading, Sequence[int]], Awaitable[Sequence[Read]]],
        instead: Callable[[AsyncConnection, int], Awaitable[Flaw]] | None,
    ) -> list[Read | Flaw]:
        found: list[Read | Flaw] = []
        async with self._database.reading() as connection:
            try:
                return list(await read(_Reading(connection), ids))
            except _NONSENSE:
                for one in ids:
                    try:
                        found += await read(_Reading(connection), [one])
                    except _NONSENSE:
                        if instead is not None:
                            found.append(await instead(connection, one))
        return found

    @staticmethod
    async def _unreadable(connection: AsyncConnection, id: int) -> Flaw:
        ticket = await connection.scalar(select(clocks.c.ticket).where(clocks.c.id == id))
        return Flaw(clock=ClockId(id), ticket=TicketId(ticket or 0), fault=Fault.UNREADABLE)


class _Reading(SqlRecords):
    def __init__(self, connection: AsyncConnection) -> None:
        super().__init__(connection, is_locking=False)

    async def watched(self, ids: Sequence[int]) -> Sequence[Watched]:
        found = await self._clocks(clocks.c.id.in_(ids))
        of_tickets = await self._tickets({clock.ticket for clock in found})
        of_timers = await self._timers(found)
        of_alerts = await self._alerts(found)
        return [
            Watched(
                clock=clock,
                ticket=of_tickets[clock.ticket],
                timer=of_timers.get(f"clock:{clock.id}"),
                alerts=tuple(of_alerts[clock.id]),
            )
            for clock in found
        ]

    async def with_clocks(self, ids: Sequence[int]) -> Sequence[tuple[Ticket, Sequence[Clock]]]:
        of_ticket: defaultdict[TicketId, list[Clock]] = defaultdict(list)
        for clock in await self._clocks(clocks.c.ticket.in_(ids)):
            of_ticket[clock.ticket].append(clock)
        found = await self._tickets({TicketId(one) for one in ids})
        return [(ticket, of_ticket[ticket.id]) for ticket in found.values()]

    async def _tickets(self, ids: set[TicketId]) -> Mapping[TicketId, Ticket]:
        rows = await self._all(select(tickets).where(tickets.c.id.in_(ids)))
        return {row["id"]: ticket_of(row) for row in rows}

    async def _timers(self, found: Sequence[Clock]) -> Mapping[str, TimerState]:
        keys = [f"clock:{clock.id}" for clock in found]
        rows = await self._all(
            select(timers.c.key, timers.c.version, timers.c.set_for).where(timers.c.key.in_(keys))
        )
        return {row["key"]: TimerState(version=row["version"], set_for=row["set_for"]) for row in rows}

    async def _alerts(self, found: Sequence[Clock]) -> Mapping[ClockId, list[Alert]]:
        rows = await self._all(select(alerts).where(alerts.c.clock.in_([clock.id for clock in found])))
        by_clock: defaultdict[ClockId, list[Alert]] = defaultdict(list)
        for row in rows:
            by_clock[row["clock"]].append(alert_of(row))
        return by_clock
