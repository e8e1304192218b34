"""A partition of the index in memory: arrays that a search reckons with."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt
import structlog

from knowledge.coarse import CoarseVectors
from knowledge.embedding import Vectors
from knowledge.embeddings import EmbeddingsInMemory, singles
from knowledge.geometry import Spread
from knowledge.postings import Holders, Numbers, Scores
from knowledge.reading import Partition, Reading
from knowledge.vectors import VectorStore
from knowledge.whole_articles import WholeArticles

EXACT_BELOW = 2_000  #: vectors that are compared one by one
COARSE_BELOW = 200_000  #: and that are looked at coarsely first; chromadb is quicker with more than these
_SURELY = 1.5  #: times as many as are wanted hold all of the nearest when they are chosen coarsely
_REMEMBERED = 4_000_000  #: entries of word lists that are kept in memory, about 50 MB

log = structlog.get_logger()


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
        self._ids, self._sizes = np.unique(self.articles, return_counts=True)
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
        self.has_vectors = bool((self._rows >= 0).any())  #: whether meaning can be compared, or words alone
        self._is_complete = bool((self._rows >= 0).all())
        few = self.has_vectors and len(rows) < EXACT_BELOW
        self._exact = self._gather(slice(None)) if few else None
        many = self.has_vectors and EXACT_BELOW <= len(rows) < COARSE_BELOW
        self._coarse = CoarseVectors(len(rows), self._gather) if many else None
        self._positions: dict[str, list[int]] | None = None

    def __len__(self) -> int:
        return len(self.chunks)

    def sizes(self, articles: Numbers) -> Numbers:
        """How many chunks of articles are in here."""
        if not len(self):
            return np.zeros(len(articles), np.int64)
        places = np.minimum(np.searchsorted(self._ids, articles), len(self._ids) - 1)
        return np.where(self._ids[places] == articles, self._sizes[places], 0)

    # -- words ------------------------------------------------------------------

    def lexical(self, words: Sequence[str]) -> tuple[Scores, Numbers]:
        """BM25 of every chunk, and the positions of those with any of the words, in their order."""
        scores = np.zeros(len(self), np.float32)
        found = [self._having(word) for word in dict.fromkeys(words)]
        for holders in found:
            scores[holders.positions] += holders.scores  # a chunk occurs once in a list
        return scores, np.flatnonzero(scores > 0)  # numpy looks through truth values in half the time

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

    def near(self, vector: Vectors, besides: Numbers, limit: int) -> tuple[Numbers, Scores]:
        """Positions of the nearest chunks and of certain others, and their dot products."""
        if not self.has_vectors or not len(self):
            return besides, np.zeros(len(besides), np.float32)
        likely = self._likely(vector, limit)
        positions = np.arange(len(self)) if likely is None else np.union1d(besides, likely)
        products = self.products(vector, slice(None) if likely is None else positions)
        if len(positions) <= limit:
            return positions, products
        chosen = np.zeros(len(positions), bool)
        chosen[np.argpartition(products, -limit)[-limit:]] = True
        chosen[np.searchsorted(positions, besides)] = True
        return positions[chosen], products[chosen]

    def nearest(self, vector: Vectors, limit: int) -> Numbers:
        """Positions of the nearest chunks, in their order."""
        return self.near(vector, np.zeros(0, np.int64), limit)[0]

    def _likely(self, vector: Vectors, limit: int) -> Numbers | None:
        """Positions among which the nearest chunks are; None: among all."""
        if self._coarse is not None:
            return self._coarse.nearest(vector, min(int(_SURELY * limit), len(self)))
        if self._exact is None and self._store is not None:
            try:
                return self._neighbours(self._store().query(self.partition, vector, limit=limit))
            except Exception as error:  # noqa: BLE001 - chromadb's are of many kinds, and there is another way
                log.warning("neighbours_unavailable", error=type(error).__name__)
        return None

    def products(self, vector: Vectors, positions: Numbers | slice) -> Scores:
        """Dot products with certain chunks; one without a vector counts as a middling one."""
        rows = self._exact[positions] if self._exact is not None else self._gather(positions)
        found: Scores = np.vecdot(rows, vector)  # `@` starts threads, and waits for them when others work
        if not self._is_complete:
            found[self._rows[positions] < 0] = float(vector @ self.cloud.mean) if self.cloud else 0.0
        return found

    def vectors(self, positions: Numbers) -> npt.NDArray[np.float32]:
        """The vectors of chunks, as rows."""
        return self._exact[positions] if self._exact is not None else self._gather(positions)

    def _gather(self, positions: Numbers | slice) -> npt.NDArray[np.float32]:
        assert self._held is not None
        rows = self._rows[positions]
        found = singles(self._held.vectors[rows])
        if not self._is_complete:
            found[rows < 0] = 0.0  # -1 would be the last vector there is
        return found

    def _neighbours(self, digests: Sequence[str]) -> Numbers:
        if self._positions is None:
            self._positions = {}
            for position, digest in enumerate(self._digests):
                self._positions.setdefault(digest, []).append(position)
        known = (self._positions.get(digest, ()) for digest in digests)
        return np.array([position for positions in known for position in positions], np.int64)
