"""`kb eval`: plain arguments in, an exit status out, figures on the terminal and in files."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from bot.core.errors import UserFacingError
from bot.core.model import PUBLIC
from knowledge.embedding import EmbedderChoice
from knowledge.evaluation.cases import Case, load_answerable, load_unanswerable
from knowledge.evaluation.charts import save_chart
from knowledge.evaluation.comparing import compare
from knowledge.evaluation.figures import evaluate
from knowledge.evaluation.printing import comparison_in_words, figures_as_json, figures_in_words
from knowledge.evaluation.runs import Outcome, ask_all, load_run, save_run
from knowledge.opening import BUILT_IN
from knowledge.terminal import complain, opened, progress, say
from knowledge.versions import current_place

_NAMED = 3  #: articles in a complaint
_FAULTS = 10  #: lines that are named; a file of another kind would fill the screen


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What the figures are wanted as."""

    as_json: bool = False
    save: Path | None = None  #: where this run is kept
    compare: Path | None = None  #: a run that was kept
    chart: Path | None = None  #: where the picture goes


def kb_eval(
    questions: Path,
    unanswerable: Path | None,
    data_dir: Path,
    *,
    rng: random.Random,
    wanted: Wanted = Wanted(),
    embedder: str | EmbedderChoice = BUILT_IN,
) -> int:
    """Measure what is found, answered and left; 1 when a line of the files is no case."""
    faults: list[str] = []
    cases = load_answerable(questions, faults.append)
    cases += load_unanswerable(unanswerable, faults.append) if unanswerable else []
    _complain_of_faults(faults)
    if not any(case.is_answerable for case in cases):
        raise UserFacingError(f"{questions} holds no question with gold_paths.")
    before = load_run(wanted.compare) if wanted.compare else None  # a wrong file is told before the long work
    for target in (wanted.save, wanted.chart):
        _check_place(target)
    if before is not None and not {outcome.id for outcome in before} & {case.id for case in cases}:
        raise UserFacingError(f"{wanted.compare} has no question in common with these files.")
    outcomes = _asked(cases, data_dir, embedder)
    _tell(outcomes, before, rng, wanted)
    return 1 if faults else 0


def _complain_of_faults(faults: Sequence[str]) -> None:
    for fault in faults[:_FAULTS]:
        complain(fault)
    if len(faults) > _FAULTS:
        complain(f"{len(faults) - _FAULTS} further lines are left out too.")


def _asked(cases: Sequence[Case], data_dir: Path, embedder: str | EmbedderChoice) -> tuple[Outcome, ...]:
    with opened(data_dir, embedder) as index, progress() as told:
        answerer = index.answerer()
        answerer.consider("warm up", reader=PUBLIC)  # loading is not what is measured
        _complain_of_strangers(cases, data_dir)
        return ask_all(answerer, cases, reader=PUBLIC, progress=told)


def _complain_of_strangers(cases: Sequence[Case], data_dir: Path) -> None:
    """A misspelt gold path, or a folder that was indexed from elsewhere, would look like bad retrieval."""
    gold = {path for case in cases for path in case.gold_paths}
    place = current_place(data_dir / "index")
    if place is None:
        return
    with place.catalogue.reading() as reading:
        strangers = sorted(gold - {path for _, path in reading.articles()})
    if strangers:
        some = ", ".join(strangers[:_NAMED]) + (", …" if len(strangers) > _NAMED else "")
        complain(f"{len(strangers)} of {len(gold)} gold articles are not in the index: {some}")


def _tell(
    outcomes: Sequence[Outcome], before: Sequence[Outcome] | None, rng: random.Random, wanted: Wanted
) -> None:
    if wanted.save:
        save_run(outcomes, wanted.save)
    found = evaluate(outcomes, rng=rng)
    compared = compare(before, outcomes, rng=rng) if before else None
    if wanted.chart:
        save_chart(found, wanted.chart)
    if wanted.as_json:
        say(figures_as_json(found, compared))
        return
    say(figures_in_words(found))
    if compared is not None:
        say("")
        say(comparison_in_words(compared))


def _check_place(target: Path | None) -> None:
    if target is None:
        return
    if target.is_dir():
        raise UserFacingError(f"{target} cannot be written (it is a folder).")
    if not target.parent.is_dir():
        raise UserFacingError(f"{target} cannot be written (there is no folder {target.parent}).")
