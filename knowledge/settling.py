"""Vectors follow the words: after a refresh the store holds what the catalogue refers to, and no more."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import closing

import numpy as np

from knowledge.catalogue import Writing
from knowledge.embedding import Vectors
from knowledge.embeddings import Embeddings
from knowledge.geometry import Cloud
from knowledge.loaded import NEIGHBOURS, open_store
from knowledge.reading import Partition
from knowledge.vectors import ChromaServer, VectorStore
from knowledge.versions import Place

_UNSETTLED = "unsettled"  #: a file that stands from the first change to the store until the last


class Replicas:
    """On a Chroma server lies what other replicas have embedded: taking it is cheaper than doing it again."""

    def __init__(self, place: Place, server: ChromaServer) -> None:
        self._store = open_store(place, server)

    def close(self) -> None:
        """Release the connection."""
        self._store.close()

    def take(self, wanted: Mapping[str, Partition]) -> Iterator[tuple[list[str], Vectors]]:
        """The vectors that are there, of digests and the partitions that they belong to."""
        for partition in dict.fromkeys(wanted.values()):
            digests = [digest for digest, where in wanted.items() if where == partition]
            yield from self._store.vectors(partition, digests)


class Settlement:
    """Brings a version's store to what its catalogue says, before and after the catalogue's transaction.

    Before it vectors are added, after it they are removed: at no moment the words point at a vector that is
    missing. A crash leaves a mark behind, and then both sides are compared in full.
    """

    def __init__(self, place: Place, embeddings: Embeddings, server: ChromaServer | None) -> None:
        self._place = place
        self._embeddings = embeddings
        self._server = server
        self._mark = place.folder / _UNSETTLED
        with place.catalogue.reading() as reading:
            self._before = {one: reading.digests(one) for one in reading.partitions()}
        self._surplus: dict[Partition, set[str]] = {}
        self._needed: set[str] = set()

    def before_commit(self, writing: Writing) -> None:
        """Add what is new to the store and to what is known of the clouds."""
        where = "server" if self._server else "embedded"
        if writing.meta(NEIGHBOURS) != where:
            writing.set_meta(NEIGHBOURS, where)
            writing.next_generation()
        with closing(open_store(self._place, self._server)) as store:
            was_broken = self._mark.exists()
            for partition in writing.partitions():
                before, after = self._before.get(partition, set()), writing.digests(partition)
                self._needed |= after
                if before != after:
                    writing.set_cloud(partition, self._moved(writing.cloud(partition), before, after))
                self._add(store, partition, before, after, was_broken=was_broken)

    def after_commit(self) -> None:
        """Remove what is not needed any more."""
        if any(self._surplus.values()):
            with closing(open_store(self._place, self._server)) as store:
                for partition, digests in self._surplus.items():
                    if digests:
                        store.delete(partition, sorted(digests))
        self._embeddings.keep(self._needed)
        self._mark.unlink(missing_ok=True)

    def _add(
        self, store: VectorStore, partition: Partition, before: set[str], after: set[str], *, was_broken: bool
    ) -> None:
        stored = before
        if was_broken or store.count(partition) != len(before):
            stored = store.digests(partition)
        # A server also holds vectors of replicas that are ahead or behind: those are not ours to remove.
        self._surplus[partition] = (stored & before if self._server else stored) - after
        missing = sorted(after - stored)
        if missing or self._surplus[partition]:
            self._mark.touch()
        for digests, vectors in self._embeddings.get(missing):
            store.upsert(partition, digests, vectors)

    def _moved(self, cloud: Cloud | None, before: set[str], after: set[str]) -> Cloud | None:
        """The cloud after some vectors came and some went, without a look at all the others."""
        if cloud is None:
            return self._cloud(after)
        came, went = self._cloud(after - before), self._cloud(before - after)
        moved = Cloud.together([cloud, came] if came else [cloud])
        if moved is None or went is None:
            return moved
        left = moved.without(went)
        return left if left.count else None

    def _cloud(self, digests: set[str]) -> Cloud | None:
        batches = self._embeddings.get(sorted(digests))
        return Cloud.together([Cloud.of(np.asarray(vectors)) for _, vectors in batches])
