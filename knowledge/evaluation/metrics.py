"""The arithmetic of one question, and of confidence: plain numbers in, plain numbers out."""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Collection, Sequence
from dataclasses import dataclass

DEPTH = 10  #: articles that are looked at
BINS = 5  #: of confidence

_EXPLICIT_ANCHOR = re.compile(r"\s*\{#[^}]*\}\s*$")
_LINK = re.compile(r"!?\[([^\]]*)\]\([^)]*\)")
_TAG = re.compile(r"<[^<>]*>")
_MARKS = re.compile(r"[`*~\\]|^#+\s|\s#+$")
_UNDERLINED = re.compile(r"(?<!\w)_+|_+(?!\w)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Bin:
    """Questions of about the same confidence; said and done are equal when confidence is calibrated."""

    start: float
    end: float
    questions: int
    confidence: float  #: mean of what was said
    right: float  #: part that was right


@dataclass(frozen=True, slots=True, kw_only=True)
class Tradeoff:
    """What would happen if the bot answered from this confidence on."""

    threshold: float
    coverage: float  #: of the answerable questions, the part that would be answered
    false_answers: float  #: of the unanswerable ones, likewise
    wrong: float  #: of all answers that would be given, the part that is wrong


def rank_of(found: Sequence[str], gold: Collection[str]) -> int | None:
    """The place of the first right article; an article that was found twice takes one place."""
    articles = dict.fromkeys(found)
    return next((place for place, path in enumerate(articles, 1) if path in gold), None)


def place_of(found: Sequence[str], gold: Collection[str]) -> int | None:
    """The place of the first right article when every passage takes one, as people see them."""
    return next((place for place, path in enumerate(found, 1) if path in gold), None)


def reciprocal(rank: int | None) -> float:
    """1 / rank; 0 beyond the depth."""
    return 1 / rank if rank is not None and rank <= DEPTH else 0.0


def ndcg(found: Sequence[str], gold: Collection[str]) -> float:
    """Discounted gain of the right articles, as a part of the best possible one (Järvelin & Kekäläinen)."""
    places = [place for place, path in enumerate(dict.fromkeys(found), 1) if path in gold and place <= DEPTH]
    best = range(1, min(len(set(gold)), DEPTH) + 1)
    return _gain(places) / _gain(best) if gold else 0.0


def _gain(places: Collection[int]) -> float:
    return sum(1 / math.log2(place + 1) for place in places)


def plain_heading(heading: str) -> str:
    """What is left for comparing: no case, markup, explicit anchor, closing colon or doubled space."""
    text = unicodedata.normalize("NFKC", heading)
    text = _TAG.sub("", _LINK.sub(r"\1", _EXPLICIT_ANCHOR.sub("", text)))
    text = _UNDERLINED.sub("", _MARKS.sub("", text.strip()))
    return " ".join(text.split()).rstrip(" :").casefold()


def reliability(confidences: Sequence[float], rights: Sequence[bool]) -> tuple[Bin, ...]:
    """The bins that hold a question, from unsure to sure."""
    members: list[list[int]] = [[] for _ in range(BINS)]
    for place, confidence in enumerate(confidences):
        members[bin_of(confidence)].append(place)
    return tuple(
        Bin(
            start=number / BINS,
            end=(number + 1) / BINS,
            questions=len(places),
            confidence=sum(confidences[place] for place in places) / len(places),
            right=sum(rights[place] for place in places) / len(places),
        )
        for number, places in enumerate(members)
        if places
    )


def bin_of(confidence: float) -> int:
    """The number of its bin; a confidence of exactly 1 belongs to the last."""
    return min(int(confidence * BINS), BINS - 1)


def calibration_error(bins: Sequence[Bin]) -> float:
    """The mean distance between said and done, each question counting the same."""
    total = sum(one.questions for one in bins)
    return sum(one.questions * abs(one.confidence - one.right) for one in bins) / total if total else 0.0


def tradeoffs(known: Sequence[tuple[float, bool]], unknown: Sequence[float]) -> tuple[Tradeoff, ...]:
    """Every threshold that changes anything, strictest first; `known`: confidence, and if right."""
    thresholds = sorted({confidence for confidence, _ in known} | set(unknown), reverse=True)
    return tuple(_tradeoff(threshold, known, unknown) for threshold in thresholds if threshold > 0)


def _tradeoff(threshold: float, known: Sequence[tuple[float, bool]], unknown: Sequence[float]) -> Tradeoff:
    answered = [right for confidence, right in known if confidence >= threshold]
    false = sum(confidence >= threshold for confidence in unknown)
    given = len(answered) + false
    return Tradeoff(
        threshold=threshold,
        coverage=len(answered) / len(known) if known else 0.0,
        false_answers=false / len(unknown) if unknown else 0.0,
        wrong=(given - sum(answered)) / given if given else 0.0,
    )


def widest(points: Sequence[Tradeoff], *, abstained: float) -> Tradeoff | None:
    """The lowest threshold at which at least this part of the unanswerable questions is not answered."""
    fine = [point for point in points if 1 - point.false_answers >= abstained - 1e-9]
    return min(fine, key=lambda point: point.threshold, default=None)
