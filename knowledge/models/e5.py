"""The default embedder: multilingual-e5-small on onnxruntime, offline and without torch."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from knowledge.embedding import Vectors
from knowledge.models.packed import SHA256, PackedModel, find_weights, verify
from knowledge.models.running import open_session, store
from knowledge.models.wordpieces import WordPieces

_GRAPH = 1  #: raised when graph.py writes something else
_MODELS = "models"


class E5Embedder:
    """multilingual-e5-small. The word vectors stay in the package's file and are looked up as needed."""

    def __init__(self, weights: Path, graph: Path, *, threads: int = 2) -> None:
        self._model = PackedModel(weights)
        self._pieces = WordPieces(self._model.vocabulary)
        shape = self._model.shape
        positions = self._model.floats("emb.pos").reshape(shape.positions, shape.hidden)
        self._places = positions + self._model.floats("emb.type")[: shape.hidden]
        self._session = open_session(graph, threads=threads)

    @classmethod
    def load(
        cls, data_dir: Path, *, threads: int = 2, say: Callable[[str], None] | None = None
    ) -> E5Embedder:
        """Open it, writing the graph below `data_dir` first if this is the first time."""
        weights = find_weights()
        graph = data_dir / _MODELS / SHA256[:16] / f"e5-small-int8-{_GRAPH}.onnx"
        if not graph.exists():
            if say is not None:
                say("Preparing the language model (once, a few seconds)…")
            verify(weights)
            _write_graph(weights, graph)
        return cls(weights, graph, threads=threads)

    @property
    def name(self) -> str:
        return f"multilingual-e5-small-int8-{SHA256[:8]}-{_GRAPH}"

    @property
    def dimension(self) -> int:
        return self._model.shape.hidden

    def embed_queries(self, texts: Sequence[str]) -> Vectors:
        # The prefixes are the ones of its training: https://huggingface.co/intfloat/multilingual-e5-small
        return self._embed([f"query: {text}" for text in texts])

    def embed_passages(self, texts: Sequence[str]) -> Vectors:
        return self._embed([f"passage: {text}" for text in texts])

    def _embed(self, texts: Sequence[str]) -> Vectors:
        if not texts:
            return np.zeros((0, self.dimension), np.float32)
        return np.concatenate([self._embed_one(text) for text in texts])

    def _embed_one(self, text: str) -> Vectors:
        shape = self._model.shape
        ids = self._pieces.ids(text, limit=shape.positions)
        words = self._model.rows("emb.word", shape.vocabulary, ids) + self._places[: len(ids)]
        vector: Vectors = self._session.run(None, {"embeddings": words[np.newaxis]})[0]
        return vector


def _write_graph(weights: Path, graph: Path) -> None:
    from knowledge.models.graph import build_graph  # noqa: PLC0415 - onnx is only needed to write

    store(build_graph(PackedModel(weights), title="multilingual-e5-small"), graph)
