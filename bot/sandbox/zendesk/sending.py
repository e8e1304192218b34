"""Sends invocations, retries what Zendesk retries, and stops calling receivers that keep failing."""

from __future__ import annotations

import asyncio
from collections import deque
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import aiohttp
import structlog

from bot.sandbox.faults import FaultKind, Faults
from bot.sandbox.journal import Journal
from bot.sandbox.zendesk.rendering import stamp
from bot.sandbox.zendesk.state import State
from bot.sandbox.zendesk.webhooks import Attempt, Invocation, Webhook, request_headers

log = structlog.get_logger()

# https://developer.zendesk.com/api-reference/webhooks/introduction/ names what is retried: 409, 429 and 503
# with a short Retry-After, and timeouts. Nothing else is, so a receiver that is down loses events.
CONFLICT_RETRIES = 3
REFUSAL_RETRIES = 5
TIMEOUT_RETRIES = 5
LONGEST_RETRY_AFTER = 60  #: seconds; a longer one is not waited for
RETRY_DELAY = timedelta(seconds=5)  #: times the number of tries so far; the real pace is not documented
BREAKER_WINDOW = timedelta(minutes=5)
BREAKER_PERCENT = 70
BREAKER_ERRORS = 1_000
BREAKER_MINIMUM = 10  #: requests in the window before a percentage means anything; our choice
BREAKER_PAUSE = timedelta(seconds=5)  #: how long it stays open; the real pause is not documented


@dataclass(slots=True)
class Breaker:
    """One webhook's recent results."""

    results: deque[tuple[datetime, bool]] = field(default_factory=deque)
    open_until: datetime | None = None

    def is_open(self, now: datetime) -> bool:
        """Whether nothing is sent at the moment."""
        return self.open_until is not None and now < self.open_until

    def note(self, now: datetime, *, failed: bool) -> None:
        """Count a result; trips at 70 % errors, or above 1,000 errors, in five minutes."""
        self.results.append((now, failed))
        while self.results and self.results[0][0] <= now - BREAKER_WINDOW:
            self.results.popleft()
        errors = sum(failed for _, failed in self.results)
        many = len(self.results) >= BREAKER_MINIMUM
        if errors > BREAKER_ERRORS or (many and errors * 100 >= BREAKER_PERCENT * len(self.results)):
            self.open_until = now + BREAKER_PAUSE


