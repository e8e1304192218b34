"""Two models as one: a multilingual one, and for English a second one beside it."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from knowledge.embedding import Embedder, Vectors
from knowledge.languages import Language, detect

# Both measured: docs/decisions/0015-a-second-model-for-english.md
WEIGHT = 0.7  #: of all-MiniLM-L6-v2's vector beside the other
BORROWED = 0.2  #: of it for a Portuguese question: its names and commands stand in English articles too
LARGER_WEIGHT, LARGER_BORROWED = 1.0, 0.1  #: the same of all-mpnet-base-v2


class PairEmbedder:
    """Vectors side by side: their dot products add up, and the index needs to know nothing of it.

    The English half of a Portuguese passage is empty, so that neither model is asked about what it cannot
    read; such a vector is shorter than one, since the other half must weigh the same in every text.
    """

    def __init__(
        self, multilingual: Embedder, english: Embedder, weight: float = WEIGHT, borrowed: float = BORROWED
    ) -> None:
        self._multilingual = multilingual
        self._english = english
        self._weight = weight
        self._borrowed = borrowed

    @property
    def name(self) -> str:
        return f"{self._multilingual.name}+{self._weight}*{self._english.name}-1"

    @property
    def dimension(self) -> int:
        return self._multilingual.dimension + self._english.dimension

    def embed_queries(self, texts: Sequence[str]) -> Vectors:
        found = self._beside(self._multilingual.embed_queries(texts))
        for place, text in enumerate(texts):
            share = self._borrowed if detect(text) is Language.PT else 1
            found[place, self._multilingual.dimension :] = share * self._english.embed_queries([text])[0]
        return self._weighed(found)

    def embed_passages(self, texts: Sequence[str]) -> Vectors:
        found = self._beside(self._multilingual.embed_passages(texts))
        read = [place for place, text in enumerate(texts) if detect(text) is not Language.PT]
        if read:
            english = self._english.embed_passages([texts[place] for place in read])
            found[read, self._multilingual.dimension :] = english
        return self._weighed(found)

    def _beside(self, multilingual: Vectors) -> Vectors:
        return np.pad(multilingual, ((0, 0), (0, self._english.dimension)))

    def _weighed(self, found: Vectors) -> Vectors:
        found[:, self._multilingual.dimension :] *= self._weight
        return found * np.float32(1 / math.hypot(1, self._weight))
