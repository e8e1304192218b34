"""Claiming deliveries, effects and timers: rows become leases."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import structlog
from sqlalchemy import String, Table, bindparam, case, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.core.effects import Effect
from bot.core.events import TimerFired
from bot.core.ports import Delivery, Leased
from storage.claiming import LIMIT, NOW, Row, due_heads, is_pending, lease
from storage.codec import UnreadableEffect, decode
from storage.columns import Instant
from storage.database import Database
from storage.rates import Bucket
from storage.slots import Rates, load_buckets, save_buckets
from storage.tables import PARKED, deliveries, effects, timers
from storage.vendors import Vendor, load_vendors, take_probe

log = structlog.get_logger()

#: How many rows of one vendor are looked at in one go, and how often in one claim. What is left waits for
#: the next claim, so that a bucket with a long queue does not hold the write lock.
_CHUNK = 32
_CHUNKS = 4

_CLAIM_DELIVERIES = lease(
    deliveries,
    deliveries.c.id.in_(select(due_heads(deliveries, deliveries.c.id).cte("heads").c.id)),
)
_CLAIM_TIMERS = lease(
    timers,
    timers.c.id.in_(
        select(
            select(timers.c.id)
            .where(timers.c.due_at <= NOW)
            .order_by(timers.c.due_at, timers.c.id)
            .limit(LIMIT)
            .with_for_update(skip_locked=True)
            .cte("due")
            .c.id
        )
    ),
)
_CANDIDATES = due_heads(
    effects,
    *(effects.c.id, effects.c.lane, effects.c.bucket, effects.c.slot_at),
    where=[
        effects.c.vendor == bindparam("vendor", type_=String),
        effects.c.id.not_in(bindparam("taken", expanding=True)),
    ],
)
_CLAIM_EFFECTS = lease(effects, effects.c.id.in_(bindparam("granted", expanding=True)))
_SLOT = bindparam("slot", type_=Instant)
#: Come back when the slot does, and everything behind it too: it would only be looked at in vain.
_DEFER = (
    update(effects)
    .where(effects.c.lane == bindparam("of_lane"), is_pending(effects), effects.c.due_at < _SLOT)
    .values(due_at=_SLOT, slot_at=case((effects.c.id == bindparam("head"), _SLOT), else_=effects.c.slot_at))
)


async def claim_deliveries(
    connection: AsyncConnection, *, now: datetime, limit: int, until: datetime
) -> Sequence[Leased[Delivery]]:
    """The heads of the lanes."""
    rows = await connection.execute(_CLAIM_DELIVERIES, {"now": now, "limit": limit, "until": until})
    return [_leased(row, _delivery(row)) for row in _in_order(rows.mappings().all())]


async def claim_timers(
    connection: AsyncConnection, *, now: datetime, limit: int, until: datetime
) -> Sequence[Leased[TimerFired]]:
    """Those that are due, earliest first."""
    rows = await connection.execute(_CLAIM_TIMERS, {"now": now, "limit": limit, "until": until})
    earliest_first = sorted(rows.mappings().all(), key=lambda row: (row["set_for"], row["id"]))
    return [_leased(row, TimerFired(key=row["key"], version=row["version"])) for row in earliest_first]


@dataclass(frozen=True, slots=True, kw_only=True)
class EffectClaim:
    """One claim of effects, vendor by vendor."""

    connection: AsyncConnection
    database: Database
    rates: Rates
    share: int
    now: datetime
    lease: timedelta

    async def run(self, limit: int) -> Sequence[Leased[Effect]]:
        """Up to `limit`, divided evenly among the vendors that have something due."""
        vendors = [
            vendor
            for vendor in await load_vendors(self.connection, now=self.now)
            if vendor.first_due_at <= self.now and not vendor.is_closed(self.now, self.share)
        ]
        granted: list[int] = []
        for position, vendor in enumerate(vendors):
            fair = -(-(limit - len(granted)) // (len(vendors) - position))
            room = min(fair, 1 if vendor.is_doubtful else self.share - vendor.under_way)
            granted += await self._grants(vendor, room) if room > 0 else []
        return await self._lease(granted)

    async def _grants(self, vendor: Vendor, room: int) -> list[int]:
        granted: list[int] = []
        for _ in range(_CHUNKS):
            candidates = await self._candidates(vendor, granted)
            granted += await self._decide(candidates, room - len(granted))
            if len(granted) >= room or len(candidates) < _CHUNK:
                break
        until = self.now + self.lease
        if granted and vendor.is_doubtful:
            is_ours = await take_probe(self.connection, vendor.name, now=self.now, until=until)
            return granted if is_ours else []
        return granted

    async def _candidates(self, vendor: Vendor, taken: list[int]) -> Sequence[Row]:
        values = {"now": self.now, "limit": _CHUNK, "vendor": vendor.name, "taken": taken}
        rows = await self.connection.execute(_CANDIDATES, values)
        found: Sequence[Row] = rows.mappings().all()
        return found

    async def _decide(self, candidates: Sequence[Row], room: int) -> list[int]:
        if not candidates:
            return []
        names = (row["bucket"] for row in candidates)
        buckets = await load_buckets(self.connection, self.database, names, self.rates)
        granted: list[int] = []
        waiting: list[dict[str, Any]] = []
        for row in candidates:
            if len(granted) == room:
                break
            bucket: Bucket = buckets[row["bucket"]]
            slot = bucket.take(self.now, slot_at=row["slot_at"])
            if slot is None:
                granted.append(row["id"])
            else:
                waiting.append({"head": row["id"], "of_lane": row["lane"], "slot": slot})
        await save_buckets(self.connection, buckets.values())
        if waiting:
            await self.connection.execute(_DEFER, waiting)
        return granted

    async def _lease(self, granted: Sequence[int]) -> Sequence[Leased[Effect]]:
        if not granted:
            return []
        values = {"granted": granted, "until": self.now + self.lease}
        rows = _in_order((await self.connection.execute(_CLAIM_EFFECTS, values)).mappings().all())
        leased = [await self._read(row) for row in rows]
        return [one for one in leased if one is not None]

    async def _read(self, row: Row) -> Leased[Effect] | None:
        try:
            return _leased(row, decode(row["kind"], row["payload"]))
        except UnreadableEffect as error:
            await park_row(self.connection, effects, row["id"], now=self.now, reason=str(error))
            log.warning("effect_unreadable", id=row["id"], kind=row["kind"], reason=str(error))
            return None


async def park_row(connection: AsyncConnection, table: Table, id: int, *, now: datetime, reason: str) -> None:
    """Set it aside for a person."""
    await connection.execute(
        update(table)
        .where(table.c.id == id)
        .values(state=PARKED, finished_at=now, leased_until=None, error=reason)
    )


def _in_order(rows: Sequence[Row]) -> Sequence[Row]:
    return sorted(rows, key=lambda row: row["id"])


def _delivery(row: Row) -> Delivery:
    return Delivery(
        door=row["door"],
        id=row["external_id"],
        lane=row["lane"],
        headers=row["headers"],
        body=row["body"],
        received_at=row["received_at"],
    )


def _leased(row: Row, work: Any) -> Leased[Any]:
    return Leased(
        id=row["id"], fence=row["fence"], attempts=row["attempts"], until=row["leased_until"], work=work
    )
