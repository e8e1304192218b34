"""Serves the sandbox's page, and lets time pass for the twins while it is open."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from aiohttp import web

from bot.commands.demo_world import demo_world
from bot.commands.sandboxing import LOCAL, Sandbox
from bot.core.errors import ConfigError
from bot.sandbox.page.server import Page
from bot.sandbox.page.streaming import Changes
from bot.sandbox.page.views import World

TICK = 0.25  #: real seconds between two looks at what the twins have to repeat
CLOSE_WITHIN = 1.0  #: seconds given to open pages at the end


@dataclass(frozen=True, slots=True, kw_only=True)
class Demo:
    """The page, open."""

    url: str
    sandbox: Sandbox
    world: World
    changes: Changes

    async def run(self, stop: asyncio.Event) -> None:
        """Time passes for the twins too; and pages show work that no twin hears about."""
        seen: object = None
        while not stop.is_set():
            await self.sandbox.slack.tick()
            await self.sandbox.zendesk.tick()
            if self.changes.listeners:
                now = await self.world.work.rows(), self.world.mischief.switches()
                if now != seen:
                    seen = now
                    self.changes.ring()
            try:
                async with asyncio.timeout(TICK):
                    await stop.wait()
            except TimeoutError:
                continue


@asynccontextmanager
async def open_demo(sandbox: Sandbox, articles: Path, *, port: int) -> AsyncIterator[Demo]:
    """Serve the page until the block ends; its streams end first."""
    changes = Changes()
    world = demo_world(sandbox, articles, changes)
    # A page that goes away must not leave its stream behind.
    runner = web.AppRunner(
        Page(world, changes).app(), access_log=None, shutdown_timeout=CLOSE_WITHIN, handler_cancellation=True
    )
    await runner.setup()
    try:
        url = await _listen(runner, port)
        yield Demo(url=url, sandbox=sandbox, world=world, changes=changes)
    finally:
        changes.close()
        await runner.cleanup()


async def _listen(runner: web.AppRunner, port: int) -> str:
    try:
        await web.TCPSite(runner, LOCAL, port).start()
    except (OSError, OverflowError) as error:
        reason = error.strerror if isinstance(error, OSError) else "there is no such port"
        raise ConfigError(f"--port: {port} cannot be used: {reason}") from None
    return f"http://{LOCAL}:{runner.addresses[0][1]}/"
