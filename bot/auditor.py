"""The auditor: goes over every promise once a minute, mends what is wrong, and says that it has been.

It reads what the worker works on and trusts none of it. The worker watches it in turn: a round that passes
puts off a timer, and if that timer ever fires, our own people are told. Outside, a heartbeat goes to
HEARTBEAT_URL after every round that passes, so that somebody else notices when all of us are gone.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from datetime import timedelta
from typing import Protocol

import structlog

from bot.core import auditing, repairing, ticket_audits
from bot.core.auditing import Flaw, Watched
from bot.core.errors import DeskbellError
from bot.core.model import Clock, ClockId, Ticket
from bot.core.ports import Ledger, Time
from bot.core.support import Desk

log = structlog.get_logger()

ROUND = timedelta(minutes=1)

Heartbeat = Callable[[], Awaitable[None]]


class AuditBook(Protocol):
    """Everything in batches that hold no lock; a flaw in the place of what cannot be read."""

    def live(self) -> AsyncIterator[Sequence[Watched | Flaw]]:
        """Every clock that runs or is paused, by number."""

    def tickets(self) -> AsyncIterator[Sequence[tuple[Ticket, Sequence[Clock]] | Flaw]]:
        """Every open ticket with all its clocks, by number."""


class Auditor:
    """Several may run at once, one for each replica: what one has mended, the others find in order."""

    def __init__(
        self,
        *,
        ledger: Ledger,
        book: AuditBook,
        desk: Desk,
        time: Time,
        rng: random.Random,
        heartbeat: Heartbeat | None = None,
    ) -> None:
        self._ledger = ledger
        self._book = book
        self._desk = desk
        self._time = time
        self._rng = rng
        self._heartbeat = heartbeat

    async def run(self, stop: asyncio.Event) -> None:
        """Until told to stop. The first round waits, for whoever was away catches up first."""
        await self._begin()
        while not await self._rest(stop):
            try:
                flaws = await self.round()
                if not flaws and self._heartbeat:
                    await self._heartbeat()
            except DeskbellError as error:
                log.error("audit_failed", reason=str(error))  # noqa: TRY400 - known, and told by the silence
            except Exception:
                log.exception("audit_failed")

    async def round(self) -> Sequence[Flaw]:
        """Go over all of it; what is wrong, mended as far as can be."""
        suspects: dict[ClockId, None] = {}
        flaws: list[Flaw] = []
        count = 0
        async for batch in self._book.live():
            now, policies = self._time.now(), self._desk.policies
            flaws += [one for one in batch if isinstance(one, Flaw)]
            seen = [one for one in batch if isinstance(one, Watched)]
            suspects.update({one.clock.id: None for one in seen if auditing.examine(one, policies, now)})
            count += len(batch)
            await asyncio.sleep(0)  # a batch of arithmetic at a time: webhooks go first
        async for rows in self._book.tickets():
            for row in rows:
                if not isinstance(row, Flaw):
                    found = ticket_audits.examine_ticket(*row, self._desk.policies)
                    suspects.update({flaw.clock: None for flaw in found})
            await asyncio.sleep(0)
        for clock in suspects:
            flaws += await self._look_again(clock)
        now = self._time.now()
        async with self._ledger.transaction(now=now, cause=f"audit-{now.timestamp()}") as tx:
            await repairing.conclude(self._desk.context(tx, now=now), flaws)
        for flaw in flaws:
            log.error("audit_flaw", fault=flaw.fault.value, ticket=flaw.ticket, detail=flaw.detail)
        log.info("audited", clocks=count, flaws=len(flaws))
        return flaws

    async def _begin(self) -> None:
        now = self._time.now()
        try:
            async with self._ledger.transaction(now=now, cause=f"audit-{now.timestamp()}") as tx:
                await repairing.begin(self._desk.context(tx, now=now))
        except DeskbellError as error:
            log.error("audit_failed", reason=str(error))  # noqa: TRY400 - the first round will say so again

    async def _look_again(self, clock: ClockId) -> Sequence[Flaw]:
        now = self._time.now()
        async with self._ledger.transaction(now=now, cause=f"audit-{clock}-{now.timestamp()}") as tx:
            return await repairing.look_again(self._desk.context(tx, now=now), clock)

    async def _rest(self, stop: asyncio.Event) -> bool:
        pause = ROUND.total_seconds() * self._rng.uniform(0.9, 1.1)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(pause):
                await stop.wait()
        return stop.is_set()
