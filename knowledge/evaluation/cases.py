"""Questions with what is known about them: where the answer stands, or that there is none."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from knowledge.lines import Fault, read_objects

OTHER = "other"  #: the difficulty, style or category of a case that does not name one


@dataclass(frozen=True, slots=True)
class Gold:
    """A section in which the answer stands."""

    path: str
    heading: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One question of an evaluation set."""

    id: str
    question: str
    languages: str  #: of the question, and after a `>` of the article where the case names it
    difficulty: str = OTHER
    style: str = OTHER
    category: str = OTHER  #: of a question without an answer
    gold_paths: tuple[str, ...] = ()  #: articles that answer, any of them; none: nothing must be answered
    golds: tuple[Gold, ...] = ()  #: sections that answer, any of them; may be unknown

    @property
    def is_answerable(self) -> bool:
        """Some article answers it."""
        return bool(self.gold_paths)


def load_answerable(path: Path, fault: Fault) -> list[Case]:
    """Questions with gold paths; a line that is no case is a fault and is left out."""
    return _load(path, fault, is_answerable=True)


def load_unanswerable(path: Path, fault: Fault) -> list[Case]:
    """Questions that no article answers."""
    return _load(path, fault, is_answerable=False)


def _load(path: Path, fault: Fault, *, is_answerable: bool) -> list[Case]:
    cases: dict[str, Case] = {}
    needed = ("question", "gold_paths") if is_answerable else ("question",)
    for number, found in read_objects(path, needed, fault):
        try:
            case = _case(found, is_answerable=is_answerable)
        except ValueError as error:
            fault(f"{path}: line {number}: {error}.")
            continue
        if cases.setdefault(case.id, case) is not case:
            fault(f"{path}: line {number}: {case.id!r} is there twice.")
    return list(cases.values())


def _case(found: Mapping[str, Any], *, is_answerable: bool) -> Case:
    question = str(found["question"])
    if not question.strip():
        raise ValueError("question is empty")
    written = found.get("gold_article_lang")
    asked = str(found.get("lang", "?"))
    return Case(
        id=str(found.get("id", question)),
        question=question,
        languages=f"{asked}>{written}" if written else asked,
        difficulty=str(found.get("difficulty", OTHER)),
        style=str(found.get("style", OTHER)),
        category=str(found.get("category", OTHER)),
        gold_paths=_paths(found["gold_paths"]) if is_answerable else (),
        golds=_golds(found.get("gold", [])) if is_answerable else (),
    )


def _paths(found: Any) -> tuple[str, ...]:
    if not isinstance(found, list) or not all(isinstance(path, str) for path in found):
        raise ValueError("gold_paths is no list of paths")
    if not found:
        raise ValueError("gold_paths is empty; a question without an answer belongs into --unanswerable")
    return tuple(dict.fromkeys(found))


def _golds(found: Any) -> tuple[Gold, ...]:
    if not isinstance(found, list) or not all(isinstance(gold, dict) for gold in found):
        raise ValueError("gold is no list of objects with path and heading")
    return tuple(
        Gold(str(gold["path"]), str(gold["heading"])) for gold in found if {"path", "heading"} <= gold.keys()
    )
