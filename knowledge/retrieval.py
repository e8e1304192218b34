"""A question → the passages nearest to it, by meaning and by words."""

from __future__ import annotations

import statistics
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import structlog

from bot.core.errors import UserFacingError
from bot.core.model import Audience
from knowledge.embedding import Embedder, Vectors
from knowledge.geometry import Cloud, Probe
from knowledge.indexing import Place, current_place, place_for
from knowledge.languages import Language, detect, terms
from knowledge.reading import Partition, Reading, StoredChunk
from knowledge.vectors import VectorStore

CANDIDATES = 150  #: chunks that each side proposes, in every partition
_MATCHES = 2_000  #: whose scores say what is a good one
# Fitted on the 61 development questions, where the neighbouring values differ by a question or two.
_WORDS_WEIGHT = 0.4  #: of a lexical standard deviation, a dense one being 1
_OTHER_WORDS_WEIGHT = 0.1  #: likewise, for words in another language than the question's: names, mostly
_OWN_LANGUAGE = 0.5  #: standard deviations that the question's own language is preferred by
_SECOND_CHUNK = 0.5  #: how much an article's second best chunk counts, the best being 1
_NARROWEST = 1.0  #: a deviation of BM25 scores is not taken for less

log = structlog.get_logger()


class IndexMissing(UserFacingError):
    """Nothing has been indexed yet."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What is asked, read once."""

    text: str
    language: Language | None  #: None: nothing tells
    vector: Vectors | None  #: None without an embedder


@dataclass(frozen=True, slots=True, kw_only=True)
class Passage:
    """The best chunk of an article that was found."""

    article: int
    path: str
    title: str
    heading: str
    anchor: str
    url: str  #: with the anchor; empty when the article is published nowhere
    score: float  #: the article's; comparable between questions to the same index
    text: str
    language: Language
    audience: Audience
    revision: str = ""  #: of the article, as an answer that cites it will remember


@dataclass(slots=True)
class _Candidate:
    partition: Partition
    dense: float = 0.0
    lexical: float = 0.0

    def score(self, *, is_own: bool) -> float:
        weight = _WORDS_WEIGHT if is_own else _OTHER_WORDS_WEIGHT
        return self.dense + weight * self.lexical + (_OWN_LANGUAGE if is_own else 0.0)


@dataclass(frozen=True, slots=True)
class _View:
    """What one search reads: the same version of everything."""

    reading: Reading
    partitions: Sequence[Partition]
    clouds: Mapping[Language, Cloud]


@dataclass(slots=True)
class _Opened:
    """The index as it was when it was last looked at."""

    place: Place
    generation: str | None
    store: VectorStore | None
    clouds: dict[int, Cloud] = field(default_factory=dict)


class Searcher:
    """Reads the current index. Thread-safe; sees what another process has indexed since."""

    def __init__(self, index_dir: Path, embedder: Embedder | None) -> None:
        self._index_dir = index_dir
        self._embedder = embedder
        self._guard = threading.RLock()  # chromadb is reopened under the feet of whoever searches it
        self._opened: _Opened | None = None

    def close(self) -> None:
        """Release the files."""
        with self._guard:
            if self._opened and self._opened.store:
                self._opened.store.close()
            self._opened = None

    def read(self, text: str) -> Question:
        """Tell the language and embed."""
        vector = self._embedder.embed_queries([text])[0] if self._embedder else None
        return Question(text=text, language=detect(text), vector=vector)

    def search(self, question: Question, reader: Audience, *, limit: int = 10) -> list[Passage]:
        """The best passage of each of the best articles that `reader` may read, best first."""
        if not question.text.strip():
            return []
        with self._view(reader) as view:
            found = self._candidates(view, question)
            return _passages(view, found, question.language, limit)

    def articles_naming(self, name: str, reader: Audience) -> set[int]:
        """The articles that `reader` may read in which a name occurs."""
        with self._view(reader) as view:
            return {
                article
                for partition in view.partitions
                for article in view.reading.articles_with(partition, terms(name, partition.language))
            }

    def size(self, reader: Audience) -> int:
        """How many chunks `reader` may read."""
        with self._view(reader) as view:
            return view.reading.count_chunks(view.partitions)

    # -- opening ----------------------------------------------------------------

    @contextmanager
    def _view(self, reader: Audience) -> Iterator[_View]:
        with self._guard:
            place = current_place(self._index_dir)
            if place is None:
                raise IndexMissing("There is no index yet; run `python -m bot kb index DIR`.")
            with place.catalogue.reading() as reading:
                opened = self._open(place, reading)
                readable = [one for one in reading.partitions() if one.audience.may_reach(reader)]
                yield _View(reading, readable, _pooled(readable, opened.clouds))

    def _open(self, place: Place, reading: Reading) -> _Opened:
        generation = reading.meta("generation")
        if self._opened and (self._opened.place, self._opened.generation) == (place, generation):
            return self._opened
        if self._opened and self._opened.store:
            self._opened.store.close()
        self._opened = _Opened(place, generation, self._vectors(place, reading))
        for partition in reading.partitions():
            cloud = reading.cloud(partition)
            if cloud is not None:
                self._opened.clouds[partition.id] = cloud
        return self._opened

    def _vectors(self, place: Place, reading: Reading) -> VectorStore | None:
        """Vectors of another model cannot be compared with this one's: words alone must do."""
        if self._embedder is None:
            return None
        if place != place_for(self._index_dir, self._embedder):  # says so even before the first refresh ended
            made_by = reading.meta("embedder")
            log.warning("index_of_another_embedder", index=made_by, embedder=self._embedder.name)
            return None
        return VectorStore(place.chroma)

    # -- scoring ----------------------------------------------------------------

    def _candidates(self, view: _View, question: Question) -> dict[int, _Candidate]:
        found: dict[int, _Candidate] = {}
        store = self._opened.store if self._opened else None
        for partition in view.partitions:
            matches = _lexical(view.reading, partition, question.text)
            near = list(matches)[:CANDIDATES]
            chunks = {chunk: _Candidate(partition, lexical=matches[chunk]) for chunk in near}
            if store is not None and question.vector is not None:
                probe = _probe(view, partition, question.language, question.vector)
                self._add_dense(view, partition, store, probe, chunks)
                for chunk, candidate in chunks.items():
                    candidate.lexical = matches.get(chunk, 0.0)
            found.update(chunks)
        return found

    def _add_dense(
        self,
        view: _View,
        partition: Partition,
        store: VectorStore,
        probe: Probe,
        chunks: dict[int, _Candidate],
    ) -> None:
        near = store.query(partition.id, probe.vector, limit=CANDIDATES)
        known = view.reading.digests(list(chunks))
        missing = sorted(set(known.values()) - near.keys())
        if missing:
            near |= store.products(partition.id, missing, probe.vector)
        for digest, ids in view.reading.by_digest(partition, list(near)).items():
            for chunk in ids:
                chunks.setdefault(chunk, _Candidate(partition)).dense = probe.read(near[digest])


