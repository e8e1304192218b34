"""Drains the ledger: deliveries and timers to the core, effects to the world, outcomes back to the core."""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import TypeVar

import structlog

from bot.core.effects import Effect
from bot.core.errors import (
    AudienceViolation,
    LeaseLost,
    MalformedDelivery,
    NotYet,
    RateLimited,
    Rejected,
    Unavailable,
)
from bot.core.events import Event, TimerFired
from bot.core.ports import Attempt, Delivery, Door, Leased, Ledger, Time
from bot.core.support import Desk
from bot.performing import Performers

log = structlog.get_logger()

Work = Delivery | Effect | TimerFired
RETENTION = timedelta(days=30)  #: far beyond the last retry of any vendor
RETENTION_ROUND = timedelta(hours=1)
AnyWork = TypeVar("AnyWork", Delivery, Effect, TimerFired)


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """How hard the worker tries."""

    slots: int = 16  #: rows under way at once, per queue
    lease: timedelta = timedelta(seconds=60)
    effect_timeout: timedelta = timedelta(seconds=45)  #: well within the lease
    poll: timedelta = timedelta(seconds=1)  #: when another process may have written
    first_retry: timedelta = timedelta(seconds=2)
    longest_retry: timedelta = timedelta(minutes=10)
    not_yet: timedelta = timedelta(milliseconds=500)
    not_yet_at_most: timedelta = timedelta(seconds=30)
    outage_tries: int = 60  #: at the longest pause about nine hours; an open breaker uses none up
    surprise_tries: int = 8  #: for what no vendor's error explains: a bug, most likely
    drain: timedelta = timedelta(seconds=10)  #: given to work under way at shutdown


