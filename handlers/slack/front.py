"""What Slack posts to us: proved, stored through Bolt, and only then acknowledged."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence

import structlog
from aiohttp import web
from slack_bolt.adapter.aiohttp import to_aiohttp_response
from slack_bolt.app.async_app import AsyncApp
from slack_bolt.middleware.async_middleware import AsyncMiddleware
from slack_bolt.request.async_request import AsyncBoltRequest
from slack_bolt.response import BoltResponse
from slack_sdk.web.async_client import AsyncWebClient

from bot.core.errors import MalformedDelivery, UntrustedDelivery
from bot.core.ports import Delivery, Time
from handlers.slack.client import quiet_logger
from handlers.slack.parsing import SlackDoor
from handlers.slack.wire import DOOR, delivery_from_http, delivery_from_socket, verify

log = structlog.get_logger()

PATH = "/slack/events"  # events, interactivity and commands alike
MAX_BODY = 1_000_000  # Slack's largest are a few ten kilobytes
BODY_TIMEOUT = 3.0  # seconds; after that Slack has given up itself
_DELIVERY = "deskbell_delivery"

Accept = Callable[[Delivery], Awaitable[bool]]


class SlackFront:
    """`POST /slack/events`, and the Bolt app that Socket Mode uses too.

    Nothing is answered with 2xx before `accept` has committed it; a duplicate is answered like the original.
    """

    def __init__(
        self,
        *,
        accept: Accept,
        secrets: Sequence[str],
        client: AsyncWebClient,
        time: Time,
        door: SlackDoor | None = None,
    ) -> None:
        self._door = door or SlackDoor()
        self._secrets = tuple(secrets)
        self._time = time
        self.bolt = _bolt_app(client, _StoreDelivery(accept, time))

    def routes(self) -> list[web.RouteDef]:
        """For our aiohttp application."""
        return [web.post(PATH, self.receive)]

    async def receive(self, request: web.Request) -> web.Response:
        """One request: 413, 408, 401 or 400 with the reason in the log, else what Bolt answers."""
        try:
            body = await _read(request)
            now = self._time.now()
            verify(request.headers, body, secrets=self._secrets, now=now)
            delivery = delivery_from_http(request.headers, body, now)
            self._door.parse(delivery)  # what the worker could never read is refused here, not parked there
            bolt_request = _bolt_request(request, body, delivery)
        except _Unread as error:
            return _refused(error.status, str(error))
        except UntrustedDelivery as error:
            return _refused(401, str(error))
        except MalformedDelivery as error:
            return _refused(400, str(error))
        answer = await self.bolt.async_dispatch(bolt_request)
        # Nearly every answer is empty, and the adapter takes its time over cookies and content types.
        return await to_aiohttp_response(answer) if answer.body else web.Response(status=answer.status)


class _Unread(Exception):
    """The body was not read to its end."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status


class _StoreDelivery(AsyncMiddleware):
    """Bolt's only middleware of ours: one durable commit, awaited before the acknowledgement.

    Bolt would acknowledge an event first and run its listener in a task that dies with the process, so no
    listener is registered and the chain ends here.
    """

    def __init__(self, accept: Accept, time: Time) -> None:
        self._accept = accept
        self._time = time

    async def async_process(
        self,
        *,
        req: AsyncBoltRequest,
        resp: BoltResponse,  # noqa: ARG002 - Bolt passes its arguments by name
        next: Callable[[], Awaitable[BoltResponse]],
    ) -> BoltResponse | None:
        if req.body.get("type") == "url_verification":
            return await next()  # Bolt answers the challenge
        delivery = req.context.get(_DELIVERY) or delivery_from_socket(
            req.body, headers=_first(req), now=self._time.now()
        )
        is_new = await self._accept(delivery)
        log.debug("delivery_accepted", door=DOOR, delivery=delivery.id, is_new=is_new)
        return BoltResponse(status=200)


def _bolt_app(client: AsyncWebClient, store: AsyncMiddleware) -> AsyncApp:
    app = AsyncApp(
        name="deskbell",
        logger=quiet_logger(),
        client=client,
        signing_secret="",  # ours are checked in `receive`; None would be read from the environment
        # Bolt's check reads the clock itself and logs the body and the signature of what it refuses.
        request_verification_enabled=False,
        before_authorize=store,
        ignoring_self_events_enabled=False,
        attaching_function_token_enabled=False,
        attaching_conversation_kwargs_enabled=False,
    )
    app.error(_not_stored)
    return app


async def _not_stored(error: Exception) -> BoltResponse:
    """Slack tries again after anything but 2xx; in Socket Mode, after no acknowledgement."""
    if isinstance(error, MalformedDelivery):
        log.warning("delivery_refused", door=DOOR, status=400, reason=str(error))
        return BoltResponse(status=400)
    log.error("delivery_not_stored", door=DOOR, status=503, error=type(error).__name__)
    return BoltResponse(status=503)


async def _read(request: web.Request) -> bytes:
    """The raw body, without ever holding more of it than is allowed."""
    if request.headers.get("Content-Encoding", "identity") != "identity":
        raise _Unread(
            415, "the body is encoded"
        )  # it was signed as it is sent, and may expand a thousandfold
    body = bytearray()
    try:
        async with asyncio.timeout(BODY_TIMEOUT):
            async for part in request.content.iter_any():
                body += part
                if len(body) > MAX_BODY:
                    raise _Unread(413, "the body is too large")
    except TimeoutError:
        raise _Unread(408, "the body did not arrive in time") from None
    except web.RequestPayloadError:
        raise _Unread(400, "the body broke off") from None
    return bytes(body)


def _bolt_request(request: web.Request, body: bytes, delivery: Delivery) -> AsyncBoltRequest:
    """As slack_bolt.adapter.aiohttp makes it, from the bytes that were proved and with their delivery."""
    try:
        return AsyncBoltRequest(
            body=body.decode("utf-8"),
            query=request.query_string,
            headers=dict(request.headers),
            context={_DELIVERY: delivery},
        )
    except (AttributeError, KeyError, RecursionError, TypeError, ValueError):
        # Bolt reads ids out of the payload without asking for their types.
        raise MalformedDelivery("the payload has not the documented shape") from None


def _first(request: AsyncBoltRequest) -> dict[str, str]:
    return {name: values[0] for name, values in request.headers.items() if values}


def _refused(status: int, reason: str) -> web.Response:
    log.warning("delivery_refused", door=DOOR, status=status, reason=reason)
    return web.Response(status=status)
