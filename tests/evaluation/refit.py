"""Fits the weights of knowledge/judging.py anew, and says what they are worth on unseen questions.

    python tests/evaluation/refit.py --fit FOLDER=DATA … [--check FOLDER=DATA …] [--far 0.0]
    python tests/evaluation/refit.py --carry DATA

FOLDER holds questions.jsonl, unanswerable.jsonl or both; DATA is a data folder (DESKBELL_DATA) in which the
articles that they are about are indexed. After a change of ranking, of the embedder or of kinds.toml run the
first line and copy what it prints; after a change of kinds.toml or of the default embedder run the second
line before it, which writes knowledge/kinds-….npz. docs/decisions/0022-evidence.md names our folders.
"""

from __future__ import annotations

import argparse
import random
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path

import numpy as np
import numpy.typing as npt

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from bot.core.model import PUBLIC
from knowledge.answering import Answerer
from knowledge.evaluation.cases import Case, load_answerable, load_unanswerable
from knowledge.evaluation.intervals import Resampling
from knowledge.examples import carry
from knowledge.judging import Evidence
from knowledge.opening import BUILT_IN, load_embedder, open_index
from knowledge.terminal import complain, say

Numbers = npt.NDArray[np.float64]

# Which way a figure may speak, 1 for an answer: what comes out the other way round is chance, and left out.
SPEAKS = {
    "lead": 1,
    "spread": 1,
    "strange": -1,
    "unknown": -1,
    "likeness": -1,
    "nearest": -1,
    "written": 1,
    "written_nearest": 1,
    "covered": 1,
    "words": 1,
    "foreign": 0,
    "chance": -1,
}
FIGURES = tuple(one.name for one in fields(Evidence))
LOST = 0.065  #: of the answerable questions may be left without an answer
PENALTY = 3.0  #: on the squares of weights, each in deviations of its figure
FOLDS = 5
DEEP = 60  #: passages among which other articles are left when the right ones are taken away


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """A question and what there was to judge by."""

    case: Case
    is_answerable: bool
    is_far: bool  #: an answerable one whose right articles were taken away
    evidence: Evidence | None  #: None: nothing was found, or it was refused beforehand
    is_right: bool  #: the best article is a right one


@dataclass(frozen=True, slots=True)
class Set:
    """The questions of one folder."""

    name: str
    seen: list[Seen] = field(default_factory=list)


def look_at(folder: Path, data: Path) -> Set:
    """Ask every question of a folder, and the answerable ones once more without what answers them."""
    found = Set(folder.name)
    index = open_index(data)
    try:
        answerer = index.answerer()
        for case in _cases(folder):
            found.seen.append(_seen(answerer, case, is_far=False))
            if case.is_answerable:
                found.seen.append(_seen(answerer, case, is_far=True))
    finally:
        index.close()
    complain(f"{folder}: {len(found.seen)} questions looked at")
    return found


def _cases(folder: Path) -> Iterator[Case]:
    for name, load in (("questions", load_answerable), ("unanswerable", load_unanswerable)):
        path = folder / f"{name}.jsonl"
        if path.exists():
            yield from load(path, complain)


def _seen(answerer: Answerer, case: Case, *, is_far: bool) -> Seen:
    if is_far:
        look = answerer.look(case.question, reader=PUBLIC, limit=DEEP, without=case.gold_paths)
    else:
        look = answerer.look(case.question, reader=PUBLIC)
    return Seen(
        case=case,
        is_answerable=case.is_answerable and not is_far,
        is_far=is_far,
        evidence=None if look.refused else look.evidence,
        is_right=not is_far and bool(look.found) and look.found[0].path in case.gold_paths,
    )


# -- fitting ------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Fit:
    """A logistic regression: answerable or not."""

    weights: Numbers
    bias: float

    def __call__(self, seen: Sequence[Seen]) -> Numbers:
        """Log odds; minus infinity for what is refused."""
        rows = np.array([_figures(one) for one in seen])
        known = np.array([one.evidence is not None for one in seen])
        return np.where(known, rows @ self.weights + self.bias, -np.inf)


def _figures(one: Seen) -> list[float]:
    if one.evidence is None:
        return [0.0] * len(FIGURES)
    found = asdict(one.evidence)
    return [float(found[name]) for name in FIGURES]


def fit(seen: Sequence[Seen], far: float) -> Fit:
    """Both sides weigh the same. `far` is the weight of a question whose right articles were taken away."""
    judged = [one for one in seen if one.evidence is not None and (far or not one.is_far)]
    rows = np.array([_figures(one) for one in judged])
    wanted = np.array([float(one.is_answerable) for one in judged])
    parts = np.array([far if one.is_far else 1.0 for one in judged])
    parts[wanted == 1] *= parts[wanted == 0].sum() / parts[wanted == 1].sum()
    middle = np.average(rows, axis=0, weights=parts)
    widths = np.sqrt(np.average((rows - middle) ** 2, axis=0, weights=parts)) + 1e-9
    allowed = np.ones(len(FIGURES), bool)
    while True:
        found, bias = newton((rows - middle) / widths * allowed, wanted, parts)
        wrong = [
            place for place, name in enumerate(FIGURES) if allowed[place] and found[place] * SPEAKS[name] < 0
        ]
        if not wrong:
            return Fit(found * allowed / widths, bias - float((found * allowed / widths) @ middle))
        allowed[max(wrong, key=lambda place: abs(float(found[place])))] = False


