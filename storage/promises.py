"""Many promises at once, in batches: for the start of the program, for dry runs and for checks."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import datetime

from sqlalchemy import ColumnElement, func, select

from bot.core.model import Clock, ClockId, OrganisationId, Ticket, TicketId, Tier
from bot.core.policies import Calendar
from storage.database import Database
from storage.pinned import adopt, pinned
from storage.records import SqlRecords
from storage.rows import ticket_of
from storage.tables import clocks, segments, tickets

BATCH = 500
_IS_LIVE = clocks.c.ended_at.is_(None)
_IS_OPEN = tickets.c.status.not_in(("solved", "closed"))


async def adopt_calendars(database: Database, current: Mapping[str, Calendar]) -> None:
    """Once after an upgrade: clocks from before 0007 learn what their calendars' names mean."""
    async with database.writing() as connection:
        await adopt(connection, database, current)


class SqlPromiseBook:
    """`bot.core.following.PromiseBook` on the ledger's database. No batch holds a lock or stays open."""

    def __init__(self, database: Database, *, batch: int = BATCH) -> None:
        self._database = database
        self._batch = batch

    async def live_calendars(self) -> Sequence[Calendar]:
        """The calendars in which the clocks that run or are paused count by now, each once."""
        last = (
            select(segments.c.clock, func.max(segments.c.ordinal).label("ordinal"))
            .join(clocks, clocks.c.id == segments.c.clock)
            .where(_IS_LIVE)
            .group_by(segments.c.clock)
            .subquery()
        )
        of_last = (segments.c.clock == last.c.clock) & (segments.c.ordinal == last.c.ordinal)
        async with self._database.reading() as connection:
            found = await connection.scalars(select(segments.c.calendar).distinct().join(last, of_last))
            return list((await pinned(connection, found.all())).values())

    async def open_tiers(self) -> Sequence[tuple[OrganisationId, Tier]]:
        """Of the customers with open tickets."""
        found = select(tickets.c.organisation, tickets.c.tier).distinct()
        async with self._database.reading() as connection:
            rows = await connection.execute(found.where(_IS_OPEN, tickets.c.organisation.is_not(None)))
            return [(OrganisationId(organisation), Tier(tier)) for organisation, tier in rows]

    async def open_tickets(self) -> AsyncIterator[Sequence[tuple[Ticket, Sequence[Clock]]]]:
        """Batches of tickets that are not solved, with their clocks, by number."""
        after = 0
        while True:
            async with self._database.reading() as connection:
                some = select(tickets).where(_IS_OPEN, tickets.c.id > after)
                rows = await connection.execute(some.order_by(tickets.c.id).limit(self._batch))
                found = [ticket_of(row) for row in rows.mappings()]
                of_ticket = await _by_ticket(_Reading(connection), [ticket.id for ticket in found])
            if not found:
                return
            yield [(ticket, of_ticket[ticket.id]) for ticket in found]
            after = found[-1].id

    async def ended_clocks(self, *, since: datetime) -> AsyncIterator[Sequence[tuple[Ticket, Clock]]]:
        """Batches of promises that were kept or broken since then, with their tickets, by number."""
        after = ClockId(0)
        while True:
            async with self._database.reading() as connection:
                reading = _Reading(connection)
                found = await reading.some(
                    clocks.c.ended_at >= since,
                    clocks.c.state.in_(("met", "breached")),
                    clocks.c.id > after,
                    limit=self._batch,
                )
                numbers = {clock.ticket for clock in found}
                rows = await connection.execute(select(tickets).where(tickets.c.id.in_(numbers)))
                known = {row["id"]: ticket_of(row) for row in rows.mappings()}
            if not found:
                return
            yield [(known[clock.ticket], clock) for clock in found]
            after = found[-1].id

    async def count(self, *, since: datetime) -> int:
        """How many tickets and promises the two readings above will bring."""
        ended = select(func.count()).select_from(clocks)
        ended = ended.where(clocks.c.ended_at >= since, clocks.c.state.in_(("met", "breached")))
        is_open = select(func.count()).select_from(tickets).where(_IS_OPEN)
        async with self._database.reading() as connection:
            return int(await connection.scalar(ended) or 0) + int(await connection.scalar(is_open) or 0)


class _Reading(SqlRecords):
    async def some(self, *conditions: ColumnElement[bool], limit: int) -> Sequence[Clock]:
        numbers = select(clocks.c.id).where(*conditions).order_by(clocks.c.id).limit(limit)
        return await self._clocks(clocks.c.id.in_(numbers))

    async def of_tickets(self, ids: Sequence[TicketId]) -> Sequence[Clock]:
        return await self._clocks(clocks.c.ticket.in_(ids))


async def _by_ticket(reading: _Reading, ids: Sequence[TicketId]) -> Mapping[TicketId, Sequence[Clock]]:
    found: defaultdict[TicketId, list[Clock]] = defaultdict(list)
    for clock in await reading.of_tickets(ids):
        found[clock.ticket].append(clock)
    return found
