"""How far a figure may be from what more questions would give: the bootstrap over questions."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Numbers = npt.NDArray[np.float64]

TIMES = 2_000  #: that the questions are drawn anew
_OUTSIDE = 0.025  #: on each side of an interval of 95 %


@dataclass(frozen=True, slots=True, kw_only=True)
class Measure:
    """A figure with its 95 % interval; None where no question has a say in it."""

    value: float | None
    low: float | None
    high: float | None
    questions: int  #: that have a say


class Resampling:
    """Draws each group of questions anew, with replacement, the same draws for every figure."""

    def __init__(self, groups: Sequence[int], rng: random.Random, *, times: int = TIMES) -> None:
        draw = np.random.default_rng(rng.getrandbits(64))
        drawn = [draw.multinomial(size, np.full(size, 1 / size), size=times) for size in groups if size]
        empty = np.zeros((times, 0))
        #: A row for each draw: how often each question is in it.
        self.counts: Numbers = np.concatenate([empty, *drawn], axis=1)

    def share(self, parts: Numbers, wholes: Numbers) -> Measure:
        """The sum of the parts by the sum of the wholes."""
        asked = wholes > 0
        questions = int(asked.sum())
        if not questions:
            return Measure(value=None, low=None, high=None, questions=0)
        value = float(parts.sum() / wholes.sum())
        low, high = self._bounds(parts, wholes)
        shares = parts[asked] / wholes[asked]
        if np.all(shares == 0) or np.all(shares == 1):
            low, high = _of_unanimity(value, questions)
        return Measure(value=value, low=low, high=high, questions=questions)

    def statistic(self, value: float, questions: int, drawn: Callable[[Numbers], Numbers]) -> Measure:
        """Any other figure: `drawn` gives it for each row of counts."""
        if not questions:
            return Measure(value=None, low=None, high=None, questions=0)
        low, high = percentiles(drawn(self.counts))
        return Measure(value=value, low=low, high=high, questions=questions)

    def shares(self, parts: Numbers, wholes: Numbers) -> Numbers:
        """The share in every draw; not a number where a draw has no whole."""
        below = self.counts @ wholes
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.asarray((self.counts @ parts) / below)

    def _bounds(self, parts: Numbers, wholes: Numbers) -> tuple[float, float]:
        return percentiles(self.shares(parts, wholes))


def percentiles(drawn: Numbers) -> tuple[float, float]:
    """The middle 95 % of what was drawn."""
    usable = drawn[~np.isnan(drawn)]
    low, high = np.quantile(usable, [_OUTSIDE, 1 - _OUTSIDE])
    return float(low), float(high)


def _of_unanimity(value: float, questions: int) -> tuple[float, float]:
    """Where every question agrees, drawing anew has nothing to vary: the exact binomial bound instead."""
    beyond = 1 - _OUTSIDE ** (1 / questions)
    return (0.0, beyond) if value == 0 else (1 - beyond, 1.0)