def _pooled(partitions: Sequence[Partition], clouds: Mapping[int, Cloud]) -> dict[Language, Cloud]:
    pooled = {
        language: Cloud.together(
            clouds[one.id] for one in partitions if one.language is language and one.id in clouds
        )
        for language in Language
    }
    return {language: cloud for language, cloud in pooled.items() if cloud is not None}


def _probe(view: _View, partition: Partition, language: Language | None, vector: Vectors) -> Probe:
    cloud = view.clouds.get(partition.language)
    if language in (None, partition.language):
        return Probe.own(vector, cloud)
    return Probe.across(vector, cloud, view.clouds.get(language) if language else None)


def _lexical(reading: Reading, partition: Partition, question: str) -> dict[int, float]:
    """BM25 in standard deviations of the scores of all matches, best first."""
    scores = reading.lexical(partition, terms(question, partition.language), limit=_MATCHES)
    if not scores:
        return {}
    deviation = max(statistics.pstdev(scores.values()), _NARROWEST)
    return {chunk: score / deviation for chunk, score in scores.items()}


def _passages(
    view: _View, found: Mapping[int, _Candidate], language: Language | None, limit: int
) -> list[Passage]:
    scores = {
        number: candidate.score(is_own=language in (None, candidate.partition.language))
        for number, candidate in found.items()
    }
    chunks = view.reading.chunks(list(scores))
    by_article: dict[int, list[StoredChunk]] = {}
    for chunk in sorted(chunks.values(), key=lambda chunk: scores[chunk.id], reverse=True):
        by_article.setdefault(chunk.article, []).append(chunk)
    sizes = view.reading.sizes(list(by_article))
    usual = statistics.median(scores.values()) if scores else 0.0
    passages = []
    for article, best in by_article.items():
        first = scores[best[0].id]
        # An article's other chunks that were no candidates are taken for middling ones.
        others = [scores[best[1].id]] if len(best) > 1 else [min(first, usual)] * (sizes[article] > 1)
        second = others[0] if others else first
        score = (first + _SECOND_CHUNK * second) / (1 + _SECOND_CHUNK)
        passages.append(_passage(best[0], score))
    return sorted(passages, key=lambda passage: passage.score, reverse=True)[:limit]


def _passage(chunk: StoredChunk, score: float) -> Passage:
    return Passage(
        article=chunk.article,
        path=chunk.path,
        title=chunk.title,
        heading=chunk.headings[-1] if chunk.headings else chunk.title,
        anchor=chunk.anchor,
        url=f"{chunk.url}#{chunk.anchor}" if chunk.url and chunk.anchor else chunk.url,
        score=score,
        text=chunk.text,
        language=chunk.language,
        audience=chunk.audience,
        revision=chunk.revision,
    )
