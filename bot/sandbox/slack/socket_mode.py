"""Socket Mode: the same payloads over a WebSocket that the app opened."""

# https://docs.slack.dev/apis/events-api/using-socket-mode

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from aiohttp import WSMsgType, web

from bot.sandbox.journal import Journal
from bot.sandbox.slack.calls import Call
from bot.sandbox.slack.things import Json
from bot.sandbox.slack.world import World

MAX_CONNECTIONS = 10
HOST = "applink-twin"
CLOSE_WITHIN = 1.0  #: real seconds for the closing handshake


class NotAcked(Exception):
    """No connection took the envelope, or none acknowledged it in time."""


@dataclass(slots=True, eq=False)
class _Connection:
    socket: web.WebSocketResponse
    waiting: dict[str, asyncio.Future[Any]] = field(default_factory=dict)
    is_leaving: bool = False  #: was told to reconnect: gets nothing new
    missed: int = 0  #: envelopes it did not acknowledge since the last one that it did


@dataclass(slots=True, kw_only=True)
class Sockets:
    """The open connections of the app. `connected` is called when there is a new one."""

    world: World
    journal: Journal
    ack_within: timedelta
    connected: Callable[[], None] = lambda: None
    _tickets: set[str] = field(default_factory=set)
    _connections: list[_Connection] = field(default_factory=list)

    def open(self, call: Call) -> Json:
        """apps.connections.open: an address for one connection."""
        ticket = call.world.code(32)
        self._tickets.add(ticket)
        app = call.world.installation.app_id
        base = call.base.replace("http://", "ws://", 1)
        return {"url": f"{base}/link/?ticket={ticket}&app_id={app}"}

    @property
    def count(self) -> int:
        """How many connections take payloads."""
        return sum(not connection.is_leaving for connection in self._connections)

    async def connect(self, request: web.Request) -> web.StreamResponse:
        """GET /link/: one connection, until either side ends it."""
        ticket = request.query.get("ticket", "")
        if ticket not in self._tickets:
            return web.Response(status=404)
        self._tickets.discard(ticket)
        socket = web.WebSocketResponse(timeout=CLOSE_WITHIN)
        await socket.prepare(request)
        if reason := self._refusal():
            await socket.send_json(_farewell(reason))
            await socket.close()
            return socket
        connection = _Connection(socket)
        self._connections.append(connection)
        try:
            await socket.send_json(self._hello())
            self.journal.record("socket.connect")
            self.connected()
            await self._listen(connection)
        finally:
            self._forget(connection)
        return socket

    async def send(
        self, kind: str, payload: Json, *, attempt: int = 0, reason: str = "", accepts: bool = False
    ) -> Any:
        """Send one envelope to any connection; what the app answered with its acknowledgement."""
        connection = self._next()
        envelope_id = self.world.code(8) + "-" + self.world.code(12)
        acked = asyncio.get_running_loop().create_future()
        connection.waiting[envelope_id] = acked
        frame = {
            "envelope_id": envelope_id,
            "payload": payload,
            "type": kind,
            "accepts_response_payload": accepts,
        }
        if kind == "events_api":
            frame |= {"retry_attempt": attempt, "retry_reason": reason}
        try:
            await connection.socket.send_json(frame)
            answer = await asyncio.wait_for(acked, self.ack_within.total_seconds())
        except (TimeoutError, ConnectionError) as error:
            connection.missed += 1
            raise NotAcked("timeout") from error
        finally:
            connection.waiting.pop(envelope_id, None)
        connection.missed = 0
        return answer

    async def ask_to_refresh(self, reason: str = "refresh_requested") -> None:
        """Tell every client to open a new connection, as Slack does every few hours."""
        for connection in tuple(self._connections):
            connection.is_leaving = True
            await connection.socket.send_json(_farewell(reason))
            self.journal.record("socket.disconnect", request={"reason": reason})

    async def close(self) -> None:
        """Hang up."""
        for connection in tuple(self._connections):
            await connection.socket.close()

    def _refusal(self) -> str | None:
        if not self.world.installation.socket_mode:
            return "link_disabled"
        return "too_many_websockets" if len(self._connections) >= MAX_CONNECTIONS else None

    def _hello(self) -> Json:
        return {
            "type": "hello",
            "num_connections": len(self._connections),
            "debug_info": {"host": HOST, "build_number": 1, "approximate_connection_time": 18060},
            "connection_info": {"app_id": self.world.installation.app_id},
        }

    def _next(self) -> _Connection:
        ready = [one for one in self._connections if not one.is_leaving and not one.socket.closed]
        if not ready:
            raise NotAcked("no connection")
        chosen = min(ready, key=lambda one: one.missed)
        self._connections.remove(chosen)  # in turn: Slack promises no pattern
        self._connections.append(chosen)
        return chosen

    async def _listen(self, connection: _Connection) -> None:
        async for message in connection.socket:
            if message.type is not WSMsgType.TEXT:
                continue
            try:
                ack = json.loads(message.data)
            except ValueError:
                continue
            waiting = connection.waiting.get(ack.get("envelope_id", "")) if isinstance(ack, dict) else None
            if waiting and not waiting.done():
                waiting.set_result(ack.get("payload"))

    def _forget(self, connection: _Connection) -> None:
        self._connections.remove(connection)
        for waiting in connection.waiting.values():
            if not waiting.done():
                waiting.set_exception(ConnectionResetError("the connection was closed"))


def _farewell(reason: str) -> Json:
    return {"type": "disconnect", "reason": reason, "debug_info": {"host": HOST}}
