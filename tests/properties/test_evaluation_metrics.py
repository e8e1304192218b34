"""The arithmetic of the evaluation against definitions that are too slow or too plain to ship."""

from __future__ import annotations

import itertools
import math
import random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from knowledge.evaluation.intervals import Resampling
from knowledge.evaluation.metrics import (
    bin_of,
    calibration_error,
    ndcg,
    plain_heading,
    rank_of,
    reciprocal,
    reliability,
    tradeoffs,
    widest,
)

ARTICLES = "abcdef"
found_lists = st.permutations(ARTICLES).flatmap(
    lambda order: st.integers(0, len(order)).map(lambda size: list(order[:size]))
)
golds = st.sets(st.sampled_from(ARTICLES + "xyz"), min_size=1, max_size=4)
confidences = st.floats(0, 1)
answers = st.lists(st.tuples(confidences, st.booleans()), min_size=1, max_size=30)


def dice(seed: int) -> random.Random:
    return random.Random(seed)  # noqa: S311 - draws questions, guards nothing


def gain(order: list[str], gold: set[str]) -> float:
    """Summed place by place."""
    total = 0.0
    for place in range(min(len(order), 10)):
        if order[place] in gold:
            total += 1 / math.log2(place + 2)
    return total


# -- ranks ----------------------------------------------------------------------


@given(found_lists, golds)
def test_ndcg_is_the_gain_by_the_best_gain_of_any_order(found: list[str], gold: set[str]) -> None:
    rest = [*sorted(gold), "n1", "n2"]
    best = max(gain(list(order), gold) for order in itertools.permutations(rest))
    assert ndcg(found, gold) == pytest.approx(gain(found, gold) / best)


@given(found_lists, golds)
def test_moving_a_right_article_up_never_lowers_a_figure(found: list[str], gold: set[str]) -> None:
    for place in range(1, len(found)):
        if found[place] in gold and found[place - 1] not in gold:
            better = [*found[: place - 1], found[place], found[place - 1], *found[place + 1 :]]
            assert ndcg(better, gold) > ndcg(found, gold)
            assert reciprocal(rank_of(better, gold)) >= reciprocal(rank_of(found, gold))


@given(found_lists, golds, st.integers(1, 3))
def test_an_article_that_is_found_twice_takes_one_place(found: list[str], gold: set[str], times: int) -> None:
    doubled = [path for path in found for _ in range(times)]
    assert rank_of(doubled, gold) == rank_of(found, gold)
    assert ndcg(doubled, gold) == ndcg(found, gold)


def test_the_eleventh_article_counts_for_nothing() -> None:
    found = [*(f"n{number}" for number in range(10)), "gold"]
    assert rank_of(found, {"gold"}) == 11
    assert reciprocal(rank_of(found, {"gold"})) == ndcg(found, {"gold"}) == 0


@pytest.mark.parametrize(
    "written",
    [
        "The `max.poll` setting",
        "the  MAX.POLL\tsetting",
        "## The **max.poll** setting",
        "The <a id='x'></a>max.poll setting:",
        "The [max.poll](https://docs.example/x) _setting_",
        "The max.poll setting {#max-poll}",
        "The max.poll setting ##",
    ],
)
def test_headings_are_compared_by_what_is_read(written: str) -> None:
    assert plain_heading(written) == "the max.poll setting"


@pytest.mark.parametrize("other", ["The max_poll setting", "The max.poll settings", "max.poll"])
def test_headings_that_read_differently_differ(other: str) -> None:
    assert plain_heading(other) != "the max.poll setting"


def test_an_underscore_inside_a_name_is_part_of_it() -> None:
    assert plain_heading("Set `max_poll_records`") == "set max_poll_records"


# -- confidence -------------------------------------------------------------------


@given(answers)
def test_calibration_error_is_the_sum_over_bins_by_hand(said: list[tuple[float, bool]]) -> None:
    bins = reliability([one for one, _ in said], [right for _, right in said])
    by_hand = 0.0
    for number in range(5):
        inside = [(one, right) for one, right in said if bin_of(one) == number]
        by_hand += abs(sum(one - right for one, right in inside)) / len(said)
    assert calibration_error(bins) == pytest.approx(by_hand)
    assert sum(one.questions for one in bins) == len(said)


