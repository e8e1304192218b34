"""The figures in words and columns for people, and as JSON for machines."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from knowledge.evaluation.comparing import Change, Comparison, Difference, Verdict
from knowledge.evaluation.figures import ABSTAINED, ABSTENTION, ANSWERS, RANKING, Evaluation, Measures, Metric
from knowledge.evaluation.intervals import Measure
from knowledge.evaluation.metrics import Bin, Tradeoff

_DIGITS = 3
_NO_COLUMN = {"recall_at_10", "passages_recall_at_5", "passages_mrr"}  #: a screen is only so wide
_COLUMNS = (*(metric for metric in RANKING if metric.key not in _NO_COLUMN), ABSTENTION[1], ANSWERS[0])
_HEADS = {"abstained": "abstained", "cites_gold": "right article"}  #: titles too long for a column
_WIDTH = 18
_QUESTION = 70  #: characters of a question in a list
_VERDICTS = {
    Verdict.BETTER: "↑ better",
    Verdict.WORSE: "↓ worse",
    Verdict.UNDECIDED: "~ chance could have done this",
    Verdict.SAME: "= the same for every question",
}


# -- for people ---------------------------------------------------------------


def figures_in_words(found: Evaluation) -> str:
    """Everything that was measured, in about fifty lines."""
    lines = ["With an answer in the articles               value   95 % interval   questions"]
    lines += [_line(metric, found.overall) for metric in (*RANKING, ABSTENTION[1], *ANSWERS)]
    lines += ["", "Without one"]
    lines += [_line(metric, found.overall) for metric in ABSTENTION if metric.key != "abstained"]
    lines += [_measured(f"  answered, {name}", one) for name, one in found.by_category.items()]
    for name, kinds in (
        ("question>article", found.by_language),
        ("difficulty", found.by_difficulty),
        ("style", found.by_style),
    ):
        lines += ["", *_kinds(name, kinds)]
    lines += ["", *_calibration(found)]
    lines += ["", _at_ninety(found)]
    lines += [f"Seconds for a question: p50 {found.p50_seconds:.3f}, p95 {found.p95_seconds:.3f}"]
    return "\n".join(lines)


def comparison_in_words(found: Comparison) -> str:
    """What changed since the saved run, and whether that says anything."""
    lines = [f"Against the saved run, {found.questions} questions in both{_left_out(found)}", ""]
    lines += ["                                            before    after   difference, 95 % interval"]
    lines += [_difference(one) for one in found.differences]
    for name, seconds in (("p50", found.p50_seconds), ("p95", found.p95_seconds)):
        lines += [f"{f'seconds, {name}':40}  {seconds[0]:8.3f} {seconds[1]:8.3f}"]
    lines += ["", *_changes(found.changes)]
    return "\n".join(lines)


def _line(metric: Metric, measures: Measures) -> str:
    return _measured(f"  {metric.title}", measures[metric.key])


def _measured(title: str, one: Measure) -> str:
    return f"{title:42}{_figure(one.value)}   {_interval(one):14}{one.questions:9}"


def _figure(value: float | None) -> str:
    return f"{value:8.3f}" if value is not None else f"{'-':>8}"


def _interval(one: Measure) -> str:
    return "" if one.low is None else f"{one.low:.3f} … {one.high:.3f}"


def _kinds(name: str, kinds: Mapping[str, Measures]) -> Iterator[str]:
    heads = (_HEADS.get(metric.key, metric.title) for metric in _COLUMNS)
    yield f"{name:16}   n  " + "".join(f"{head:{_WIDTH}}" for head in heads).rstrip()
    for kind, measures in kinds.items():
        asked = measures["recall_at_1"].questions
        cells = (_cell(measures[metric.key]) for metric in _COLUMNS)
        yield f"{kind[:16]:16} {asked:3}  " + "".join(f"{cell:{_WIDTH}}" for cell in cells).rstrip()


def _cell(one: Measure) -> str:
    return "-" if one.low is None else f"{one.value:.2f} [{one.low:.2f} {one.high:.2f}]"


def _calibration(found: Evaluation) -> Iterator[str]:
    error = found.calibration_error
    yield f"Calibration: expected error {_figure(error.value).strip()} ({_interval(error)})"
    yield "  confidence    questions   said   right"
    for one in found.bins:
        yield f"  {one.start:.1f} to {one.end:.1f} {one.questions:12} {one.confidence:8.2f} {one.right:7.2f}"


def _at_ninety(found: Evaluation) -> str:
    if found.at_ninety is None:
        return "Risk and coverage: nothing can be said without unanswerable questions that stay unanswered."
    point = found.at_ninety
    return (
        f"Risk and coverage: answering from a confidence of {point.threshold:.3f} on would leave"
        f" {1 - point.false_answers:.1%} of the unanswerable questions unanswered (at least {ABSTAINED:.0%}),"
        f" answer {point.coverage:.1%} of the answerable ones, and {point.wrong:.1%} of all answers"
        " would be wrong."
    )


def _left_out(found: Comparison) -> str:
    parts = [
        f"{count} only {where}"
        for count, where in ((found.only_before, "in the saved one"), (found.only_after, "in this one"))
        if count
    ]
    return f" ({', '.join(parts)})" if parts else ""


def _difference(one: Difference) -> str:
    return (
        f"{one.metric.title:40}  {one.before:8.3f} {one.after:8.3f}  {one.after - one.before:+7.3f}"
        f"  {one.low:+.3f} … {one.high:+.3f}  {_VERDICTS[one.verdict]}"
    )


def _changes(changes: Sequence[Change]) -> Iterator[str]:
    if not changes:
        yield "No question turned."
    for what in dict.fromkeys(change.what for change in changes):
        turned = [change for change in changes if change.what == what]
        gained = sum(change.gained for change in turned)
        yield f"{what}: {gained} gained, {len(turned) - gained} lost"
        for change in sorted(turned, key=lambda change: not change.gained):
            said = change.outcome.question.replace("\n", " ")[:_QUESTION]
            yield f"  {'+' if change.gained else '-'} {change.outcome.id:8} {said}"


# -- for machines -------------------------------------------------------------


def figures_as_json(found: Evaluation, compared: Comparison | None = None) -> str:
    """Every figure; intervals stand beside them as [low, high]."""
    of_abstention = {metric.key for metric in (*ABSTENTION, *ANSWERS)}
    data: dict[str, Any] = {
        "all": _values({key: one for key, one in found.overall.items() if key not in of_abstention}),
        "by_language": {name: _values(measures) for name, measures in found.by_language.items()},
        "by_difficulty": {name: _values(measures) for name, measures in found.by_difficulty.items()},
        "by_style": {name: _values(measures) for name, measures in found.by_style.items()},
        "abstention": _shares({key: one for key, one in found.overall.items() if key in of_abstention}),
        "false_answers_by_category": {name: _round(one.value) for name, one in found.by_category.items()},
        "calibration": {
            "expected_error": _round(found.calibration_error.value),
            "interval": _pair(found.calibration_error),
            "bins": [_rounded(one) for one in found.bins],
        },
        "risk_coverage": {
            "at_90_percent_abstained": found.at_ninety and _rounded(found.at_ninety),
            "points": [_rounded(point) for point in found.tradeoffs],
        },
        "p50_seconds": round(found.p50_seconds, 4),
        "p95_seconds": round(found.p95_seconds, 4),
    }
    if compared is not None:
        data["compared"] = _compared(compared)
    return json.dumps(data, indent=2, ensure_ascii=False)


def _compared(found: Comparison) -> dict[str, Any]:
    return {
        "questions": found.questions,
        "only_before": found.only_before,
        "only_after": found.only_after,
        "differences": {
            one.metric.key: {
                "before": _round(one.before),
                "after": _round(one.after),
                "interval": [_round(one.low), _round(one.high)],
                "verdict": one.verdict.value,
            }
            for one in found.differences
        },
        "changes": [
            {"id": change.outcome.id, "what": change.what, "gained": change.gained}
            for change in found.changes
        ],
    }


def _values(measures: Measures) -> dict[str, Any]:
    return {"questions": measures["recall_at_1"].questions, **_shares(measures)}


def _shares(measures: Measures) -> dict[str, Any]:
    values: dict[str, Any] = {key: _round(one.value) for key, one in measures.items()}
    return {**values, "intervals": {key: _pair(one) for key, one in measures.items()}}


def _pair(one: Measure) -> list[float | None]:
    return [_round(one.low), _round(one.high)]


def _rounded(one: Bin | Tradeoff) -> dict[str, Any]:
    return {key: _round(value) for key, value in asdict(one).items()}


def _round(value: float | None) -> float | None:
    return None if value is None else round(value, _DIGITS)
