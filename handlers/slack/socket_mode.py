"""Socket Mode, for development behind a firewall: the same Bolt app, with a watchdog around the SDK's client.

In production Slack posts to us: each envelope goes to any one of at most ten connections, and the SDK's
aiohttp client has gone silent without ending (python-slack-sdk#1110, #1446, #1701, #1922; bolt-python#1529).
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import timedelta

import aiohttp
import structlog
from slack_bolt.adapter.socket_mode.aiohttp import AsyncSocketModeHandler
from slack_bolt.app.async_app import AsyncApp
from slack_sdk.socket_mode.aiohttp import SocketModeClient
from slack_sdk.socket_mode.async_client import AsyncBaseSocketModeClient
from slack_sdk.socket_mode.request import SocketModeRequest

from bot.core.errors import ConfigError, Rejected, Unavailable
from handlers.slack.client import quiet_logger
from handlers.slack.failures import AppRefused, slack_answers

log = structlog.get_logger()

CONNECT_WITHIN = timedelta(seconds=15)
DRAIN_WITHIN = timedelta(seconds=5)
MAX_PAUSE = timedelta(seconds=30)


class SlackSocket:
    """Receives envelopes until told to stop. `bolt` is `SlackFront.bolt`, whose middleware stores them."""

    def __init__(
        self,
        bolt: AsyncApp,
        *,
        app_token: str,
        check_every: timedelta = timedelta(seconds=10),
        ping_every: timedelta = timedelta(seconds=10),
    ) -> None:
        self._bolt = bolt
        self._app_token = app_token
        self._check_every = check_every
        self._ping_every = ping_every

    async def run(self, stop: asyncio.Event) -> None:
        """Stay connected; a client found dead twice in a row is thrown away and built anew."""
        pause = timedelta(seconds=1)
        while not stop.is_set():
            try:
                async with self._connection() as connection:
                    log.info("slack_socket_connected")
                    pause = timedelta(seconds=1)
                    await self._watch(connection, stop)
            except (AppRefused, Rejected) as error:
                raise ConfigError(f"SLACK_APP_TOKEN was refused by Slack ({error})") from None
            except Unavailable as error:
                log.warning("slack_socket_unreachable", reason=str(error))
            await _either(stop, pause)
            pause = min(pause * 2, MAX_PAUSE)

    async def _watch(self, connection: _Connection, stop: asyncio.Event) -> None:
        strikes = 0
        while strikes < 2 and not stop.is_set():  # noqa: PLR2004 - the SDK may be reconnecting at the first
            await _either(stop, self._check_every)
            strikes = 0 if await connection.is_alive() else strikes + 1
        if not stop.is_set():
            log.warning("slack_socket_dead")

    @asynccontextmanager
    async def _connection(self) -> AsyncIterator[_Connection]:
        handler = AsyncSocketModeHandler(
            self._bolt,
            self._app_token,
            logger=quiet_logger(),
            ping_interval=self._ping_every.total_seconds(),
        )
        connection = _Connection(handler)
        try:
            await connection.open()
            yield connection
        finally:
            await connection.close()


class _Connection:
    """One client of the SDK, from its first connection to its last task."""

    def __init__(self, handler: AsyncSocketModeHandler) -> None:
        self._handler = handler
        self._client: SocketModeClient = handler.client
        self._client.proxy = handler.app.client.proxy
        self._client.socket_mode_request_listeners[:] = [self._handle]
        self._under_way = 0
        self._drained = asyncio.Event()
        self._drained.set()

    async def open(self) -> None:
        """Rejected for a bad token, which the SDK's own `connect` would retry for ever."""
        async with slack_answers("apps.connections.open", timeout=CONNECT_WITHIN):
            self._client.wss_uri = await self._client.issue_new_wss_url()
            await self._client.connect()  # type: ignore[no-untyped-call] # the SDK leaves it untyped

    async def is_alive(self) -> bool:
        """Whether the socket is open, answers pings, and its three tasks still run."""
        client = self._client
        tasks = (client.message_processor, client.message_receiver, client.current_session_monitor)
        return (
            not client.aiohttp_client_session.closed
            and await client.is_connected()
            and not any(task is None or task.done() for task in tasks)
        )

    async def close(self) -> None:
        """Acknowledge what is being stored, then end every task."""
        client = self._client
        with suppress(TimeoutError):
            async with asyncio.timeout(DRAIN_WITHIN.total_seconds()):
                await self._drained.wait()
        with suppress(TimeoutError, aiohttp.ClientError, OSError):
            async with asyncio.timeout(DRAIN_WITHIN.total_seconds()):
                await client.close()  # type: ignore[no-untyped-call] # the SDK leaves it untyped
        await client.aiohttp_client_session.close()
        started = (client.message_processor, client.message_receiver, client.current_session_monitor)
        tasks = [task for task in started if task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _handle(self, _: AsyncBaseSocketModeClient, request: SocketModeRequest) -> None:
        self._under_way += 1
        self._drained.clear()
        try:
            await self._handler.handle(self._client, request)
        finally:
            self._under_way -= 1
            if not self._under_way:
                self._drained.set()


async def _either(stop: asyncio.Event, span: timedelta) -> None:
    """Until the span is over or we are told to stop."""
    with suppress(TimeoutError):
        async with asyncio.timeout(span.total_seconds()):
            await stop.wait()
