"""The figures of a run: one table of metrics, which everything that prints or compares reads."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from knowledge.evaluation.intervals import Measure, Numbers, Resampling
from knowledge.evaluation.metrics import (
    BINS,
    Bin,
    Tradeoff,
    bin_of,
    calibration_error,
    reciprocal,
    reliability,
    tradeoffs,
    widest,
)
from knowledge.evaluation.runs import SHOWN, Outcome

ABSTAINED = 0.9  #: of the unanswerable questions, what the risk-coverage line asks for


@dataclass(frozen=True, slots=True)
class Metric:
    """The sum of parts by the sum of wholes; a question with the whole 0 has no say."""

    key: str
    title: str
    part: Callable[[Outcome], float]
    whole: Callable[[Outcome], float]
    is_better_high: bool = True

    def of(self, outcomes: Sequence[Outcome]) -> tuple[Numbers, Numbers]:
        """The parts and the wholes, a number for each question."""
        wholes = np.array([float(self.whole(outcome)) for outcome in outcomes])
        parts = np.array([float(self.part(outcome)) for outcome in outcomes])
        return np.where(wholes > 0, parts, 0.0), wholes


def _within(depth: int) -> Callable[[Outcome], float]:
    return lambda outcome: outcome.rank is not None and outcome.rank <= depth


def _known(outcome: Outcome) -> float:
    return outcome.is_answerable


def _unknown(outcome: Outcome) -> float:
    return not outcome.is_answerable


def _with_section(outcome: Outcome) -> float:
    return outcome.section is not None


def _answered_known(outcome: Outcome) -> float:
    return outcome.answered and outcome.is_answerable


def _abstained(outcome: Outcome) -> float:
    return not outcome.answered


RANKING = (
    Metric("recall_at_1", "recall@1", _within(1), _known),
    Metric("recall_at_5", "recall@5", _within(5), _known),
    Metric("recall_at_10", "recall@10", _within(10), _known),
    Metric("mrr", "mrr", lambda outcome: reciprocal(outcome.rank), _known),
    Metric("ndcg_at_10", "ndcg@10", lambda outcome: outcome.ndcg, _known),
    Metric(
        "passages_recall_at_5",
        "recall@5, counting passages",
        lambda outcome: outcome.place is not None and outcome.place <= SHOWN,
        _known,
    ),
    Metric("passages_mrr", "mrr, counting passages", lambda outcome: reciprocal(outcome.place), _known),
    Metric("section_hit_at_5", "section@5", lambda outcome: bool(outcome.section), _with_section),
)
ABSTENTION = (
    Metric("false_answers", "answered though unanswerable", lambda o: o.answered, _unknown, False),
    Metric("abstained", "abstained though answerable", _abstained, _known, False),
    Metric("precision", "abstention precision", _unknown, _abstained),
    Metric("recall", "abstention recall", _abstained, _unknown),
)
ANSWERS = (
    Metric("cites_gold", "answers that cite a right article", lambda o: o.right, _answered_known),
    Metric(
        "citation_precision",
        "citations that are right articles",
        lambda o: o.right_citations,
        lambda o: o.citations if o.is_answerable else 0,
    ),
    Metric(
        "section_precision",
        "citations that are right sections",
        lambda o: o.right_sections or 0,
        lambda o: o.citations if o.right_sections is not None else 0,
    ),
    Metric("right_answers", "all answers given that are right", lambda o: o.right, lambda o: o.answered),
)
METRICS = (*RANKING, *ABSTENTION, *ANSWERS)

Measures = Mapping[str, Measure]  #: by the metric's key


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluation:
    """The figures of one run."""

    overall: Measures  #: every metric
    by_language: Mapping[str, Measures]  #: RANKING and ANSWERS and how often it abstained, likewise below
    by_difficulty: Mapping[str, Measures]
    by_style: Mapping[str, Measures]
    by_category: Mapping[str, Measure]  #: of the unanswerable questions, the part that was answered
    calibration_error: Measure
    bins: tuple[Bin, ...]
    tradeoffs: tuple[Tradeoff, ...]
    at_ninety: Tradeoff | None  #: where nine in ten unanswerable questions are not answered
    p50_seconds: float
    p95_seconds: float


def evaluate(outcomes: Sequence[Outcome], *, rng: random.Random) -> Evaluation:
    """All figures with their intervals, the same for the same `rng`."""
    known = [outcome for outcome in outcomes if outcome.is_answerable]
    unknown = [outcome for outcome in outcomes if not outcome.is_answerable]
    points = tradeoffs([(one.confidence, one.right) for one in known], [one.confidence for one in unknown])
    seconds = [outcome.seconds for outcome in outcomes]
    return Evaluation(
        overall=_measures(METRICS, [*known, *unknown], rng),
        by_language=_split(known, lambda outcome: outcome.languages, rng),
        by_difficulty=_split(known, lambda outcome: outcome.difficulty, rng),
        by_style=_split(known, lambda outcome: outcome.style, rng),
        by_category={
            name: _measures(ABSTENTION[:1], of_kind, rng)["false_answers"]
            for name, of_kind in _grouped(unknown, lambda outcome: outcome.category)
        },
        calibration_error=_calibration([*known, *unknown], rng),
        bins=reliability([one.confidence for one in outcomes], [one.right for one in outcomes]),
        tradeoffs=points,
        at_ninety=widest(points, abstained=ABSTAINED) if unknown else None,
        p50_seconds=quantile(seconds, 0.5),
        p95_seconds=quantile(seconds, 0.95),
    )


def quantile(values: Sequence[float], part: float) -> float:
    """With linear interpolation; 0 of nothing."""
    return float(np.quantile(values, part)) if values else 0.0


def resampling(outcomes: Sequence[Outcome], rng: random.Random) -> Resampling:
    """Answerable and unanswerable questions are drawn apart: how many there are of each was decided."""
    known = sum(outcome.is_answerable for outcome in outcomes)
    if any(outcome.is_answerable for outcome in outcomes[known:]):
        raise ValueError("answerable questions come first")
    return Resampling([known, len(outcomes) - known], rng)


def _measures(metrics: Sequence[Metric], outcomes: Sequence[Outcome], rng: random.Random) -> Measures:
    drawn = resampling(outcomes, rng)
    return {metric.key: drawn.share(*metric.of(outcomes)) for metric in metrics}


def _split(
    known: Sequence[Outcome], kind: Callable[[Outcome], str], rng: random.Random
) -> Mapping[str, Measures]:
    metrics = (*RANKING, ABSTENTION[1], *ANSWERS[:-1])
    return {name: _measures(metrics, of_kind, rng) for name, of_kind in _grouped(known, kind)}


def _grouped(
    outcomes: Sequence[Outcome], kind: Callable[[Outcome], str]
) -> Iterator[tuple[str, list[Outcome]]]:
    for name in sorted({kind(outcome) for outcome in outcomes}):
        yield name, [outcome for outcome in outcomes if kind(outcome) == name]


def _calibration(outcomes: Sequence[Outcome], rng: random.Random) -> Measure:
    confidences = np.array([outcome.confidence for outcome in outcomes])
    rights = np.array([outcome.right for outcome in outcomes], dtype=float)
    error = calibration_error(reliability(list(confidences), [bool(right) for right in rights]))
    places = np.array([bin_of(confidence) for confidence in confidences])

    def drawn(counts: Numbers) -> Numbers:
        gaps = [counts[:, places == place] @ (confidences - rights)[places == place] for place in range(BINS)]
        return np.asarray(np.abs(np.array(gaps)).sum(axis=0) / len(outcomes))

    return resampling(outcomes, rng).statistic(error, len(outcomes), drawn)
