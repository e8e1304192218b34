"""Reads all-mpnet-base-v2 as it was published: floats in a safetensors file."""

from __future__ import annotations

import json
import math
import struct

import numpy as np

from knowledge.embedding import Vectors
from knowledge.models.graph import Bytes, Words
from knowledge.models.packed import Shape

# https://huggingface.co/sentence-transformers/all-mpnet-base-v2/blob/main/config.json
SHAPE = Shape(
    hidden=768, layers=12, heads=12, feed_forward=3072, vocabulary=30_527, positions=512, epsilon=1e-5
)
_PARTS = {
    "q": "attention.attn.q",
    "k": "attention.attn.k",
    "v": "attention.attn.v",
    "ao": "attention.attn.o",
    "aln": "attention.LayerNorm",
    "fi": "intermediate.dense",
    "fo": "output.dense",
    "oln": "output.LayerNorm",
}
_ENDS = {"w": "weight", "b": "bias"}
_FIRST_PLACE = 2  #: positions are counted from behind the number of the padding, which is 1
_FAR = 128  #: tokens; what is further away is all the same


class MpnetFile:
    """The file in memory, under the names that graph.py asks for."""

    def __init__(self, content: bytes, *, positions: int, shape: Shape = SHAPE) -> None:
        # https://github.com/huggingface/safetensors#format
        (size,) = struct.unpack_from("<Q", content)
        self._content = content
        self._start = 8 + size
        self._directory = json.loads(content[8 : self._start])
        self._positions = positions
        self.shape = shape

    def floats(self, name: str) -> Vectors:
        """A bias, or a vector of a norm."""
        return self._tensor(_theirs(name))

    def rounded(self, name: str, rows: int) -> tuple[Bytes, Vectors]:
        """A matrix in 8 bits, (inputs, outputs), and the scale of each of its columns."""
        found = self._tensor(_theirs(name)).T
        assert found.shape[1] == rows
        scales = np.maximum(np.abs(found).max(axis=0) / 127, 1e-12).astype(np.float32)
        return np.round(found / scales).astype(np.int8), scales

    def words(self) -> Words:
        """The word vectors in 8 bits, each with its scale, and what is added to them."""
        found = self._tensor("embeddings.word_embeddings.weight")
        scales = np.maximum(np.abs(found).max(axis=1, keepdims=True) / 127, 1e-12).astype(np.float32)
        places = self._tensor("embeddings.position_embeddings.weight")
        return Words(
            vectors=np.round(found / scales).astype(np.int8),
            scales=scales,
            places=places[_FIRST_PLACE : _FIRST_PLACE + self._positions],
        )

    def nearness(self) -> Vectors:
        """What every layer's attention adds for how far, and on which side, another token stands."""
        weights = self._tensor("encoder.relative_attention_bias.weight")  # (drawers, heads)
        places = np.arange(self._positions)
        return weights[_drawers(places[np.newaxis] - places[:, np.newaxis], len(weights))].transpose(2, 0, 1)[
            np.newaxis
        ]

    def _tensor(self, name: str) -> Vectors:
        entry = self._directory[name]
        assert entry["dtype"] == "F32"
        begin, end = entry["data_offsets"]
        found = np.frombuffer(self._content, "<f4", (end - begin) // 4, self._start + begin)
        return found.reshape(entry["shape"])


def _drawers(steps: np.typing.NDArray[np.int64], count: int) -> np.typing.NDArray[np.int64]:
    """T5's buckets: half for either side; a quarter for single steps, the rest ever wider."""
    # https://github.com/huggingface/transformers/blob/main/src/transformers/models/mpnet/modeling_mpnet.py
    side, single = count // 2, count // 4
    distance = np.abs(steps)
    wide = np.log(np.maximum(distance, 1) / single) / math.log(_FAR / single) * (side - single)
    far = np.minimum(single + wide.astype(np.int64), side - 1)
    drawers: np.typing.NDArray[np.int64] = np.where(distance < single, distance, far) + side * (steps > 0)
    return drawers


def _theirs(name: str) -> str:
    """l3.ao.b → encoder.layer.3.attention.attn.o.bias."""
    place, part, end = name.split(".")
    if place == "emb":
        return f"embeddings.LayerNorm.{_ENDS[end]}"
    return f"encoder.layer.{place.removeprefix('l')}.{_PARTS[part]}.{_ENDS[end]}"
