"""Tells every open page that something changed, by server-sent events."""

# https://html.spec.whatwg.org/multipage/server-sent-events.html

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from aiohttp import web

PING = 15.0  #: seconds between comments that keep the stream open, and find out who has gone


class Changes:
    """Rings a bell for each open page; they fetch what they show."""

    def __init__(self) -> None:
        self._listeners: set[asyncio.Event] = set()
        self._is_closed = False

    @property
    def listeners(self) -> int:
        """How many pages are open."""
        return len(self._listeners)

    def ring(self) -> None:
        """Something changed."""
        for listener in self._listeners:
            listener.set()

    def close(self) -> None:
        """End every stream, so that the server can stop."""
        self._is_closed = True
        self.ring()

    async def stream(self, request: web.Request) -> web.StreamResponse:
        """GET /stream: one empty event for each burst of changes, until the page or the server goes away."""
        headers = {"Content-Type": "text/event-stream", "Cache-Control": "no-store"}
        stream = web.StreamResponse(headers=headers)
        await stream.prepare(request)
        with suppress(ConnectionError):
            async with self._listening() as changed:
                await stream.write(b": hello\n\n")
                while not self._is_closed:
                    await stream.write(await _next(changed))
        return stream

    @asynccontextmanager
    async def _listening(self) -> AsyncIterator[asyncio.Event]:
        event = asyncio.Event()
        self._listeners.add(event)
        try:
            yield event
        finally:
            self._listeners.discard(event)


async def _next(changed: asyncio.Event) -> bytes:
    try:
        async with asyncio.timeout(PING):
            await changed.wait()
    except TimeoutError:
        return b": ping\n\n"
    changed.clear()  # before it is told: what changes meanwhile is told again
    return b"event: change\ndata: \n\n"
