"""A heartbeat is one request; whatever becomes of it disturbs nobody, and its address is in no log."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from structlog.testing import capture_logs

from handlers.heartbeat import Heartbeat

TOKEN = "watcher-token-6b1f"


@pytest.fixture
async def watcher() -> AsyncIterator[TestServer]:
    async def take(request: web.Request) -> web.Response:
        beats = request.app["beats"]
        beats.append(await request.read())
        return web.Response(status=request.app["status"][0])

    app = web.Application()
    app["beats"], app["status"] = [], [200]
    app.router.add_post(f"/{TOKEN}", take)
    server = TestServer(app)
    await server.start_server()
    yield server
    await server.close()


async def test_it_is_sent_without_a_body(watcher: TestServer) -> None:
    async with Heartbeat(str(watcher.make_url(f"/{TOKEN}"))) as heartbeat:
        with capture_logs() as logs:
            await heartbeat.send()

    assert watcher.app["beats"] == [b""]
    assert logs == []


async def test_one_that_is_not_taken_is_said_without_its_address(watcher: TestServer) -> None:
    watcher.app["status"][0] = 404
    async with Heartbeat(str(watcher.make_url(f"/{TOKEN}"))) as heartbeat:
        with capture_logs() as logs:
            await heartbeat.send()

    assert [(entry["event"], entry["status"]) for entry in logs] == [("heartbeat_not_taken", 404)]
    assert TOKEN not in str(logs)


async def test_one_that_nobody_hears_is_said_without_its_address(watcher: TestServer) -> None:
    url = str(watcher.make_url(f"/{TOKEN}"))
    await watcher.close()
    async with Heartbeat(url) as heartbeat:
        with capture_logs() as logs:
            await heartbeat.send()

    assert [entry["event"] for entry in logs] == ["heartbeat_not_sent"]
    assert TOKEN not in str(logs)
