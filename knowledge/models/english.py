"""What the models of English have in common: a tokenizer, and a graph that takes its numbers."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from knowledge.embedding import EmbedderUnavailable, Vectors
from knowledge.models.running import open_session


class EnglishEmbedder:
    """One model, open. Questions and passages are read alike."""

    def __init__(
        self, tokenizer: Path, graph: Path, *, name: str, dimension: int, longest: int, threads: int = 2
    ) -> None:
        from tokenizers import Tokenizer  # noqa: PLC0415 - only for these models

        self._name = name
        self._dimension = dimension
        self._tokenizer: Any = Tokenizer.from_file(str(tokenizer))
        self._tokenizer.enable_truncation(longest)
        self._tokenizer.no_padding()
        self._session = open_session(graph, threads=threads)

    @property
    def name(self) -> str:
        return self._name

    @property
    def dimension(self) -> int:
        return self._dimension

    def embed_queries(self, texts: Sequence[str]) -> Vectors:
        return self.embed_passages(texts)

    def embed_passages(self, texts: Sequence[str]) -> Vectors:
        if not texts:
            return np.zeros((0, self.dimension), np.float32)
        return np.concatenate([self._embed(text) for text in texts])

    def ids(self, text: str) -> list[int]:
        """The pieces of a text by their numbers, between the marks of begin and end."""
        pieces: list[int] = self._tokenizer.encode(text).ids
        return pieces

    def _embed(self, text: str) -> Vectors:
        vector: Vectors = self._session.run(None, {"ids": np.array(self.ids(text), np.int64)})[0]
        return vector


def verify(path: Path, expected: str, *, install: str) -> None:
    """Refuse a file that is not the one that was looked at."""
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    if digest != expected:
        raise EmbedderUnavailable(f"{path} is not the expected file (sha256 {digest}): {install}.")
