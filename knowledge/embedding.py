"""The embedder port: texts in, unit vectors out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, TypeAlias

import numpy as np
import numpy.typing as npt
import structlog

from bot.core.errors import Unavailable, UserFacingError

log = structlog.get_logger()

Vectors: TypeAlias = npt.NDArray[np.float32]  #: (number of texts, dimension), every row of length one


class EmbedderUnavailable(UserFacingError):
    """The model cannot be used here; the message says what to install or to set."""


class _Key(Protocol):
    def reveal(self) -> str: ...


class EmbedderChoice(Protocol):
    """What the settings say: which embedder, and where it is when a server makes the vectors."""

    @property
    def name(self) -> str: ...
    @property
    def url(self) -> str: ...
    @property
    def api_key(self) -> _Key | None: ...


class Embedder(Protocol):
    """A text model. Thread-safe: one instance serves all threads of the process."""

    @property
    def name(self) -> str:
        """What made the vectors, version included: an index made by another name is rebuilt."""

    @property
    def dimension(self) -> int:
        """The length of a vector."""

    def embed_queries(self, texts: Sequence[str]) -> Vectors:
        """Vectors of questions."""

    def embed_passages(self, texts: Sequence[str]) -> Vectors:
        """Vectors of passages, comparable with those of questions by their dot product."""


def unit(vectors: npt.NDArray[np.floating]) -> Vectors:
    """Scale every row to length one; a row of zeros stays one."""
    lengths = np.linalg.norm(vectors, axis=-1, keepdims=True)
    scaled: Vectors = (vectors / np.maximum(lengths, 1e-12)).astype(np.float32)
    return scaled


def query_vector(embedder: Embedder | None, text: str) -> Vectors | None:
    """None without an embedder, and while the server of one does not answer: words must do."""
    if embedder is None:
        return None
    try:
        vector: Vectors = embedder.embed_queries([text])[0]
    except Unavailable as error:
        log.warning("embedder_unavailable", reason=str(error))
        return None
    return vector
