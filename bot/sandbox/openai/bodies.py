"""The answers' bodies, as OpenAI spells them."""

from __future__ import annotations

import base64
import hashlib
import struct
from collections.abc import Sequence
from typing import Any

Body = dict[str, Any]
SIZE = 64  #: of an embedding, where the request does not say


def completion(*, id: str, created: int, model: str, text: str, prompt: str) -> Body:
    """A whole answer."""
    message: Body = {"role": "assistant", "content": text, "refusal": None, "annotations": []}
    choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": "stop"}
    return {
        "id": id,
        "object": "chat.completion",
        "created": created,
        "model": model,
        "choices": [choice],
        "usage": usage(prompt, text),
        "system_fingerprint": "fp_twin",
    }


def chunk(*, id: str, created: int, model: str, delta: Body, finish: str | None = None) -> Body:
    """A piece of a streamed answer."""
    return {
        "id": id,
        "object": "chat.completion.chunk",
        "created": created,
        "model": model,
        "system_fingerprint": "fp_twin",
        "choices": [{"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}],
    }


def last_chunk(*, id: str, created: int, model: str, prompt: str, text: str) -> Body:
    """What `stream_options.include_usage` asks for: figures without a choice."""
    return {
        "id": id,
        "object": "chat.completion.chunk",
        "created": created,
        "model": model,
        "choices": [],
        "usage": usage(prompt, text),
    }


def usage(prompt: str, text: str = "") -> Body:
    """Words stand for tokens here."""
    asked, said = len(prompt.split()), len(text.split())
    return {"prompt_tokens": asked, "completion_tokens": said, "total_tokens": asked + said}


def embeddings(texts: Sequence[str], *, model: str, size: int, is_packed: bool) -> Body:
    """Vectors that say nothing, the same for the same text, as numbers or packed in base64."""
    vectors = [_vector(text, size) for text in texts]
    asked = sum(len(text.split()) for text in texts)
    return {
        "object": "list",
        "model": model,
        "data": [
            {"object": "embedding", "index": index, "embedding": _packed(vector) if is_packed else vector}
            for index, vector in enumerate(vectors)
        ],
        "usage": {"prompt_tokens": asked, "total_tokens": asked},
    }


def models(names: Sequence[str], *, created: int) -> Body:
    """The list of models."""
    return {
        "object": "list",
        "data": [{"id": name, "object": "model", "created": created, "owned_by": "twin"} for name in names],
    }


def _vector(text: str, size: int) -> list[float]:
    """Words hashed into places, so that texts with words in common are near to each other."""
    places = [0.0] * size
    for word in text.lower().split():
        digest = hashlib.sha256(word.encode()).digest()
        places[int.from_bytes(digest[:4]) % size] += 1.0
    length = sum(value * value for value in places) ** 0.5 or 1.0
    return [value / length for value in places]


def _packed(vector: Sequence[float]) -> str:
    return base64.b64encode(struct.pack(f"<{len(vector)}f", *vector)).decode()
