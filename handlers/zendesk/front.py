"""POST /zendesk/webhooks: verified, stored, and only then acknowledged."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Final

import structlog
from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError

from bot.core.errors import ConfigError, MalformedDelivery, UntrustedDelivery
from bot.core.ports import Delivery, Time
from handlers.zendesk import wire
from handlers.zendesk.parsing import ZendeskDoor

PATH: Final = "/zendesk/webhooks"
LARGEST_BODY: Final = 1024 * 1024
LONGEST_BODY_SECONDS: Final = 5.0

# Zendesk repeats a 503 only when it carries a Retry-After below 60 s; without one the event is gone:
# https://developer.zendesk.com/api-reference/webhooks/introduction/#webhook-retries
RETRY_AFTER_SECONDS: Final = 10

log = structlog.get_logger()


class ZendeskFront:
    """The web side of the door. `accept` is the ledger's: True when new, False when known."""

    def __init__(
        self,
        accept: Callable[[Delivery], Awaitable[bool]],
        secrets: Sequence[str],
        time: Time,
    ) -> None:
        self._secrets = tuple(secret for secret in secrets if secret.strip())
        if not self._secrets:
            raise ConfigError("ZENDESK_WEBHOOK_SECRET is empty: without it nobody can prove to be Zendesk.")
        self._accept = accept
        self._door = ZendeskDoor()
        self._time = time

    def routes(self) -> Sequence[web.RouteDef]:
        """What to mount in the application."""
        return [web.post(PATH, self.receive)]

    async def receive(self, request: web.Request) -> web.Response:
        """Never 2xx before the delivery is committed, never 5xx for what a stranger sends."""
        body = await _body(request)
        if isinstance(body, web.Response):
            return body
        now = self._time.now()
        try:
            wire.verify(request.headers, body, secrets=self._secrets, now=now)
            delivery = wire.delivery_from_http(request.headers, body, now)
            self._door.parse(delivery)  # what the worker could never read is refused here, not parked there
        except UntrustedDelivery as error:
            return _refused(401, str(error))
        except MalformedDelivery as error:
            return _refused(400, str(error))
        return await self._store(delivery)

    async def _store(self, delivery: Delivery) -> web.Response:
        try:
            is_new = await self._accept(delivery)
        except Exception as error:  # noqa: BLE001 - whatever the store's trouble is, Zendesk must come again
            log.error("delivery_not_stored", door=wire.DOOR, error=type(error).__name__)  # noqa: TRY400 - a traceback could show the body
            return web.Response(status=503, headers={"Retry-After": str(RETRY_AFTER_SECONDS)})
        log.info("delivery_accepted", door=wire.DOOR, lane=delivery.lane, is_new=is_new)
        return web.Response(status=200)


async def _body(request: web.Request) -> bytes | web.Response:
    """The body as it was sent, or the refusal."""
    if request.headers.get("Content-Encoding", "identity") != "identity":
        return _refused(415, "the body is encoded")  # it may expand a thousandfold before it is proved
    try:
        async with asyncio.timeout(LONGEST_BODY_SECONDS):
            body = await _read(request)
    except TimeoutError:
        return _refused(408, "the body took too long")
    except (HttpProcessingError, ConnectionError, web.RequestPayloadError):
        return _refused(400, "the body could not be read")
    return _refused(413, "the body is larger than 1 MB") if body is None else body


async def _read(request: web.Request) -> bytes | None:
    """The body, or None as soon as it is too large."""
    if (request.content_length or 0) > LARGEST_BODY:
        return None
    body = bytearray()
    async for chunk in request.content.iter_chunked(64 * 1024):
        body += chunk
        if len(body) > LARGEST_BODY:
            return None
    return bytes(body)


def _refused(status: int, reason: str) -> web.Response:
    log.warning("delivery_refused", door=wire.DOOR, status=status, reason=reason)
    return web.Response(status=status)
