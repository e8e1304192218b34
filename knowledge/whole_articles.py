"""BM25 over whole articles: words that an article has in different sections count together."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt

from knowledge.postings import ENTRY, Numbers, Scores

_TITLE = 3.0  #: how much an occurrence in the title counts, one in the text being 1
_SATURATION, _LENGTH = 1.2, 0.75  #: the usual constants
_REMEMBERED = 1_000_000  #: entries of word lists that are kept in memory, about 12 MB


class WholeArticles:
    """The articles of one partition, as `postings` are those of its chunks."""

    def __init__(
        self,
        chunks: Numbers,
        articles: Numbers,
        lengths: npt.NDArray[np.float32],
        entries: Callable[[str], bytes],
    ) -> None:
        self.ids, self._owners = np.unique(articles, return_inverse=True)  #: article numbers, ascending
        self._chunks = chunks
        self._entries = entries
        total = np.bincount(self._owners, weights=lengths, minlength=len(self.ids))
        self._damping = _SATURATION * (
            1 - _LENGTH + _LENGTH * total / max(float(total.mean()) if total.size else 0.0, 1.0)
        )
        self._known: dict[str, tuple[Numbers, Scores]] = {}
        self._remembered = 0

    def scores(self, words: Sequence[str]) -> Scores:
        """Of every article in `ids`; 0 without any of the words."""
        found: Scores = np.zeros(len(self.ids), np.float32)
        for word in dict.fromkeys(words):
            places, scores = self._having(word)
            found[places] += scores
        return found

    def _having(self, word: str) -> tuple[Numbers, Scores]:
        known = self._known.get(word)
        if known is None:
            if self._remembered > _REMEMBERED:
                self._known.clear()
                self._remembered = 0
            known = self._known[word] = self._read(word)
            self._remembered += len(known[0]) + 1
        return known

    def _read(self, word: str) -> tuple[Numbers, Scores]:
        written = np.frombuffer(self._entries(word), ENTRY)
        places = np.searchsorted(self._chunks, written["chunk"])
        places[places == len(self._chunks)] = 0
        written = written[self._chunks[places] == written["chunk"]]
        owners = self._owners[np.searchsorted(self._chunks, written["chunk"])]
        texts = np.bincount(owners, weights=written["text"], minlength=len(self.ids))
        titled = np.zeros(len(self.ids))
        titled[owners] = written["title"]  # the same in every chunk of an article
        often = texts + _TITLE * titled
        having = np.flatnonzero(often)
        idf = math.log1p((len(self.ids) - len(having) + 0.5) / (len(having) + 0.5))
        scores = idf * often[having] * (_SATURATION + 1) / (often[having] + self._damping[having])
        return having, scores.astype(np.float32)
