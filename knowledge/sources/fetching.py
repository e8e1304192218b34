"""Asks a vendor's API: patient where it asks for patience, and never led to another host."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from http import HTTPStatus
from typing import Any, TypeVar

import aiohttp
from pydantic import BaseModel, ValidationError

from knowledge.sources.source import SourceFailed

_TRIES = 5
_LONGEST_PAUSE = timedelta(minutes=5)
_TIMEOUT = aiohttp.ClientTimeout(total=60)
_LARGEST = 50_000_000  #: bytes of one answer
_REFUSED = (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN)

Model = TypeVar("Model", bound=BaseModel)
Pause = Callable[[float], Awaitable[None]]


class NotThere(SourceFailed):
    """404: it does not exist, or these credentials may not know that it does."""


def basic(user: str, secret: str) -> str:
    """The value of an Authorization header; its like in aiohttp differs between releases."""
    return f"Basic {base64.b64encode(f'{user}:{secret}'.encode()).decode()}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Fetcher:
    """One API with one set of credentials."""

    name: str  #: of the source, for what people are told
    session: aiohttp.ClientSession = field(repr=False)
    base_url: str
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    variable: str = ""  #: where the credentials came from; empty: there are none
    pause: Pause = asyncio.sleep

    async def get(self, path: str, params: Mapping[str, str], shape: type[Model]) -> Model:
        """What is there."""
        return self._shaped(await self._ask("GET", path, params=params), shape)

    async def post(self, path: str, payload: Mapping[str, Any], shape: type[Model]) -> Model:
        """The answer to a question that changes nothing."""
        return self._shaped(await self._ask("POST", path, json=payload), shape)

    def failed(self, problem: str) -> SourceFailed:
        """What to raise."""
        return SourceFailed(f"{self.name}: {problem}")

    async def _ask(self, method: str, path: str, **given: Any) -> bytes:
        problem = ""
        for attempt in range(_TRIES):
            try:
                # The credentials go where the settings say, so a redirection is not followed.
                async with self.session.request(
                    method,
                    f"{self.base_url}{path}",
                    headers={"Accept": "application/json", **self.headers},
                    allow_redirects=False,
                    timeout=_TIMEOUT,
                    **given,
                ) as answer:
                    if answer.status == HTTPStatus.OK:
                        return await self._read(answer)
                    problem, seconds = self._refusal(answer, attempt)
            except (aiohttp.ClientError, TimeoutError) as error:
                problem, seconds = f"cannot be reached ({type(error).__name__}).", 2.0**attempt
            if attempt + 1 < _TRIES:
                await self.pause(seconds)
        raise self.failed(f"{self.base_url} {problem}")

    def _refusal(self, answer: aiohttp.ClientResponse, attempt: int) -> tuple[str, float]:
        """What is wrong and how long to wait; SourceFailed where waiting does not help."""
        status, stated = answer.status, answer.headers.get("Retry-After", "")
        asked_to_wait = stated.isascii() and stated.isdecimal()
        # GitHub says 403 to those who come too fast: https://docs.github.com/en/graphql/overview/
        # rate-limits-and-query-limits-for-the-graphql-api
        if status == HTTPStatus.TOO_MANY_REQUESTS or (asked_to_wait and status in (403, 503)):
            seconds = float(stated) if asked_to_wait else 2.0**attempt
            if seconds > _LONGEST_PAUSE.total_seconds():
                raise self.failed(f"{self.base_url} asks to wait {seconds:.0f} seconds; sync again later.")
            return "goes on asking to wait.", seconds
        if status in _REFUSED and answer.headers.get("X-RateLimit-Remaining") == "0":
            raise self.failed(f"the limit of {self.base_url} is used up; sync again in an hour.")
        if status in _REFUSED:
            who = f"the credentials in {self.variable}" if self.variable else "readers without credentials"
            raise self.failed(f"{self.base_url} refused {who} ({status}).")
        if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            return f"answered {status}.", 2.0**attempt
        if HTTPStatus.MULTIPLE_CHOICES <= status < HTTPStatus.BAD_REQUEST:
            raise self.failed(
                f"{self.base_url} leads elsewhere ({status}), which is not followed; check url."
            )
        if status == HTTPStatus.NOT_FOUND:
            raise NotThere(f"{self.name}: {self.base_url} answered 404; check url.")
        raise self.failed(f"{self.base_url} answered {status}; check the settings.")

    async def _read(self, answer: aiohttp.ClientResponse) -> bytes:
        content = bytearray()
        async for part in answer.content.iter_chunked(1 << 16):
            content += part
            if len(content) > _LARGEST:
                raise self.failed(f"{self.base_url} answered with more than {_LARGEST // 1_000_000} MB.")
        return bytes(content)

    def _shaped(self, content: bytes, shape: type[Model]) -> Model:
        try:
            return shape.model_validate(json.loads(content))
        except ValidationError as error:
            # Where it is wrong, and not what was there: that may be anybody's text.
            place = ".".join(str(part) for part in error.errors(include_input=False)[0]["loc"])
            raise self.failed(f"{self.base_url} answered without a proper {place!r}.") from None
        except (ValueError, RecursionError):
            raise self.failed(f"{self.base_url} answered something else than JSON.") from None
