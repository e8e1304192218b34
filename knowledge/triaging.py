"""What a message is about and how much it hurts: rules, words and vectors, weighed by examples."""

from __future__ import annotations

import hashlib
import re
import sqlite3
import threading
import tomllib
import unicodedata
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import Generic, TypeVar

import numpy as np
import numpy.typing as npt
import structlog

from bot.core import triage
from bot.core.masking import mask
from bot.core.model import Correction, Priority, ProductArea, Verdict
from knowledge.embedding import Embedder, Vectors
from knowledge.versions import examples_for

# Chosen by measurement, as far as it matters at all: see docs/decisions/0020-triage.md.
_RIDGE = 0.3
_RULES_WEIGHT = 0.3  #: of what the rules see, a vector being one long
_WORDS_WEIGHT = 0.5  #: of a message's words, likewise; one where there is no vector
_SHARPNESS = 5.0  #: from scores to confidence: verdicts that are 80 % sure are right four times of five
_PERSON = 3.0  #: shipped examples that a correction by one of ours weighs as much as

_PLACES = 2_048  #: that words and pairs of words are thrown into
_STEM = 6  #: characters of a word that count: plurals and tenses fall together
_WORD = re.compile(r"[a-z0-9]+")

Label = TypeVar("Label", ProductArea, Priority)
Matrix = npt.NDArray[np.float64]

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class _Head(Generic[Label]):
    """A ridge regression from features to labels: a few hundred examples, solved at once."""

    labels: tuple[Label, ...]
    middle: Matrix
    weights: Matrix
    usual: Matrix

    @classmethod
    def fitted(
        cls, features: Matrix, of: Sequence[Label], labels: Sequence[Label], worth: Matrix
    ) -> _Head[Label]:
        wanted = np.where(np.array([[one is label for label in labels] for one in of]), 1.0, -1.0)
        middle, usual = (np.average(each, axis=0, weights=worth) for each in (features, wanted))
        centred = features - middle
        # Fewer examples than features: the dual form is the smaller system.
        gram = centred @ centred.T + np.diag(_RIDGE / worth)
        return cls(tuple(labels), middle, centred.T @ np.linalg.solve(gram, wanted - usual), usual)

    def judge(self, features: Matrix, *, but: Label | None = None) -> tuple[Label, float]:
        """The likeliest label, and how likely it is."""
        scores = _SHARPNESS * ((features - self.middle) @ self.weights + self.usual)
        if but is not None:
            scores[self.labels.index(but)] = -np.inf
        likely = np.exp(scores - scores.max())
        best = int(likely.argmax())
        return self.labels[best], float(likely[best] / likely.sum())


@dataclass(frozen=True, slots=True)
class _Learnt:
    """All that follows from one set of examples."""

    corrections: tuple[Correction, ...]
    rarity: Matrix
    area: _Head[ProductArea]
    priority: _Head[Priority]


