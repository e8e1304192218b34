"""How the page behaves under somebody's hands: keyboard, half-written texts, narrow windows, both schemes."""

from __future__ import annotations

import contextlib

import pytest
from browser_kit import EMERGENCY, KNOWN, NARROW, WIDE, Stage, overflowing
from playwright.async_api import Browser, expect

from bot.commands.demo_serving import Demo

pytestmark = pytest.mark.slow

LONG = (
    "Production is down! " + "w" * 400 + "\n```\n" + "offset=" * 80 + "\n```\n" + "Não há verificações. " * 40
)


async def test_everything_can_be_done_with_the_keyboard(stage: Stage) -> None:
    keyboard = stage.page.keyboard
    await stage.box("Write in").focus()
    await keyboard.type(KNOWN)
    await keyboard.press("Enter")
    await expect(stage.box("Reply in the thread")).to_be_focused()
    await expect(stage.button("Open a ticket", stage.stream)).to_be_visible()

    await tab_to(stage, "Open a ticket", backwards=True)
    await keyboard.press("Enter")
    await expect(stage.card).to_contain_text("DB-1")

    # The button is gone, and the keyboard goes on from the message that it stood under.
    await expect(stage.button("Open a ticket", stage.stream)).to_have_count(0)
    assert await stage.page.evaluate("document.activeElement.closest('.stream') !== null")


async def tab_to(stage: Stage, name: str, *, backwards: bool = False) -> None:
    for _ in range(40):
        await stage.page.keyboard.press("Shift+Tab" if backwards else "Tab")
        if await stage.page.evaluate("document.activeElement.textContent.trim()") == name:
            return
    raise AssertionError(f"no way with the keyboard to {name!r}")


async def test_shift_and_enter_break_the_line(stage: Stage) -> None:
    box = stage.box("Write in")
    await box.focus()
    await stage.page.keyboard.type("one")
    await stage.page.keyboard.press("Shift+Enter")
    await stage.page.keyboard.type("two")

    await expect(box).to_have_value("one\ntwo")


async def test_what_is_half_written_survives_whatever_happens_meanwhile(stage: Stage) -> None:
    await stage.open_ticket()
    box = stage.box("Answer in Zendesk")
    await box.fill("I am still wri")
    thread = stage.demo.sandbox.slack.history("acme-support")[0].ts

    await stage.demo.sandbox.slack.say("carol", "acme-support", "Any news?", thread)

    await expect(stage.stream).to_contain_text("Any news?")
    await expect(stage.card).to_contain_text("Any news?")
    await expect(box).to_have_value("I am still wri")
    await expect(box).to_be_focused()


async def test_a_button_stays_the_same_button_while_the_page_changes(stage: Stage) -> None:
    await stage.ask(KNOWN)
    button = stage.button("That helped", stage.stream)
    handle = await button.element_handle()
    thread = stage.demo.sandbox.slack.history("acme-support")[0].ts

    await stage.demo.sandbox.slack.say("ada", "acme-support", "I am here as well.", thread)

    await expect(stage.stream).to_contain_text("I am here as well.")
    assert handle is not None
    assert await handle.evaluate("(button) => button.isConnected")


async def test_what_was_unfolded_stays_unfolded(stage: Stage) -> None:
    await stage.ask(EMERGENCY)
    await stage.clock("First reply").locator("summary").click()
    await expect(stage.clock("First reply")).to_contain_text("Otto Oncall is called (on call)")

    await stage.let_pass("10 min")

    await expect(stage.page.locator(".now")).to_contain_text("10 min")
    await expect(stage.clock("First reply").locator("details")).to_have_attribute("open", "")


async def test_back_and_forward_go_between_places(stage: Stage) -> None:
    await stage.ask(KNOWN)
    await stage.page.go_back()
    await expect(stage.box("Write in #acme-support as Carol")).to_be_visible()

    await stage.page.go_forward()
    await expect(stage.box("Reply in the thread")).to_be_visible()


@pytest.mark.parametrize("size", [WIDE, (1024, 768), NARROW, (320, 640)])
async def test_long_texts_break_no_layout(demo: Demo, browser: Browser, size: tuple[int, int]) -> None:
    stage = await Stage.open(demo, browser, size=size)
    await stage.ask(LONG)
    await expect(stage.card).to_contain_text("P1")
    await stage.answer_in_zendesk("x" * 600)
    await expect(stage.stream.locator(".message")).to_have_count(3)  # what was said, the card and the answer

    assert await overflowing(stage.page) == []


async def test_on_a_narrow_window_the_tabs_stay_in_sight_and_lead_to_the_parts(
    demo: Demo, browser: Browser
) -> None:
    stage = await Stage.open(demo, browser, size=NARROW)
    await stage.open_ticket()
    tabs = stage.page.get_by_role("navigation", name="Parts of the page")
    # All at one moment: the page grows while the desk is still at work.
    tops = await stage.page.evaluate(
        "() => ['.people', '#talk', '#desk', '#work', '#break']"
        ".map((part) => document.querySelector(part).getBoundingClientRect().top)"
    )
    assert tops == sorted(tops)

    # The page may still grow under the jump while the desk works; whoever sees that presses again.
    for patience in (2_000, 2_000, 2_000, 15_000):
        await tabs.get_by_role("link", name="Ledger").click()
        with contextlib.suppress(AssertionError):
            await expect(tabs.locator("[aria-current=true]")).to_have_text("Ledger", timeout=patience)
            break

    await expect(stage.page.locator("#work h2")).to_be_in_viewport()
    await expect(tabs).to_be_in_viewport()
    await expect(tabs.locator("[aria-current=true]")).to_have_text("Ledger")


async def test_the_page_says_so_when_the_sandbox_has_ended(stage: Stage) -> None:
    await stage.page.route("**/*", lambda route: route.abort())

    await stage.let_pass("10 min")

    await expect(stage.notice).to_contain_text("Is it still running?")
    stage.complaints.clear()  # the browser notes every request that fails


async def test_a_hidden_page_gives_its_connection_back(stage: Stage) -> None:
    async with stage.page.expect_request("**/stream"):
        await stage.page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    await stage.page.evaluate(
        """Object.defineProperty(document, 'hidden', { value: true });
           document.dispatchEvent(new Event('visibilitychange'))"""
    )

    await expect_no_listener(stage)


async def expect_no_listener(stage: Stage) -> None:
    """Each round trip to the browser gives the server time to notice."""
    for _ in range(200):
        if stage.demo.changes.listeners == 0:
            return
        await stage.page.evaluate("new Promise((done) => requestAnimationFrame(done))")
    assert stage.demo.changes.listeners == 0
