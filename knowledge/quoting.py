"""The few sentences of a passage that are nearest to a question, made safe to repeat."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from knowledge.embedding import Embedder
from knowledge.languages import Language, terms
from knowledge.retrieval import Question

WORDS = 60  #: of prose in one quotation
_SHORT = 2  #: a section of so many quotations is quoted from its beginning
_COMPARED = 8  #: sentences that are embedded: those that share most words with the question
_CODE_LINES = 15  #: of a listing that goes with a quotation
_SHARED_WORD = 0.01  #: what a word in common is worth in cosine, of which e5 uses no more than a tenth
_SENTENCE = re.compile(r"(?<=[.!?])\s+(?=[\"'(\[`*]*[A-ZÀ-Ý0-9])")
_HEADING = re.compile(r"#{1,6} +(?P<text>.*)")
# As CommonMark pairs them: a run of backticks ends at the next run of the same length, or is plain text.
_CODE_SPAN = re.compile(r"(?<!`)(`+)(?!`)(?:.*?[^`])\1(?!`)")
_LISTING = re.compile(r"`{3,}[^`\n]*\n")
_ADDRESS = re.compile(r"(?:https?://|www\.|mailto:)[^\s`<>]*[^\s`<>.,;:!?)\]'\"]", re.IGNORECASE)
_BREAK = "\N{WORD JOINER}"  #: invisible, and keeps what it stands in from being read as markup


@dataclass(frozen=True, slots=True)
class _Unit:
    text: str
    is_code: bool
    starts_line: bool
    heading: str  #: the last one above it inside the passage, empty for the passage's own


@dataclass(frozen=True, slots=True, kw_only=True)
class Quotation:
    """Words of an article. `heading` is set when they stand under one inside the passage."""

    text: str  #: Markdown: prose and at most one listing
    heading: str


def quote(
    text: str, question: Question, *, heading: str, embedder: Embedder | None, words: int = WORDS
) -> Quotation:
    """The best sentence with those after it, until there are enough words; `heading` is the passage's own."""
    units = list(_units(text))
    prose = [place for place, unit in enumerate(units) if not unit.is_code]
    if not prose:
        return Quotation(text="\n\n".join(_shown(unit) for unit in units[:1]), heading="")
    # A sentence is read under its heading, which often holds the very words that were asked.
    read = [f"{units[place].heading or heading}: {units[place].text}" for place in prose]
    best = prose[_nearest(read, question, embedder)]
    start = _start(units, best, words)
    return Quotation(text=_compose(_run(units, start, words)), heading=units[best].heading)


def neutral(text: str) -> str:
    """Markdown that neither links nor mentions anybody: the words of an article are data."""
    return "\n".join(_neutral_line(line) for line in text.split("\n"))


def _neutral_line(line: str) -> str:
    """No run of backticks is left without its pair: none can find one in another line."""
    line = line.replace("\\`", f"\\{_BREAK}`")  # an escaped backtick would begin nothing
    parts, end = [], 0
    for span in _CODE_SPAN.finditer(line):
        parts += [_inert(line[end : span.start()]), _silent(span[0])]
        end = span.end()
    parts.append(_inert(line[end:]))
    joined = ""
    for part in parts:
        touching = joined.endswith(("`", "\\")) and part.startswith("`")
        joined += (_BREAK if touching else "") + part
    return joined


def _inert(prose: str) -> str:
    # A backtick left over here is part of no pair, and must not become one with those around an address.
    lone = prose.replace("`", "'")
    coded = _ADDRESS.sub(lambda found: f"`{found[0]}`", lone).replace("\\`", f"\\{_BREAK}`")
    coded = re.sub(r"<(?=[A-Za-z/?])", f"<{_BREAK}", coded)
    coded = re.sub(r"(?<![\w.+-])@(?=\w)", f"@{_BREAK}", coded)
    return _silent(
        coded.replace("](", f"]{_BREAK}(").replace("]:", f"]{_BREAK}:").replace("![", f"!{_BREAK}[")
    )


def _silent(text: str) -> str:
    """Mass mentions are markup even inside of code in some channels."""
    without = re.sub(r"<(?=[!@#])", f"<{_BREAK}", text)
    return re.sub(r"@(?=(?:everyone|here|channel)\b)", f"@{_BREAK}", without, flags=re.IGNORECASE)


def _units(text: str) -> Iterator[_Unit]:
    heading = ""
    for block in _blocks(text):
        found = _HEADING.fullmatch(block)
        if found:
            heading = found["text"]
        elif _LISTING.match(block):
            yield _Unit(block, is_code=True, starts_line=True, heading=heading)
        else:
            for line in block.split("\n"):
                for place, sentence in enumerate(_SENTENCE.split(line.strip())):
                    yield _Unit(sentence, is_code=False, starts_line=place == 0, heading=heading)


def _blocks(text: str) -> list[str]:
    """Paragraphs and listings; an empty line inside of a listing divides nothing."""
    blocks: list[str] = []
    fence = ""
    for part in text.split("\n\n"):
        if fence:
            blocks[-1] += f"\n\n{part}"
        else:
            blocks.append(part)
            opened = re.match(r"(`{3,})[^`\n]*\n", part)
            fence = opened[1] if opened else ""
        if fence and blocks[-1].rstrip().endswith(f"\n{fence}"):
            fence = ""
    return [block for block in blocks if block.strip()]


def _nearest(sentences: Sequence[str], question: Question, embedder: Embedder | None) -> int:
    language = question.language or Language.EN
    asked = set(terms(question.text, language))
    shared = np.array([len(asked & set(terms(sentence, language))) for sentence in sentences])
    if embedder is None or question.vector is None:
        return int(np.argmax(shared))
    compared = np.sort(np.argsort(-shared, kind="stable")[:_COMPARED])
    near = embedder.embed_passages([sentences[place] for place in compared]) @ question.vector
    return int(compared[np.argmax(near + _SHARED_WORD * np.minimum(shared[compared], 3))])


def _start(units: Sequence[_Unit], best: int, words: int) -> int:
    """Where to begin: a short section at its own beginning, which says what it is about."""
    said = [
        place for place, unit in enumerate(units) if unit.heading == units[best].heading and not unit.is_code
    ]
    length = sum(len(units[place].text.split()) for place in said)
    return said[0] if length <= _SHORT * words else best


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
    lines: list[str] = []
    for unit in units:
        if unit.is_code:
            continue
        if unit.starts_line or not lines:
            lines.append(unit.text)
        else:
            lines[-1] += f" {unit.text}"
    # Whole lines, since code that begins in one sentence may end in another. Two spaces at the end keep lines
    # apart that Markdown would run together.
    quoted = "  \n".join(f"> {line}" for line in neutral("\n".join(lines)).split("\n"))
    return "\n\n".join([quoted, *(_shown(unit) for unit in units if unit.is_code)])


def _shown(unit: _Unit) -> str:
    lines = _silent(unit.text).split("\n")
    if len(lines) <= _CODE_LINES + 2:
        return "\n".join(lines)
    return "\n".join([*lines[: _CODE_LINES + 1], "…", lines[-1]])
