"""The few sentences of a passage that are nearest to a question, made safe to repeat."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from knowledge.embedding import Embedder
from knowledge.languages import Language, terms

WORDS = 60  #: of prose in one quotation
_UNITS = 12  #: sentences that are compared, from the start of a passage
_CODE_LINES = 15  #: of a listing that goes with a quotation
_SENTENCE = re.compile(r"(?<=[.!?:])\s+(?=[\"'(\[`*]*[A-ZÀ-Ý0-9])")
_CODE_SPAN = re.compile(r"(`+[^`]*`+)")
_ADDRESS = re.compile(r"(?:https?://|www\.|mailto:)[^\s`<>]*[^\s`<>.,;:!?)\]'\"]", re.IGNORECASE)
_BREAK = "\N{WORD JOINER}"  #: invisible, and keeps what it stands in from being read as markup


@dataclass(frozen=True, slots=True)
class _Unit:
    text: str
    is_code: bool
    heading: str  #: the last one above it inside the passage, empty for the passage's own


@dataclass(frozen=True, slots=True, kw_only=True)
class Quotation:
    """Words of an article. `heading` is set when they stand under one inside the passage."""

    text: str  #: Markdown: prose and at most one listing
    heading: str


def quote(
    text: str, question: str, language: Language, *, embedder: Embedder | None, words: int = WORDS
) -> Quotation:
    """The best sentence with those after it, until there are enough words."""
    units = _units(text)
    prose = [place for place, unit in enumerate(units) if not unit.is_code][:_UNITS]
    if not prose:
        return Quotation(text="\n\n".join(_shown(unit) for unit in units[:1]), heading="")
    scores = _nearness([units[place].text for place in prose], question, language, embedder)
    best = prose[int(np.argmax(scores))]
    return Quotation(text=_compose(_run(units, best, words)), heading=units[best].heading)


def neutral(text: str) -> str:
    """Markdown that neither links nor mentions anybody: the words of an article are data."""
    parts = _CODE_SPAN.split(text)
    return "".join(_silent(part) if place % 2 else _inert(part) for place, part in enumerate(parts))


def _inert(prose: str) -> str:
    coded = _ADDRESS.sub(lambda found: f"`{found[0]}`", prose)
    return _silent(
        coded.replace("](", f"]{_BREAK}(").replace("]:", f"]{_BREAK}:").replace("![", f"!{_BREAK}[")
    )


def _silent(text: str) -> str:
    """Mass mentions are markup even inside of code in some channels."""
    without = re.sub(r"<(?=[!@#])", f"<{_BREAK}", text)
    return re.sub(r"@(?=(?:everyone|here|channel)\b)", f"@{_BREAK}", without, flags=re.IGNORECASE)


def _units(text: str) -> list[_Unit]:
    units: list[_Unit] = []
    heading = ""
    for block in _blocks(text):
        if block.startswith("```"):
            units.append(_Unit(block, is_code=True, heading=heading))
        elif re.match(r"#{1,6} ", block):
            heading = block.lstrip("#").strip()
        else:
            lines = re.split(r"\n(?=\s*- )", block)
            sentences = (part for line in lines for part in _SENTENCE.split(line))
            units.extend(_Unit(part, is_code=False, heading=heading) for part in sentences if part.strip())
    return units


def _blocks(text: str) -> list[str]:
    """Paragraphs and listings; an empty line inside of a listing divides nothing."""
    blocks: list[str] = []
    fence = ""
    for part in text.split("\n\n"):
        if fence:
            blocks[-1] += f"\n\n{part}"
        else:
            blocks.append(part)
            opened = re.match(r"`{3,}", part)
            fence = opened[0] if opened else ""
        if fence and blocks[-1].rstrip().endswith(f"\n{fence}"):
            fence = ""
    return [block for block in blocks if block.strip()]


def _nearness(
    sentences: Sequence[str], question: str, language: Language, embedder: Embedder | None
) -> Sequence[float]:
    asked = set(terms(question, language))
    shared = [len(asked & set(terms(sentence, language))) for sentence in sentences]
    if embedder is None:
        return shared
    near = embedder.embed_passages(sentences) @ embedder.embed_queries([question])[0]
    # A shared word counts as much as a few hundredths of cosine: e5's differ by no more than that.
    nearness: list[float] = (near + 0.01 * np.minimum(shared, 3)).tolist()
    return nearness


def _run(units: Sequence[_Unit], best: int, words: int) -> list[_Unit]:
    run: list[_Unit] = []
    count = 0
    for unit in units[best:]:
        if unit.heading != units[best].heading:
            break
        if unit.is_code:
            run.append(unit)
            break
        count += len(unit.text.split())
        if run and count > words:
            break
        run.append(unit)
    return run


def _compose(units: Sequence[_Unit]) -> str:
    prose = ""
    for unit in units:
        if not unit.is_code:
            text = neutral(unit.text.strip())
            prose += f"\n{text}" if text.startswith("- ") else f" {text}"
    quoted = "\n".join(f"> {line}" for line in prose.strip().split("\n"))
    code = [_shown(unit) for unit in units if unit.is_code]
    return "\n\n".join([quoted, *code]) if prose.strip() else "\n\n".join(code)


def _shown(unit: _Unit) -> str:
    lines = _silent(unit.text).split("\n")
    if len(lines) <= _CODE_LINES + 2:
        return "\n".join(lines)
    return "\n".join([*lines[: _CODE_LINES + 1], "…", lines[-1]])
