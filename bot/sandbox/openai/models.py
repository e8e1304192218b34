"""What a model is to the twin: a function from a request to the pieces of its reply."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class ChatRequest:
    """What was sent to /chat/completions, as far as a model sees it."""

    model: str
    messages: Sequence[tuple[str, str]]  #: role and content
    schema: Mapping[str, Any] | None = None  #: of structured outputs

    @property
    def text(self) -> str:
        """Everything that was said to the model."""
        return "\n".join(content for _, content in self.messages)


Model = Callable[[ChatRequest], AsyncIterator[str]]


def saying(text: str, *, piece: int = 24) -> Model:
    """A model that always says the same, a few characters at a time."""

    async def speak(_: ChatRequest) -> AsyncIterator[str]:
        for at in range(0, len(text), piece):
            yield text[at : at + piece]

    return speak


def answering(function: Callable[[ChatRequest], str]) -> Model:
    """A model whose words are a function of what it was asked."""

    def speak(request: ChatRequest) -> AsyncIterator[str]:
        return saying(function(request))(request)

    return speak


def falling_silent(text: str, released: asyncio.Event) -> Model:
    """A model that says something, and the rest only when it is released."""

    async def speak(_: ChatRequest) -> AsyncIterator[str]:
        yield text
        await released.wait()

    return speak


def filling(values: Mapping[str, Any]) -> Model:
    """A model that fills in a structured output."""
    return saying(json.dumps(values))


# -- the desk's own offline model ---------------------------------------------------

_PASSAGE = re.compile(r"<passage number=\"(\d+)\"[^>]*>\n(.*?)\n</passage>", re.DOTALL)


async def reciting(request: ChatRequest) -> AsyncIterator[str]:
    """A model for demonstrations: the first sentence of the first passage, with its citation."""
    found = _PASSAGE.search(request.text)
    if found is None:
        yield "NOT_FOUND"
        return
    sentence = re.split(r"(?<=[.!?])\s", found[2].strip().rsplit("\n\n", 1)[-1])[0]
    for word in f"{sentence} [{found[1]}]".split(" "):
        yield f"{word} "
