"""When there is something to do next, and how whoever waits for it is woken."""

from __future__ import annotations

import asyncio
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from storage.claiming import earliest_head
from storage.tables import deliveries, effects, timers
from storage.vendors import load_vendors


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


async def next_due(connection: AsyncConnection, *, now: datetime, share: int) -> datetime | None:
    """The earliest of all queues; never what a claim made now would refuse, or its caller would spin."""
    instants = [
        await connection.scalar(earliest_head(deliveries, now=now)),
        await connection.scalar(select(func.min(timers.c.due_at))),
        *[
            await _vendor_due(connection, vendor.name, vendor.first_due_at, now, vendor.closed_until(share))
            for vendor in await load_vendors(connection, now=now)
        ],
    ]
    return min((instant for instant in instants if instant is not None), default=None)


async def _vendor_due(
    connection: AsyncConnection, vendor: str, first: datetime, now: datetime, closed_until: datetime | None
) -> datetime | None:
    if closed_until is not None and closed_until > now:
        return max(first, closed_until)
    if first > now:
        return first
    heads = earliest_head(effects, now=now, where=[effects.c.vendor == vendor])
    due: datetime | None = await connection.scalar(heads)
    return due
