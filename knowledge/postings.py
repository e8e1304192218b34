"""The words of chunks as lists of who has them, and BM25 over those lists."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from knowledge.languages import Language, terms

Numbers = npt.NDArray[np.int64]
Scores = npt.NDArray[np.float32]

#: One chunk that has a term: how often in its title, in its headings and in its text.
ENTRY = np.dtype([("chunk", "<i4"), ("title", "u1"), ("headings", "u1"), ("text", "u1")])
_MOST = 255  #: occurrences that are counted
_WEIGHTS = (4.0, 2.0, 1.0)  #: of an occurrence in the title, in the headings and in the text
# The usual constants, which SQLite's FTS5 has too: https://www.sqlite.org/fts5.html#the_bm25_function
_SATURATION = 1.2
_LENGTH = 0.75
_LEAST_IDF = 1e-6  #: of a term that more than half of the chunks have


@dataclass(frozen=True, slots=True)
class CountedWords:
    """The terms of one chunk."""

    counts: Mapping[str, tuple[int, int, int]]  #: term → occurrences in title, headings and text
    length: int  #: of all three together


def count_words(title: str, headings: Sequence[str], text: str, language: Language) -> CountedWords:
    """What a chunk is found by."""
    parts = [Counter(terms(part, language)) for part in (title, " ".join(headings), text)]
    counts = {
        term: (min(parts[0][term], _MOST), min(parts[1][term], _MOST), min(parts[2][term], _MOST))
        for term in dict.fromkeys(term for part in parts for term in part)
    }
    return CountedWords(counts, sum(part.total() for part in parts))


class Changes:
    """What a refresh does to the lists, gathered: each list is written once."""

    def __init__(self) -> None:
        self._added: dict[tuple[int, str], bytearray] = {}
        self._removed: dict[tuple[int, str], set[int]] = {}

    def add(self, partition: int, chunk: int, words: CountedWords) -> None:
        """A chunk that is new. Its number is higher than any before it."""
        head = chunk.to_bytes(4, "little")
        for term, counts in words.counts.items():
            self._added.setdefault((partition, term), bytearray()).extend(head + bytes(counts))

    def remove(self, partition: int, chunk: int, words: CountedWords) -> None:
        """A chunk that goes."""
        for term in words.counts:
            self._removed.setdefault((partition, term), set()).add(chunk)

    def lists(self) -> list[tuple[int, str]]:
        """The partitions and terms whose lists change."""
        return sorted(self._added.keys() | self._removed.keys())

    def applied(self, key: tuple[int, str], written: bytes) -> bytes:
        """The new list in the place of an old one."""
        gone = self._removed.get(key)
        if gone and written:
            old = np.frombuffer(written, ENTRY)
            written = old[~np.isin(old["chunk"], list(gone))].tobytes()
        return written + self._added.get(key, b"")


@dataclass(frozen=True, slots=True)
class Holders:
    """The chunks that have a term, by position, and what the term adds to their scores."""

    positions: Numbers
    scores: Scores

    @classmethod
    def read(cls, written: bytes, chunks: Numbers, lengths: npt.NDArray[np.float32]) -> Holders:
        """Score a list; `chunks` and their `lengths` are those of the whole partition."""
        entries = np.frombuffer(written, ENTRY)
        ids = entries["chunk"].astype(np.int64)
        places = np.searchsorted(chunks, ids)
        places[places == len(chunks)] = 0
        known = chunks[places] == ids  # a list may name a chunk that is gone: it is none of ours then
        places, entries = places[known], entries[known]
        often = sum(
            weight * entries[part].astype(np.float32)
            for weight, part in zip(_WEIGHTS, ("title", "headings", "text"), strict=True)
        )
        usual = float(lengths.mean())
        rarity = (len(chunks) - len(places) + 0.5) / (len(places) + 0.5)
        idf = max(math.log(rarity), _LEAST_IDF)
        damping = _SATURATION * (1 - _LENGTH + _LENGTH * lengths[places] / usual)
        scores = idf * often * (_SATURATION + 1) / (often + damping)
        return cls(places, np.asarray(scores, np.float32))