def newton(rows: Numbers, wanted: Numbers, parts: Numbers, penalty: float = PENALTY) -> tuple[Numbers, float]:
    """The weights of a logistic regression and its bias, by Newton's method."""
    beside = np.c_[rows, np.ones(len(rows))]
    bound = np.diag([*[penalty] * rows.shape[1], 1e-9])
    found = np.zeros(beside.shape[1])
    for _ in range(50):
        said = 1 / (1 + np.exp(-beside @ found))
        slope = beside.T @ (parts * (said - wanted)) + bound @ found
        bend = (beside * (parts * said * (1 - said))[:, np.newaxis]).T @ beside + bound
        step = np.linalg.solve(bend, slope)
        found = found - step
        if np.abs(step).max() < 1e-8:
            break
    return found[:-1], float(found[-1])


def crosswise(seen: Sequence[Seen], far: float) -> Numbers:
    """What fits say that have not seen the question."""
    drawn = random.Random(1)  # noqa: S311 - draws questions, guards nothing
    fold = {text: drawn.randrange(FOLDS) for text in dict.fromkeys(one.case.question for one in seen)}
    said = np.zeros(len(seen))
    for number in range(FOLDS):
        out = [place for place, one in enumerate(seen) if fold[one.case.question] == number]
        found = fit([one for one in seen if fold[one.case.question] != number], far)
        said[out] = found([seen[place] for place in out])
    return said


def as_confidence(said: Numbers, seen: Sequence[Seen]) -> tuple[float, float]:
    """A factor and a summand for log odds, so that they say how often the best article is a right one."""
    some = np.array([one.evidence is not None and not one.is_far for one in seen])
    right = np.array([float(one.is_right) for one in seen])[some]
    factor, shift = newton(said[some][:, np.newaxis], right, np.ones(len(right)), penalty=1e-6)
    return float(factor[0]), shift


# -- printing -----------------------------------------------------------------


def shares(name: str, said: Numbers, seen: Sequence[Seen], floor: float) -> str:
    """A row of the table."""
    is_silent = (said < floor).astype(float)
    asked = {
        "lost": [one.is_answerable for one in seen],
        "abstained": [not one.is_answerable and not one.is_far for one in seen],
        "not covered": [one.case.category == "not_covered" for one in seen],
        "answer away": [one.is_far for one in seen],
    }
    resampling = Resampling([len(seen)], random.Random(1))  # noqa: S311 - draws questions, guards nothing
    cells = [name]
    for group in asked.values():
        inside = np.array(group, float)
        found = resampling.share(is_silent * inside, inside)
        cells.append(
            "-" if found.value is None else f"{found.value:.3f} ({found.low:.2f} to {found.high:.2f})"
        )
    return f"| {' | '.join(cells)} |"


def weights_of(found: Fit, factor: float, shift: float) -> Mapping[str, float]:
    """As judging.py has them."""
    named = zip(FIGURES, found.weights, strict=True)
    weights = {name: round(float(factor * weight), 3) for name, weight in named}
    return weights | {"_BIAS": round(factor * found.bias + shift, 3)}


def main(arguments: Sequence[str]) -> None:
    """Read what is wanted, do it, print it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--fit", nargs="+", default=[], metavar="FOLDER=DATA")
    parser.add_argument("--check", nargs="+", default=[], metavar="FOLDER=DATA")
    parser.add_argument(
        "--far", type=float, default=0.0, help="weight of questions whose answer is taken away"
    )
    parser.add_argument("--carry", type=Path, metavar="DATA")
    chosen = parser.parse_args(arguments)
    if chosen.carry:
        embedder = load_embedder(BUILT_IN, chosen.carry)
        assert embedder is not None
        say(f"{carry(embedder)} sentences")
    if chosen.fit:
        fitted, checked = (
            [look_at(*map(Path, one.split("=", 1))) for one in names] for names in (chosen.fit, chosen.check)
        )
        report(fitted, checked, chosen.far)


def report(fitted: Sequence[Set], checked: Sequence[Set], far: float) -> None:
    """Fit on some sets, and print the table and the weights."""
    seen = [one for some in fitted for one in some.seen]
    said = crosswise(seen, far)
    answerable = np.array([one.is_answerable for one in seen])
    floor = float(np.quantile(said[answerable], LOST, method="lower"))
    found = fit(seen, far)
    say("| questions | lost | abstained | not covered | answer taken away |\n| --- | --- | --- | --- | --- |")
    start = 0
    for some in fitted:
        end = start + len(some.seen)
        say(shares(f"{some.name}, crosswise", said[start:end], some.seen, floor))
        start = end
    say(shares("all of these, crosswise", said, seen, floor))
    for some in checked:
        say(shares(f"{some.name}, unseen", found(some.seen), some.seen, floor))
    factor, shift = as_confidence(said, seen)
    for name, weight in weights_of(found, factor, shift).items():
        say(f'    "{name}": {weight},')
    say(f"SURE = {1 / (1 + np.exp(-(factor * floor + shift))):.3f}")


if __name__ == "__main__":
    main(sys.argv[1:])
