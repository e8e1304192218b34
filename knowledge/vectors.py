"""Vectors on disk: chromadb, one collection for each partition."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import chromadb
import numpy as np
from chromadb.config import Settings

from knowledge.embedding import Vectors
from knowledge.geometry import Cloud

_BATCH = 1_000
# Dot product of unit vectors; wider searches than the default because many neighbours are asked for.
_SPACE = {"hnsw": {"space": "ip", "ef_construction": 200, "ef_search": 300, "max_neighbors": 24}}


class VectorStore:
    """One long-lived client; a second process's changes are seen after `reopen`.

    Partitions are collections: a metadata filter costs ten times the search it filters.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._opening = threading.Lock()
        self._client = self._open()

    def _open(self) -> Any:
        self._folder.mkdir(parents=True, exist_ok=True)
        settings = Settings(anonymized_telemetry=False, is_persistent=True, allow_reset=False)
        return chromadb.PersistentClient(str(self._folder), settings=settings)

    def close(self) -> None:
        """Release the files."""
        self._client.close()

    def reopen(self) -> None:
        """Forget what was read: another process may have written."""
        with self._opening:
            self._client.close()
            self._client = self._open()

    def upsert(self, partition: int, digests: Sequence[str], vectors: Vectors) -> None:
        """Add vectors, or put them in the place of those with the same digests."""
        collection = self._collection(partition)
        for start in range(0, len(digests), _BATCH):
            end = start + _BATCH
            collection.upsert(ids=list(digests[start:end]), embeddings=vectors[start:end])

    def delete(self, partition: int, digests: Sequence[str]) -> None:
        """Remove vectors."""
        collection = self._collection(partition)
        for start in range(0, len(digests), _BATCH):
            collection.delete(ids=list(digests[start : start + _BATCH]))

    def digests(self, partition: int) -> set[str]:
        """Which vectors there are."""
        return set(self._collection(partition).get(include=[])["ids"])

    def query(self, partition: int, vector: Vectors, *, limit: int) -> dict[str, float]:
        """Dot products with the nearest vectors, by digest."""
        found = self._collection(partition).query(
            query_embeddings=vector[np.newaxis], n_results=limit, include=["distances"]
        )
        pairs = zip(found["ids"][0], found["distances"][0], strict=True)
        return {digest: 1.0 - distance for digest, distance in pairs}

    def products(self, partition: int, digests: Sequence[str], vector: Vectors) -> dict[str, float]:
        """Dot products with certain vectors, by digest; those that are missing are left out."""
        found = self._collection(partition).get(ids=list(digests), include=["embeddings"])
        if not found["ids"]:
            return {}
        return dict(zip(found["ids"], (np.asarray(found["embeddings"]) @ vector).tolist(), strict=True))

    def cloud(self, partition: int) -> Cloud | None:
        """How all the vectors lie."""
        collection = self._collection(partition)
        pages = (
            collection.get(include=["embeddings"], limit=_BATCH, offset=start)["embeddings"]
            for start in range(0, collection.count(), _BATCH)
        )
        return Cloud.together(Cloud.of(np.asarray(page)) for page in pages)

    def _collection(self, partition: int) -> Any:
        return self._client.get_or_create_collection(
            _name(partition), embedding_function=None, configuration=_SPACE
        )


def _name(partition: int) -> str:
    return f"partition-{partition}"
