"""A question → the passages nearest to it, by meaning and by words."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from operator import itemgetter
from pathlib import Path
from typing import TypeAlias

import numpy as np

from bot.core.model import Audience
from knowledge.circumstances import NOTHING_KNOWN, Circumstances
from knowledge.embedding import Embedder, Vectors, query_vector
from knowledge.geometry import Pool, Probe, Spread
from knowledge.languages import Language, detect, terms
from knowledge.loaded import IndexMissing, LiveIndex, View
from knowledge.partitions import LoadedPartition
from knowledge.passages import Passage, Question, in_their_case, passage_of
from knowledge.postings import Numbers, Scores
from knowledge.vectors import ChromaServer

__all__ = ["IndexMissing", "Passage", "Question", "Searcher"]

CANDIDATES = 150  #: chunks that each side proposes, in every partition
_MATCHES = 2_000  #: whose scores say what is a good one
# Chosen by docs/decisions/0017-ranking.md; neighbouring values differ by a question or two in a hundred.
_WORDS_WEIGHT = 0.3  #: of a lexical standard deviation, a dense one being 1
_OTHER_WORDS_WEIGHT = 0.05  #: likewise, for words in another language than the question's: names, mostly
_OWN_LANGUAGE = 0.35  #: standard deviations that the question's own language is preferred by
_SECOND_CHUNK = 0.35  #: how much an article's second best chunk counts, the best being 1
_SECTIONS = 2  #: of one article among the passages, at most
_FURTHER_SECTION = 0.4  #: deviations that a section is put back by for each better one of its article
_BEHIND = 0.7  #: and by so much of what it is behind the best one
_TWINS = 3  #: times as many articles as passages are ranked: some are nearly the same as others
_CHUNKS_READ = 8  #: of an article, among which its sections are looked for
_WHOLE_ARTICLE = 0.2  #: of a deviation of the article's own BM25, the words of all its sections together
_PHRASES = 3  #: of a question that are looked for as they stand
_VERBATIM = 0.5  #: deviations for a chunk in which what the question quotes stands as it is
_QUOTED = re.compile(r"`([^`\n]{4,300})`|[\"“”]([^\"“”\n]{4,300})[\"“”]")
_NARROWEST = 1.0  #: a deviation of BM25 scores is not taken for less


_Words: TypeAlias = Mapping[Language, Sequence[str]]  #: of the question, as each language understands it


@dataclass(frozen=True, slots=True)
class _Candidates:
    """Chunks that may be shown, of one partition or of all."""

    chunks: Numbers
    articles: Numbers
    families: Numbers
    sections: Numbers
    scores: Scores

    @classmethod
    def together(cls, parts: Sequence[_Candidates]) -> _Candidates:
        return cls(
            np.concatenate([part.chunks for part in parts]),
            np.concatenate([part.articles for part in parts]),
            np.concatenate([part.families for part in parts]),
            np.concatenate([part.sections for part in parts]),
            np.concatenate([part.scores for part in parts]),
        )


class Searcher:
    """Reads the current index. Thread-safe; sees what another process has indexed since."""

    def __init__(
        self, index_dir: Path, embedder: Embedder | None, server: ChromaServer | None = None
    ) -> None:
        self._embedder = embedder
        self._live = LiveIndex(index_dir, embedder, server)

    @property
    def live(self) -> LiveIndex:
        """What is read."""
        return self._live

    def close(self) -> None:
        """Release the files."""
        self._live.close()

    def read(self, text: str, circumstances: Circumstances = NOTHING_KNOWN) -> Question:
        """Tell the language and embed."""
        return Question(
            text=text,
            language=detect(text),
            vector=query_vector(self._embedder, text),
            circumstances=circumstances,
        )

    def search(self, question: Question, reader: Audience, *, limit: int = 10) -> list[Passage]:
        """The best sections of the best articles that `reader` may read, best first.

        No article comes more than twice: ten passages are of five articles or more.
        """
        if not question.text.strip():
            return []
        with self._live.view(reader) as view:
            if not view.partitions:
                return []
            pools = _pools(view.partitions)
            languages = {one.partition.language for one in view.partitions}
            words = {language: terms(question.text, language) for language in languages}
            found = [
                _candidates(one, pools, words, question, _quoted(view, one, question.text))
                for one in view.partitions
            ]
            passages = _passages(view, _Candidates.together(found), words, question, limit)
        return in_their_case(passages, question)


# -- scoring ------------------------------------------------------------------


def _candidates(
    partition: LoadedPartition,
    pools: Mapping[Language, Pool],
    words: _Words,
    question: Question,
    quoted: Numbers,
) -> _Candidates:
    language = partition.partition.language
    is_own = question.language in (None, language)
    lexical, positions = _lexical(partition, words[language])
    positions = np.union1d(positions, quoted) if len(quoted) else positions
    weight = _WORDS_WEIGHT if is_own else _OTHER_WORDS_WEIGHT
    if question.vector is not None and partition.has_vectors:
        probe = _probe(language, pools, question.language, question.vector)
        positions, products = partition.near(probe.vector, positions, CANDIDATES)
        scores = weight * lexical[positions] + probe.read(products)
    else:
        scores = weight * lexical[positions]
    if len(quoted):
        scores = scores + _VERBATIM * np.isin(positions, quoted)
    return _Candidates(
        partition.chunks[positions],
        partition.articles[positions],
        partition.families[positions],
        partition.sections[positions],
        scores + _OWN_LANGUAGE if is_own else scores,
    )


def _quoted(view: View, among: LoadedPartition, question: str) -> Numbers:
    """Where something of several words that the question quotes, a message or a command, stands as it is."""
    phrases = [one or other for one, other in _QUOTED.findall(question)]
    found = [
        view.verbatim(among, phrase)
        for phrase in phrases[:_PHRASES]
        if len(set(terms(phrase, among.partition.language))) > 1
    ]
    return np.unique(np.concatenate(found)) if found else np.zeros(0, np.int64)


def _pools(partitions: Sequence[LoadedPartition]) -> dict[Language, Pool]:
    parts: dict[Language, list[Spread]] = {}
    for one in partitions:
        if one.cloud is not None:
            parts.setdefault(one.partition.language, []).append(one.cloud)
    return {language: Pool(spreads) for language, spreads in parts.items()}


def _probe(
    among: Language, pools: Mapping[Language, Pool], language: Language | None, vector: Vectors
) -> Probe:
    pool = pools.get(among)
    if language in (None, among):
        return Probe.own(vector, pool)
    return Probe.across(vector, pool, pools.get(language) if language else None)


def _lexical(partition: LoadedPartition, words: Sequence[str]) -> tuple[Scores, Numbers]:
    """BM25 of every position in standard deviations of the best matches' scores, and where it is highest."""
    found, positions = partition.lexical(words)
    if len(positions):
        scores = found[positions]
        best = _highest(scores, _MATCHES)
        if len(best) < len(scores):
            found[found < scores[best].min()] = 0
        positions, scores = positions[best], scores[best]
        found /= max(float(scores.std()), _NARROWEST)
        positions = positions[_highest(scores, CANDIDATES)]
    return found, positions


