"""How the vectors of a language lie: what makes scores of different languages and questions comparable."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from knowledge.embedding import Vectors

Product = TypeVar("Product", float, npt.NDArray[np.float32])
_NARROWEST = 0.008  #: a standard deviation is not taken for less: a handful of articles says little


@dataclass(frozen=True, slots=True, kw_only=True)
class Cloud:
    """A set of vectors, by its first two moments."""

    count: int
    total: npt.NDArray[np.float64]
    products: npt.NDArray[np.float64]  #: the sum of every vector's product with itself

    @classmethod
    def of(cls, vectors: npt.NDArray[np.floating]) -> Cloud:
        """The cloud of some rows."""
        rows = np.asarray(vectors, np.float64)
        return cls(count=len(rows), total=rows.sum(axis=0), products=rows.T @ rows)

    @classmethod
    def together(cls, clouds: Iterable[Cloud]) -> Cloud | None:
        """The cloud of all their vectors; None when there is none."""
        parts = [cloud for cloud in clouds if cloud.count]
        if len(parts) < 2:  # noqa: PLR2004 - nothing to add up
            return parts[0] if parts else None
        return cls(
            count=sum(part.count for part in parts),
            total=np.sum([part.total for part in parts], axis=0),
            products=np.sum([part.products for part in parts], axis=0),
        )

    def without(self, other: Cloud) -> Cloud:
        """The cloud of the vectors that are left when some go."""
        return Cloud(
            count=self.count - other.count,
            total=self.total - other.total,
            products=self.products - other.products,
        )

    @property
    def mean(self) -> npt.NDArray[np.float64]:
        """The middle."""
        centre: npt.NDArray[np.float64] = self.total / self.count
        return centre

    def spread(self) -> Spread:
        """For measuring in."""
        scatter = self.products - self.count * np.outer(self.mean, self.mean)
        return Spread(count=self.count, mean=self.mean, scatter=scatter.astype(np.float32))

    def to_bytes(self) -> bytes:
        """For the catalogue."""
        head = np.array([self.count], np.float64)
        return np.concatenate([head, self.total, self.products.ravel()]).astype("<f8").tobytes()

    @classmethod
    def from_bytes(cls, written: bytes) -> Cloud:
        """The inverse of to_bytes."""
        numbers = np.frombuffer(written, "<f8")
        size = round((math.sqrt(4 * len(numbers) - 3) - 1) / 2)  # 1 + size + size² numbers
        return cls(
            count=int(numbers[0]),
            total=numbers[1 : size + 1],
            products=numbers[size + 1 :].reshape(size, size),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Spread:
    """A cloud around its own middle: half the memory, and read in half the time."""

    count: int
    mean: npt.NDArray[np.float64]
    scatter: npt.NDArray[np.float32]  #: the sum of every difference from the mean with itself


class Pool:
    """The clouds of one language as one. Their matrices are not added up: that takes longer than a search."""

    def __init__(self, parts: Sequence[Spread]) -> None:
        self._parts = parts
        self._count = sum(part.count for part in parts)
        self.mean: npt.NDArray[np.float64] = (
            np.sum([part.count * part.mean for part in parts], axis=0) / self._count
        )

    def deviation(self, direction: npt.NDArray[np.floating]) -> float:
        """The standard deviation of dot products with a vector."""
        thin = direction.astype(np.float32)
        middle = float(direction @ self.mean)
        squares = 0.0
        for part in self._parts:
            # `vecdot`, since `@` starts threads here, and waits for them when others work.
            squares += float(np.vecdot(np.vecdot(part.scatter, thin), thin))
            squares += part.count * (float(direction @ part.mean) - middle) ** 2
        return max(math.sqrt(max(squares / self._count, 0.0)), _NARROWEST)


@dataclass(frozen=True, slots=True, kw_only=True)
class Probe:
    """What is looked for among the vectors of one language, and how its dot products are read."""

    vector: Vectors
    middle: float
    deviation: float

    @classmethod
    def own(cls, question: Vectors, cloud: Pool | None) -> Probe:
        """Among vectors of the question's own language."""
        if cloud is None:  # indexing was interrupted before the first end
            return cls(vector=question, middle=0.0, deviation=_NARROWEST)
        return cls(vector=question, middle=float(question @ cloud.mean), deviation=cloud.deviation(question))

    @classmethod
    def across(cls, question: Vectors, cloud: Pool | None, own: Pool | None) -> Probe:
        """Among those of another language: what all questions of this language share is taken away first.

        Without that a question finds the passages that look most like its own language.
        """
        middle = own or cloud
        shifted = question - middle.mean if middle else question
        return cls.own(shifted.astype(np.float32), cloud)

    def read(self, product: Product) -> Product:
        """A dot product, or many, in standard deviations above the mean."""
        return (product - self.middle) / self.deviation
