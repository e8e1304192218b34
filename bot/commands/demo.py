"""`demo`: the sandbox in the browser; no account, no network, nothing left behind but the index."""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
import tempfile
import webbrowser
from contextlib import AsyncExitStack
from pathlib import Path

from aiohttp import web

from bot import logs
from bot.commands.demo_world import DemoWorld
from bot.commands.sandboxing import LOCAL, Sandbox, open_sandbox
from bot.commands.starting import together, until_told
from bot.core.errors import ConfigError
from bot.core.ports import KnowledgeBase
from bot.sandbox.page.server import Changes, Page
from bot.system import SystemTime, system_rng
from bot.wiring import open_knowledge

SAMPLE = Path(__file__).parent.parent / "sandbox" / "kb"
TICK = 0.5  #: real seconds between two looks at what the twins have to repeat
CLOSE_WITHIN = 1.0  #: seconds given to open pages at the end


def run(arguments: argparse.Namespace) -> int:
    """Index the articles, start everybody, open the page."""
    logs.set_up()
    articles = Path(arguments.kb) if arguments.kb else SAMPLE
    if not articles.is_dir():
        raise ConfigError(f"--kb: {articles} is not a folder of articles")
    home = Path(os.environ.get("DESKBELL_DATA", "data")) / "demo"
    index = home / ("kb" if arguments.kb else "sample")
    index.mkdir(parents=True, exist_ok=True)
    knowledge = open_knowledge(index, refresh_from=[articles])
    with knowledge as base, tempfile.TemporaryDirectory(prefix="deskbell-") as data:
        asyncio.run(_demo(Path(data), base, port=arguments.port, opens_browser=not arguments.no_browser))
    return 0


async def _demo(data: Path, knowledge: KnowledgeBase, *, port: int, opens_browser: bool) -> None:
    async with AsyncExitStack() as stack:
        sandbox = await stack.enter_async_context(
            open_sandbox(data, base=SystemTime(), rng=system_rng(), knowledge=knowledge)
        )
        changes = Changes()
        page = Page(DemoWorld(sandbox, changes), changes)
        url = await _serve(stack, page, port)
        stop = await stack.enter_async_context(until_told())
        print(f"The sandbox is at {url}   (Ctrl-C ends it)", flush=True)  # noqa: T201 - the person waits for it
        if opens_browser and sys.stdout.isatty():
            webbrowser.open(url)

        async def tick(stop: asyncio.Event) -> None:
            await _tick(sandbox, changes, stop)

        await together(stop, sandbox.program.worker.run, tick)
        page.close()


async def _serve(stack: AsyncExitStack, page: Page, port: int) -> str:
    runner = web.AppRunner(page.app(), access_log=None, shutdown_timeout=CLOSE_WITHIN)
    await runner.setup()
    stack.push_async_callback(runner.cleanup)
    try:
        await web.TCPSite(runner, LOCAL, port).start()
    except OSError as error:
        raise ConfigError(f"--port: {port} cannot be used: {error.strerror}") from None
    return f"http://{LOCAL}:{runner.addresses[0][1]}/"


async def _tick(sandbox: Sandbox, changes: Changes, stop: asyncio.Event) -> None:
    """Time passes for the twins too; and the page shows work that no twin hears about."""
    seen: object = None
    while not stop.is_set():
        await sandbox.slack.tick()
        await sandbox.zendesk.tick()
        now = await sandbox.program.ledger.depth()
        if now != seen:
            seen = now
            changes.ring()
        try:
            async with asyncio.timeout(TICK):
                await stop.wait()
        except TimeoutError:
            continue