@given(answers)
def test_who_says_what_happens_is_calibrated(said: list[tuple[float, bool]]) -> None:
    rights = [right for _, right in said]
    assert calibration_error(reliability([float(right) for right in rights], rights)) == 0


@given(answers, st.lists(confidences, max_size=30))
def test_a_lower_threshold_answers_more_of_both_kinds(
    known: list[tuple[float, bool]], unknown: list[float]
) -> None:
    points = tradeoffs(known, unknown)
    for stricter, looser in itertools.pairwise(points):
        assert stricter.threshold > looser.threshold
        assert stricter.coverage <= looser.coverage
        assert stricter.false_answers <= looser.false_answers


@given(answers, st.lists(confidences, min_size=1, max_size=30))
def test_the_widest_threshold_is_the_last_that_abstains_enough(
    known: list[tuple[float, bool]], unknown: list[float]
) -> None:
    points = tradeoffs(known, unknown)
    point = widest(points, abstained=0.9)
    enough = [one for one in points if sum(said < one.threshold for said in unknown) >= 0.9 * len(unknown)]
    assert point == (enough[-1] if enough else None)


# -- intervals --------------------------------------------------------------------


def test_about_95_of_100_intervals_hold_the_truth() -> None:
    truth, questions, runs = 0.7, 80, 300
    rng = dice(5)
    held = 0
    for _ in range(runs):
        parts = np.array([float(rng.random() < truth) for _ in range(questions)])
        one = Resampling([questions], rng, times=400).share(parts, np.ones(questions))
        assert one.low is not None
        assert one.high is not None
        held += one.low <= truth <= one.high
    assert 0.90 <= held / runs <= 0.98  # the percentile bootstrap is a little narrow at 80 questions


def test_the_interval_is_as_wide_as_theory_says() -> None:
    parts = np.array([1.0, 0.0] * 100)
    one = Resampling([200], dice(1)).share(parts, np.ones(200))
    assert one.low == pytest.approx(0.5 - 1.96 * math.sqrt(0.25 / 200), abs=0.01)
    assert one.high == pytest.approx(0.5 + 1.96 * math.sqrt(0.25 / 200), abs=0.01)


@given(questions=st.integers(1, 60), is_right=st.booleans())
def test_unanimous_questions_still_leave_a_doubt(questions: int, *, is_right: bool) -> None:
    parts = np.full(questions, float(is_right))
    one = Resampling([questions], dice(1), times=10).share(parts, np.ones(questions))
    assert one.low is not None
    assert one.high is not None
    doubt = one.high if not is_right else 1 - one.low
    assert (1 - doubt) ** questions == pytest.approx(0.025)  # as unlikely as an interval of 95 % leaves


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), min_size=1, max_size=20))
def test_a_share_lies_within_its_interval_and_counts_who_has_a_say(pairs: list[tuple[int, int]]) -> None:
    wholes = np.array([float(max(pair)) for pair in pairs])
    parts = np.array([float(min(pair)) for pair in pairs])
    one = Resampling([len(pairs)], dice(2), times=300).share(parts, wholes)
    assert one.questions == sum(whole > 0 for whole in wholes)
    if one.value is None or one.low is None or one.high is None:
        assert not wholes.any()
        return
    assert 0 <= one.low <= one.high <= 1
    assert one.value == pytest.approx(parts.sum() / wholes.sum())


def test_groups_are_drawn_apart() -> None:
    counts = Resampling([3, 5], dice(1), times=50).counts
    assert np.array_equal(counts[:, :3].sum(axis=1), np.full(50, 3))
    assert np.array_equal(counts[:, 3:].sum(axis=1), np.full(50, 5))


def test_the_same_seed_draws_the_same() -> None:
    first, again = (Resampling([9], dice(7), times=20).counts for _ in range(2))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, Resampling([9], dice(8), times=20).counts)
