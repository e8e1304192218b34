"""What a message is about and how much it hurts: rules and vectors, weighed by examples."""

from __future__ import annotations

import hashlib
import threading
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from importlib.resources import files
from pathlib import Path
from typing import Generic, TypeVar

import numpy as np
import numpy.typing as npt

from bot.core import triage
from bot.core.masking import mask
from bot.core.model import Correction, Priority, ProductArea, Verdict
from knowledge.embedding import Embedder, Vectors

# Chosen by cross-validation over the shipped examples; see docs/decisions/0020-triage.md.
_RULES_WEIGHT = 0.3  #: of what the rules see, a vector being one long
_RIDGE = 0.3
_SHARPNESS = 4.0  #: from distances between scores to confidence
_PERSON = 3  #: shipped examples that a correction by one of ours weighs as much as

Label = TypeVar("Label", ProductArea, Priority)
Matrix = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class _Head(Generic[Label]):
    """A ridge regression from features to labels: a handful of examples for each, solved at once."""

    labels: tuple[Label, ...]
    middle: Matrix
    weights: Matrix
    usual: Matrix

    @classmethod
    def fitted(cls, features: Matrix, of: Sequence[Label], labels: Sequence[Label]) -> _Head[Label]:
        wanted = np.where(np.array([[one is label for label in labels] for one in of]), 1.0, -1.0)
        middle, usual = features.mean(axis=0), wanted.mean(axis=0)
        centred = features - middle
        # Fewer examples than features: the dual form is the smaller system.
        gram = centred @ centred.T + _RIDGE * np.eye(len(features))
        return cls(tuple(labels), middle, centred.T @ np.linalg.solve(gram, wanted - usual), usual)

    def judge(self, features: Matrix) -> tuple[Label, float]:
        """The likeliest label, and how likely it is."""
        scores = _SHARPNESS * ((features - self.middle) @ self.weights + self.usual)
        likely = np.exp(scores - scores.max())
        best = int(likely.argmax())
        return self.labels[best], float(likely[best] / likely.sum())


class ExampleClassifier:
    """Thread-safe and blocking. Without an embedder the rules alone decide."""

    def __init__(self, embedder: Embedder | None, cache_dir: Path | None) -> None:
        self._embedder = embedder
        self._cache_dir = cache_dir
        self._guard = threading.Lock()
        self._corrections: tuple[Correction, ...] | None = None
        self._area: _Head[ProductArea] | None = None
        self._priority: _Head[Priority] | None = None

    def classify(self, text: str, corrections: Sequence[Correction] = ()) -> Verdict:
        """The rules' floor stands: production down or data lost is P1 whatever the examples say."""
        ruled = triage.triage(text)
        if self._embedder is None or not text.strip():
            return ruled
        with self._guard:
            if self._corrections != tuple(corrections):
                self._learn(tuple(corrections))
            area_head, priority_head = self._area, self._priority
        assert area_head is not None
        assert priority_head is not None
        vectors = self._embedder.embed_queries([mask(text)])
        area, sure_of_area = area_head.judge(_area_features(vectors, [text])[0])
        priority, sure_of_priority = priority_head.judge(_priority_features(vectors, [text])[0])
        if triage.is_emergency(text):
            priority, sure_of_priority = Priority.P1, 1.0
        return replace(
            ruled,
            product_area=area,
            priority=priority,
            confidence=round(min(sure_of_area, sure_of_priority), 2),
            reason=_reason(ruled, area, priority),
        )

    def _learn(self, corrections: tuple[Correction, ...]) -> None:
        shipped = load_examples()
        known = [*shipped, *(one for one in corrections for _ in range(_PERSON))]
        vectors = self._vectors(shipped, corrections)
        texts = [one.text for one in known]
        areas = [place for place, one in enumerate(known) if one.product_area is not None]
        hurts = [place for place, one in enumerate(known) if one.priority is not None]
        self._area = _Head.fitted(
            _area_features(vectors, texts)[areas],
            [one.product_area for one in known if one.product_area is not None],
            tuple(ProductArea),
        )
        self._priority = _Head.fitted(
            _priority_features(vectors, texts)[hurts],
            [one.priority for one in known if one.priority is not None],
            tuple(Priority),
        )
        self._corrections = corrections

    def _vectors(self, shipped: Sequence[Correction], corrections: Sequence[Correction]) -> Vectors:
        assert self._embedder is not None
        vectors = self._shipped_vectors([one.text for one in shipped])
        if not corrections:
            return vectors
        learnt = self._embedder.embed_queries([one.text for one in corrections])
        return np.concatenate([vectors, np.repeat(learnt, _PERSON, axis=0)])

    def _shipped_vectors(self, texts: Sequence[str]) -> Vectors:
        """Made once for each embedder and set of examples; a file that cannot be used is made anew."""
        assert self._embedder is not None
        key = hashlib.sha256("\n".join([self._embedder.name, *texts]).encode()).hexdigest()[:16]
        if self._cache_dir is None:
            return self._embedder.embed_queries(list(texts))
        path = self._cache_dir / f"triage-{key}.npy"
        try:
            vectors: Vectors = np.load(path, allow_pickle=False)
        except (OSError, ValueError):
            vectors = self._embedder.embed_queries(list(texts))
            self._keep(path, vectors)
        if vectors.shape != (len(texts), self._embedder.dimension):
            vectors = self._embedder.embed_queries(list(texts))
        return vectors

    def _keep(self, path: Path, vectors: Vectors) -> None:
        part = path.with_suffix(".part.npy")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            np.save(part, vectors)
            part.replace(path)
        except OSError:
            return  # a cache that cannot be written costs time at the next start, and nothing else


def load_examples() -> list[Correction]:
    """The shipped examples, as if somebody had corrected every one of them."""
    tables = tomllib.loads((files("knowledge") / "triage_examples.toml").read_text("utf-8"))
    return [
        Correction(text=text, product_area=ProductArea(area), priority=Priority(priority))
        for area, priorities in tables.items()
        for priority, texts in priorities.items()
        for text in texts
    ]


def _area_features(vectors: Vectors, texts: Sequence[str]) -> Matrix:
    points = np.array([triage.evidence(text).areas for text in texts], np.float64)
    return np.hstack([vectors, _RULES_WEIGHT * points / (points.sum(axis=1, keepdims=True) + 1)])


def _priority_features(vectors: Vectors, texts: Sequence[str]) -> Matrix:
    signs = np.array([triage.evidence(text).signs for text in texts], np.float64)
    return np.hstack([vectors, _RULES_WEIGHT * signs])


def _reason(ruled: Verdict, area: ProductArea, priority: Priority) -> str:
    """The rules' words where they agree; else that it reads like messages of that kind."""
    if (ruled.product_area, ruled.priority) == (area, priority):
        return ruled.reason
    about, hurts = ruled.reason.split("; ", 1)
    about = about if ruled.product_area is area else f"{area.value}: reads like messages about it"
    hurts = hurts if ruled.priority is priority else f"{priority.value}: reads like messages of that priority"
    return f"{about}; {hurts}"
