"""The sandbox with its page, and a browser that looks at it."""

from __future__ import annotations

import asyncio
import random
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from bot.commands.demo_serving import Demo, open_demo
from bot.commands.sandboxing import open_sandbox
from bot.core.model import Answer, Audience, Citation, Text, Tier

if TYPE_CHECKING:
    from playwright.async_api import Browser

TUESDAY = datetime(2026, 11, 24, 15, 0, tzinfo=UTC)
PATIENCE = 15_000  #: milliseconds until something that should appear counts as missing
ARTICLES = Path(__file__).parents[2] / "bot" / "sandbox" / "kb"
QUIET = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


class FixedTime:
    """Stands still; the page moves it."""

    def now(self) -> datetime:
        return TUESDAY


class OneArticle:
    """Knows about DataHub and nothing else, and loads no model."""

    async def answer(self, question: str, *, reader: Audience, tier: Tier) -> Answer | None:  # noqa: ARG002 - the port's
        if "datahub" not in question.lower():
            return None
        return Answer(
            text=Text(body="> Set `DATAHUB_GMS_URL` and restart the connector.", audience=reader),
            citations=(
                Citation(
                    path="integration-guides/datahub.md",
                    heading="Connect DataHub",
                    url="https://docs.opendatagov.io/integrations/datahub",
                ),
            ),
            confidence=0.9,
        )


@asynccontextmanager
async def a_demo(data: Path) -> AsyncIterator[Demo]:
    """Everything `python -m bot demo` starts, on a free port."""
    rng = random.Random(7)  # noqa: S311 - a fixed seed is wanted
    stop = asyncio.Event()
    async with (
        open_sandbox(data, base=FixedTime(), rng=rng, knowledge=OneArticle()) as sandbox,
        open_demo(sandbox, ARTICLES, port=0) as demo,
    ):
        running = asyncio.gather(sandbox.program.worker.run(stop), demo.run(stop))
        try:
            yield demo
        finally:
            stop.set()
            await running


@asynccontextmanager
async def a_browser() -> AsyncIterator[Browser]:
    """The system's Chromium; the test is skipped, visibly, where there is none."""
    driver = pytest.importorskip("playwright.async_api", reason="playwright is not installed")
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if chromium is None:
        pytest.skip("no Chromium on this machine")
    async with driver.async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=chromium, args=QUIET, headless=True)
        try:
            yield browser
        finally:
            await browser.close()
