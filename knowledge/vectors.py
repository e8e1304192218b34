"""Neighbours among many vectors: chromadb, embedded or a server, one collection for each partition."""

from __future__ import annotations

import hashlib
import threading
from base64 import b64encode
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import SplitResult, urlsplit

import chromadb
import numpy as np
from chromadb.config import Settings

from bot.core.errors import UserFacingError
from knowledge.embedding import Vectors
from knowledge.reading import Partition

_BATCH = 1_000
_TIMEOUT = 10  #: seconds that a server may take to do one thing
# Dot product of unit vectors; searches as wide as the most neighbours asked for. What was added since
# the last sync is compared one by one at every query: with the default threshold of 1,000 that is 2 ms.
_SPACE = {
    "hnsw": {
        "space": "ip",
        "ef_construction": 200,
        "ef_search": 160,
        "max_neighbors": 24,
        "sync_threshold": 10,
    }
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ChromaServer:
    """Where a Chroma server listens, and what this installation's collections begin with."""

    url: str = field(repr=False)  #: it may carry a password
    prefix: str = "deskbell"


class VectorStore:
    """One long-lived client; a second process's changes to an embedded one are seen after `reopen`.

    Partitions are collections: a metadata filter costs ten times the search it filters. Their names say which
    version of the index they belong to, so that two live side by side on one server.
    """

    def __init__(self, connect: Callable[[], Any], prefix: str, *, is_embedded: bool = False) -> None:
        self._connect = connect
        self._is_embedded = is_embedded
        self._prefix = prefix
        self._opening = threading.Lock()
        self._client = connect()
        self._collections: dict[str, Any] = {}

    @classmethod
    def embedded(cls, folder: Path) -> VectorStore:
        """In files of ours."""
        folder.mkdir(parents=True, exist_ok=True)
        settings = Settings(anonymized_telemetry=False, is_persistent=True, allow_reset=False)
        return cls(
            lambda: chromadb.PersistentClient(str(folder), settings=settings), "partition", is_embedded=True
        )

    @classmethod
    def at(cls, server: ChromaServer, version: str) -> VectorStore:
        """On a server, under the name of a version."""
        return cls(lambda: _connected(server), f"{server.prefix}-{version}")

    def close(self) -> None:
        """Release the files or the connection."""
        self._collections.clear()
        sessions = _sessions(self._client)
        self._client.close()
        for session in sessions:
            session.close()

    def reopen(self) -> None:
        """Forget what was read from files: another process may have written."""
        if not self._is_embedded:
            return
        with self._opening:
            self.close()
            self._client = self._connect()

    def upsert(self, partition: Partition, digests: Sequence[str], vectors: Vectors) -> None:
        """Add vectors, or put them in the place of those with the same digests."""
        collection = self._collection(partition)
        for start in range(0, len(digests), _BATCH):
            end = start + _BATCH
            collection.upsert(ids=list(digests[start:end]), embeddings=vectors[start:end])

    def delete(self, partition: Partition, digests: Sequence[str]) -> None:
        """Remove vectors."""
        collection = self._collection(partition)
        for start in range(0, len(digests), _BATCH):
            collection.delete(ids=list(digests[start : start + _BATCH]))

    def count(self, partition: Partition) -> int:
        """How many vectors there are."""
        return int(self._collection(partition).count())

    def digests(self, partition: Partition) -> set[str]:
        """Which vectors there are."""
        return set(self._collection(partition).get(include=[])["ids"])

    def vectors(self, partition: Partition, digests: Sequence[str]) -> Iterator[tuple[list[str], Vectors]]:
        """Those of certain digests that there are, in batches."""
        collection = self._collection(partition)
        for start in range(0, len(digests), _BATCH):
            found = collection.get(ids=list(digests[start : start + _BATCH]), include=["embeddings"])
            if found["ids"]:
                yield list(found["ids"]), np.asarray(found["embeddings"], np.float32)

    def query(self, partition: Partition, vector: Vectors, *, limit: int) -> list[str]:
        """Digests of the nearest vectors."""
        found = self._collection(partition).query(
            query_embeddings=vector[np.newaxis], n_results=limit, include=[]
        )
        return list(found["ids"][0])

    def drop(self) -> None:
        """Remove all collections of this version."""
        self._collections.clear()
        for collection in self._client.list_collections():
            if collection.name.startswith(f"{self._prefix}-"):
                self._client.delete_collection(collection.name)

    def _collection(self, partition: Partition) -> Any:
        name = f"{self._prefix}-{_slug(partition)}"
        if name not in self._collections:
            self._collections[name] = self._client.get_or_create_collection(
                name, embedding_function=None, configuration=_SPACE
            )
        return self._collections[name]


def _connected(server: ChromaServer) -> Any:
    parts = urlsplit(server.url)
    named = f"{parts.username or ''}:{parts.password or ''}".encode()
    try:
        client = chromadb.HttpClient(
            host=parts.hostname or "localhost",
            port=parts.port or (443 if parts.scheme == "https" else 80),
            ssl=parts.scheme == "https",
            headers={"Authorization": f"Basic {b64encode(named).decode()}"} if parts.username else None,
            settings=Settings(anonymized_telemetry=False),
        )
    except Exception as error:  # chromadb's are a ValueError, its own, and whatever httpx raises
        raise UserFacingError(f"The Chroma server at {_shown(parts)} does not answer.") from error
    for session in _sessions(client):
        session.timeout = _TIMEOUT
    return client


def _sessions(client: Any) -> list[Any]:
    """What speaks HTTP inside of a client: chromadb gives it no timeout and closes it nowhere."""
    servers = (client._server, client._admin_client._server)  # noqa: SLF001 - there is no other way to them
    return [server._session for server in servers if hasattr(server, "_session")]  # noqa: SLF001 - as above


def _shown(parts: SplitResult) -> str:
    return f"{parts.scheme}://{parts.hostname}" + (f":{parts.port}" if parts.port else "")


def _slug(partition: Partition) -> str:
    """A collection's name has few letters to choose from, an organisation's key has many."""
    audience = hashlib.sha256(str(partition.audience).encode()).hexdigest()[:16]
    return f"{audience}-{partition.language.value}"
