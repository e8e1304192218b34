"""A process that refreshes an index and is killed at a moment of its choice: its own hand does it."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

from hash_embedder import HashEmbedder

from knowledge import indexing
from knowledge.catalogue import Writing
from knowledge.opening import KnowledgeIndex
from knowledge.settling import Settlement
from knowledge.vectors import VectorStore

MOMENTS: dict[str, tuple[Any, str, bool]] = {
    # what is cut short, and whether it is done before
    "embedding": (HashEmbedder, "embed_passages", True),
    "writing words": (Writing, "write_words", True),
    "storing neighbours": (VectorStore, "upsert", True),
    "before the commit": (Settlement, "before_commit", True),
    "after the commit": (indexing, "point_to", False),
    "before tidying": (Settlement, "after_commit", False),
    "tidying": (VectorStore, "delete", True),
    "before sweeping": (indexing, "sweep", False),
    "after sweeping": (indexing, "sweep", True),
}


def die() -> NoReturn:
    """As pulling the plug."""
    os.kill(os.getpid(), signal.SIGKILL)
    raise AssertionError("unreachable")


def cut(moment: str) -> None:
    """Let the process die there."""
    owner, name, is_done = MOMENTS[moment]
    real: Callable[..., Any] = getattr(owner, name)

    def last(*arguments: Any, **named: Any) -> None:
        if is_done:
            real(*arguments, **named)
        die()

    setattr(owner, name, last)


def main(moment: str, data: str, folder: str, embedder: str) -> None:
    """Refresh until then."""
    if moment in MOMENTS:
        cut(moment)
    KnowledgeIndex(Path(data), HashEmbedder(embedder)).refresh([Path(folder)])


if __name__ == "__main__":
    main(*sys.argv[1:])
