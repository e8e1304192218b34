"""What kind of question it is, by its likeness to sentences of known kinds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property

import numpy as np
import numpy.typing as npt

from knowledge.embedding import Embedder, Vectors
from knowledge.embeddings import Embeddings
from knowledge.examples import sentences, vectors_of

_RIDGE = 0.3  #: keeps the weights small; between .1 and 1 nothing changes
_NEIGHBOURS = 3  #: examples of a kind that a question is compared with
_WRITTEN_NEIGHBOURS = 5  #: likewise, when it is asked whether articles tell such things
_SURELY_WEIGHED, _SURELY_NEAREST = 0.5, 0.012


class Kind(StrEnum):
    """What somebody wants."""

    INSTRUCTIONS = "instructions"  #: to make the bot be, say, reveal or do something
    ACCOUNT = "account"  #: to know what only our own people can look up: contracts, invoices, tickets
    OFF_TOPIC = "off_topic"  #: something that no support desk is for
    SUPPORT = "support"  #: what articles are written for
    UNDOCUMENTED = "undocumented"  #: likewise for support, but what hardly any article tells


_REFUSABLE = (Kind.INSTRUCTIONS, Kind.ACCOUNT, Kind.OFF_TOPIC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Likeness:
    """How much more a question is like the nearest other kind than like a question for support."""

    kind: Kind  #: the nearest one of those that are not looked up
    weighed: float  #: by all examples: a linear classifier's margin, about -1.5 to 1.5
    nearest: float  #: by the few nearest ones: a difference of dot products
    written: float  #: how much more it is like what articles tell than like what they do not; a margin too
    written_nearest: float  #: likewise, by the few nearest ones

    @property
    def is_sure(self) -> bool:
        """So sure that it is not looked up."""
        return self.weighed > _SURELY_WEIGHED and self.nearest > _SURELY_NEAREST


class Kinds:
    """The examples of kinds.toml, read when they are first needed."""

    def __init__(self, embedder: Embedder, kept: Embeddings) -> None:
        self._embedder = embedder
        self._kept = kept

    def like(self, question: Vectors) -> Likeness:
        """Compare a question's vector."""
        margins = self._asked.margins(question)
        near = self._near(question, _NEIGHBOURS)
        few = self._near(question, _WRITTEN_NEIGHBOURS)
        told = self._told.margins(question)
        kind = max(_REFUSABLE, key=lambda one: margins[one])
        return Likeness(
            kind=kind,
            weighed=margins[kind] - margins[Kind.SUPPORT],
            nearest=near[kind] - near[Kind.SUPPORT],
            written=told[Kind.SUPPORT] - told[Kind.UNDOCUMENTED],
            written_nearest=few[Kind.SUPPORT] - few[Kind.UNDOCUMENTED],
        )

    def _near(self, question: Vectors, count: int) -> dict[Kind, float]:
        return {
            kind: float(np.sort(np.vecdot(rows, question))[-count:].mean())
            for kind, rows in self._examples.items()
        }

    @cached_property
    def _asked(self) -> _Classifier:
        return _Classifier.of({kind: self._examples[kind] for kind in (*_REFUSABLE, Kind.SUPPORT)})

    @cached_property
    def _told(self) -> _Classifier:
        return _Classifier.of({kind: self._examples[kind] for kind in (Kind.SUPPORT, Kind.UNDOCUMENTED)})

    @cached_property
    def _examples(self) -> Mapping[Kind, Vectors]:
        written = sentences()
        texts = [text for kind in Kind for text in written[kind]]
        vectors = vectors_of(self._embedder, self._kept, texts)
        ends = np.cumsum([len(written[kind]) for kind in Kind])
        return dict(zip(Kind, np.split(vectors, ends[:-1]), strict=True))


@dataclass(frozen=True, slots=True)
class _Classifier:
    """Linear: a number for each kind, about 1 for its own and -1 for the others."""

    kinds: Sequence[Kind]
    middle: npt.NDArray[np.float64]
    weights: npt.NDArray[np.float64]

    @classmethod
    def of(cls, examples: Mapping[Kind, Vectors]) -> _Classifier:
        """Ridge regression, every kind weighing the same."""
        vectors = np.concatenate(list(examples.values())).astype(np.float64)
        counts = np.array([len(rows) for rows in examples.values()])
        kinds = np.repeat(np.arange(len(counts)), counts)
        middle = vectors.mean(axis=0)
        centred = vectors - middle
        weighed = centred * (len(kinds) / len(counts) / counts[kinds])[:, np.newaxis]
        system = weighed.T @ centred + _RIDGE * np.eye(centred.shape[1])
        targets = np.eye(len(counts))[kinds] * 2 - 1
        return cls(list(examples), middle, np.linalg.solve(system, weighed.T @ targets))

    def margins(self, vector: Vectors) -> dict[Kind, float]:
        """How much it is like each kind."""
        return dict(zip(self.kinds, ((vector - self.middle) @ self.weights).tolist(), strict=True))
