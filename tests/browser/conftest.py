from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

pytest.importorskip("playwright", reason="the browser tests need the test dependencies")

from browser_kit import PATIENCE, Stage, chromium, find_chromium, running_demo
from playwright.async_api import Browser, Page, expect

from bot.commands.demo_serving import Demo

expect.set_options(timeout=PATIENCE)


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    executable = find_chromium()
    if executable is None:
        pytest.skip("no chromium is installed: apt-get install chromium")
    async with chromium(executable) as one:
        yield one


@pytest.fixture
async def demo(tmp_path: Path) -> AsyncIterator[Demo]:
    async with running_demo(tmp_path) as one:
        yield one


@pytest.fixture
async def stage(demo: Demo, browser: Browser) -> AsyncIterator[Stage]:
    """A wide window, in which nothing may go wrong unseen."""
    one = await Stage.open(demo, browser)
    yield one
    assert one.complaints == []


@pytest.fixture
async def page(stage: Stage) -> Page:
    """The window itself, for tests that need no story."""
    return stage.page