class Worker:
    """The embedded runner: asyncio, one process. It wakes at once and sleeps until the next due row."""

    def __init__(
        self,
        *,
        ledger: Ledger,
        desk: Desk,
        doors: Mapping[str, Door],
        performers: Performers,
        time: Time,
        rng: random.Random,
        installation: str,
        pace: Pace | None = None,
    ) -> None:
        self._ledger = ledger
        self._desk = desk
        self._doors = doors
        self._performers = performers
        self._time = time
        self._rng = rng
        self._installation = installation
        self._pace = pace or Pace()
        self._under_way: dict[str, set[asyncio.Task[None]]] = {
            "deliveries": set(),
            "effects": set(),
            "timers": set(),
        }

    async def run(self, stop: asyncio.Event) -> None:
        """Drain until `stop` is set, then let what is under way finish."""
        stopping = asyncio.create_task(stop.wait())
        try:
            while not stop.is_set():
                try:
                    if await self._start_work() == 0:
                        await self._rest(stopping)
                except Unavailable as error:
                    log.error("store_unavailable", reason=str(error))  # noqa: TRY400 - known, and repeated
                    await asyncio.wait({stopping}, timeout=self._pace.poll.total_seconds())
        finally:
            stopping.cancel()
            await self._drain()

    async def settle(self) -> None:
        """Work until nothing is due: for tests, the sandbox and one-shot commands."""
        while True:
            started = await self._start_work()
            running = [task for tasks in self._under_way.values() for task in tasks]
            if running:
                await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
            elif started == 0:
                return

    async def _start_work(self) -> int:
        """Claim what fits into the free slots; the number of rows claimed."""
        now, lease, ledger = self._time.now(), self._pace.lease, self._ledger
        started = 0
        if free := self._free("timers"):
            timers = await ledger.claim_timers(now=now, limit=free, lease=lease)
            started += self._launch("timers", timers, self._handle_timer)
        if free := self._free("deliveries"):
            deliveries = await ledger.claim_deliveries(now=now, limit=free, lease=lease)
            started += self._launch("deliveries", deliveries, self._handle_delivery)
        if free := self._free("effects"):
            effects = await ledger.claim_effects(now=now, limit=free, lease=lease)
            started += self._launch("effects", effects, self._handle_effect)
        return started

    def _free(self, queue: str) -> int:
        return self._pace.slots - len(self._under_way[queue])

    def _launch(
        self,
        queue: str,
        rows: Sequence[Leased[AnyWork]],
        handle: Callable[[Leased[AnyWork]], Awaitable[None]],
    ) -> int:
        tasks = self._under_way[queue]
        for leased in rows:
            task = asyncio.create_task(self._safely(leased, handle), name=f"{queue}-{leased.id}")
            tasks.add(task)
            task.add_done_callback(self._finished)
        return len(rows)

    def _finished(self, task: asyncio.Task[None]) -> None:
        for tasks in self._under_way.values():
            tasks.discard(task)
        if not task.cancelled() and (error := task.exception()):
            # Only the store itself can fail here; the row's lease runs out and it is done again.
            log.error("row_left_behind", reason=type(error).__name__, task=task.get_name())
        self._ledger.ring()  # its lane is free now

    async def _rest(self, stopping: asyncio.Task[bool]) -> None:
        now = self._time.now()
        due_at = await self._ledger.next_due(now=now)
        pause = self._pace.poll
        if due_at is not None and due_at > now:  # else it waits for something that will ring
            pause = min(due_at - now, pause)
        waiting = asyncio.create_task(self._ledger.wait(timeout=pause.total_seconds()))
        await asyncio.wait({waiting, stopping}, return_when=asyncio.FIRST_COMPLETED)
        waiting.cancel()

    async def _drain(self) -> None:
        running = [task for tasks in self._under_way.values() for task in tasks]
        if not running:
            return
        _, late = await asyncio.wait(running, timeout=self._pace.drain.total_seconds())
        for task in late:
            task.cancel()  # its lease runs out, and another worker repeats it
        await asyncio.gather(*late, return_exceptions=True)

    # -- one row ---------------------------------------------------------------

    async def _safely(
        self, leased: Leased[AnyWork], handle: Callable[[Leased[AnyWork]], Awaitable[None]]
    ) -> None:
        """Whatever goes wrong, the row ends done, waiting or parked; and nobody else is disturbed."""
        facts = {"row": leased.id, "kind": _kind(leased.work), "attempt": leased.attempts}
        try:
            await handle(leased)
        except LeaseLost:
            log.warning("lease_lost", **facts)
        except NotYet as error:
            await self._again(leased, self._soon(leased.work), str(error), counts=False)
        except RateLimited as error:
            await self._slow_down(leased, error)
        except (Rejected, AudienceViolation, MalformedDelivery) as error:
            await self._ledger.park(leased, now=self._time.now(), reason=_reason(error))
            log.error("parked", reason=_reason(error), **facts)  # noqa: TRY400 - a traceback would say no more
        except Unavailable as error:
            await self._try_later(leased, error, self._pace.outage_tries)
        except Exception as error:  # noqa: BLE001 - the one place where everything is caught: retried, then parked
            await self._try_later(leased, error, self._pace.surprise_tries)

    async def _slow_down(self, leased: Leased[Work], error: RateLimited) -> None:
        pause = error.retry_after or self._backoff(leased.attempts)
        if not isinstance(leased.work, Delivery | TimerFired):
            await self._ledger.slow_down(leased.work.bucket, until=self._time.now() + pause)
        await self._again(leased, pause, _reason(error), counts=False)

    async def _try_later(self, leased: Leased[Work], error: Exception, tries: int) -> None:
        now = self._time.now()
        if isinstance(error, Unavailable) and not isinstance(leased.work, Delivery | TimerFired):
            await self._ledger.record_failure(leased.work.vendor, now=now)
        facts = {"row": leased.id, "kind": _kind(leased.work), "attempt": leased.attempts}
        if leased.attempts >= tries:
            await self._ledger.park(leased, now=now, reason=_reason(error))
            log.error("parked", reason=_reason(error), **facts)
            return
        asked = error.retry_after if isinstance(error, Unavailable) else None
        log.warning("retried", reason=_reason(error), **facts)
        await self._again(leased, asked or self._backoff(leased.attempts), _reason(error))

    async def _again(
        self, leased: Leased[Work], pause: timedelta, reason: str, *, counts: bool = True
    ) -> None:
        at = self._time.now() + pause
        await self._ledger.retry(leased, at=at, reason=reason, counts=counts)

    def _soon(self, work: Work) -> timedelta:
        """The longer it has waited the less a moment matters; an outage is not asked about twice a second."""
        waited = self._time.now() - work.received_at if isinstance(work, Delivery) else timedelta(0)
        return min(max(waited / 4, self._pace.not_yet), self._pace.not_yet_at_most)

    def _backoff(self, attempts: int) -> timedelta:
        """Doubling, capped, with jitter over the upper half so that a herd spreads out."""
        pause = min(self._pace.first_retry * (1 << min(attempts - 1, 20)), self._pace.longest_retry)
        jittered: timedelta = pause * self._rng.uniform(0.5, 1.0)
        return jittered

    async def _handle_delivery(self, leased: Leased[Delivery]) -> None:
        delivery = leased.work
        door = self._doors.get(delivery.door)
        if door is None:
            raise Unavailable(f"the {delivery.door} door is off")
        events = door.parse(delivery)
        async with self._ledger.finishing(leased, now=self._time.now()) as tx:
            for event in events:
                await self._desk.handle(event, tx, now=self._time.now())
        log.info("delivery_handled", door=delivery.door, events=[_kind(event) for event in events])

    async def _handle_timer(self, leased: Leased[TimerFired]) -> None:
        now = self._time.now()
        async with self._ledger.finishing(leased, now=now) as tx:
            await self._desk.handle(leased.work, tx, now=now)

    async def _handle_effect(self, leased: Leased[Effect]) -> None:
        effect, now = leased.work, self._time.now()
        async with self._ledger.reading() as records:
            wanted = await self._desk.prepare(effect, records, now=now)
        outcome: Event | None = None
        if wanted is not None:
            attempt = Attempt(key=f"{self._installation}-effect-{leased.id}", number=leased.attempts, now=now)
            outcome = await self._perform(wanted, attempt)
        async with self._ledger.finishing(leased, now=self._time.now()) as tx:
            if outcome is not None:
                await self._desk.handle(outcome, tx, now=self._time.now())
        log.info(
            "effect_performed" if wanted else "effect_dropped",
            effect=_kind(effect),
            lane=effect.lane,
            attempt=leased.attempts,
        )

    async def _perform(self, effect: Effect, attempt: Attempt) -> Event | None:
        try:
            async with asyncio.timeout(self._pace.effect_timeout.total_seconds()):
                outcome = await self._performers.perform(effect, attempt)
        except TimeoutError as error:
            raise Unavailable("no answer within the time given") from error
        except (Rejected, RateLimited):
            # The other side answered: that it said no is news about the effect, not about the vendor.
            await self._ledger.record_success(effect.vendor, now=self._time.now())
            raise
        await self._ledger.record_success(effect.vendor, now=self._time.now())
        return outcome


def _kind(work: object) -> str:
    return type(work).__name__


def _reason(error: Exception) -> str:
    """The error's name, and its words when they are ours: a stranger's may quote a body or a secret."""
    ours = (Rejected, AudienceViolation, MalformedDelivery, Unavailable, NotYet)
    return f"{type(error).__name__}: {error}" if isinstance(error, ours) else type(error).__name__


async def forget_old_work(ledger: Ledger, time: Time, stop: asyncio.Event) -> None:
    """Retention, once an hour: what was done long ago goes; what is parked stays."""
    while not stop.is_set():
        try:
            pruned = await ledger.prune(before=time.now() - RETENTION)
            log.info("old_work_forgotten", rows=pruned)
        except Unavailable as error:
            log.warning("store_unavailable", reason=str(error))
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(RETENTION_ROUND.total_seconds()):
                await stop.wait()
