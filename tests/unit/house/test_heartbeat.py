"""A heartbeat is one request; whatever becomes of it disturbs nobody, and its address is in no log."""

from __future__ import annotations

import socket
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from structlog.testing import capture_logs

from handlers.heartbeat import Heartbeat

TOKEN = "watcher-token-6b1f"


@dataclass(slots=True)
class Watcher:
    """Takes heartbeats, and answers as it is told to."""

    url: str = ""
    beats: list[bytes] = field(default_factory=list)
    status: int = 200

    async def take(self, request: web.Request) -> web.Response:
        self.beats.append(await request.read())
        return web.Response(status=self.status)


@pytest.fixture
async def watcher() -> AsyncIterator[Watcher]:
    watching = Watcher()
    app = web.Application()
    app.router.add_post(f"/{TOKEN}", watching.take)
    async with TestServer(app) as server:
        watching.url = str(server.make_url(f"/{TOKEN}"))
        yield watching


async def test_it_is_sent_without_a_body(watcher: Watcher) -> None:
    async with Heartbeat(watcher.url) as heartbeat:
        with capture_logs() as logs:
            await heartbeat.send()

    assert watcher.beats == [b""]
    assert logs == []


async def test_one_that_is_not_taken_is_said_without_its_address(watcher: Watcher) -> None:
    watcher.status = 404
    async with Heartbeat(watcher.url) as heartbeat:
        with capture_logs() as logs:
            await heartbeat.send()

    assert [(entry["event"], entry["status"]) for entry in logs] == [("heartbeat_not_taken", 404)]
    assert TOKEN not in str(logs)


async def test_one_that_nobody_hears_is_said_without_its_address() -> None:
    with socket.create_server(("127.0.0.1", 0)) as unused:
        port = unused.getsockname()[1]
    async with Heartbeat(f"http://127.0.0.1:{port}/{TOKEN}") as heartbeat:
        with capture_logs() as logs:
            await heartbeat.send()

    assert [entry["event"] for entry in logs] == ["heartbeat_not_sent"]
    assert TOKEN not in str(logs)
