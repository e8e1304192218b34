"""A real browser in front of the real demo, in one process and on one machine."""

from __future__ import annotations

import asyncio
import random
import shutil
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from playwright.async_api import Browser, Locator, Page, async_playwright, expect

from bot.commands.demo_serving import Demo, open_demo
from bot.commands.sandboxing import open_sandbox
from bot.commands.starting import together
from bot.core.model import Answer, Citation, Correction, Finding, Inquiry, Text, Verdict
from bot.core.triage import triage

ROOT = Path(__file__).resolve().parents[2]
ARTICLES = ROOT / "bot" / "sandbox" / "kb"
TUESDAY = datetime(2026, 11, 24, 15, 0, tzinfo=UTC)  # 10:00 in New York
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
)
WIDE, NARROW = (1440, 900), (390, 844)
PATIENCE = 15_000  #: milliseconds an expectation is given on a busy machine

KNOWN = "How do I connect DataHub?"
EMERGENCY = "Production is down, nothing works!"


def find_chromium() -> str | None:
    """Debian's, or whatever else is called so."""
    return shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


class TuesdayTime:
    """A Tuesday morning in New York, from now on: real time passes, from a moment that is always the same."""

    def __init__(self) -> None:
        self._started = time.monotonic()

    def now(self) -> datetime:
        return TUESDAY + timedelta(seconds=time.monotonic() - self._started)


class OneArticle:
    """Knows about DataHub, and cites an article of the sample knowledge base."""

    async def classify(self, text: str, corrections: Sequence[Correction]) -> Verdict:
        del corrections
        return triage(text)

    async def answer(self, inquiry: Inquiry) -> Finding:
        if "datahub" not in inquiry.text.lower():
            return Finding(answer=None)
        body = "> Set `DATAHUB_GMS_URL` and restart the connector.\n\n```yaml\nsource:\n  type: datahub\n```"
        citation = Citation(
            path="integration-guides/datahub.md",
            heading="DataHub integration",
            url="https://docs.opendatagov.io/integration-guides/datahub#modes",
        )
        text = Text(body=body, audience=inquiry.reader)
        return Finding(answer=Answer(text=text, citations=(citation,), confidence=0.9), confidence=0.9)


@asynccontextmanager
async def running_demo(data: Path, knowledge: Any = None, *, base: Any = None) -> AsyncIterator[Demo]:
    """The demo as its command starts it, with time that starts on a Tuesday."""
    rng = random.Random(7)  # noqa: S311 - a fixed seed is wanted
    async with (
        open_sandbox(
            data, base=base or TuesdayTime(), rng=rng, knowledge=knowledge or OneArticle()
        ) as sandbox,
        open_demo(sandbox, ARTICLES, port=0) as demo,
    ):
        stop = asyncio.Event()
        running = asyncio.create_task(together(stop, sandbox.program.worker.run, demo.run))
        try:
            yield demo
        finally:
            stop.set()
            await running


@asynccontextmanager
async def chromium(executable: str) -> AsyncIterator[Browser]:
    """Headless, for the length of the block."""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=executable, args=FLAGS)
        try:
            yield browser
        finally:
            await browser.close()


@dataclass(slots=True, kw_only=True)
class Stage:
    """A browser window on the demo, and what a newcomer does in it."""

    demo: Demo
    page: Page
    complaints: list[str] = field(default_factory=list)  #: of the browser's console, and dialogs

    @classmethod
    async def open(
        cls, demo: Demo, browser: Browser, *, size: tuple[int, int] = WIDE, **options: Any
    ) -> Stage:
        width, height = size
        context = await browser.new_context(viewport={"width": width, "height": height}, **options)
        context.set_default_timeout(PATIENCE)
        stage = cls(demo=demo, page=await context.new_page())
        stage.page.on("pageerror", lambda error: stage.complaints.append(f"error: {error}"))
        stage.page.on(
            "console", lambda told: stage.complaints.append(told.text) if told.type == "error" else None
        )
        await stage.page.goto(demo.url)
        return stage

    # -- what there is to see --

    @property
    def stream(self) -> Locator:
        """The conversation in the middle."""
        return self.page.get_by_role("log", name="Messages")

    @property
    def card(self) -> Locator:
        """The chosen ticket."""
        return self.page.locator(".card")

    @property
    def ledger(self) -> Locator:
        """The list of work."""
        return self.page.get_by_role("region", name="Ledger")

    @property
    def notice(self) -> Locator:
        """The sentence about something that did not work."""
        return self.page.locator("#notice")

    def clock(self, label: str) -> Locator:
        """A promise of the chosen ticket."""
        return self.card.locator(".clock", has_text=label)

    def button(self, name: str, within: Locator | None = None) -> Locator:
        """By its whole label."""
        return (within or self.page).get_by_role("button", name=name, exact=True)

    def box(self, start: str) -> Locator:
        """A text box by the first words of its placeholder."""
        return self.page.get_by_placeholder(start)

    # -- what a newcomer does --

    async def become(self, name: str) -> None:
        await self.page.locator(".personas a", has_text=name).click()
        await expect(self.page.locator(".personas a[aria-current]")).to_contain_text(name)

    async def ask(self, text: str) -> None:
        """Write in the channel and go on in the thread."""
        await self.box("Write in").fill(text)
        await self.page.keyboard.press("Enter")
        await expect(self.box("Reply in the thread")).to_be_visible()

    async def open_ticket(self, text: str = KNOWN) -> None:
        """Ask, read the answer, and open a ticket all the same."""
        await self.ask(text)
        await self.button("Open a ticket", self.stream).click()
        await expect(self.card).to_contain_text("DB-1")

    async def answer_in_zendesk(self, text: str) -> None:
        await self.box("Answer in Zendesk").fill(text)
        await self.button("Public reply").click()

    async def let_pass(self, words: str) -> None:
        await self.page.get_by_role("button", name=f"Let {words} pass", exact=True).click()

    async def flip(self, switch: str) -> None:
        await self.page.locator("#switches button", has_text=switch).click()


async def overflowing(page: Page) -> Sequence[str]:
    """What sticks out of the window at the right; nothing, when the layout holds."""
    found: Sequence[str] = await page.evaluate(
        """() => document.documentElement.scrollWidth <= window.innerWidth ? [] :
            [...document.body.querySelectorAll('*')]
                .filter((one) => one.getBoundingClientRect().right > window.innerWidth + 1)
                .map((one) => one.tagName + '.' + one.className).slice(0, 5)"""
    )
    return found
