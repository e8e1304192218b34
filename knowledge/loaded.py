"""The current version of the index in memory: arrays that a search reckons with."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import structlog

from bot.core.errors import UserFacingError
from bot.core.model import Audience
from knowledge.embedding import Embedder, Vectors
from knowledge.embeddings import EmbeddingsInMemory
from knowledge.geometry import Spread
from knowledge.languages import terms
from knowledge.postings import Holders, Numbers, Scores
from knowledge.reading import Partition, Reading
from knowledge.vectors import ChromaServer, VectorStore
from knowledge.versions import Lease, Place, current_place, embeddings_for, leased_place, place_for
from knowledge.whole_articles import WholeArticles

EXACT_BELOW = 20_000  #: vectors that are compared one by one, quicker than chromadb looks anything up
NEIGHBOURS = "neighbours"  #: the fact in the catalogue that says where those are: embedded, or on a server
_LOOKED_THROUGH = 1_000  #: chunks with all the words of a phrase, whose texts are read for it
_REMEMBERED = 4_000_000  #: entries of word lists that are kept in memory, about 50 MB

log = structlog.get_logger()


class IndexMissing(UserFacingError):
    """Nothing has been indexed yet."""


class LoadedPartition:
    """One partition as it was at one generation. A *position* counts its chunks in the order of numbers."""

    def __init__(
        self,
        partition: Partition,
        reading: Reading,
        held: EmbeddingsInMemory | None,
        store: Callable[[], VectorStore] | None,
        entries: Callable[[int, str], bytes],
    ) -> None:
        rows = reading.rows(partition)
        self.partition = partition
        self.chunks = np.array([row[0] for row in rows], np.int64)
        self.articles = np.array([row[1] for row in rows], np.int64)
        self.families = np.array([row[2] for row in rows], np.int64)
        self._by_article = np.sort(self.articles)
        self.sections = np.array([hash(row[5]) for row in rows], np.int64)  #: equal within an article, or not
        cloud = reading.cloud(partition)
        self.cloud: Spread | None = cloud.spread() if cloud and cloud.count else None
        self._lengths = np.array([row[3] for row in rows], np.float32)
        self._digests = [row[4] for row in rows]
        self._entries = entries
        self.whole = WholeArticles(
            self.chunks, self.articles, self._lengths, lambda word: entries(partition.id, word)
        )
        self._holders: dict[str, Holders] = {}
        self._remembered = 0
        self._store = store
        self._held = held
        self._rows = np.array(
            [held.rows.get(digest, -1) for digest in self._digests] if held else [], np.int64
        )
        self._exact = (
            self._gather(np.arange(len(rows))) if self.has_vectors and len(rows) < EXACT_BELOW else None
        )
        self._positions: dict[str, list[int]] | None = None

    def __len__(self) -> int:
        return len(self.chunks)

    @property
    def has_vectors(self) -> bool:
        """Whether meaning can be compared, or words alone."""
        return self._held is not None and bool((self._rows >= 0).any())

    def sizes(self, articles: Numbers) -> Numbers:
        """How many chunks of articles are in here."""
        starts = np.searchsorted(self._by_article, articles)
        return np.searchsorted(self._by_article, articles, side="right") - starts

    # -- words ------------------------------------------------------------------

    def lexical(self, words: Sequence[str]) -> tuple[Numbers, Scores]:
        """Positions of all chunks with any of the words, and their BM25, in the order of positions."""
        scores = np.zeros(len(self), np.float32)
        found = [self._having(word) for word in dict.fromkeys(words)]
        for holders in found:
            scores[holders.positions] += holders.scores  # a chunk occurs once in a list
        positions = np.flatnonzero(scores)
        return positions, scores[positions]

    def with_all(self, words: Sequence[str]) -> Numbers:
        """Positions of the chunks with all of the words; none without words."""
        lists = sorted((self._having(word).positions for word in dict.fromkeys(words)), key=len)
        if not lists:
            return np.zeros(0, np.int64)
        found = lists[0]
        for other in lists[1:]:
            found = np.intersect1d(found, other, assume_unique=True)
        return found

    def frequency(self, word: str) -> int:
        """How many chunks have it."""
        return len(self._having(word).positions)

    def _having(self, word: str) -> Holders:
        held = self._holders.get(word)
        if held is None:
            if self._remembered > _REMEMBERED:
                self._holders.clear()
                self._remembered = 0
            held = Holders.read(self._entries(self.partition.id, word), self.chunks, self._lengths)
            self._holders[word] = held
            self._remembered += len(held.positions) + 1
        return held

    # -- meaning ----------------------------------------------------------------

    def nearest(self, vector: Vectors, limit: int) -> Numbers:
        """Positions of the nearest chunks, in no order."""
        if not self.has_vectors or not len(self):
            return np.zeros(0, np.int64)
        if self._exact is None and self._store is not None:
            try:
                return self._neighbours(self._store().query(self.partition, vector, limit=limit))
            except Exception as error:  # noqa: BLE001 - chromadb's are of many kinds, and there is another way
                log.warning("neighbours_unavailable", error=type(error).__name__)
        if len(self) <= limit:
            return np.arange(len(self))
        everything = slice(None) if self._exact is not None else np.arange(len(self))
        return np.argpartition(self.products(vector, everything), -limit)[-limit:]

    def near(self, vector: Vectors, besides: Numbers, limit: int) -> tuple[Numbers, Scores]:
        """Positions of the nearest chunks and of certain others, and their dot products."""
        if self._exact is None or len(self) <= limit:
            positions = np.union1d(besides, self.nearest(vector, limit))
            return positions, self.products(vector, positions)
        products = self.products(vector, slice(None))
        positions = np.union1d(besides, np.argpartition(products, -limit)[-limit:])
        return positions, products[positions]

    def products(self, vector: Vectors, positions: Numbers | slice) -> Scores:
        """Dot products with certain chunks; one without a vector counts as a middling one."""
        rows = self._exact[positions] if self._exact is not None else self._gather(positions)
        found: Scores = np.vecdot(rows, vector)  # `@` starts threads, and waits for them when others work
        missing = self._rows[positions] < 0
        if missing.any():
            found[missing] = float(vector @ self.cloud.mean) if self.cloud else 0.0
        return found

    def vectors(self, positions: Numbers) -> npt.NDArray[np.float32]:
        """The vectors of chunks, as rows."""
        return self._exact[positions] if self._exact is not None else self._gather(positions)

    def _gather(self, positions: Numbers | slice) -> npt.NDArray[np.float32]:
        assert self._held is not None
        return self._held.vectors[self._rows[positions]].astype(np.float32)

    def _neighbours(self, digests: Sequence[str]) -> Numbers:
        if self._positions is None:
            self._positions = {}
            for position, digest in enumerate(self._digests):
                self._positions.setdefault(digest, []).append(position)
        known = (self._positions.get(digest, ()) for digest in digests)
        return np.array([position for positions in known for position in positions], np.int64)


@dataclass(frozen=True, slots=True)
class View:
    """What one search reads: the same generation of everything, and only what its reader may read."""

    reading: Reading
    partitions: Sequence[LoadedPartition]

    def verbatim(self, among: LoadedPartition, phrase: str) -> Numbers:
        """Positions of the chunks in which a phrase, say an error message, stands as it is but for case."""
        near = among.with_all(terms(phrase, among.partition.language))[:_LOOKED_THROUGH]
        having = self.reading.holding(among.chunks[near].tolist(), phrase)
        return near[np.isin(among.chunks[near], having)]


class _Version:
    """A version that is open: held against sweeping, read through one connection."""

    def __init__(
        self,
        place: Place,
        lease: Lease,
        held: EmbeddingsInMemory | None,
        server: ChromaServer | None,
    ) -> None:
        self.place = place
        self._lease = lease
        self._held = held
        self._server = server
        self._store: VectorStore | None = None
        self._database = place.catalogue.connect(shared=True)
        self._generation: str | None = None
        self._partitions: list[LoadedPartition] = []

    def close(self) -> None:
        if self._store is not None:
            self._store.close()
        self._database.close()
        self._lease.release()

    @contextmanager
    def reading(self) -> Iterator[tuple[Reading, list[LoadedPartition]]]:
        """One transaction, and the arrays of the generation that it sees."""
        self._database.execute("BEGIN")
        try:
            reading = Reading(self._database)
            generation = reading.meta("generation")
            if generation != self._generation:
                self._load(reading)
                self._generation = generation
            yield reading, self._partitions
        finally:
            self._database.execute("ROLLBACK")

    def _load(self, reading: Reading) -> None:
        if self._held is not None:
            self._held.refresh()
        if self._store is not None:
            self._store.reopen()
        # The indexer says where neighbours lie; without them all are compared, which is slower and exact.
        is_here = reading.meta(NEIGHBOURS) == ("server" if self._server else "embedded")
        store = self._opened_store if self._held is not None and is_here else None
        self._partitions = [
            LoadedPartition(partition, reading, self._held, store, reading.entries)
            for partition in reading.partitions()
        ]

    def _opened_store(self) -> VectorStore:
        if self._store is None:
            self._store = open_store(self.place, self._server)
        return self._store


class LiveIndex:
    """The index that is searched. Thread-safe; sees what another process has indexed or swapped since."""

    def __init__(
        self, index_dir: Path, embedder: Embedder | None, server: ChromaServer | None = None
    ) -> None:
        self._index_dir = index_dir
        self._embedder = embedder
        self._server = server
        self._guard = threading.RLock()  # one connection and one client serve all threads, in turns
        self._version: _Version | None = None

    def close(self) -> None:
        """Release the files."""
        with self._guard:
            if self._version is not None:
                self._version.close()
            self._version = None

    @contextmanager
    def view(self, reader: Audience) -> Iterator[View]:
        """What `reader` may read, as it is now."""
        with self._guard, self._current().reading() as (reading, partitions):
            readable = [one for one in partitions if one.partition.audience.may_reach(reader) and len(one)]
            yield View(reading, readable)

    def _current(self) -> _Version:
        found = current_place(self._index_dir)
        if self._version is not None and found == self._version.place:
            return self._version
        leased = leased_place(self._index_dir)
        if leased is None:
            raise IndexMissing("There is no index yet; run `python -m bot kb index DIR`.")
        self.close()
        place, lease = leased
        self._version = _Version(place, lease, self._embeddings(place), self._server)
        return self._version

    def _embeddings(self, place: Place) -> EmbeddingsInMemory | None:
        """Vectors of another model cannot be compared with this one's: words alone must do."""
        if self._embedder is None:
            return None
        if place != place_for(self._index_dir, self._embedder):
            log.warning("index_of_another_embedder", version=place.name, embedder=self._embedder.name)
            return None
        return EmbeddingsInMemory(embeddings_for(self._index_dir, self._embedder))


def open_store(place: Place, server: ChromaServer | None) -> VectorStore:
    """The neighbours of a version."""
    return VectorStore.at(server, place.name) if server else VectorStore.embedded(place.chroma)
