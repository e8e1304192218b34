"""A second embedder: words hashed into a vector. No meaning, no weights, always the same."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence

import numpy as np

from knowledge.embedding import Vectors, unit

_SIZE = 64


class HashEmbedder:
    """Texts that share words are near to each other. Counts what it was given."""

    def __init__(self, name: str = "hash-1", size: int = _SIZE) -> None:
        self._name = name
        self._size = size
        self.passages: list[str] = []

    @property
    def name(self) -> str:
        return self._name

    @property
    def dimension(self) -> int:
        return self._size

    def embed_queries(self, texts: Sequence[str]) -> Vectors:
        return self._embed(texts)

    def embed_passages(self, texts: Sequence[str]) -> Vectors:
        self.passages.extend(texts)
        return self._embed(texts)

    def _embed(self, texts: Sequence[str]) -> Vectors:
        vectors = np.zeros((len(texts), self._size), np.float32)
        for row, text in enumerate(texts):
            for word in re.findall(r"\w+", text.lower()):
                digest = hashlib.sha256(word.encode()).digest()
                vectors[row, int.from_bytes(digest[:2], "little") % self._size] += 1
        return unit(vectors)
