"""What somebody may be typing, and what they may have meant: from the words of the articles."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from rapidfuzz import process
from rapidfuzz.distance import OSA

from bot.core.model import Audience
from knowledge.languages import Language, detect, fold, terms
from knowledge.loaded import LiveIndex, View
from knowledge.partitions import LoadedPartition

_WORD = re.compile(r"[^\W\d_]{2,}")
_LONG = 8  #: letters from which on two slips are forgiven instead of one
_SHORTEST = 4  #: letters; shorter words have too many neighbours
_OFTEN = 2  #: times that a word must occur to be taken for a word and no slip itself


@dataclass(frozen=True, slots=True, kw_only=True)
class Suggestion:
    """Where a beginning may lead."""

    text: str  #: a title, or a heading
    path: str
    is_title: bool


@dataclass(frozen=True, slots=True)
class _Words:
    """What one reader's articles are made of, at one state of the index."""

    state: tuple[tuple[int, int, int], ...]
    suggestions: Sequence[tuple[str, Suggestion]]  #: with the folded text
    counts: Counter[str]  #: folded words
    spelling: dict[str, str]  #: folded → as it is written most often


class Suggester:
    """Reads what `reader` may read, once for each state of the index."""

    def __init__(self, live: LiveIndex) -> None:
        self._live = live
        self._known: dict[str, _Words] = {}

    def complete(self, beginning: str, reader: Audience, *, limit: int = 8) -> list[Suggestion]:
        """Titles and headings with all the words, the last of which may be unfinished; best first."""
        sought = fold(" ".join(beginning.split()))
        if not sought:
            return []
        *whole, last = sought.split()
        found = [
            (_place(folded, sought, suggestion), suggestion)
            for folded, suggestion in self._words(reader).suggestions
            if _holds(folded, whole, last)
        ]
        found.sort(key=lambda pair: (pair[0], len(pair[1].text), pair[1].text))
        best: dict[str, Suggestion] = {}
        for _, suggestion in found:
            best.setdefault(suggestion.text, suggestion)
        return list(best.values())[:limit]

    def did_you_mean(self, query: str, reader: Audience) -> str | None:
        """The query with its slips mended; None when every word is known, or nothing is near."""
        words = self._words(reader)
        with self._live.view(reader) as view:
            language = detect(query) or Language.EN
            own = [one for one in view.partitions if one.partition.language is language]
            mended = _WORD.sub(lambda match: _mended(match[0], words, own), query)
        return mended if mended != query else None

    def _words(self, reader: Audience) -> _Words:
        with self._live.view(reader) as view:
            state = tuple(
                (one.partition.id, len(one), int(one.chunks[-1]) if len(one) else 0)
                for one in view.partitions
            )
            known = self._known.get(str(reader))
            if known is None or known.state != state:
                known = _read(view, state)
                self._known[str(reader)] = known
            return known


def _read(view: View, state: tuple[tuple[int, int, int], ...]) -> _Words:
    suggestions: dict[tuple[str, str], Suggestion] = {}
    counts: Counter[str] = Counter()
    for path, title, headings, text in view.reading.texts([one.partition for one in view.partitions]):
        suggestions.setdefault((path, title), Suggestion(text=title, path=path, is_title=True))
        for heading in json.loads(headings)[-1:]:
            suggestions.setdefault((path, heading), Suggestion(text=heading, path=path, is_title=False))
        counts.update(_WORD.findall(f"{title} {text}"))
    spelling, folded = _folded(counts)
    return _Words(state, [(fold(one.text), one) for one in suggestions.values()], folded, spelling)


def _folded(counts: Counter[str]) -> tuple[dict[str, str], Counter[str]]:
    spelling: dict[str, str] = {}
    folded: Counter[str] = Counter()
    for word, count in counts.most_common():
        spelling.setdefault(fold(word), word)
        folded[fold(word)] += count
    return spelling, folded


def _holds(folded: str, whole: Iterable[str], last: str) -> bool:
    words = re.findall(r"\w+", folded)
    return any(word.startswith(last) for word in words) and all(word in words for word in whole)


def _place(folded: str, sought: str, suggestion: Suggestion) -> tuple[bool, bool]:
    return (not folded.startswith(sought), not suggestion.is_title)


def _mended(word: str, words: _Words, own: Sequence[LoadedPartition]) -> str:
    folded = fold(word)
    if len(folded) < _SHORTEST or folded in words.counts or _is_known(word, own):
        return word
    slips = 2 if len(folded) >= _LONG else 1
    near = process.extract(folded, words.spelling.keys(), scorer=OSA.distance, score_cutoff=slips, limit=20)
    often = [(distance, -words.counts[key], key) for key, distance, _ in near if words.counts[key] >= _OFTEN]
    if not often:
        return word
    return _cased(words.spelling[min(often)[2]], word)


def _is_known(word: str, own: Iterable[LoadedPartition]) -> bool:
    """Another form of a word that the articles of the query's language know is no slip."""
    return any(one.frequency(term) for one in own for term in terms(word, one.partition.language))


def _cased(found: str, like: str) -> str:
    return found.lower() if like.islower() else found
