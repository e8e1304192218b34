"""With JavaScript switched off: time, escalations and refusals go by forms and redirects too."""

from __future__ import annotations

import pytest
from browser_kit import EMERGENCY, Stage
from playwright.async_api import Browser, expect

from bot.commands.demo_serving import Demo

pytestmark = pytest.mark.slow


@pytest.fixture
async def plain(demo: Demo, browser: Browser) -> Stage:
    return await Stage.open(demo, browser, java_script_enabled=False)


async def look_again(stage: Stage) -> None:
    """Follow the link of that name, once the desk has nothing left to do."""
    await stage.demo.sandbox.settle()
    await stage.page.get_by_role("link", name="Look again").click()


async def send(stage: Stage, text: str) -> None:
    await stage.box("Write in").fill(text)
    await stage.button("Send").click()
    await look_again(stage)


async def test_the_clock_moves_and_somebody_is_called_and_acknowledges(plain: Stage) -> None:
    await send(plain, EMERGENCY)
    await plain.let_pass("4 h")
    await look_again(plain)

    await plain.become("Otto")
    await plain.button("Acknowledge", plain.stream).click()
    await look_again(plain)

    await expect(plain.stream).to_contain_text("Acknowledged by")


async def test_what_cannot_be_done_is_said_on_the_page(plain: Stage) -> None:
    await send(plain, EMERGENCY)
    await plain.flip("Zendesk is down")
    await plain.answer_in_zendesk("Hello?")

    await expect(plain.notice).to_contain_text("Zendesk is down")
    await expect(plain.card).to_contain_text("DB-1")
