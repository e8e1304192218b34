"""Measures the knowledge base: what is found, when it abstains, how long it takes."""

from __future__ import annotations

import json
import statistics
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from bot.core.model import Audience
from knowledge.answering import Answerer, Consideration

_DEPTHS = (1, 5, 10)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ranking:
    """How often an article that answers is among the first, over questions of one kind."""

    questions: int
    recall_at_1: float
    recall_at_5: float
    recall_at_10: float
    mrr: float  #: mean of 1 / rank, 0 beyond the tenth


@dataclass(frozen=True, slots=True, kw_only=True)
class Abstention:
    """Whether the bot knows what it does not know."""

    false_answers: float | None  #: of unanswerable questions, the part that was answered
    abstained: float | None  #: of answerable questions, the part that was not
    cites_gold: float | None  #: of answers given, the part that cites an article that answers


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluation:
    """The figures of one run."""

    all: Ranking
    by_language: Mapping[str, Ranking]
    abstention: Abstention
    false_answers_by_category: Mapping[str, float]
    p50_seconds: float
    p95_seconds: float

    def as_json(self) -> str:
        """For machines."""
        return json.dumps(asdict(self), indent=2)


@dataclass(frozen=True, slots=True)
class _Asked:
    case: Mapping[str, Any]
    considered: Consideration
    seconds: float

    @property
    def rank(self) -> int | None:
        gold = set(self.case["gold_paths"])
        places = (place for place, passage in enumerate(self.considered.passages, 1) if passage.path in gold)
        return next(places, None)

    @property
    def cites_gold(self) -> bool:
        answer = self.considered.answer
        gold = set(self.case["gold_paths"])
        return answer is not None and any(citation.path in gold for citation in answer.citations)


def evaluate(
    answerer: Answerer,
    questions: Sequence[Mapping[str, Any]],
    unanswerable: Sequence[Mapping[str, Any]],
    *,
    reader: Audience,
) -> Evaluation:
    """Ask everything once."""
    known = [_ask(answerer, case, reader) for case in questions]
    unknown = [_ask(answerer, case, reader) for case in unanswerable]
    languages = {_pair(asked.case) for asked in known}
    categories = {str(asked.case.get("category", "other")) for asked in unknown}
    seconds = sorted(asked.seconds for asked in known + unknown)
    answered = [asked for asked in known if asked.considered.answer]
    return Evaluation(
        all=_ranking(known),
        by_language={
            pair: _ranking([asked for asked in known if _pair(asked.case) == pair])
            for pair in sorted(languages)
        },
        abstention=Abstention(
            false_answers=_part([asked.considered.answer is not None for asked in unknown]),
            abstained=_part([asked.considered.answer is None for asked in known]),
            cites_gold=_part([asked.cites_gold for asked in answered]),
        ),
        false_answers_by_category={
            category: _part(
                [
                    asked.considered.answer is not None
                    for asked in unknown
                    if asked.case.get("category", "other") == category
                ]
            )
            or 0.0
            for category in sorted(categories)
        },
        p50_seconds=round(statistics.median(seconds), 4) if seconds else 0.0,
        p95_seconds=round(seconds[int(0.95 * (len(seconds) - 1))], 4) if seconds else 0.0,
    )


def _ask(answerer: Answerer, case: Mapping[str, Any], reader: Audience) -> _Asked:
    started = time.perf_counter()
    considered = answerer.consider(str(case["question"]), reader=reader, passages=max(_DEPTHS))
    return _Asked(case, considered, time.perf_counter() - started)


def _pair(case: Mapping[str, Any]) -> str:
    """The question's language and the article's, where the case names them."""
    asked = str(case.get("lang", "?"))
    written = case.get("gold_article_lang")
    return f"{asked}>{written}" if written else asked


def _ranking(asked: Sequence[_Asked]) -> Ranking:
    ranks = [one.rank for one in asked]
    at = {depth: _part([rank is not None and rank <= depth for rank in ranks]) or 0.0 for depth in _DEPTHS}
    mrr = statistics.mean(1 / rank if rank else 0.0 for rank in ranks) if ranks else 0.0
    return Ranking(
        questions=len(ranks),
        recall_at_1=at[1],
        recall_at_5=at[5],
        recall_at_10=at[10],
        mrr=round(mrr, 3),
    )


def _part(flags: Sequence[bool]) -> float | None:
    return round(statistics.mean(flags), 3) if flags else None
