"""Every text can be read: contrast of the pairs that the page uses, in both schemes (WCAG 2.2, AA)."""

# https://www.w3.org/TR/WCAG22/#contrast-minimum and https://www.w3.org/TR/WCAG22/#non-text-contrast

from __future__ import annotations

import re
from pathlib import Path

import pytest

import bot.sandbox.page

CSS = (Path(bot.sandbox.page.__file__).parent / "static" / "sandbox.css").read_text("utf-8")
COLOUR = re.compile(r"--([\w-]+): (#[0-9a-f]{6});")
TEXTS = (
    *(
        (ink, ground)
        for ink in ("ink", "dim", "accent", "good", "bad", "warn")
        for ground in ("paper", "wash")
    ),
    *((ink, ground) for ink in ("side-ink", "side-dim") for ground in ("side",)),
    ("side-ink", "side-on"),
    ("accent-ink", "accent"),
    ("bad-ink", "bad"),
    ("mark-ink", "mark"),
    ("bad", "bad-wash"),
    ("ink", "bad-wash"),
    ("ink", "line"),
    ("paper", "ink"),
    *(("tint-ink", f"tint{number}") for number in range(6)),
)
EDGES = tuple((line, ground) for line in ("edge", "accent") for ground in ("paper", "wash"))


def schemes() -> dict[str, dict[str, str]]:
    light, dark = (part.split("}")[0] for part in CSS.split(":root {")[1:])
    return {"light": dict(COLOUR.findall(light)), "dark": dict(COLOUR.findall(dark))}


def luminance(colour: str) -> float:
    channels = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    red, green, blue = (one / 12.92 if one <= 0.04045 else ((one + 0.055) / 1.055) ** 2.4 for one in channels)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    lighter, darker = sorted((luminance(one), luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def test_contrast_is_measured_as_the_guidelines_say() -> None:
    assert round(contrast("#000000", "#ffffff"), 2) == 21
    assert round(contrast("#777777", "#ffffff"), 2) == 4.48


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_texts_have_enough_contrast(scheme: str) -> None:
    colours = schemes()[scheme]
    pale = {pair: round(contrast(colours[pair[0]], colours[pair[1]]), 2) for pair in TEXTS}

    assert {pair: ratio for pair, ratio in pale.items() if ratio < 4.5} == {}


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_edges_of_controls_can_be_seen(scheme: str) -> None:
    colours = schemes()[scheme]
    pale = {pair: round(contrast(colours[pair[0]], colours[pair[1]]), 2) for pair in EDGES}

    assert {pair: ratio for pair, ratio in pale.items() if ratio < 3} == {}


def test_both_schemes_define_the_same_colours() -> None:
    light, dark = schemes().values()

    assert light.keys() == dark.keys()
