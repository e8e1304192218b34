"""When there is something to do next, and how whoever waits for it is woken."""

from __future__ import annotations

import asyncio
from datetime import datetime

from sqlalchemy import String, bindparam, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from storage.claiming import earliest_head
from storage.tables import deliveries, effects, timers
from storage.vendors import Vendor, load_vendors


class Bell:
    """Rung after commits. For one dispatcher: it is the waiter that resets it."""

    def __init__(self) -> None:
        self._rung = asyncio.Event()

    def ring(self) -> None:
        """Wake the waiter now, or let its next wait return at once."""
        self._rung.set()

    async def wait(self, *, timeout: float) -> None:
        """Until it is rung or the time is over."""
        try:
            async with asyncio.timeout(timeout):
                await self._rung.wait()
        except TimeoutError:
            return
        self._rung.clear()


_EARLIEST = select(
    earliest_head(deliveries).scalar_subquery(), select(func.min(timers.c.due_at)).scalar_subquery()
)
_EARLIEST_OF_VENDOR = earliest_head(effects, [effects.c.vendor == bindparam("vendor", type_=String)])


async def next_due(connection: AsyncConnection, *, now: datetime, share: int) -> datetime | None:
    """The earliest of all queues; never what a claim made now would refuse, or its caller would spin."""
    instants = list((await connection.execute(_EARLIEST, {"now": now})).one())
    for vendor in await load_vendors(connection, now=now):
        instants.append(await _vendor_due(connection, vendor, now, share))  # noqa: PERF401 - each one awaits
    return min((instant for instant in instants if instant is not None), default=None)


async def _vendor_due(
    connection: AsyncConnection, vendor: Vendor, now: datetime, share: int
) -> datetime | None:
    closed_until = vendor.closed_until(share)
    if closed_until is not None and closed_until > now:
        return max(vendor.first_due_at, closed_until)
    if vendor.first_due_at > now:
        return vendor.first_due_at
    due: datetime | None = await connection.scalar(_EARLIEST_OF_VENDOR, {"now": now, "vendor": vendor.name})
    return due
