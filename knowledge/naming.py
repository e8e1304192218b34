"""Words of a question that stand for one thing: products, files, error codes."""

from __future__ import annotations

import re

_TOKEN = re.compile(r"[^\W_](?:[\w.\-/]*[^\W_])?")
_CODED = re.compile(r"[a-z][A-Z]|[^\W\d_]\d|\d[^\W\d_]|_|[A-Z]{2,}")
_MEASURE = re.compile(r"\d[\w.,]*")
_BEFORE_SENTENCE = frozenset(".!?:\"'`(\n,")


def names(question: str) -> list[str]:
    """Words written with capitals, digits or marks as prose is not, in order."""
    found: list[str] = []
    for match in _TOKEN.finditer(question):
        word, before = match[0], question[: match.start()].rstrip(" \t")
        starts = not before or before[-1] in _BEFORE_SENTENCE
        is_name = bool(_CODED.search(word)) or (word[0].isupper() and not starts)
        if is_name and word != "I" and not _MEASURE.fullmatch(word):
            found.append(word)
    return list(dict.fromkeys(found))
