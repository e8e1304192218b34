"""Writes an encoder of BERT's shape as an ONNX graph with 8-bit weights that ends in a unit vector."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto
from typing import Any, Protocol, TypeAlias

import numpy as np
import numpy.typing as npt
import onnx
from onnx import TensorProto, helper, numpy_helper

from knowledge.embedding import Vectors
from knowledge.models.packed import Shape

INPUT = "embeddings"  #: (1, tokens, hidden): sums of word, position and type vectors
IDS = "ids"  #: (tokens): the input instead, where the graph holds the word vectors
OUTPUT = "vector"  #: (1, hidden)
Bytes: TypeAlias = npt.NDArray[np.int8]
_LAST = np.array([2])  #: the axis of (text, token, number) that numbers lie on
_ALL_OPERATORS = 20  #: the first operator set that has Gelu


class Weights(Protocol):
    """A model as somebody stored it. The names are those of the packed e5, see packed.py."""

    shape: Shape

    def floats(self, name: str) -> Vectors:
        """A bias, or a vector of a norm."""

    def rounded(self, name: str, rows: int) -> tuple[Bytes, Vectors]:
        """A matrix in 8 bits, (inputs, outputs), and the scale of each of its columns."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Words:
    """Word vectors that the graph looks up by itself."""

    vectors: Bytes  #: (vocabulary, hidden)
    scales: Vectors  #: (vocabulary, 1)
    places: Vectors  #: (positions, hidden): what is added for each place


class Care(Enum):
    """How much is kept in floats; what each costs is in docs/decisions/0015-a-second-model-for-english.md."""

    LITTLE = auto()  #: one scale for a text, but behind Gelu
    VALUES = auto()  #: a scale for each token, and floats for what attention adds up
    ATTENTION = auto()  #: likewise, and floats for what it compares too

    @property
    def in_floats(self) -> str:
        """Which of a layer's queries, keys and values."""
        return {Care.LITTLE: "", Care.VALUES: "v", Care.ATTENTION: "qkv"}[self]


def build_graph(
    model: Weights,
    *,
    title: str,
    words: Words | None = None,
    nearness: Vectors | None = None,
    care: Care = Care.LITTLE,
) -> bytes:
    """The whole model as one serialised file.

    `nearness` (1, heads, positions, positions) is what attention adds for where two tokens stand to each
    other, in models that look at that; it needs `words`.
    """
    return _Graph(model, nearness, care).build(title, words)


