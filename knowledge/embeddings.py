"""What the embedder has already made: text digest → vector, in a file beside the versions of the index."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from contextlib import closing
from pathlib import Path

import numpy as np
import numpy.typing as npt

from knowledge.embedding import Vectors

_BATCH = 1_000
_SCHEMA = """CREATE TABLE IF NOT EXISTS vectors (
    id INTEGER PRIMARY KEY AUTOINCREMENT, digest TEXT NOT NULL UNIQUE, vector BLOB NOT NULL
) STRICT"""
_NO_COPIES = np.uint32(0x8FFF_E000).astype(np.int32)  #: of the sign, which a wider whole number begins with
_EXPONENTS = np.float32(2.0**112)  #: exponents are counted from -15 in a half, and from -127 in a single
_STORED = np.dtype("<f2")  #: sixteen bits: a dot product changes in the fifth digit, the file halves


class Embeddings:
    """The file. Nothing in it refers to articles, so that it outlives every version of the index.

    Each call opens it anew, as the catalogue does.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def add(self, digests: Sequence[str], vectors: Vectors) -> None:
        """Remember some, at once: what was embedded is never embedded again."""
        rows = zip(digests, (row.tobytes() for row in vectors.astype(_STORED)), strict=True)
        with closing(self._connect()) as database, database:
            database.execute(_SCHEMA)
            database.executemany("INSERT OR REPLACE INTO vectors (digest, vector) VALUES (?, ?)", rows)

    def known(self) -> set[str]:
        """The digests."""
        if not self.path.exists():
            return set()
        with closing(self._connect()) as database:
            return {digest for (digest,) in database.execute("SELECT digest FROM vectors")}

    def get(self, digests: Sequence[str]) -> Iterator[tuple[list[str], Vectors]]:
        """The vectors of some that are known, in batches."""
        with closing(self._connect()) as database:
            for start in range(0, len(digests), _BATCH):
                rows = database.execute(
                    "SELECT digest, vector FROM vectors WHERE digest IN (SELECT value FROM json_each(?))",
                    (json.dumps(list(digests[start : start + _BATCH])),),
                ).fetchall()
                if rows:
                    stacked = np.frombuffer(b"".join(row[1] for row in rows), _STORED)
                    yield [row[0] for row in rows], stacked.reshape(len(rows), -1).astype(np.float32)

    def keep(self, needed: AbstractSet[str]) -> None:
        """Forget all others: words that were withdrawn leave nothing behind."""
        surplus = [(digest,) for digest in self.known() - needed]
        if surplus:
            with closing(self._connect()) as database, database:
                database.executemany("DELETE FROM vectors WHERE digest = ?", surplus)

    def rows_after(self, last: int) -> tuple[list[str], npt.NDArray[np.float16], int]:
        """Digests and vectors that were added after a number, and the highest number now."""
        if not self.path.exists():
            return [], np.zeros((0, 0), _STORED), last
        with closing(self._connect()) as database:
            rows = database.execute(
                "SELECT id, digest, vector FROM vectors WHERE id > ? ORDER BY id", (last,)
            ).fetchall()
        if not rows:
            return [], np.zeros((0, 0), _STORED), last
        stacked = np.frombuffer(b"".join(row[2] for row in rows), _STORED).reshape(len(rows), -1)
        return [row[1] for row in rows], stacked, rows[-1][0]

    def _connect(self) -> sqlite3.Connection:
        database = sqlite3.connect(self.path, timeout=30)
        database.execute("PRAGMA journal_mode = WAL")
        database.execute("PRAGMA synchronous = NORMAL")
        return database


def singles(halves: npt.NDArray[np.float16]) -> Vectors:
    """The same numbers in 32 bits. numpy converts one at a time, which takes seven times as long."""
    bits = halves.view("<i2").astype(np.int32)
    bits <<= 13  # where a single has its fraction and its exponent; the sign is at the top in both
    bits &= _NO_COPIES
    numbers: Vectors = bits.view(np.float32)
    numbers *= _EXPONENTS
    return numbers


class EmbeddingsInMemory:
    """All vectors of the file in memory; `refresh` adds what is new."""

    def __init__(self, file: Embeddings) -> None:
        self._file = file
        self._last = 0
        self._rows: dict[str, int] = {}
        self._vectors: npt.NDArray[np.float16] = np.zeros((0, 0), _STORED)

    def refresh(self) -> None:
        """Read what was written since."""
        digests, vectors, self._last = self._file.rows_after(self._last)
        if not digests:
            return
        start = len(self._vectors)
        self._vectors = np.concatenate([self._vectors, vectors]) if start else vectors
        self._rows.update((digest, start + place) for place, digest in enumerate(digests))

    @property
    def rows(self) -> Mapping[str, int]:
        """Digest → row."""
        return self._rows

    @property
    def vectors(self) -> npt.NDArray[np.float16]:
        """Row → vector."""
        return self._vectors
