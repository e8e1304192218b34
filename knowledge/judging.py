"""How likely it is that the passages found answer a question, from a few figures about both."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass

from knowledge.kinds import Likeness
from knowledge.languages import terms
from knowledge.loaded import View
from knowledge.naming import names
from knowledge.partitions import LoadedPartition
from knowledge.retrieval import Passage, Question

_FEW_WORDS, _MANY_WORDS = 5, 9
_FEW_CHUNKS = 200  #: nothing was fitted on smaller indexes
# A logistic regression that tells questions with an answer from those without, scaled so that it says how
# often the best article is a right one. tests/evaluation/refit.py makes these figures, and
# docs/decisions/0022-evidence.md says what they are worth.
_WEIGHTS = {
    "lead": 0.226,
    "spread": 0.21,
    "covered": 0.657,
    "words": 0.529,
    "strange": -0.953,
    "unknown": -0.709,
    "foreign": 0.394,
    "likeness": 0.0,  # what is like other kinds is refused beforehand, and little is left to tell
    "nearest": 0.0,
    "written": 0.279,
    "written_nearest": 19.812,
    "chance": -0.589,
}
_BIAS = 0.081
_FAR = 4.0  #: standard deviations; nothing was fitted beyond
_RIVAL = 5  #: articles behind the best one, whose scores say what is usual for this question


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """What speaks for and against an answer, in units that do not depend on the size of the index."""

    lead: float  #: how far the second article is behind it
    spread: float  #: how far the usual rival is behind it
    covered: float  #: part of the question's words, by rarity, that the best article has; 0 across languages
    words: float  #: logarithm of their number, between five and nine: chance explains long matches less
    strange: bool  #: a name in it is not in the best article
    unknown: bool  #: a name in it is in no article
    foreign: bool  #: the best article is in another language
    likeness: float  #: to another kind of question than those for support
    nearest: float  #: likewise, by the nearest examples
    written: float  #: to what articles tell, more than to what they do not
    written_nearest: float  #: likewise, by the nearest examples
    chance: float  #: what the best of so many chunks would score by chance alone


def weigh_up(view: View, question: Question, found: Sequence[Passage], likeness: Likeness | None) -> Evidence:
    """The evidence about the articles that were found; there is at least one."""
    best = found[0]
    scores = _articles_scores(found)
    words = _words(view.partitions, question, best)
    named = [_having(view.partitions, terms(name, best.language)) for name in names(question.text)]
    return Evidence(
        lead=min(scores[0] - scores[min(1, len(scores) - 1)], _FAR),
        spread=min(scores[0] - scores[min(_RIVAL - 1, len(scores) - 1)], _FAR),
        covered=words.covered,
        words=math.log(min(max(words.count, _FEW_WORDS), _MANY_WORDS)),
        strange=any(best.article not in articles for articles in named),
        unknown=not all(named),
        foreign=question.language not in (None, best.language),
        likeness=likeness.weighed if likeness else 0.0,
        nearest=likeness.nearest if likeness else 0.0,
        written=likeness.written if likeness else 0.0,
        written_nearest=likeness.written_nearest if likeness else 0.0,
        chance=math.sqrt(2 * math.log(max(sum(len(one) for one in view.partitions), _FEW_CHUNKS))),
    )


def _articles_scores(found: Sequence[Passage]) -> list[float]:
    best: dict[int, float] = {}
    for passage in found:
        best.setdefault(passage.article, passage.score)
    return list(best.values())


@dataclass(frozen=True, slots=True)
class _Words:
    count: int
    covered: float


def _words(partitions: Sequence[LoadedPartition], question: Question, best: Passage) -> _Words:
    """The question's words against those of the best article and of all."""
    language = question.language or best.language
    own = [one for one in partitions if one.partition.language is language]
    asked = list(dict.fromkeys(terms(question.text, language)))
    size = max(sum(len(one) for one in own), 1)
    total = met = 0.0
    for word in asked:
        frequency = sum(one.frequency(word) for one in own)
        rarity = math.log1p(size / (frequency + 0.5))
        total += rarity
        met += rarity * (best.article in _having(own, [word]))
    covered = met / total if total and best.language is language else 0.0
    return _Words(len(asked), covered)


def _having(partitions: Sequence[LoadedPartition], words: Sequence[str]) -> set[int]:
    """The articles that have a chunk with all of the words."""
    return {article for one in partitions for article in one.articles[one.with_all(words)].tolist()}


def confidence_in(evidence: Evidence) -> float:
    """The probability that the best article answers, 0 to 1."""
    figures = asdict(evidence)
    total = _BIAS + sum(weight * float(figures[name]) for name, weight in _WEIGHTS.items())
    return 1 / (1 + math.exp(-total))
