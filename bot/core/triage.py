"""A first guess at product area and priority by keywords, in English and Portuguese.

Whatever judges messages better later, `is_emergency` stays the floor: production down or data lost is P1
because code says so.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass

from bot.core import telling
from bot.core.describing import describe
from bot.core.model import Priority, ProductArea, Verdict


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """What the rules see in a message, for a classifier that weighs it."""

    areas: tuple[int, ...]  #: points of each area, in the order of the enumeration
    signs: tuple[bool, ...]  #: priorities P1 to P4 by rule, then single signs


# A sentence that says of production that it is fine, or only imagines or asks whether it is not.
_CALM = re.compile(
    r"\b(?:is|are|was|were)(?: not|n't) (?:down|affected|impacted|broken)\b"
    r"|\bnot (?:down|affected|impacted)\b|\b(?:back up|up again|(?<!be )recovered|all good|no longer down)\b"
    r"|\b(?:what|e) (?:if|se)\b|\bin case (?:of|our|the|prod)\b"
    r"|\bif (?:our |the )?prod(?:uction)?\b|^(?:is|are) (?!you aware)[^.!?]*\?"
    r"|\bnao (?:esta|estao|esteve) (?:fora do ar|parad[oa]s?|afetad[oa]s?)\b|\b(?:voltou|normalizad[oa])\b"
)
_CLAUSE = re.compile(r"(?<=[.!?])\s+|[;:]\s+|,?\s+\b(?:but|however|mas|porem)\b")
_QUESTION = re.compile(
    r"^(?:how|what|which|where|when|why|who|can|could|does|do|is|are|should"
    r"|como|qual|quais|onde|quando|por que|quem|quanto|posso|da para|existe)\b"
)

_HOW_TO = re.compile(
    r"^(?:how (?:do|can|to|does|should|would)|what (?:is|are) the|which"
    r"|como (?:faco|fazer|posso|devo|evit\w+|config\w+|recuper\w+)|qual|quais)\b"
)


def triage(text: str) -> Verdict:
    """Never fails; an empty or foreign text is a P3 about something else."""
    folded = _folded(text)
    area, area_words, certainty = _area(folded)
    priority, why = _priority(folded)
    sure_of_priority = 1.0 if _emergency(folded) else 0.8 if why else 0.5
    words = f"{area.value}: {', '.join(area_words)}" if area_words else "no product named"
    return Verdict(
        product_area=area,
        priority=priority,
        confidence=round(certainty * sure_of_priority, 2),
        sure_of_area=round(certainty, 2),
        sure_of_priority=sure_of_priority,
        reason=f"{words}; {priority.value}: {', '.join(why) or 'nothing says otherwise'}",
        description=describe(text),
    )


def evidence(text: str) -> Evidence:
    """The same words and patterns as numbers."""
    folded = _folded(text)
    priority, _ = _priority(folded)
    signs = (
        telling.BROKEN,
        telling.DOWN,
        telling.LOSS,
        telling.WORKAROUND,
        telling.WISH,
        telling.PRODUCTION,
        telling.EVERYBODY,
    )
    return Evidence(
        areas=tuple(_points(folded).values()),
        signs=(
            *(priority is one for one in Priority),
            *(bool(pattern.search(folded)) for pattern in signs),
            bool(_QUESTION.match(folded)),
            folded.endswith("?"),
        ),
    )


def is_emergency(text: str) -> bool:
    """Production down or data lost: P1, whoever or whatever judges otherwise."""
    return bool(_emergency(_folded(text)))


def may_be_emergency(text: str) -> bool:
    """Whether production, everybody, an outage or a loss is spoken of; else it is no P1."""
    alarming = _alarming(_folded(text))
    if telling.DOWN.search(alarming) or telling.LOSS.search(alarming):
        return True
    scope = telling.PRODUCTION.search(alarming) or telling.EVERYBODY.search(alarming)
    trouble = (telling.BROKEN, telling.DOWN_THERE, telling.LOST_THERE)
    return bool(scope) and any(pattern.search(alarming) for pattern in trouble)


def _area(folded: str) -> tuple[ProductArea, list[str], float]:
    scores = _points(folded)
    best = max(scores, key=scores.__getitem__)
    if not scores[best]:
        return ProductArea.OTHER, [], 0.5
    words = _unique(word for pattern in telling.AREAS[best] for word in pattern.findall(folded))
    return best, words, scores[best] / (sum(scores.values()) + 1)


def _points(folded: str) -> dict[ProductArea, int]:
    return {
        area: 3 * len(set(telling.findall(folded))) + len(set(hints.findall(folded)))
        for area, (telling, hints) in telling.AREAS.items()
    }


def _priority(folded: str) -> tuple[Priority, list[str]]:
    if emergency := _emergency(folded):
        return Priority.P1, emergency
    broken = _unique(telling.BROKEN.findall(folded) + telling.DOWN.findall(folded))
    workaround = _unique(telling.WORKAROUND.findall(folded))
    if wish := _unique(telling.WISH.findall(folded)):
        return Priority.P4, wish
    if broken and (workaround or not _QUESTION.match(folded)):
        return Priority.P2, broken + workaround
    return Priority.P3, ["a question"] if _QUESTION.match(folded) else []


def _emergency(folded: str) -> list[str]:
    folded = _alarming(folded)
    scope = _unique(telling.PRODUCTION.findall(folded) + telling.EVERYBODY.findall(folded))
    is_elsewhere = telling.ELSEWHERE.search(folded) and not telling.PRODUCTION.search(folded)
    if not scope or is_elsewhere:
        return []
    down, loss = telling.DOWN.findall(folded), telling.LOSS.findall(folded)
    if telling.PRODUCTION.search(folded) and not telling.WORKAROUND.search(folded):
        down, loss = down + telling.DOWN_THERE.findall(folded), loss + telling.LOST_THERE.findall(folded)
    signs = _unique(down + ([] if telling.NO_LOSS.search(folded) else loss))
    return signs + scope if signs else []


def _alarming(folded: str) -> str:
    """Without what is calm or only asked: "how do I get a lost dataset back in prod" is none."""
    clauses = (clause.strip() for clause in _CLAUSE.split(folded))
    return " . ".join(said for said in clauses if not _HOW_TO.match(said) and not _CALM.search(said))


def _folded(text: str) -> str:
    decomposed = unicodedata.normalize("NFKD", text.casefold())
    return " ".join("".join(char for char in decomposed if not unicodedata.combining(char)).split())


def _unique(words: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(words))
