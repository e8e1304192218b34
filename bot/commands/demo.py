"""`demo`: the sandbox in the browser; no account, no network, nothing left behind but the index."""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
import tempfile
import webbrowser
from pathlib import Path

from bot import logs
from bot.commands.demo_serving import open_demo
from bot.commands.sandboxing import open_sandbox
from bot.commands.starting import together, until_told
from bot.core.errors import ConfigError
from bot.core.ports import KnowledgeBase
from bot.sandbox import household
from bot.system import SystemTime, system_rng
from bot.wiring import open_knowledge

SAMPLE = Path(__file__).parent.parent / "sandbox" / "kb"


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
        asyncio.run(
            _demo(Path(data), base, articles, port=arguments.port, opens_browser=not arguments.no_browser)
        )
    return 0


async def _demo(
    data: Path, knowledge: KnowledgeBase, articles: Path, *, port: int, opens_browser: bool
) -> None:
    async with (
        open_sandbox(
            data, base=SystemTime(), rng=system_rng(), knowledge=knowledge, arrange=household.with_cards
        ) as sandbox,
        open_demo(sandbox, articles, port=port) as demo,
        until_told() as stop,
    ):
        print(f"The sandbox is at {demo.url}   (Ctrl-C ends it)", flush=True)  # noqa: T201 - the person waits for it
        if opens_browser and sys.stdout.isatty():
            webbrowser.open(demo.url)
        await together(stop, sandbox.program.worker.run, demo.run)