class _Graph:
    """Nodes and constants in the order in which they are met.

    A text is one run: padding several to a batch was measured to be slower on two cores, and the scales of
    the 8-bit activations would make a text's vector depend on its neighbours.
    """

    def __init__(self, model: Weights, nearness: Vectors | None, care: Care) -> None:
        self._model = model
        self._nearness = nearness
        self._care = care
        self._dense = self._linear if care is Care.LITTLE else self._linear_by_token
        self._shape = model.shape
        self._nodes: list[onnx.NodeProto] = []
        self._constants: list[onnx.TensorProto] = []

    def build(self, title: str, words: Words | None) -> bytes:
        size = self._shape.hidden
        if words is None:
            start, given = INPUT, helper.make_tensor_value_info(INPUT, TensorProto.FLOAT, [1, "tokens", size])
        else:
            start, given = (
                self._looked_up(words),
                helper.make_tensor_value_info(IDS, TensorProto.INT64, ["tokens"]),
            )
        hidden = self._norm(start, "emb.ln")
        near = [] if self._nearness is None else ["", "", self._cut_to_tokens(self._nearness)]
        for layer in range(self._shape.layers):
            hidden = self._layer(hidden, f"l{layer}.", near)
        mean = self._node("ReduceMean", hidden, self._constant("tokens", np.array([1])), keepdims=0)
        length = self._node("ReduceL2", mean, self._constant("numbers", np.array([1])), keepdims=1)
        self._nodes.append(helper.make_node("Div", [mean, length], [OUTPUT]))
        made = helper.make_tensor_value_info(OUTPUT, TensorProto.FLOAT, [1, size])
        graph = helper.make_graph(self._nodes, title, [given], [made], self._constants)
        operators = [helper.make_opsetid("", _ALL_OPERATORS), helper.make_opsetid("com.microsoft", 1)]
        written: bytes = helper.make_model(graph, opset_imports=operators, ir_version=9).SerializeToString()
        return written

    def _looked_up(self, words: Words) -> str:
        rows = self._node("Gather", self._constant("words", words.vectors), IDS)
        scales = self._node("Gather", self._constant("words.s", words.scales), IDS)
        vectors = self._node("Mul", self._node("Cast", rows, to=TensorProto.FLOAT), scales)
        first = self._constant("first", np.array([0]))
        places = self._node("Slice", self._constant("places", words.places), first, self._node("Shape", IDS))
        return self._node("Unsqueeze", self._node("Add", vectors, places), first)

    def _cut_to_tokens(self, nearness: Vectors) -> str:
        tokens = self._node("Shape", IDS)
        whole, axes = self._constant("nearness", nearness), self._constant("nearness.axes", np.array([2, 3]))
        first = self._constant("nearness.first", np.array([0, 0]))
        return self._node("Slice", whole, first, self._node("Concat", tokens, tokens, axis=0), axes)

    def _layer(self, hidden: str, name: str, near: list[str]) -> str:
        inner, outer = self._shape.hidden, self._shape.feed_forward
        heads = [
            self._linear_in_floats(hidden, f"{name}{part}", inner)
            if part in self._care.in_floats
            else self._dense(hidden, f"{name}{part}", inner)
            for part in "qkv"
        ]
        # https://github.com/microsoft/onnxruntime/blob/main/docs/ContribOperators.md
        attended = self._node(
            "MultiHeadAttention", *heads, *near, domain="com.microsoft", num_heads=self._shape.heads
        )
        attended = self._dense(attended, f"{name}ao", inner)
        hidden = self._norm(self._node("Add", hidden, attended), f"{name}aln")
        widened = self._node("Gelu", self._dense(hidden, f"{name}fi", outer))
        return self._norm(
            self._node("Add", hidden, self._linear_by_token(widened, f"{name}fo", inner)), f"{name}oln"
        )

    def _linear(self, hidden: str, name: str, rows: int) -> str:
        """A product with 8-bit weights, one scale per column, and activations with one scale for all."""
        activations, scale, zero = self._nodes_of("DynamicQuantizeLinear", hidden, outputs=3)
        product, scales = self._product(activations, zero, name, rows)
        return self._biased(self._node("Mul", product, self._node("Mul", scales, scale)), name)

    def _linear_in_floats(self, hidden: str, name: str, rows: int) -> str:
        rounded, scales = self._model.rounded(f"{name}.w", rows)
        weights = self._constant(f"{name}.w", (rounded * scales).astype(np.float32))
        return self._biased(self._node("MatMul", hidden, weights), name)

    def _linear_by_token(self, hidden: str, name: str, rows: int) -> str:
        """Likewise with a scale for each token: behind Gelu a few tokens are far larger than the others.

        Halves the error of the whole model for three percent of its time.
        """
        largest = self._node(
            "ReduceMax", self._node("Abs", hidden), self._constant(f"{name}.axis", _LAST), keepdims=1
        )
        scale = self._node("Mul", largest, self._constant(f"{name}.step", np.float32(1 / 127)))
        rounded = self._node("Round", self._node("Div", hidden, scale))
        shifted = self._node("Add", rounded, self._constant(f"{name}.shift", np.float32(128)))
        activations = self._node("Cast", shifted, to=TensorProto.UINT8)
        zero = self._constant(f"{name}.zero", np.uint8(128))
        product, scales = self._product(activations, zero, name, rows)
        # One factor after the other: onnxruntime fuses a product of both into MatMulIntegerToFloat,
        # which takes the activations' scale for a single number, and the result is wrong without an error.
        return self._biased(self._node("Mul", self._node("Mul", product, scale), scales), name)

    def _product(self, activations: str, zero: str, name: str, rows: int) -> tuple[str, str]:
        rounded, scales = self._model.rounded(f"{name}.w", rows)
        product = self._node("MatMulInteger", activations, self._constant(f"{name}.w", rounded), zero)
        return self._node("Cast", product, to=TensorProto.FLOAT), self._constant(f"{name}.s", scales)

    def _biased(self, product: str, name: str) -> str:
        return self._node("Add", product, self._constant(f"{name}.b", self._model.floats(f"{name}.b")))

    def _norm(self, hidden: str, name: str) -> str:
        weight = self._constant(f"{name}.w", self._model.floats(f"{name}.w"))
        bias = self._constant(f"{name}.b", self._model.floats(f"{name}.b"))
        return self._node("LayerNormalization", hidden, weight, bias, axis=-1, epsilon=self._shape.epsilon)

    def _constant(self, name: str, values: npt.NDArray[Any] | np.generic) -> str:
        self._constants.append(numpy_helper.from_array(np.array(values, order="C"), name))
        return name

    def _node(self, kind: str, *inputs: str, **attributes: Any) -> str:
        return self._nodes_of(kind, *inputs, outputs=1, **attributes)[0]

    def _nodes_of(self, kind: str, *inputs: str, outputs: int, **attributes: Any) -> list[str]:
        names = [f"{kind}_{len(self._nodes)}_{number}" for number in range(outputs)]
        self._nodes.append(helper.make_node(kind, inputs, names, **attributes))
        return names
