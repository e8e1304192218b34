"""The current version of the index in memory: arrays that a search reckons with."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import structlog

from bot.core.errors import UserFacingError
from bot.core.model import Audience
from knowledge.embedding import Embedder
from knowledge.embeddings import EmbeddingsInMemory
from knowledge.languages import terms
from knowledge.partitions import LoadedPartition
from knowledge.postings import Numbers
from knowledge.reading import Reading
from knowledge.vectors import ChromaServer, VectorStore
from knowledge.versions import (
    Lease,
    Place,
    current_place,
    embeddings_for,
    leased_place,
    place_for,
    pointer_state,
)

NEIGHBOURS = "neighbours"  #: the fact in the catalogue that says where those are: embedded, or on a server
_LOOKED_THROUGH = 1_000  #: chunks with all the words of a phrase, whose texts are read for it

log = structlog.get_logger()


class IndexMissing(UserFacingError):
    """Nothing has been indexed yet."""


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
        self._pointed: tuple[int, int] | None = None

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
        pointed = pointer_state(self._index_dir)
        if self._version is not None and pointed == self._pointed:
            return self._version
        if self._version is not None and current_place(self._index_dir) == self._version.place:
            self._pointed = pointed  # it was written again, and says the same
            return self._version
        leased = leased_place(self._index_dir)
        if leased is None:
            raise IndexMissing("There is no index yet; run `python -m bot kb index DIR`.")
        self.close()
        place, lease = leased
        self._version = _Version(place, lease, self._embeddings(place), self._server)
        # If it has been swapped meanwhile this is older than the file, and the next search looks again.
        self._pointed = pointed
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
