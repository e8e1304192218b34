"""What twins of reading APIs share: refusals that a test or a person orders, and how they are served."""

from __future__ import annotations

from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from aiohttp import web

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """One answer that is not what was asked for."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: str = ""


@dataclass(slots=True)
class Refusals:
    """Given out one for each request; None lets a request through."""

    ordered: deque[Refusal | None] = field(default_factory=deque)

    def order(self, *refusals: Refusal | None) -> None:
        """The next requests get these."""
        self.ordered.extend(refusals)

    @web.middleware
    async def middleware(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Refuse where that was ordered."""
        refusal = self.ordered.popleft() if self.ordered else None
        if refusal is None:
            return await handler(request)
        return web.Response(status=refusal.status, headers=refusal.headers, text=refusal.body)


@asynccontextmanager
async def listening(app: web.Application, port: int = 0) -> AsyncIterator[str]:
    """The twin's address, until the block ends."""
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", port)
        await site.start()
        host, chosen = runner.addresses[0][:2]
        yield f"http://{host}:{chosen}"
    finally:
        await runner.cleanup()
