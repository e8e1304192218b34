"""The stream of changes: nothing is missed, nothing is left behind."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp
from aiohttp import web

from bot.sandbox.page.streaming import Changes

PATIENCE = 5.0


@asynccontextmanager
async def serving(changes: Changes) -> AsyncIterator[str]:
    app = web.Application()
    app.add_routes([web.get("/stream", changes.stream)])
    runner = web.AppRunner(app, shutdown_timeout=0.5, handler_cancellation=True)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}/stream"
    finally:
        await runner.cleanup()


async def next_event(response: aiohttp.ClientResponse) -> bytes:
    async with asyncio.timeout(PATIENCE):
        while not (line := await response.content.readline()).startswith(b"event:"):
            assert line, "the stream has ended"
    return line.strip()


async def test_each_change_is_told_to_every_page() -> None:
    changes = Changes()
    async with (
        serving(changes) as url,
        aiohttp.ClientSession() as session,
        session.get(url) as one,
        session.get(url) as other,
    ):
        for _ in range(3):
            changes.ring()
            assert await next_event(one) == b"event: change"
            assert await next_event(other) == b"event: change"


async def test_a_burst_of_changes_is_told_at_least_once_and_not_each() -> None:
    changes = Changes()
    async with serving(changes) as url, aiohttp.ClientSession() as session, session.get(url) as response:
        for _ in range(1_000):
            changes.ring()
        assert await next_event(response) == b"event: change"
        changes.close()
        rest = await response.content.read()

    assert rest.count(b"event: change") <= 2


async def test_closing_ends_every_stream() -> None:
    changes = Changes()
    async with serving(changes) as url, aiohttp.ClientSession() as session:
        async with session.get(url) as one, session.get(url) as other:
            await one.content.readline()
            await other.content.readline()
            changes.close()
            async with asyncio.timeout(PATIENCE):
                await asyncio.gather(one.content.read(), other.content.read())

        assert changes.listeners == 0


async def test_a_page_that_goes_away_leaves_nothing_behind() -> None:
    changes = Changes()
    async with serving(changes) as url, aiohttp.ClientSession() as session:
        response = await session.get(url)
        await response.content.readline()
        assert changes.listeners == 1

        response.close()

        async with asyncio.timeout(PATIENCE):
            while changes.listeners:  # noqa: ASYNC110 - the server notices in its own time
                await asyncio.sleep(0.005)
