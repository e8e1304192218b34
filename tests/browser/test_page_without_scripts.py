from __future__ import annotations

import pytest
from browser_kit import KNOWN, PATIENCE
from playwright.async_api import Browser

from bot.commands.demo_serving import Demo

pytestmark = pytest.mark.slow


async def test_everything_works_with_forms_and_redirects_alone(browser: Browser, demo: Demo) -> None:
    context = await browser.new_context(java_script_enabled=False)
    page = await context.new_page()
    page.set_default_timeout(PATIENCE)
    await page.goto(demo.url)
    await page.fill("#say", KNOWN)
    await page.click(".talk .composer button.primary")
    assert "thread=" in page.url
    await demo.sandbox.settle()
    await page.click(".again")
    await page.click("button[value=open_ticket]")
    await demo.sandbox.settle()
    await page.click(".again")
    await page.fill("#reply", "Which version do you run?")
    await page.click("#answer-1 button.primary")
    await demo.sandbox.settle()
    await page.click(".again")
    assert "Which version do you run?" in await page.inner_text(".stream")
    assert await page.locator(".clock.met").count() == 1
