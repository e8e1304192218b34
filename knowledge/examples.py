"""The sentences of kinds.toml as vectors: carried along for the built-in models, made once for any other."""

from __future__ import annotations

import hashlib
import tomllib
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from knowledge.embedding import Embedder, Vectors
from knowledge.embeddings import Embeddings

_SENTENCES = Path(__file__).with_name("kinds.toml")
_STEPS = 127  #: of eight bits, to either side of zero
_ROWS = 100  #: sentences that are embedded and remembered at a time


def sentences() -> Mapping[str, list[str]]:
    """What is written in kinds.toml: the kind, and its sentences."""
    written: dict[str, list[str]] = tomllib.loads(_SENTENCES.read_text("utf-8"))
    return written


def vectors_of(embedder: Embedder, kept: Embeddings, texts: list[str]) -> Vectors:
    """A row for each sentence: from the package, from what was kept, or made now and kept."""
    digests = [_digest(text) for text in texts]
    found = _carried(embedder.name)
    wanted = {digest: text for digest, text in zip(digests, texts, strict=True) if digest not in found}
    missing = sorted(wanted.keys() - kept.known()) if wanted else []
    for start in range(0, len(missing), _ROWS):
        some = missing[start : start + _ROWS]
        kept.add(some, embedder.embed_queries([wanted[digest] for digest in some]))
    for known, rows in kept.get(sorted(wanted)) if wanted else ():
        found.update(zip(known, rows, strict=True))
    return np.stack([found[digest] for digest in digests])


def carry(embedder: Embedder, target: Path | None = None) -> int:
    """Write the vectors of all sentences into the package, and say of how many."""
    texts = sorted({text for some in sentences().values() for text in some})
    vectors = embedder.embed_queries(texts)
    scales = np.abs(vectors).max(axis=1) / _STEPS
    np.savez_compressed(
        target or carried_for(embedder.name),
        name=np.array(embedder.name),
        digests=np.array([_digest(text) for text in texts]),
        scales=scales.astype(np.float32),
        rows=np.round(vectors / scales[:, np.newaxis]).astype(np.int8),
    )
    return len(texts)


def carried_for(name: str) -> Path:
    """Where the package has an embedder's vectors, if it has them.

    A thousand sentences take the built-in models a quarter of a minute: the first question does not wait.
    """
    return _SENTENCES.with_name(f"kinds-{_digest(name)[:12]}.npz")


def _carried(name: str) -> dict[str, Vectors]:
    path = carried_for(name)
    if not path.exists():
        return {}
    with np.load(path, allow_pickle=False) as file:
        rows = file["rows"] * file["scales"][:, np.newaxis]
        return dict(zip(file["digests"].tolist(), rows.astype(np.float32), strict=True))


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
