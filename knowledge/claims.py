"""What a model wrote, claim by claim: which passages it cites, and whether they hold it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import Enum, auto

from knowledge.addresses import visible
from knowledge.instructions import is_order
from knowledge.languages import Language, content_words, detect, fold, stem
from knowledge.retrieval import Passage

_CITATION = re.compile(r"[\[【](\d{1,3}(?:\s*[,;]\s*\d{1,3})*)[\]】]")
_MAYBE_CITED = re.compile(r"[\[【][\d\s,;]*(?:$|[\]】])")  #: the beginning of a citation, or one
_LINK = re.compile(
    r"!?\[([^\[\]]*)\]\([^()\s]*\)"
)  #: its words are a claim, its address is the gate's matter
_FENCE = re.compile(r"\s{0,3}(`{3,}|~{3,})(.*)")
_ITEM = re.compile(r"\s*(?:[-*+•]|\d{1,3}[.)])\s+")
_UNSURE = re.compile(
    r"\s*(?:[-*+•`~]|\d{1,3}[.)]|$)"
)  #: the beginning of a line that may become something else
_SENTENCE_END = re.compile(
    r"(?<!\be\.g)(?<!\bi\.e)(?<!\betc)(?<!\bvs)(?<!\bex)[.!?…]+[\"'\u201d\u2019)*_]*"
    r"(?:\s*[\[【][\d\s,;]+[\]】]\.?)*(?=\s+[^\W_a-z]|\s+[\"'(`*]|\s+\[(?![\d\s,;]+\])|\s*$)"
)
_HARD = re.compile(
    r"`[^`]+`|[^\s`]*[\d_][^\s`]*|\S*[a-zà-ÿ][A-Z]\S*|\S*[A-ZÀ-Ý]{2,}\S*|\S+[/\\=@]\S*|(?<![\w-])--?\w[\w-]*"
)
_NAME = re.compile(r"(?<=[^\s.!?:*_>\"'(]\s)[A-ZÀ-Ý][\w'\u2019-]+")
_WORD = re.compile(r"\w+")
_TRIM = ".,;:!?()[]{}<>\"'`*\u201c\u201d\u2019…"
_FIRST_PERSON = re.compile(
    r"\b(?:I|I['\u2019](?:ve|ll|m|d)|[Ww]e['\u2019](?:ve|ll)|[Ww]e (?:have|will)"
    r"|[Ee]u|[Aa]bri|[Ee]scalei|[Vv]ou)\b"
)
_PREFIX = 4  #: letters by which words of English and Portuguese know each other
_HELD, _HELD_ACROSS = 0.5, 1 / 3  #: the share of a claim's words that its passage holds
_MANY = 2  #: words, the fewest that a claim across languages shares


class Kind(Enum):
    """The pieces of an answer."""

    SENTENCE = auto()  #: of a paragraph
    ITEM = auto()  #: of a list
    LISTING = auto()
    BREAK = auto()  #: the end of a paragraph


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """Something that was written completely."""

    kind: Kind
    text: str  #: with its citations


class Cutter:
    """Cuts a text into pieces while it is being written."""

    def __init__(self) -> None:
        self._rest = ""
        self._listing: list[str] | None = None
        self._fence = ""

    def feed(self, text: str) -> Iterator[Piece]:
        """The pieces that are complete now."""
        self._rest += visible(text)
        while "\n" in self._rest:
            line, self._rest = self._rest.split("\n", 1)
            yield from self._line(line)
        if self._listing is None and not _UNSURE.match(self._rest):
            yield from self._sentences()

    def finish(self) -> Iterator[Piece]:
        """What is left. A listing without an end is no listing."""
        line, self._rest = self._rest, ""
        yield from self._line(line)

    def _sentences(self) -> Iterator[Piece]:
        """Those behind which the next one has begun: a citation may follow a full stop."""
        start = 0
        for end in _SENTENCE_END.finditer(self._rest):
            behind = self._rest[end.end() :].lstrip()
            if behind and not _MAYBE_CITED.match(behind):
                yield Piece(kind=Kind.SENTENCE, text=self._rest[start : end.end()].strip())
                start = end.end()
        self._rest = self._rest[start:]

    def _line(self, line: str) -> Iterator[Piece]:
        fence = _FENCE.match(line)
        if self._listing is not None:
            self._listing.append(line)
            if fence and fence[1].startswith(self._fence) and not fence[2].strip():
                yield Piece(kind=Kind.LISTING, text="\n".join(self._listing))
                self._listing = None
        elif fence:
            self._listing, self._fence = [line.strip()], fence[1]
        elif not line.strip():
            yield Piece(kind=Kind.BREAK, text="")
        elif _ITEM.match(line):
            yield Piece(kind=Kind.ITEM, text=line.rstrip())
        else:
            yield from (Piece(kind=Kind.SENTENCE, text=sentence) for sentence in _sentences(line.strip()))


def _sentences(line: str) -> Iterator[str]:
    start = 0
    for end in _SENTENCE_END.finditer(line):
        yield line[start : end.end()].strip()
        start = end.end()
    if line[start:].strip():
        yield line[start:].strip()


def cited(text: str, given: int) -> list[int]:
    """The numbers of the passages that a piece cites, those that were given only."""
    numbers = [int(one) for found in _CITATION.finditer(text) for one in re.findall(r"\d+", found[1])]
    return [number for number in dict.fromkeys(numbers) if 1 <= number <= given]


def without_citations(text: str) -> str:
    """The words alone."""
    return re.sub(r"\s+([.,;:!?])", r"\1", _CITATION.sub("", text)).strip()


class Evidence:
    """The passages that were given, read for looking words up."""

    def __init__(self, passages: Sequence[Passage], known: Sequence[str] = ()) -> None:
        self._languages = [passage.language for passage in passages]
        self._texts = [f"{passage.title}\n{passage.heading}\n{passage.text}" for passage in passages]
        self._lines = [{_tidy(line) for line in text.split("\n")} for text in self._texts]
        self._folded = [fold(_tidy(text)) for text in self._texts]
        self._words = [
            _vocabulary(text, language) for text, language in zip(self._texts, self._languages, strict=True)
        ]
        self._known = [fold(word) for word in known]  #: what the asker's own records say: a version

    def holds(self, claim: str, numbers: Sequence[int]) -> bool:
        """Whether the passages of these numbers say what a claim without its citations says.

        Cheap, and no proof: every figure, name and piece of code occurs there, and most of the other words.
        """
        words = _LINK.sub(r"\1", _ITEM.sub("", without_citations(claim), count=1))
        if not words or not numbers or is_order(words) or _FIRST_PERSON.search(words):
            return False
        places = [number - 1 for number in numbers]
        return self._has_hard(words, places) and self._has_words(words, places)

    def holds_listing(self, listing: str, numbers: Sequence[int]) -> bool:
        """Whether every line stands in one of these passages as it is."""
        lines = [_tidy(line) for line in listing.split("\n")[1:-1]]
        known = set().union(*(self._lines[number - 1] for number in numbers)) if numbers else set()
        return any(lines) and all(not line or line in known for line in lines)

    def _has_hard(self, words: str, places: Sequence[int]) -> bool:
        sought = [found[0] for found in _HARD.finditer(words)] + [found[0] for found in _NAME.finditer(words)]
        texts = [self._folded[place] for place in places]
        for token in sought:
            plain = fold(_tidy(token)).strip(_TRIM)
            if plain and plain not in self._known and not any(_occurs(plain, text) for text in texts):
                return False
        return True

    def _has_words(self, words: str, places: Sequence[int]) -> bool:
        language = detect(words) or self._languages[places[0]]
        meant = content_words(words, language)
        if not meant:
            return False
        is_own = any(self._languages[place] is language for place in places)
        held = sum(any(self._knows(word, language, place) for place in places) for word in meant)
        enough = _HELD if is_own else _HELD_ACROSS
        return held >= enough * len(meant) and (is_own or held >= min(_MANY, len(meant)))

    def _knows(self, word: str, language: Language, place: int) -> bool:
        known = self._words[place]
        return stem(word.lower(), language) in known or (
            self._languages[place] is not language and fold(word)[:_PREFIX] in known
        )


def _vocabulary(text: str, language: Language) -> set[str]:
    words = _WORD.findall(text)
    stems = {stem(word.lower(), language) for word in words}
    return (
        stems
        | {fold(word)[:_PREFIX] for word in words if len(word) >= _PREFIX}
        | {fold(word) for word in words}
    )


def _occurs(plain: str, text: str) -> bool:
    """As a word of its own, or as a part between two marks: `3` does not stand in `13`."""
    return re.search(rf"(?<!\w){re.escape(plain)}(?!\w)", text) is not None


def _tidy(line: str) -> str:
    return " ".join(line.split())
