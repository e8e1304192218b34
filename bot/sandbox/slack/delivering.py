"""How Slack brings payloads to the app: signed, within three seconds, and again when that failed."""

# https://docs.slack.dev/apis/events-api#retries

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
from collections.abc import Coroutine, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlencode

import aiohttp

from bot.sandbox.faults import DELIVERY, FaultKind, Faults
from bot.sandbox.journal import Journal
from bot.sandbox.slack.events import envelope
from bot.sandbox.slack.socket_mode import NotAcked, Sockets
from bot.sandbox.slack.things import Json
from bot.sandbox.slack.world import World

RETRIES = (timedelta(0), timedelta(minutes=1), timedelta(minutes=5))
MAX_REDIRECTS = 2
UNDELIVERED = {
    FaultKind.TIMEOUT_BEFORE: "http_timeout",
    FaultKind.SERVER_ERROR: "connection_failed",
    FaultKind.RATE_LIMITED: "http_error",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Outgoing:
    """One payload on its way."""

    kind: str  #: "message", "app_mention", "block_actions"; a fault is for "deliver:<kind>"
    payload: Json
    frame: str  #: the type of its Socket Mode envelope
    attempt: int = 0
    reason: str = ""  #: why the attempt before failed

    @property
    def is_event(self) -> bool:
        """Events are retried; a click is not."""
        return self.frame == "events_api"


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """What became of one attempt."""

    failure: str | None = None  #: in the words of x-slack-retry-reason
    status: int | None = None
    body: Any = None
    no_retry: bool = False

    @property
    def ok(self) -> bool:
        """Whether the app acknowledged in time."""
        return self.failure is None


@dataclass(slots=True, kw_only=True)
class Deliveries:
    """Sends, and keeps what has to be sent again at a later twin time."""

    world: World
    faults: Faults
    journal: Journal
    sockets: Sockets
    ack_within: timedelta
    _session: aiohttp.ClientSession | None = None
    _running: set[asyncio.Task[None]] = field(default_factory=set)
    _later: list[tuple[datetime, Outgoing]] = field(default_factory=list)
    _held: list[Outgoing] = field(default_factory=list)

    async def start(self) -> None:
        """Open the HTTP client."""
        timeout = aiohttp.ClientTimeout(total=self.ack_within.total_seconds())
        self._session = aiohttp.ClientSession(timeout=timeout)

    async def stop(self) -> None:
        """Give up what is under way."""
        for task in tuple(self._running):
            task.cancel()
        await asyncio.gather(*self._running, return_exceptions=True)
        if self._session:
            await self._session.close()
        self._session = None

    def send_event(self, event: Json) -> None:
        """Start bringing one inner event to the app."""
        payload = envelope(self.world, event, event_id="Ev0" + self.world.code(9))
        outgoing = Outgoing(kind=event["type"], payload=payload, frame="events_api")
        app = self.world.installation
        if self._session is None or not (app.request_url or app.socket_mode):
            self._record(outgoing, "nobody_subscribed")
        else:
            self._start(self._deliver(outgoing))

    async def send_once(self, outgoing: Outgoing) -> Receipt:
        """Bring an interaction or a command: there is no second try, a person sees it fail."""
        fault = self.faults.draw(DELIVERY + outgoing.kind)
        kind = fault.kind if fault else None
        if kind is FaultKind.DROP or kind in UNDELIVERED:
            receipt = Receipt(failure=UNDELIVERED.get(kind, "http_timeout") if kind else None)
        else:
            receipt = await self._carry(outgoing, malformed=kind is FaultKind.MALFORMED_BODY)
            if kind is FaultKind.DUPLICATE:
                receipt = await self._carry(outgoing)
            if kind is FaultKind.TIMEOUT_AFTER:
                receipt = Receipt(failure="http_timeout")
        self._record(outgoing, receipt.failure or "ok")
        return receipt

    async def tick(self) -> int:
        """Start every retry that is due, and what a fault held back; how many."""
        now = self.world.time.now()
        due = [outgoing for at, outgoing in self._later if at <= now]
        self._later = [(at, outgoing) for at, outgoing in self._later if at > now]
        return self._start_all(due) + self._release()

    def hurry(self) -> None:
        """A socket connected: what no socket acknowledged goes there at once."""
        waiting, self._later = self._later, []
        self._start_all([outgoing for _, outgoing in waiting])

    async def settled(self) -> None:
        """Return when nothing is under way. Retries that are not due yet are not waited for."""
        while self._running:
            await asyncio.wait(self._running)

    @property
    def next_retry_at(self) -> datetime | None:
        """When `tick` has something to do; None when nothing waits."""
        return min((at for at, _ in self._later), default=None)

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._running.add(task)
        task.add_done_callback(self._running.discard)

    def _start_all(self, several: list[Outgoing]) -> int:
        for outgoing in several:
            self._start(self._deliver(outgoing))
        return len(several)

    def _release(self) -> int:
        held, self._held = self._held, []
        for outgoing in held:
            self._start(self._attempt(outgoing))
        return len(held)

    async def _deliver(self, outgoing: Outgoing) -> None:
        fault = self.faults.draw(DELIVERY + outgoing.kind)
        kind = fault.kind if fault else None
        if kind is FaultKind.DROP:
            self._record(outgoing, "dropped")
        elif kind is FaultKind.REORDER:
            self._held.append(outgoing)
        elif fault and kind is FaultKind.DELAY:
            self._later.append((self.world.time.now() + fault.delay, outgoing))
        elif kind in UNDELIVERED:
            self._after(outgoing, Receipt(failure=UNDELIVERED[kind]) if kind else Receipt())
        else:
            await self._attempt(outgoing, fault=kind)
            self._release()

    async def _attempt(self, outgoing: Outgoing, *, fault: FaultKind | None = None) -> None:
        receipt = await self._carry(outgoing, malformed=fault is FaultKind.MALFORMED_BODY)
        if fault is FaultKind.DUPLICATE:
            self._record(outgoing, receipt.failure or "ok")
            receipt = await self._carry(outgoing)
        if fault is FaultKind.TIMEOUT_AFTER:
            receipt = Receipt(failure="http_timeout")
        self._after(outgoing, receipt)

    def _after(self, outgoing: Outgoing, receipt: Receipt) -> None:
        self._record(outgoing, receipt.failure or "ok")
        if receipt.failure is None:
            return
        if receipt.no_retry or outgoing.attempt >= len(RETRIES):
            self._record(outgoing, "lost")
            return
        again = replace(outgoing, attempt=outgoing.attempt + 1, reason=receipt.failure)
        wait = RETRIES[outgoing.attempt]
        if not wait and not (self.world.installation.socket_mode and not self.sockets.count):
            self._start(self._deliver(again))
        else:
            self._later.append((self.world.time.now() + wait, again))

    async def _carry(self, outgoing: Outgoing, *, malformed: bool = False) -> Receipt:
        if self.world.installation.socket_mode:
            return await self._carry_by_socket(outgoing)
        return await self._carry_by_http(outgoing, malformed=malformed)

    async def _carry_by_socket(self, outgoing: Outgoing) -> Receipt:
        try:
            body = await self.sockets.send(
                outgoing.frame,
                outgoing.payload,
                attempt=outgoing.attempt,
                reason=outgoing.reason,
                accepts=not outgoing.is_event,
            )
        except NotAcked:
            return Receipt(failure="timeout")
        return Receipt(body=body)

    async def _carry_by_http(self, outgoing: Outgoing, *, malformed: bool) -> Receipt:
        app = self.world.installation
        url = app.request_url if outgoing.is_event else app.interactivity_url or app.request_url
        content_type, body = _body_of(outgoing)
        if malformed:
            body = body[: len(body) // 2]
        headers = {"Content-Type": content_type}
        if outgoing.attempt:
            headers["X-Slack-Retry-Num"] = str(outgoing.attempt)
            headers["X-Slack-Retry-Reason"] = outgoing.reason
        return await self.post(url or "", body, headers)

    async def post(self, url: str, body: bytes, headers: Mapping[str, str]) -> Receipt:
        """One signed request to the app."""
        assert self._session is not None, "the twin has not been started"
        try:
            async with self._session.post(
                url, data=body, headers={**headers, **self.sign(body)}, max_redirects=MAX_REDIRECTS
            ) as response:
                text = await response.text(errors="replace")
        except TimeoutError:
            return Receipt(failure="http_timeout")
        except aiohttp.TooManyRedirects:
            return Receipt(failure="too_many_redirects")
        except aiohttp.ClientError:
            return Receipt(failure="connection_failed")
        if response.ok:
            return Receipt(status=response.status, body=text)
        no_retry = response.headers.get("X-Slack-No-Retry") == "1"
        return Receipt(failure="http_error", status=response.status, body=text, no_retry=no_retry)

    def sign(self, body: bytes) -> Mapping[str, str]:
        """https://docs.slack.dev/authentication/verifying-requests-from-slack."""
        timestamp = str(int(self.world.time.now().timestamp()))
        secret = self.world.installation.signing_secret.encode()
        digest = hmac.new(secret, b"v0:" + timestamp.encode() + b":" + body, hashlib.sha256)
        return {
            "User-Agent": "Slackbot 1.0 (+https://api.slack.com/robots)",
            "X-Slack-Request-Timestamp": timestamp,
            "X-Slack-Signature": f"v0={digest.hexdigest()}",
        }

    def _record(self, outgoing: Outgoing, outcome: str) -> None:
        event = outgoing.payload.get("event", {})
        summary = {
            "event_id": outgoing.payload.get("event_id"),
            "attempt": outgoing.attempt,
            "reason": outgoing.reason,
            "channel": event.get("channel"),
            "ts": event.get("ts"),
        }
        self.journal.record(DELIVERY + outgoing.kind, request=summary, outcome=outcome)


def _body_of(outgoing: Outgoing) -> tuple[str, bytes]:
    if outgoing.is_event:
        return "application/json", json.dumps(outgoing.payload).encode()
    form = (
        outgoing.payload if outgoing.frame == "slash_commands" else {"payload": json.dumps(outgoing.payload)}
    )
    return "application/x-www-form-urlencoded", urlencode(form).encode()
