"""Takes the pictures of the README again, from the real demo: python tests/browser/screenshots.py."""

from __future__ import annotations

import asyncio
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from browser_kit import ARTICLES, NARROW, WIDE, Stage, chromium, find_chromium, running_demo  # noqa: E402 - the path comes first
from playwright.async_api import Browser, expect  # noqa: E402

from bot.sandbox.page.suggesting import EMERGENCY as QUESTION  # noqa: E402 - as above
from bot.wiring import open_knowledge  # noqa: E402

IMAGES = ROOT / "docs" / "images"
LARGEST = 250_000  #: bytes


async def take(data: Path, knowledge: object, browser: Browser) -> None:
    """In the middle of the story: asked, answered, a ticket with its clocks, ten minutes gone."""
    async with running_demo(data, knowledge) as demo:
        stage = await Stage.open(demo, browser, color_scheme="light")
        await stage.ask(QUESTION)
        await expect(stage.card).to_contain_text("#1 · new")
        await expect(stage.stream.locator("pre")).to_be_visible()
        await stage.let_pass("10 min")
        await expect(stage.page.locator(".now")).to_contain_text("10 min")
        await expect(stage.page.locator(".atwork")).to_be_empty()
        for name, (width, height) in (("sandbox.png", WIDE), ("sandbox-narrow.png", NARROW)):
            await stage.page.set_viewport_size({"width": width, "height": height})
            await stage.page.evaluate("window.scrollTo(0, 0)")
            await stage.page.mouse.move(0, 0)
            await stage.page.screenshot(path=IMAGES / name)


async def main() -> int:
    """Every picture; a sentence when one cannot be taken."""
    executable = find_chromium()
    if executable is None:
        sys.stderr.write("no chromium is installed: apt-get install chromium\n")
        return 1
    with tempfile.TemporaryDirectory() as place:
        index, data = Path(place) / "index", Path(place) / "data"
        index.mkdir()
        with open_knowledge(index, refresh_from=[ARTICLES]) as knowledge:
            async with chromium(executable) as browser:
                await take(data, knowledge, browser)
    large = [one.name for one in sorted(IMAGES.glob("sandbox*.png")) if one.stat().st_size > LARGEST]
    if large:
        sys.stderr.write(f"larger than {LARGEST} bytes, to be compressed: {', '.join(large)}\n")
    return 1 if large else 0


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
