"""What kind of question it is, by its likeness to sentences of known kinds."""

from __future__ import annotations

import hashlib
import tomllib
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from pathlib import Path

import numpy as np
import numpy.typing as npt

from knowledge.embedding import Embedder, Vectors
from knowledge.embeddings import Embeddings

_EXAMPLES = Path(__file__).with_name("kinds.toml")
_RIDGE = 0.3  #: keeps the weights small; between .1 and 1 nothing changes
_NEIGHBOURS = 3  #: examples of a kind that a question is compared with
_SURELY_WEIGHED, _SURELY_NEAREST = 0.8, 0.012


class Kind(StrEnum):
    """What somebody wants."""

    INSTRUCTIONS = "instructions"  #: to make the bot be, say, reveal or do something
    ACCOUNT = "account"  #: to know what only our own people can look up: contracts, invoices, tickets
    OFF_TOPIC = "off_topic"  #: something that no support desk is for
    SUPPORT = "support"  #: what articles are written for


@dataclass(frozen=True, slots=True, kw_only=True)
class Likeness:
    """How much more a question is like the nearest other kind than like a question for support."""

    kind: Kind  #: the nearest one besides SUPPORT
    weighed: float  #: by all examples: a linear classifier's margin, about -1.5 to 1.5
    nearest: float  #: by the few nearest ones: a difference of dot products

    @property
    def is_sure(self) -> bool:
        """So sure that it is not looked up."""
        return self.weighed > _SURELY_WEIGHED and self.nearest > _SURELY_NEAREST


class Kinds:
    """The examples of kinds.toml, embedded when they are first needed, and kept."""

    def __init__(self, embedder: Embedder, kept: Embeddings) -> None:
        self._embedder = embedder
        self._kept = kept

    def like(self, question: Vectors) -> Likeness:
        """Compare a question's vector."""
        vectors, kinds = self._examples
        others = [kind for kind in Kind if kind is not Kind.SUPPORT]
        margins = dict(zip(Kind, ((question - vectors.mean(axis=0)) @ self._weights).tolist(), strict=True))
        products = vectors @ question
        near = {
            kind: float(np.sort(products[kinds == number])[-_NEIGHBOURS:].mean())
            for number, kind in enumerate(Kind)
        }
        kind = max(others, key=lambda one: margins[one])
        return Likeness(
            kind=kind,
            weighed=margins[kind] - margins[Kind.SUPPORT],
            nearest=near[kind] - near[Kind.SUPPORT],
        )

    @cached_property
    def _examples(self) -> tuple[Vectors, npt.NDArray[np.int64]]:
        written = tomllib.loads(_EXAMPLES.read_text("utf-8"))
        digests = {
            hashlib.sha256(text.encode()).hexdigest(): (number, text)
            for number, kind in enumerate(Kind)
            for text in written[kind]
        }
        missing = sorted(digests.keys() - self._kept.known())
        if missing:
            self._kept.add(missing, self._embedder.embed_queries([digests[one][1] for one in missing]))
        vectors = {
            digest: vector
            for found, rows in self._kept.get(sorted(digests))
            for digest, vector in zip(found, rows, strict=True)
        }
        kinds = np.array([number for number, _ in digests.values()], np.int64)
        return np.stack([vectors[digest] for digest in digests]), kinds

    @cached_property
    def _weights(self) -> npt.NDArray[np.float64]:
        """Ridge regression on 1 for the own kind and -1 for the others, every kind weighing the same."""
        vectors, kinds = self._examples
        centred = (vectors - vectors.mean(axis=0)).astype(np.float64)
        counts = np.bincount(kinds)
        weighed = centred * (len(kinds) / len(counts) / counts[kinds])[:, np.newaxis]
        targets = np.eye(len(counts))[kinds] * 2 - 1
        system = weighed.T @ centred + _RIDGE * np.eye(centred.shape[1])
        found: npt.NDArray[np.float64] = np.linalg.solve(system, weighed.T @ targets)
        return found
