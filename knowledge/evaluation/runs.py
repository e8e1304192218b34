"""A run: every case asked once, and what came of each; kept in a file for a later comparison."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, Protocol

from bot.core.errors import UserFacingError
from bot.core.model import Audience, Citation
from knowledge.answering import Consideration
from knowledge.evaluation.cases import Case, Gold
from knowledge.evaluation.metrics import DEPTH, ndcg, place_of, plain_heading, rank_of
from knowledge.indexing import Progress
from knowledge.retrieval import Passage

SHOWN = 5  #: passages among which the section must be
_LAYOUT = 1  #: of a saved run


class Considering(Protocol):
    """What is measured: the `Answerer`, or anything that thinks like one."""

    def consider(self, text: str, *, reader: Audience, passages: int = ...) -> Consideration:
        """Look, judge and quote."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """One case and what came of it: all that any figure needs."""

    id: str
    question: str
    languages: str
    difficulty: str
    style: str
    category: str
    is_answerable: bool
    rank: int | None  #: of the first right article among the articles found
    place: int | None  #: likewise among the passages found, of which an article may have several
    ndcg: float
    section: bool | None  #: a right section is among the first passages; None: the case names no section
    confidence: float
    answered: bool
    right: bool  #: the answer cites a right article; without one, the first passage is from a right article
    citations: int
    right_citations: int  #: to right articles
    right_sections: int | None  #: citations of right sections; None: the case names no section
    seconds: float


def ask_all(
    answerer: Considering, cases: Sequence[Case], *, reader: Audience, progress: Progress
) -> tuple[Outcome, ...]:
    """Ask every case once, in order."""
    outcomes = []
    for number, case in enumerate(cases):
        progress(number, len(cases), case.id)
        started = time.perf_counter()
        considered = answerer.consider(case.question, reader=reader, passages=DEPTH)
        outcomes.append(outcome_of(case, considered, seconds=time.perf_counter() - started))
    progress(len(cases), len(cases), "")
    return tuple(outcomes)


def outcome_of(case: Case, considered: Consideration, *, seconds: float) -> Outcome:
    """What came of one case."""
    paths = [passage.path for passage in considered.passages]
    cited = considered.answer.citations if considered.answer else ()
    on_gold = sum(citation.path in case.gold_paths for citation in cited)
    return Outcome(
        id=case.id,
        question=case.question,
        languages=case.languages,
        difficulty=case.difficulty,
        style=case.style,
        category=case.category,
        is_answerable=case.is_answerable,
        rank=rank_of(paths, case.gold_paths),
        place=place_of(paths, case.gold_paths),
        ndcg=ndcg(paths, case.gold_paths),
        section=any(_hits(case.golds, considered.passages[:SHOWN])) if case.golds else None,
        confidence=considered.confidence,
        answered=considered.answer is not None,
        right=on_gold > 0 if considered.answer else paths[:1] != [] and paths[0] in case.gold_paths,
        citations=len(cited),
        right_citations=on_gold,
        right_sections=sum(_hits(case.golds, cited)) if case.golds else None,
        seconds=seconds,
    )


def _hits(golds: Sequence[Gold], places: Sequence[Passage | Citation]) -> list[bool]:
    """Which of the places are gold sections: the same path, and headings that read the same."""
    wanted = {(gold.path, plain_heading(gold.heading)) for gold in golds}
    return [(place.path, plain_heading(place.heading)) in wanted for place in places]


def save_run(outcomes: Sequence[Outcome], target: Path) -> None:
    """Whole or not at all."""
    lines = ",\n".join(json.dumps(asdict(outcome), ensure_ascii=False) for outcome in outcomes)
    fresh = target.with_name(f"{target.name}.new")
    try:
        fresh.write_text(f'{{"layout": {_LAYOUT}, "outcomes": [\n{lines}\n]}}\n', "utf-8", "backslashreplace")
        fresh.replace(target)
    except OSError as error:
        raise UserFacingError(f"{target} cannot be written ({error.strerror}).") from error


def load_run(source: Path) -> tuple[Outcome, ...]:
    """A run that was saved."""
    try:
        found = json.loads(source.read_bytes())
    except OSError as error:
        raise UserFacingError(f"{source} cannot be read ({error.strerror}).") from error
    except (ValueError, RecursionError) as error:
        raise UserFacingError(f"{source} is no saved run: it is not JSON.") from error
    if not isinstance(found, dict) or found.get("layout") != _LAYOUT:
        raise UserFacingError(f"{source} is no run that this version saved with --save.")
    try:
        outcomes = tuple(_outcome(one) for one in found["outcomes"])
    except (KeyError, TypeError, ValueError) as error:
        raise UserFacingError(f"{source} is no saved run: an outcome in it is damaged.") from error
    if not outcomes:
        raise UserFacingError(f"{source} is a saved run without an outcome.")
    return outcomes


_KINDS: dict[str, tuple[type, ...]] = {
    "str": (str,),
    "bool": (bool,),
    "int": (int,),
    "float": (int, float),
    "int | None": (int, type(None)),
    "bool | None": (bool, type(None)),
}


def _outcome(found: dict[str, Any]) -> Outcome:
    for field in fields(Outcome):
        if not isinstance(found[field.name], _KINDS[str(field.type)]):
            raise TypeError(field.name)
    return Outcome(**found)
