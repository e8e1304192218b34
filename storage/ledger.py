"""The ledger: deliveries, effects and timers, beside the records they change."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import datetime, timedelta

import structlog
from sqlalchemy import Table, delete, select, update

from bot.core.effects import Effect
from bot.core.errors import UserFacingError
from bot.core.events import TimerFired
from bot.core.model import Ticket
from bot.core.ports import Delivery, Leased, Parked
from storage import leases, reports, vendors
from storage.accepting import GroupCommit
from storage.claiming import is_done, is_parked
from storage.claims import EffectClaim, claim_deliveries, claim_timers
from storage.database import Database
from storage.leases import LeasedWork, complete, table_of
from storage.rates import BreakerPolicy, Rate
from storage.records import SqlRecords
from storage.reports import WorkRow
from storage.slots import block_bucket
from storage.tables import PENDING, buckets, deliveries, effects
from storage.transactions import SqlTransaction
from storage.waiting import Bell, next_due

log = structlog.get_logger()

_PRUNED_AT_ONCE = 1000
_REASON = 500  #: characters of a reason that are kept


class SqlLedger:
    """`bot.core.ports.Ledger` on SQLite or PostgreSQL.

    `share` is the most effects of one vendor that are under way at once, so that a slow one (a language
    model) cannot take every worker.

    Seam for Procrastinate: each method that calls `self._bell.ring()` has just committed work. Doorbells for
    several machines are deferred where that work is written, on the same connection (docs/decisions/0004).
    """

    def __init__(
        self,
        database: Database,
        *,
        rates: Callable[[str], Rate | None] = lambda _bucket: None,
        breaker: BreakerPolicy | None = None,
        share: int = 1000,
    ) -> None:
        self._database = database
        self._rates = rates
        self._breaker = breaker or BreakerPolicy()
        self._share = share
        self._bell = Bell()
        self._inbox = GroupCommit(database, self._bell.ring)

    # -- deliveries in, claims out --

    async def accept(self, delivery: Delivery) -> bool:
        return await self._inbox.accept(delivery)

    async def claim_deliveries(
        self, *, now: datetime, limit: int, lease: timedelta
    ) -> Sequence[Leased[Delivery]]:
        async with self._database.writing() as connection:
            return await claim_deliveries(connection, now=now, limit=limit, until=now + lease)

    async def claim_effects(self, *, now: datetime, limit: int, lease: timedelta) -> Sequence[Leased[Effect]]:
        async with self._database.writing() as connection:
            claim = EffectClaim(
                connection=connection,
                database=self._database,
                rates=self._rates,
                share=self._share,
                now=now,
                lease=lease,
            )
            return await claim.run(limit)

    async def claim_timers(
        self, *, now: datetime, limit: int, lease: timedelta
    ) -> Sequence[Leased[TimerFired]]:
        async with self._database.writing() as connection:
            return await claim_timers(connection, now=now, limit=limit, until=now + lease)

    # -- transactions --

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[SqlRecords]:
        async with self._database.reading() as connection:
            yield SqlRecords(connection)

    @asynccontextmanager
    async def transaction(self, *, now: datetime, cause: str) -> AsyncIterator[SqlTransaction]:
        async with self._database.writing() as connection:
            yield SqlTransaction(connection, self._database, now=now, cause=cause)
        self._bell.ring()

    @asynccontextmanager
    async def finishing(self, leased: LeasedWork, *, now: datetime) -> AsyncIterator[SqlTransaction]:
        # Completed first, so that the fence is checked before anything is done, and a timer that is set again
        # in the block is a new row, which survives.
        cause = f"{table_of(leased).name}-{leased.id}"
        async with self._database.writing() as connection:
            await complete(connection, leased, now=now)
            yield SqlTransaction(connection, self._database, now=now, cause=cause)
        self._bell.ring()

    # -- what did not work --

    async def retry(self, leased: LeasedWork, *, at: datetime, reason: str, counts: bool = True) -> None:
        """When the lease was lost meanwhile this does nothing: the row is somebody else's to release."""
        async with self._database.writing() as connection:
            is_ours = await leases.release(connection, leased, at=at, reason=reason[:_REASON], counts=counts)
        self._released(leased, is_ours=is_ours)

    async def park(self, leased: LeasedWork, *, now: datetime, reason: str) -> None:
        """Likewise. A timer is not parked but postponed, see `storage.leases`."""
        async with self._database.writing() as connection:
            is_ours = await leases.give_up(connection, leased, now=now, reason=reason[:_REASON])
        self._released(leased, is_ours=is_ours)

    async def release_leases(self) -> int:
        async with self._database.writing() as connection:
            released = await leases.release_all(connection)
        self._bell.ring()
        return released

    def _released(self, leased: LeasedWork, *, is_ours: bool) -> None:
        if not is_ours:
            log.info("lease_lost", queue=table_of(leased).name, id=leased.id, fence=leased.fence)
        self._bell.ring()

    # -- vendors and buckets --

    async def record_success(self, vendor: str, *, now: datetime) -> None:  # noqa: ARG002 - the port's signature
        async with self._database.reading() as connection:
            if not await vendors.is_troubled(connection, vendor):
                return
        async with self._database.writing() as connection:
            await vendors.close_breaker(connection, vendor)
        self._bell.ring()

    async def record_failure(self, vendor: str, *, now: datetime) -> None:
        async with self._database.writing() as connection:
            open_until = await vendors.count_failure(
                connection, self._database, vendor, now=now, policy=self._breaker
            )
        if open_until is not None:
            log.warning("breaker_opened", vendor=vendor, until=open_until.isoformat())

    async def slow_down(self, bucket: str, *, until: datetime) -> None:
        async with self._database.writing() as connection:
            await block_bucket(connection, self._database, bucket, until=until)

    # -- looking after it --

    async def parked(self) -> Sequence[Parked]:
        async with self._database.reading() as connection:
            return await reports.parked(connection)

    async def replay(self, queue: str, ids: Sequence[int], *, now: datetime) -> int:
        table = {"deliveries": deliveries, "effects": effects}.get(queue)
        if table is None:
            raise UserFacingError(f"there is no queue {queue!r}: it is deliveries or effects")
        # One try is kept: whatever was parked may have been done, so it is looked for before it is repeated.
        again = {"state": PENDING, "due_at": now, "attempts": 1, "finished_at": None, "error": None}
        async with self._database.writing() as connection:
            result = await connection.execute(
                update(table).where(table.c.id.in_(ids), is_parked(table)).values(**again)
            )
        self._bell.ring()
        return result.rowcount

    async def next_due(self, *, now: datetime) -> datetime | None:
        async with self._database.reading() as connection:
            return await next_due(connection, now=now, share=self._share)

    async def wait(self, *, timeout: float) -> None:
        await self._bell.wait(timeout=timeout)

    def ring(self) -> None:
        self._bell.ring()

    async def prune(self, *, before: datetime) -> int:
        pruned = 0
        for table in (effects, deliveries):
            while removed := await self._prune_some(table, before):
                pruned += removed
        unused = (buckets.c.next_at < before, buckets.c.queued_to < before, buckets.c.blocked_until < before)
        async with self._database.writing() as connection:
            await connection.execute(delete(buckets).where(*unused))
        return pruned

    async def _prune_some(self, table: Table, before: datetime) -> int:
        """A thousand at a time: deliveries are accepted in between."""
        old = select(table.c.id).where(is_done(table), table.c.finished_at < before).limit(_PRUNED_AT_ONCE)
        async with self._database.writing() as connection:
            return (await connection.execute(delete(table).where(table.c.id.in_(old)))).rowcount

    # -- for operations and the sandbox --

    async def depth(self) -> Mapping[tuple[str, str], int]:
        """Rows by (queue, state); see `storage.reports`."""
        async with self._database.reading() as connection:
            return await reports.depth(connection)

    async def oldest_pending(self, *, now: datetime) -> Mapping[str, timedelta]:
        """How long the oldest row of each queue has waited."""
        async with self._database.reading() as connection:
            return await reports.oldest_pending(connection, now=now)

    async def recent(self, limit: int = 50) -> Sequence[WorkRow]:
        """The newest work of all queues, for people."""
        async with self._database.reading() as connection:
            return await reports.recent(connection, limit=limit)

    async def tickets(self, limit: int = 50, *, only_open: bool = False) -> Sequence[Ticket]:
        """Newest first."""
        async with self._database.reading() as connection:
            return await reports.list_tickets(connection, limit=limit, only_open=only_open)
