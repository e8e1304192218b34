"""Two models as one: a multilingual one, and for English a second one beside it."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np

from knowledge.embedding import Embedder, Vectors
from knowledge.languages import Language, detect

_WEIGHT = 0.7  #: of the English vector beside the other; measured, see docs/decisions/0017-ranking.md


class PairEmbedder:
    """Vectors side by side: their dot products add up, and the index needs to know nothing of it.

    The English half of a Portuguese text is empty, so that neither model is asked about what it cannot read;
    such a vector is shorter than one, since the other half must weigh the same in every text.
    """

    def __init__(self, multilingual: Embedder, english: Embedder) -> None:
        self._multilingual = multilingual
        self._english = english

    @property
    def name(self) -> str:
        return f"{self._multilingual.name}+{_WEIGHT}*{self._english.name}-1"

    @property
    def dimension(self) -> int:
        return self._multilingual.dimension + self._english.dimension

    def embed_queries(self, texts: Sequence[str]) -> Vectors:
        return self._embed(texts, self._multilingual.embed_queries, self._english.embed_queries)

    def embed_passages(self, texts: Sequence[str]) -> Vectors:
        return self._embed(texts, self._multilingual.embed_passages, self._english.embed_passages)

    def _embed(
        self,
        texts: Sequence[str],
        multilingual: Callable[[Sequence[str]], Vectors],
        english: Callable[[Sequence[str]], Vectors],
    ) -> Vectors:
        found = np.zeros((len(texts), self.dimension), np.float32)
        found[:, : self._multilingual.dimension] = multilingual(texts)
        read = [place for place, text in enumerate(texts) if detect(text) is not Language.PT]
        if read:
            beside = _WEIGHT * english([texts[place] for place in read])
            found[read, self._multilingual.dimension :] = beside
        return found * np.float32(1 / math.hypot(1, _WEIGHT))
