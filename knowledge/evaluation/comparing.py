"""Two runs of the same questions: what became better or worse, and what chance alone could have done."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from knowledge.evaluation.figures import METRICS, Metric, quantile, resampling
from knowledge.evaluation.intervals import Resampling, percentiles
from knowledge.evaluation.runs import Outcome


class Verdict(StrEnum):
    """What may be said of a difference."""

    BETTER = "better"  #: the whole interval of the difference is on the good side
    WORSE = "worse"  #: likewise, on the bad side
    UNDECIDED = "undecided"  #: the interval holds 0: chance could have done this
    SAME = "same"  #: not one question made a difference


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """One metric in both runs; `low` to `high` is the 95 % interval of after minus before."""

    metric: Metric
    before: float
    after: float
    low: float
    high: float
    verdict: Verdict


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One question that turned."""

    outcome: Outcome
    what: str  #: the metric that turned, in words
    gained: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """After against before, over the questions that both runs asked."""

    questions: int
    only_before: int
    only_after: int
    differences: tuple[Difference, ...]
    changes: tuple[Change, ...]
    p50_seconds: tuple[float, float]
    p95_seconds: tuple[float, float]


_TURNS: tuple[tuple[str, Callable[[Outcome], bool | None]], ...] = (
    ("article among five", lambda o: o.rank is not None and o.rank <= 5 if o.is_answerable else None),  # noqa: PLR2004 - as its name says
    ("section among five", lambda o: o.section),
    ("right answer", lambda o: o.answered and o.right if o.is_answerable else None),
    ("abstains rightly", lambda o: None if o.is_answerable else not o.answered),
)


def compare(before: Sequence[Outcome], after: Sequence[Outcome], *, rng: random.Random) -> Comparison:
    """Pair the questions by id; the same draws for both runs, so that only the difference varies."""
    pairs = _pairs(before, after)
    earlier, later = [pair[0] for pair in pairs], [pair[1] for pair in pairs]
    drawn = resampling(earlier, rng)
    found = [_difference(metric, earlier, later, drawn) for metric in METRICS]
    return Comparison(
        questions=len(pairs),
        only_before=len(before) - len(pairs),
        only_after=len(after) - len(pairs),
        differences=tuple(difference for difference in found if difference is not None),
        changes=tuple(_changes(pairs)),
        p50_seconds=(_seconds(earlier, 0.5), _seconds(later, 0.5)),
        p95_seconds=(_seconds(earlier, 0.95), _seconds(later, 0.95)),
    )


def _pairs(before: Sequence[Outcome], after: Sequence[Outcome]) -> list[tuple[Outcome, Outcome]]:
    earlier = {(outcome.is_answerable, outcome.id): outcome for outcome in before}
    pairs = [
        (earlier[outcome.is_answerable, outcome.id], outcome)
        for outcome in after
        if (outcome.is_answerable, outcome.id) in earlier
    ]
    return sorted(pairs, key=lambda pair: not pair[0].is_answerable)


def _difference(
    metric: Metric, earlier: Sequence[Outcome], later: Sequence[Outcome], drawn: Resampling
) -> Difference | None:
    old, new = metric.of(earlier), metric.of(later)
    if not old[1].sum() or not new[1].sum():
        return None
    low, high = percentiles(drawn.shares(*new) - drawn.shares(*old))
    is_same = bool(np.array_equal(old[0], new[0]) and np.array_equal(old[1], new[1]))
    return Difference(
        metric=metric,
        before=float(old[0].sum() / old[1].sum()),
        after=float(new[0].sum() / new[1].sum()),
        low=low,
        high=high,
        verdict=Verdict.SAME if is_same else _verdict(low, high, is_better_high=metric.is_better_high),
    )


def _verdict(low: float, high: float, *, is_better_high: bool) -> Verdict:
    if low <= 0 <= high:
        return Verdict.UNDECIDED
    return Verdict.BETTER if (low > 0) is is_better_high else Verdict.WORSE


def _changes(pairs: Sequence[tuple[Outcome, Outcome]]) -> list[Change]:
    return [
        Change(outcome=new, what=what, gained=bool(is_so(new)))
        for what, is_so in _TURNS
        for old, new in pairs
        if None not in (is_so(old), is_so(new)) and is_so(old) != is_so(new)
    ]


def _seconds(outcomes: Sequence[Outcome], part: float) -> float:
    return quantile([outcome.seconds for outcome in outcomes], part)
