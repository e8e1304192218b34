"""Many vectors in four bits a number: nearly the right order, in a quarter of the time that all bits take."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from knowledge.embedding import Vectors
from knowledge.postings import Numbers

_BLOCKS = (256, 128, 64)  #: numbers that share a scale: the more of them, the quicker, and not much coarser
_MOST, _ZERO = 7, 8  #: the largest number of four bits, and what stands for none
_MANY = 16_384  #: vectors that two threads look through
_AT_ONCE = 4_096  #: vectors that are coded together, so that what is under way stays small
_EIGHT_BITS = (
    4  #: the operator's word for: the question is rounded to 8 bits, and the product is of whole numbers
)
_OPERATORS = 20


class CoarseVectors:
    """The vectors of a partition for a first look: who may be among the nearest. Thread-safe.

    onnxruntime has the product of a vector with a matrix of four bits, since language models need it, and
    numpy has none that is quicker than the one with 32: https://github.com/microsoft/onnxruntime/blob/main/
    docs/ContribOperators.md#com.microsoft.MatMulNBits
    """

    def __init__(self, count: int, rows: Callable[[slice], Vectors]) -> None:
        codes, scales = _coded(count, rows)
        self._width = 2 * codes[0].size
        self._session = _session(codes, scales)

    def nearest(self, vector: Vectors, limit: int) -> Numbers:
        """Where the products are highest, in no order; half as many again hold the best of all bits."""
        asked = np.zeros((1, self._width), np.float32)
        asked[0, : len(vector)] = vector
        (found,) = self._session.run(["places"], {"asked": asked, "limit": np.array([limit])})
        places: Numbers = found[0]
        return places


def _coded(
    count: int, rows: Callable[[slice], Vectors]
) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.float32]]:
    """Differences from the mean, which are small where vectors lie in a bundle; the order stays the same."""
    parts = [slice(start, start + _AT_ONCE) for start in range(0, count, _AT_ONCE)]
    mean = sum(rows(part).sum(axis=0, dtype=np.float64) for part in parts) / count
    codes, scales = zip(*(_rounded(rows(part) - mean.astype(np.float32)) for part in parts), strict=True)
    return np.concatenate(codes), np.concatenate(scales)


def _rounded(rows: Vectors) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.float32]]:
    size = rows.shape[1]
    block = next((one for one in _BLOCKS if size % one == 0), _BLOCKS[-1])
    blocks = np.pad(rows, ((0, 0), (0, -size % block))).reshape(len(rows), -1, block)
    scales = np.abs(blocks).max(axis=2) / _MOST
    scales[scales == 0] = 1
    whole = (np.rint(blocks / scales[..., np.newaxis]) + _ZERO).astype(np.uint8)
    return whole[..., 0::2] | (whole[..., 1::2] << 4), scales


def _threads(count: int) -> int:
    """Two wait for each other when something else works; with many vectors that is worth it."""
    return 2 if count >= _MANY and (os.cpu_count() or 1) > 1 else 1


def _session(codes: npt.NDArray[np.uint8], scales: npt.NDArray[np.float32]) -> Any:
    import onnxruntime  # noqa: PLC0415 - slow to import, and needed by large partitions alone
    from onnx import TensorProto, helper, numpy_helper  # noqa: PLC0415 - likewise

    count, blocks, half = codes.shape
    width = 2 * blocks * half
    product = helper.make_node(
        "MatMulNBits",
        ["asked", "codes", "scales"],
        ["products"],
        domain="com.microsoft",
        K=width,
        N=count,
        bits=4,
        block_size=2 * half,
        accuracy_level=_EIGHT_BITS,
    )
    best = helper.make_node("TopK", ["products", "limit"], ["highest", "places"], sorted=0)
    graph = helper.make_graph(
        [product, best],
        "nearest",
        [
            helper.make_tensor_value_info("asked", TensorProto.FLOAT, [1, width]),
            helper.make_tensor_value_info("limit", TensorProto.INT64, [1]),
        ],
        [helper.make_tensor_value_info("places", TensorProto.INT64, [1, "limit"])],
        [numpy_helper.from_array(codes, "codes"), numpy_helper.from_array(scales, "scales")],
    )
    operators = [helper.make_opsetid("", _OPERATORS), helper.make_opsetid("com.microsoft", 1)]
    model = helper.make_model(graph, opset_imports=operators, ir_version=9).SerializeToString()
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = _threads(count)
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")  # idle means idle
    return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