class Sender:
    """One worker sends in order; what is due later waits for `tick`."""

    def __init__(self, state: State, faults: Faults, journal: Journal, *, timeout: float) -> None:
        self._state = state
        self._faults = faults
        self._journal = journal
        self._timeout = aiohttp.ClientTimeout(total=timeout)
        self._queue: asyncio.Queue[Invocation] = asyncio.Queue()
        self._later: list[tuple[datetime, Invocation]] = []
        self._held: dict[str, list[Invocation]] = {}
        self._breakers: dict[str, Breaker] = {}
        self._session: aiohttp.ClientSession | None = None
        self._worker: asyncio.Task[None] | None = None
        self.invocations: list[Invocation] = []

    async def start(self) -> None:
        """Open the connection pool and start the worker."""
        self._session = aiohttp.ClientSession(timeout=self._timeout)
        self._worker = asyncio.create_task(self._work())

    async def stop(self) -> None:
        """Forget what was not sent."""
        if self._worker is not None:
            self._worker.cancel()
            with suppress(asyncio.CancelledError):
                await self._worker
        if self._session is not None:
            await self._session.close()

    def submit(self, webhook: Webhook, operation: str, body: bytes) -> Invocation:
        """A new invocation."""
        invocation = Invocation(
            id=self._state.ulid(),
            webhook=webhook,
            operation=operation,
            body=body,
            created_at=self._state.time.now(),
        )
        self.invocations.append(invocation)
        self._draw(invocation)
        return invocation

    async def settled(self) -> None:
        """Everything that was due has been sent and answered."""
        await self._queue.join()

    async def tick(self) -> None:
        """Send what has come due by the twin's clock, and what was held back for its successor."""
        now = self._state.time.now()
        due = [invocation for at, invocation in self._later if at <= now]
        self._later = [(at, invocation) for at, invocation in self._later if at > now]
        for invocation in [*due, *(one for held in self._held.values() for one in held)]:
            self._queue.put_nowait(invocation)
        self._held.clear()
        await self.settled()

    @property
    def next_due(self) -> datetime | None:
        """When `tick` would have something to do."""
        return min((at for at, _ in self._later), default=None)

    def breaker(self, webhook: Webhook) -> Breaker:
        """The breaker of a webhook."""
        return self._breakers.setdefault(webhook.id, Breaker())

    def _draw(self, invocation: Invocation) -> None:
        """Queue the first try, as the switches have it."""
        fault = self._faults.draw(invocation.operation)
        held = self._held.pop(invocation.webhook.id, [])
        match fault.kind if fault else None:
            case FaultKind.DROP | FaultKind.SERVER_ERROR:
                invocation.status = "dropped"
                self._record(invocation, "dropped")
            case FaultKind.REORDER:
                held = [*held, invocation]
                self._held[invocation.webhook.id] = held
                return
            case FaultKind.DELAY if fault is not None:
                self._later.append((self._state.time.now() + fault.delay, invocation))
            case FaultKind.DUPLICATE:
                self._queue.put_nowait(invocation)
                self._queue.put_nowait(invocation)
            case FaultKind.TIMEOUT_BEFORE:
                self._timed_out(invocation)
                self._record(invocation, "timeout")
            case FaultKind.TIMEOUT_AFTER:
                # It arrives, the answer is lost, and so it is sent again later.
                self._queue.put_nowait(invocation)
                self._timed_out(invocation)
            case _:
                self._queue.put_nowait(invocation)
        for one in held:
            self._queue.put_nowait(one)

    async def _work(self) -> None:
        while True:
            invocation = await self._queue.get()
            try:
                await self._attempt(invocation)
            except Exception:
                log.exception("webhook_twin_failed", invocation=invocation.id)
            finally:
                self._queue.task_done()

    async def _attempt(self, invocation: Invocation) -> None:
        breaker = self.breaker(invocation.webhook)
        if breaker.is_open(self._state.time.now()):
            invocation.status = "circuit_broken"
            self._record(invocation, "circuit_broken")
            return
        status, retry_after = await self._post(invocation)
        now = self._state.time.now()
        is_fine = status is not None and 200 <= status < 300  # noqa: PLR2004 - HTTP's own figures
        word = "success" if is_fine else "timeout" if status is None else "failed"
        attempt = Attempt(id=self._state.ulid(), at=now, status=word, http_status=status)
        invocation.attempts.append(attempt)
        breaker.note(now, failed=not is_fine)
        if is_fine:
            invocation.status = "success"
        else:
            self._after_failure(invocation, status, retry_after)
        self._record(invocation, "ok" if is_fine else str(status or "timeout"))

    async def _post(self, invocation: Invocation) -> tuple[int | None, str | None]:
        """The status and Retry-After of the answer; (None, None) when none came in time."""
        assert self._session is not None, "start() comes first"
        webhook = invocation.webhook
        timestamp = stamp(self._state.time.now()) or ""
        headers = request_headers(webhook, invocation, self._state.account_id, timestamp)
        try:
            async with self._session.request(
                webhook.http_method, webhook.endpoint, data=invocation.body, headers=headers
            ) as response:
                await response.read()
                return response.status, response.headers.get("Retry-After")
        except TimeoutError:
            return None, None
        except aiohttp.ClientError:
            return 502, None  # the log of the real one shows a refused connection as a gateway's error

    def _after_failure(self, invocation: Invocation, status: int | None, retry_after: str | None) -> None:
        now = self._state.time.now()
        if status is None:
            self._timed_out(invocation)
            return
        invocation.status = "failed"
        if status == 409:  # noqa: PLR2004 - HTTP's own figure
            invocation.conflicts += 1
            if invocation.conflicts <= CONFLICT_RETRIES:
                self._again(invocation, now + RETRY_DELAY * invocation.conflicts)
        elif status in (429, 503) and retry_after is not None and retry_after.isdecimal():
            invocation.refusals += 1
            if int(retry_after) < LONGEST_RETRY_AFTER and invocation.refusals <= REFUSAL_RETRIES:
                self._again(invocation, now + timedelta(seconds=int(retry_after)))

    def _timed_out(self, invocation: Invocation) -> None:
        invocation.timeouts += 1
        invocation.status = "failed"
        if invocation.timeouts <= TIMEOUT_RETRIES:
            self._again(invocation, self._state.time.now() + RETRY_DELAY * invocation.timeouts)

    def _again(self, invocation: Invocation, at: datetime) -> None:
        invocation.status = "pending"
        self._later.append((at, invocation))

    def _record(self, invocation: Invocation, outcome: str) -> None:
        request = {"invocation": invocation.id, "webhook": invocation.webhook.id}
        self._journal.record(invocation.operation, request=request, outcome=outcome)
