"""A client of an OpenAI-compatible server, with the patience of a chat turn."""

from __future__ import annotations

import asyncio
import logging
import ssl
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from openai import AsyncOpenAI

RETRIES = 1  #: by the library, of what failed before it answered
NO_KEY = "none"  #: for a server of one's own: the library insists on one

ItemT = TypeVar("ItemT")


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How long each part of a turn may take. The library's own default is ten minutes."""

    connect: timedelta = timedelta(seconds=3)
    first: timedelta = timedelta(seconds=10)  #: until the first words
    between: timedelta = timedelta(seconds=5)  #: two pieces
    whole: timedelta = timedelta(seconds=25)


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelAccess:
    """Where a model is and how to reach it."""

    base_url: str
    model: str
    api_key: str | None = field(default=None, repr=False)
    patience: Patience = Patience()


def keep_quiet() -> None:
    """Keep the library's log from writing down requests, which hold questions and articles."""
    for name in ("openai", "httpx", "httpcore"):
        logging.getLogger(name).setLevel(logging.WARNING)


@cache
def _trusted() -> ssl.SSLContext:
    """The certificates of the system's authorities, read once: that is most of what a client costs."""
    import httpx  # noqa: PLC0415 - as below

    return httpx.create_ssl_context()


@asynccontextmanager
async def open_client(access: ModelAccess) -> AsyncIterator[AsyncOpenAI]:
    """The library's asynchronous client."""
    # Nobody without a model pays for these imports: seconds on a busy machine, and so not on the event loop.
    await asyncio.to_thread(import_module, "openai.resources.chat")
    import httpx  # noqa: PLC0415 - as above
    from openai import AsyncOpenAI, DefaultAsyncHttpxClient  # noqa: PLC0415 - as above

    keep_quiet()
    patience = access.patience
    client = AsyncOpenAI(
        api_key=access.api_key or NO_KEY,
        base_url=access.base_url,
        max_retries=RETRIES,
        timeout=httpx.Timeout(patience.first.total_seconds(), connect=patience.connect.total_seconds()),
        http_client=DefaultAsyncHttpxClient(verify=_trusted()),
    )
    async with client:
        yield client


async def patiently(
    stream: AsyncIterator[ItemT], patience: Patience, *, until: float
) -> AsyncGenerator[ItemT, None]:
    """The items of a stream; TimeoutError when one lets us wait too long, or past `until` (loop time).

    The socket's own timeout does not see a server that only sends signs of life.
    """
    clock = asyncio.get_running_loop().time
    waiting = patience.first
    while True:
        try:
            async with asyncio.timeout_at(min(clock() + waiting.total_seconds(), until)):
                item = await anext(stream)
        except StopAsyncIteration:
            return
        yield item
        waiting = patience.between
