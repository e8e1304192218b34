"""Any model of sentence-transformers behind the embedder port: an extra, for other models and for GPUs."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import Any

import numpy as np

from knowledge.embedding import EmbedderUnavailable, Vectors, unit

_INSTALL = "Install the extra: `pip install deskbell[sentence-transformers]`."


class SentenceTransformerEmbedder:
    """A model from a folder, or by name where the network reaches the hub."""

    def __init__(self, model: str, *, device: str | None = None) -> None:
        try:
            import sentence_transformers  # noqa: PLC0415 - an extra; importing torch takes seconds
        except ImportError as error:
            raise EmbedderUnavailable(f"sentence-transformers is not installed. {_INSTALL}") from error
        try:
            self._model: Any = sentence_transformers.SentenceTransformer(model, device=device)
        except (OSError, ValueError) as error:
            raise EmbedderUnavailable(f"The model {model!r} cannot be loaded: {error}") from error
        self._name = f"sentence-transformers-{sentence_transformers.__version__}-{model}"
        self._turn = threading.Lock()  # a tokenizer must not be used by two threads at once
        # Asked of a vector: the method that states it changed its name between 5 and 6.
        self._dimension = int(self._model.encode(["x"], show_progress_bar=False).shape[1])

    @property
    def name(self) -> str:
        return self._name

    @property
    def dimension(self) -> int:
        return self._dimension

    def embed_queries(self, texts: Sequence[str]) -> Vectors:
        return self._embed(texts, self._prompt("query"))

    def embed_passages(self, texts: Sequence[str]) -> Vectors:
        return self._embed(texts, self._prompt("passage", "document"))

    def _prompt(self, *names: str) -> str | None:
        """The model's own prefix for this use, when it states one."""
        prompts = self._model.prompts or {}
        return next((prompts[name] for name in names if prompts.get(name)), None)

    def _embed(self, texts: Sequence[str], prompt: str | None) -> Vectors:
        if not texts:
            return np.zeros((0, self.dimension), np.float32)
        with self._turn:
            vectors = self._model.encode(
                list(texts), prompt=prompt, convert_to_numpy=True, show_progress_bar=False
            )
        return unit(np.asarray(vectors))