class ExampleClassifier:
    """Thread-safe and blocking. Without an embedder words and rules decide."""

    def __init__(self, embedder: Embedder | None, cache_dir: Path | None) -> None:
        self._embedder = embedder
        self._cache_dir = cache_dir
        self._guard = threading.Lock()
        self._learnt: _Learnt | None = None

    def classify(self, text: str, corrections: Sequence[Correction] = ()) -> Verdict:
        """The rules' floor stands: production down or data lost is P1 whatever the examples say."""
        ruled = triage.triage(text)
        if not text.strip():
            return ruled
        learnt = self._taught(tuple(corrections))
        masked = mask(text)
        vectors = self._embedder.embed_queries([masked]) if self._embedder else None
        about, hurting = _features([masked], vectors, learnt.rarity)
        area, sure_of_area = learnt.area.judge(about[0])
        but = None if triage.may_be_emergency(text) else Priority.P1
        priority, sure_of_priority = learnt.priority.judge(hurting[0], but=but)
        if triage.is_emergency(text):
            priority, sure_of_priority = Priority.P1, 1.0
        return replace(
            ruled,
            product_area=area,
            priority=priority,
            confidence=round(sure_of_area * sure_of_priority, 2),
            sure_of_area=round(sure_of_area, 2),
            sure_of_priority=round(sure_of_priority, 2),
            reason=_reason(ruled, area, priority),
        )

    def _taught(self, corrections: tuple[Correction, ...]) -> _Learnt:
        with self._guard:
            if self._learnt is None or self._learnt.corrections != corrections:
                self._learnt = self._learn(corrections)
            return self._learnt

    def _learn(self, corrections: tuple[Correction, ...]) -> _Learnt:
        shipped = load_examples()
        known = [*shipped, *corrections]
        texts = [one.text for one in known]
        rarity = _rarity(texts)
        about, hurting = _features(texts, self._vectors(texts), rarity)
        worth = np.array([1.0] * len(shipped) + [_PERSON] * len(corrections))
        places = [place for place, one in enumerate(known) if one.product_area is not None]
        areas = [one.product_area for one in known if one.product_area is not None]
        area = _Head.fitted(about[places], areas, tuple(ProductArea), worth[places])
        places = [place for place, one in enumerate(known) if one.priority is not None]
        priorities = [one.priority for one in known if one.priority is not None]
        priority = _Head.fitted(hurting[places], priorities, tuple(Priority), worth[places])
        return _Learnt(corrections, rarity, area, priority)

    def _vectors(self, texts: Sequence[str]) -> Vectors | None:
        """Made once for each embedder and text, and kept beside the index."""
        if self._embedder is None:
            return None
        if self._cache_dir is None:
            return self._embedder.embed_queries(list(texts))
        try:
            return self._kept(self._cache_dir / "index", texts)
        except (OSError, sqlite3.Error) as error:  # such a file costs time at the next start, nothing else
            log.warning("triage_vectors_not_kept", error=type(error).__name__)
            return self._embedder.embed_queries(list(texts))

    def _kept(self, folder: Path, texts: Sequence[str]) -> Vectors:
        assert self._embedder is not None
        folder.mkdir(parents=True, exist_ok=True)
        kept = examples_for(folder, self._embedder)
        digests = [hashlib.sha256(text.encode()).hexdigest() for text in texts]
        by_digest = dict(zip(digests, texts, strict=True))
        if missing := sorted(by_digest.keys() - kept.known()):
            kept.add(missing, self._embedder.embed_queries([by_digest[one] for one in missing]))
        vectors = {
            digest: vector
            for found, rows in kept.get(sorted(by_digest))
            for digest, vector in zip(found, rows, strict=True)
        }
        return np.stack([vectors[digest] for digest in digests])


def load_examples() -> list[Correction]:
    """The shipped examples, as if somebody had corrected every one of them."""
    tables = tomllib.loads(Path(__file__).with_name("triage_examples.toml").read_text("utf-8"))
    return [
        Correction(text=text, product_area=ProductArea(area), priority=Priority(priority))
        for area, priorities in tables.items()
        for priority, texts in priorities.items()
        for text in texts
    ]


def _features(texts: Sequence[str], vectors: Vectors | None, rarity: Matrix) -> tuple[Matrix, Matrix]:
    """For the area, and for the priority."""
    seen = [triage.evidence(text) for text in texts]
    points = np.array([one.areas for one in seen], np.float64)
    signs = np.array([one.signs for one in seen], np.float64)
    bags = np.stack([_bag(text) for text in texts]) * rarity
    bags /= np.maximum(np.linalg.norm(bags, axis=1, keepdims=True), 1e-9)
    meaning = bags if vectors is None else np.hstack([vectors, _WORDS_WEIGHT * bags])
    return (
        np.hstack([meaning, _RULES_WEIGHT * points / (points.sum(axis=1, keepdims=True) + 1)]),
        np.hstack([meaning, _RULES_WEIGHT * signs]),
    )


def _rarity(texts: Sequence[str]) -> Matrix:
    """How much a word tells: what stands in every example tells nothing."""
    found = np.sum([_bag(text) for text in texts], axis=0)
    rarity: Matrix = np.log((1 + len(texts)) / (1 + found))
    return rarity


def _bag(text: str) -> Matrix:
    bag = np.zeros(_PLACES)
    for term in _terms(text):
        bag[zlib.crc32(term.encode()) % _PLACES] = 1.0
    return bag


def _terms(text: str) -> Iterator[str]:
    decomposed = unicodedata.normalize("NFKD", text.casefold())
    plain = "".join(char for char in decomposed if not unicodedata.combining(char))
    stems = [word[:_STEM] for word in _WORD.findall(plain)]
    yield from stems
    yield from (f"{first} {second}" for first, second in pairwise(stems))


def _reason(ruled: Verdict, area: ProductArea, priority: Priority) -> str:
    """The rules' words where they agree; else that it reads like messages of that kind."""
    if (ruled.product_area, ruled.priority) == (area, priority):
        return ruled.reason
    about, hurts = ruled.reason.split("; ", 1)
    about = about if ruled.product_area is area else f"{area.value}: reads like messages about it"
    hurts = hurts if ruled.priority is priority else f"{priority.value}: reads like messages of that priority"
    return f"{about}; {hurts}"
