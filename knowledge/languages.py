"""English and Portuguese: telling them apart, and the terms that a text is found by."""

from __future__ import annotations

import re
import threading
import unicodedata
from collections.abc import Iterable
from enum import StrEnum
from functools import lru_cache

import snowballstemmer


class Language(StrEnum):
    """The languages that articles and questions are told apart by."""

    EN = "en"
    PT = "pt"


STOP_WORDS = {
    Language.EN: frozenset(
        """a about after all also am an and any are as at be because been before but by can cannot could
        did do does doing don dont each for from get gets got had has have having he her here him his how i
        if in into is isn it its just let like ll may me might more most must my need no not now of on once
        one only or other our out over own please re s same she should so some such t than that the their
        them then there these they thing things this those to too two up us use used using ve very want was
        way we were what when where whether which while who whose why will with without would you your yours
        hi hey hello thanks thank folks guys help anyone somebody someone""".split()  # noqa: SIM905 - two hundred quoted words read worse
    ),
    Language.PT: frozenset(
        """a ao aos aquela aquele aqui as até alguma algum alguém ainda com como cada da das de dela dele do
        dos e ela elas ele eles em entre era essa esse esta está estão este eu faço fazer foi for há isso
        isto já lá lhe mais mas me mesma mesmo meu minha muito na nas nem no nos nós não o os onde ou para
        pela pelo pelas pelos por pra pro porque pode posso qual quais quando que quem quero se sem ser será
        seu seus sua suas são só também te tem têm tenho ter tinha tudo tá um uma umas uns usar usa vai vou
        você vocês à às é dá olá oi obrigado obrigada bom dia boa tarde gente pessoal ajuda precisa
        preciso""".split()  # noqa: SIM905 - likewise
    ),
}
_ONLY = {
    Language.EN: STOP_WORDS[Language.EN] - STOP_WORDS[Language.PT],
    Language.PT: STOP_WORDS[Language.PT] - STOP_WORDS[Language.EN],
}
_PORTUGUESE_LETTERS = re.compile(r"[ãõçáéíóúâêôà]|nh|lh")
_WORD = re.compile(r"[^\W_]+(?:[_][^\W_]+)*")
_NAME = re.compile(r"[^\W_]+(?:[-.:_][^\W_]+)+")
_JOINED = re.compile(r"[^\W\d_]{2}[.:]|[.:][^\W\d_]{2}")
_CODED = re.compile(r"\d|[^\W\d_a-zà-ÿ]{2}")
_HUMP = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")
_LONG_ENOUGH = 2  #: shorter terms are kept only when they are figures


def detect(text: str) -> Language | None:
    """The language that most function words belong to; None when nothing tells."""
    words = [word.lower() for word in _WORD.findall(text)]
    english = sum(word in _ONLY[Language.EN] for word in words)
    portuguese = sum(word in _ONLY[Language.PT] for word in words)
    if english == portuguese:
        portuguese += sum(bool(_PORTUGUESE_LETTERS.search(word)) for word in words)
    if english == portuguese:
        return None
    return Language.EN if english > portuguese else Language.PT


def terms(text: str, language: Language) -> list[str]:
    """Stems of the words that carry meaning, in order; compound identifiers also as their parts.

    Names of several words, such as an error's code, follow once more as a whole: they are sought verbatim.
    """
    found: list[str] = []
    for word in _WORD.findall(text):
        parts = _parts(word)
        if len(parts) > 1:
            found.append(fold(word))
        found.extend(_stems(parts, language))
    found.extend(fold(name) for name in _NAME.findall(text) if _is_name(name))
    return found


def _is_name(joined: str) -> bool:
    """`COSMOS-ERR-317` and `spark.sql.adaptive.enabled`, and no `follow-up`."""
    if _WORD.fullmatch(joined):
        return False  # it is a term already
    return bool(_JOINED.search(joined) or _CODED.search(joined))


def content_words(text: str, language: Language) -> list[str]:
    """The words behind `terms`, as they were written, stop words left out."""
    return [
        word
        for word in _WORD.findall(text)
        if word.lower() not in STOP_WORDS[language] and (len(word) >= _LONG_ENOUGH or word.isdigit())
    ]


def _parts(word: str) -> list[str]:
    """`createDecision` and `metadata_aspect_v2` are also searched by their parts."""
    pieces = [piece for piece in word.split("_") if piece]
    return [
        part
        for piece in pieces
        for part in (_HUMP.findall(piece) if piece.isascii() and not piece.isupper() else [piece])
    ]


def _stems(words: Iterable[str], language: Language) -> list[str]:
    lowered = (word.lower() for word in words)
    return [
        stem(word, language)
        for word in lowered
        if word not in STOP_WORDS[language] and (len(word) >= _LONG_ENOUGH or word.isdigit())
    ]


def fold(word: str) -> str:
    """Lower case, without accents."""
    return "".join(
        letter for letter in unicodedata.normalize("NFKD", word.lower()) if not unicodedata.combining(letter)
    )


_stemmers = {
    Language.EN: snowballstemmer.stemmer("english"),
    Language.PT: snowballstemmer.stemmer("portuguese"),
}
_stemming = threading.Lock()  # a stemmer keeps the word that it works on in itself


@lru_cache(maxsize=50_000)
def stem(word: str, language: Language) -> str:
    """The stem of a lower-case word, without accents."""
    with _stemming:
        found: str = _stemmers[language].stemWord(word)
    return fold(found)
