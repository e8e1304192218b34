"""A listener on a real socket that records calls and answers what a test wrote down beforehand."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web
from aiohttp.test_utils import TestServer


@dataclass
class Answer:
    """One scripted answer."""

    body: dict[str, Any] | str
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)


@dataclass
class Listener:
    """What was called, and what is answered; `{"ok": true}` when the script has run out."""

    calls: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    answers: defaultdict[str, deque[Answer]] = field(default_factory=lambda: defaultdict(deque))
    url: str = ""

    def script(self, method: str, *answers: Answer) -> None:
        self.answers[method].extend(answers)

    def called(self, method: str) -> list[dict[str, Any]]:
        return [arguments for name, arguments in self.calls if name == method]

    async def handle(self, request: web.Request) -> web.StreamResponse:
        method = request.match_info["method"]
        arguments = await request.json() if request.method == "POST" and request.can_read_body else {}
        self.calls.append((method, {**request.query, **arguments}))
        waiting = self.answers[method]
        answer = waiting.popleft() if waiting else Answer({"ok": True})
        if answer.status == 0:  # the connection breaks after the request was read
            assert request.transport is not None
            request.transport.close()
            return web.Response()
        if isinstance(answer.body, str):
            return web.Response(
                text=answer.body, status=answer.status, headers=answer.headers, content_type="text/html"
            )
        return web.json_response(answer.body, status=answer.status, headers=answer.headers)


@asynccontextmanager
async def listening() -> AsyncIterator[Listener]:
    listener = Listener()
    app = web.Application()
    app.router.add_route("*", "/api/{method}", listener.handle)
    async with TestServer(app) as server:
        listener.url = str(server.make_url("/api/"))
        yield listener
