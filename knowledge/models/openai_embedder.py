"""Vectors from a server that speaks OpenAI's embeddings interface: theirs, or one of one's own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import numpy as np

from bot.core.errors import Unavailable
from bot.core.masking import mask
from knowledge.embedding import EmbedderUnavailable, Vectors, unit
from knowledge.models.openai_client import NO_KEY, keep_quiet

if TYPE_CHECKING:
    from openai import OpenAI

# The smallest limit in use: https://huggingface.co/docs/text-embeddings-inference/cli_arguments
BATCH = 32
_SAID = {401: "refuses the key", 403: "refuses the key", 404: "does not know it", 429: "has no room"}


@dataclass(frozen=True, slots=True, kw_only=True)
class EmbeddingPatience:
    """Somebody waits for a question's vector, nobody for an article's."""

    connect: timedelta = timedelta(seconds=3)
    question: timedelta = timedelta(seconds=5)
    passages: timedelta = timedelta(seconds=60)  #: a batch, on a server without a graphics card
    #: By the library, with its pauses, up to two minutes where the server asks for that. A question is not
    #: asked twice: the pause would be longer than the answer is worth.
    retries: int = 5


class OpenAIEmbedder:
    """One model of one server. Texts leave the house, so that they are masked here once more."""

    def __init__(
        self,
        model: str,
        *,
        url: str,
        api_key: str | None = None,
        patience: EmbeddingPatience | None = None,
    ) -> None:
        """Ask for one vector, which tells how long they are; EmbedderUnavailable when none comes."""
        import httpx  # noqa: PLC0415 - nobody without a server pays for the import
        from openai import OpenAI  # noqa: PLC0415 - likewise: a second

        keep_quiet()
        self._model = model
        self._server = _shown(url)
        self._patience = patience or EmbeddingPatience()
        connect = self._patience.connect.total_seconds()
        asked_once = httpx.Timeout(self._patience.question.total_seconds(), connect=connect)
        many = httpx.Timeout(self._patience.passages.total_seconds(), connect=connect)
        self._questions = OpenAI(api_key=api_key or NO_KEY, base_url=url, max_retries=0, timeout=asked_once)
        self._passages = self._questions.with_options(max_retries=self._patience.retries, timeout=many)
        self._dimension = 0
        try:
            self._dimension = self._ask(self._passages, ["dimension"]).shape[1]
        except Unavailable as error:
            hint = "check EMBEDDINGS_URL, EMBEDDINGS_API_KEY and the model's name"
            raise EmbedderUnavailable(f"{error}: {hint}.") from error

    @property
    def name(self) -> str:
        return f"openai-{self._server}-{self._model}-{self._dimension}"

    @property
    def dimension(self) -> int:
        return self._dimension

    def embed_queries(self, texts: Sequence[str]) -> Vectors:
        return self._embed(self._questions, [mask(text) for text in texts])

    def embed_passages(self, texts: Sequence[str]) -> Vectors:
        return self._embed(self._passages, [mask(text, is_documentation=True) for text in texts])

    def _embed(self, client: OpenAI, texts: Sequence[str]) -> Vectors:
        found = np.zeros((len(texts), self._dimension), np.float32)
        # An empty text is refused, and has no meaning: its vector stays zero.
        told = [place for place, text in enumerate(texts) if text.strip()]
        for start in range(0, len(told), BATCH):
            places = told[start : start + BATCH]
            vectors = self._ask(client, [texts[place] for place in places])
            if vectors.shape[1] != self._dimension:
                raise Unavailable(f"The embeddings of {self._model!r} at {self._server} changed their length")
            found[places] = vectors
        return found

    def _ask(self, client: OpenAI, texts: Sequence[str]) -> Vectors:
        from openai import OpenAIError  # noqa: PLC0415 - as above

        try:
            # As numbers: not every server packs them in base64, which is the library's own choice.
            answer = client.embeddings.create(model=self._model, input=list(texts), encoding_format="float")
            return _vectors(answer, expected=len(texts))
        except (OpenAIError, ValueError, TypeError, AttributeError) as error:
            # Neither the server's words nor the library's: they may repeat what was sent.
            reason = _reason(error)
            raise Unavailable(f"The embeddings of {self._model!r}: {self._server} {reason}") from None


def _vectors(answer: Any, *, expected: int) -> Vectors:
    rows = sorted(answer.data, key=lambda row: row.index)
    vectors = np.array([row.embedding for row in rows], np.float32)
    if vectors.ndim != 2 or len(vectors) != expected or not vectors.size or not np.isfinite(vectors).all():  # noqa: PLR2004 - rows and numbers
        raise ValueError
    return unit(vectors)


def _reason(error: Exception) -> str:
    from openai import APIConnectionError, APIStatusError, APITimeoutError  # noqa: PLC0415 - as above

    if isinstance(error, APITimeoutError):
        return "does not answer in time"
    if isinstance(error, APIConnectionError):
        return "cannot be reached"
    if isinstance(error, APIStatusError):
        return f"{_SAID.get(error.status_code, 'fails')} ({error.status_code})"
    return "answers something else than vectors"


def _shown(url: str) -> str:
    """The address without a name and a password that may stand in it."""
    parts = urlsplit(url)
    return f"{parts.hostname or ''}{f':{parts.port}' if parts.port else ''}{parts.path.rstrip('/')}"
