"""Splits a text into the pieces that multilingual-e5-small was trained on (SentencePiece unigram)."""

from __future__ import annotations

import re
from functools import lru_cache

from knowledge.models.packed import Vocabulary

_SPACE = "\N{LOWER ONE EIGHTH BLOCK}"  #: how SentencePiece writes the space in front of a word
_WORD = re.compile(f"{_SPACE}[^{_SPACE}]*")
_SPACES = re.compile(" {2,}")
_UNKNOWN_PENALTY = 10.0  # kUnkPenalty of SentencePiece: an unknown character costs this below the worst piece
_KNOWN_WORDS = 50_000  #: words whose pieces are remembered


class WordPieces:
    """Finds the likeliest pieces word by word: no piece of this vocabulary crosses a space.

    The tokenizers library would do the same in Rust, with one second of loading and 280 MB for 250,000
    pieces; a dictionary takes 0.2 s and 40 MB, and words repeat so much that the time is lost in the model's.
    """

    def __init__(self, vocabulary: Vocabulary) -> None:
        self._vocabulary = vocabulary
        self._ids = {piece: number for number, piece in enumerate(vocabulary.pieces)}
        self._longest = max(map(len, vocabulary.pieces))
        self._unknown_score = min(vocabulary.scores) - _UNKNOWN_PENALTY
        self._split = lru_cache(maxsize=_KNOWN_WORDS)(self._split_word)

    def ids(self, text: str, *, limit: int) -> list[int]:
        """The ids of a text between the marks of begin and end, cut at `limit` of them."""
        read = _SPACES.sub(" ", text.translate(self._vocabulary.replacements))
        spaced = (read if read.startswith(" ") else f" {read}").replace(" ", _SPACE)
        found = [self._vocabulary.bos]
        for word in _WORD.findall(spaced):
            found.extend(self._split(word))
            if len(found) >= limit:
                break
        return [*found[: limit - 1], self._vocabulary.eos]

    def _split_word(self, word: str) -> tuple[int, ...]:
        best = [0.0] + [float("-inf")] * len(word)
        steps: list[tuple[int, int]] = [(0, 0)] * (len(word) + 1)
        scores, unknown = self._vocabulary.scores, self._vocabulary.unknown
        for start in range(len(word)):
            for end in range(start + 1, min(len(word), start + self._longest) + 1):
                piece = self._ids.get(word[start:end], unknown)
                if piece == unknown and end > start + 1:
                    continue
                score = best[start] + (self._unknown_score if piece == unknown else scores[piece])
                if score > best[end]:
                    best[end], steps[end] = score, (start, piece)
        return _walk_back(steps, unknown)


def _walk_back(steps: list[tuple[int, int]], unknown: int) -> tuple[int, ...]:
    found: list[int] = []
    place = len(steps) - 1
    while place > 0:
        place, piece = steps[place]
        if not (piece == unknown and found and found[-1] == unknown):  # a run of unknowns is one
            found.append(piece)
    return tuple(reversed(found))
