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

    def __init__(self, name: str = "hash-1") -> None:
        self._name = name
        self.passages: list[str] = []

    @property
    def name(self) -> str:
        return self._name

    @property
    def dimension(self) -> int:
        return _SIZE

    def embed_queries(self, texts: Sequence[str]) -> Vectors:
        return self._embed(texts)

    def embed_passages(self, texts: Sequence[str]) -> Vectors:
        self.passages.extend(texts)
        return self._embed(texts)

    def _embed(self, texts: Sequence[str]) -> Vectors:
        vectors = np.zeros((len(texts), _SIZE), np.float32)
        for row, text in enumerate(texts):
            for word in re.findall(r"\w+", text.lower()):
                vectors[row, hashlib.sha256(word.encode()).digest()[0] % _SIZE] += 1
        return unit(vectors)