def _highest(scores: Scores, limit: int) -> Numbers:
    """Where the highest are, in no order."""
    if len(scores) <= limit:
        return np.arange(len(scores))
    return np.argpartition(scores, -limit)[-limit:]


def _passages(view: View, found: _Candidates, words: _Words, question: Question, limit: int) -> list[Passage]:
    """The best sections of the best articles, one of each family of articles that are nearly the same."""
    if not len(found.scores):
        return []
    ranked = _ranked(view, found, words, question, _TWINS * limit)
    listed: list[tuple[float, int, list[int]]] = []
    for one in _families(found, ranked, limit):
        for number, place in enumerate(_sections(found, one.places)[:_SECTIONS]):
            behind = float(found.scores[one.places[0]] - found.scores[place])
            listed.append((one.score - number * _FURTHER_SECTION - _BEHIND * behind, place, one.twins))
    listed.sort(key=itemgetter(0), reverse=True)
    shown = listed[:limit]
    # Texts are read of what is shown alone.
    places = [at for _, place, twins in shown for at in (place, *twins)]
    chunks = view.reading.chunks(found.chunks[places].tolist())
    return [
        passage_of(
            chunks[int(found.chunks[place])],
            score,
            tuple(chunks[int(found.chunks[twin])].path for twin in twins),
        )
        for score, place, twins in shown
    ]


@dataclass(frozen=True, slots=True)
class _Scored:
    """An article among the candidates."""

    score: float
    places: Numbers  #: of its chunks, best first
    twins: list[int] = field(default_factory=list)  #: the best places of articles that are nearly the same


def _ranked(view: View, found: _Candidates, words: _Words, question: Question, limit: int) -> list[_Scored]:
    """An article's score is that of its best chunk and, for less, of its second best."""
    places = np.lexsort((-found.scores, found.articles))  # article by article, each from its best chunk on
    articles, starts, counts = np.unique(found.articles[places], return_index=True, return_counts=True)
    first = found.scores[places[starts]]
    # An article's other chunks that were no candidates are taken for middling ones.
    sizes = np.sum([one.sizes(articles) for one in view.partitions], axis=0)
    second = np.where(sizes > 1, np.minimum(first, np.median(found.scores)), first)
    several = counts > 1
    second[several] = found.scores[places[starts[several] + 1]]
    scores = (first + _SECOND_CHUNK * second) / (1 + _SECOND_CHUNK)
    scores = scores + _WHOLE_ARTICLE * _whole(view, articles, words, question)
    return [
        _Scored(float(scores[at]), places[starts[at] : starts[at] + min(counts[at], _CHUNKS_READ)])
        for at in np.argsort(-scores, kind="stable")[:limit]
    ]


def _whole(view: View, articles: Numbers, words: _Words, question: Question) -> Scores:
    """What the words of whole articles say, in deviations as for chunks; nothing across languages."""
    found: Scores = np.zeros(len(articles), np.float32)
    for one in view.partitions:
        language = one.partition.language
        if question.language not in (None, language):
            continue
        scores = one.whole.scores(words[language])
        met = scores[scores > 0]
        if len(met):
            places = np.searchsorted(one.whole.ids, articles)
            places[places == len(one.whole.ids)] = 0
            is_here = one.whole.ids[places] == articles
            found[is_here] = np.maximum(
                found[is_here], scores[places[is_here]] / max(float(met.std()), _NARROWEST)
            )
    return found


def _families(found: _Candidates, ranked: Sequence[_Scored], limit: int) -> list[_Scored]:
    shown: dict[int, _Scored] = {}
    for one in ranked:
        best = int(one.places[0])
        family = int(found.families[best])
        if family in shown:
            shown[family].twins.append(best)
        elif len(shown) < limit:
            shown[family] = one
    return list(shown.values())


def _sections(found: _Candidates, places: Numbers) -> list[int]:
    """Where the best chunk of each section of an article is, best first."""
    best: dict[int, int] = {}
    for place in places.tolist():
        best.setdefault(int(found.sections[place]), place)
    return list(best.values())
