"""Articles that are about the same thing as an article."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from bot.core.errors import UserFacingError
from bot.core.model import Audience
from knowledge.loaded import LiveIndex, View
from knowledge.partitions import LoadedPartition

_LIKELY = 400  #: chunks near an article's middle whose articles are compared with it


@dataclass(frozen=True, slots=True, kw_only=True)
class Related:
    """An article near to another."""

    path: str
    title: str
    url: str
    score: float  #: the cosine between the articles' middles, each language's own middle taken away


def related(live: LiveIndex, path: str, reader: Audience, *, limit: int = 5) -> list[Related]:
    """Nearest first, in any language; only what `reader` may read, and none that is nearly the same page."""
    with live.view(reader) as view:
        numbers = view.reading.articles_at(path)
        of = _Middle.of(view, numbers)
        if of is None:
            raise UserFacingError(f"{path} is no article of the index, or not one for this reader.")
        scores: dict[int, float] = {}
        for partition in view.partitions:
            for article, score in _near(partition, of).items():
                scores[article] = max(score, scores.get(article, -1.0))
        best = sorted(scores, key=lambda article: scores[article], reverse=True)[:limit]
        shown = view.reading.titles(best)
        return [
            Related(path=shown[one][0], title=shown[one][1], url=shown[one][2], score=round(scores[one], 4))
            for one in best
        ]


@dataclass(frozen=True, slots=True)
class _Middle:
    """Where an article's vectors lie."""

    vector: npt.NDArray[np.float32]
    articles: frozenset[int]
    families: frozenset[int]

    @classmethod
    def of(cls, view: View, numbers: list[int]) -> _Middle | None:
        for partition in view.partitions:
            positions = np.flatnonzero(np.isin(partition.articles, numbers))
            if len(positions) and partition.has_vectors:
                return cls(
                    _centred(partition, positions),
                    frozenset(numbers),
                    frozenset(partition.families[positions].tolist()) - {0},
                )
        return None


def _near(partition: LoadedPartition, of: _Middle) -> dict[int, float]:
    if not partition.has_vectors or partition.cloud is None:
        return {}
    likely = partition.nearest(of.vector + partition.cloud.mean.astype(np.float32), _LIKELY)
    found = {}
    for article in np.unique(partition.articles[likely]).tolist():
        positions = np.flatnonzero(partition.articles == article)
        family = int(partition.families[positions[0]])
        if article not in of.articles and (family == 0 or family not in of.families):
            found[article] = float(np.vecdot(of.vector, _centred(partition, positions)))
    return found


def _centred(partition: LoadedPartition, positions: npt.NDArray[np.int64]) -> npt.NDArray[np.float32]:
    middle = partition.vectors(positions).mean(axis=0)
    if partition.cloud is not None:
        middle = middle - partition.cloud.mean
    centred: npt.NDArray[np.float32] = (middle / max(float(np.linalg.norm(middle)), 1e-9)).astype(np.float32)
    return centred
