"""Articles that are nearly the same: one page in two folders, or in two versions of the documentation."""

from __future__ import annotations

import hashlib
import re
from collections import defaultdict
from collections.abc import Sequence

import numpy as np

_WORDS = 5  #: in a row make a shingle
_KEPT = 64  #: of an article's shingles: those with the smallest hashes, a fair sample of all
_FEWEST = 12  #: shingles; shorter articles look alike by chance
_ALIKE = 0.8  #: part of the shingles that two articles share
_WORD = re.compile(r"\w+")
_STORED = np.dtype("<u8")


def sketch(body: str) -> bytes:
    """A sample of an article's shingles (bottom-k MinHash: https://en.wikipedia.org/wiki/MinHash)."""
    words = _WORD.findall(body.lower())
    shingles = {" ".join(words[start : start + _WORDS]) for start in range(len(words) - _WORDS + 1)}
    if len(shingles) < _FEWEST:
        return b""
    hashes = sorted(
        int.from_bytes(hashlib.blake2b(shingle.encode(), digest_size=8).digest(), "little")
        for shingle in shingles
    )
    return np.array(hashes[:_KEPT], _STORED).tobytes()


def families(sketches: Sequence[tuple[int, bytes]]) -> dict[int, int]:
    """Article → the first article, in the order given, that it is nearly the same as; itself when alone."""
    samples = {article: np.frombuffer(written, _STORED) for article, written in sketches}
    holders: dict[int, list[int]] = defaultdict(list)
    found: dict[int, int] = {}
    for article, sample in samples.items():
        shared: dict[int, int] = defaultdict(int)
        for value in sample.tolist():
            for other in holders[value]:
                shared[other] += 1
        # Only what shares enough to be alike is looked at: pages of one kind have some sentences in common.
        alike = [
            other
            for other, count in shared.items()
            if count >= _ALIKE * max(len(sample), len(samples[other]))
            and _similarity(sample, samples[other]) >= _ALIKE
        ]
        if alike:
            found[article] = found[alike[0]]
            continue
        found[article] = article
        for value in sample.tolist():  # only a family's first article stands for it
            holders[value].append(article)
    return found


def _similarity(
    one: np.ndarray[tuple[int], np.dtype[np.uint64]], other: np.ndarray[tuple[int], np.dtype[np.uint64]]
) -> float:
    union = np.union1d(one, other)[:_KEPT]
    return len(np.intersect1d(np.intersect1d(one, other), union)) / len(union)
