"""What the tests of the Slack twin share: a clock, a twin, and an app that answers as it is told."""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from slack_sdk.errors import SlackApiError
from slack_sdk.signature import Clock, SignatureVerifier
from slack_sdk.web.async_client import AsyncWebClient

from bot.sandbox.slack import SlackTwin

START = datetime(2026, 11, 2, 15, 0, tzinfo=UTC)


@dataclass(slots=True)
class StoppedTime:
    """A clock that moves when it is told to."""

    at: datetime = START

    def now(self) -> datetime:
        return self.at

    def advance(self, **span: float) -> None:
        self.at += timedelta(**span)


class ClockOf(Clock):
    """The vendor library's clock, showing ours."""

    def __init__(self, time: StoppedTime) -> None:
        self.time = time

    def now(self) -> float:
        return self.time.now().timestamp()


@asynccontextmanager
async def a_twin(**options: Any) -> AsyncIterator[tuple[SlackTwin, StoppedTime]]:
    time = StoppedTime()
    async with SlackTwin(time, random.Random(7), **options) as twin:  # noqa: S311 - a fixed seed is wanted
        yield twin, time


def a_client(twin: SlackTwin, **options: Any) -> AsyncWebClient:
    """The real client without its automatic second tries."""
    options = {"token": twin.world.installation.bot_token, "retry_handlers": [], **options}
    return AsyncWebClient(base_url=twin.api_url, **options)


@dataclass(frozen=True, slots=True)
class Received:
    headers: Mapping[str, str]
    body: bytes

    @property
    def payload(self) -> Any:
        if self.headers["Content-Type"].startswith("application/json"):
            return json.loads(self.body)
        form = parse_qs(self.body.decode())
        return json.loads(form["payload"][0]) if "payload" in form else {k: v[0] for k, v in form.items()}

    @property
    def event(self) -> Any:
        return self.payload["event"]

    @property
    def retry(self) -> tuple[str | None, str | None]:
        return self.headers.get("X-Slack-Retry-Num"), self.headers.get("X-Slack-Retry-Reason")


Answer = Callable[[Received], Awaitable[web.Response]]


async def ok(received: Received) -> web.Response:
    del received
    return web.Response()


def always(status: int, **headers: str) -> Answer:
    async def answer(received: Received) -> web.Response:
        del received
        return web.Response(status=status, headers=headers)

    return answer


@dataclass(slots=True)
class App:
    """The other side of the Events API."""

    answer: Answer = ok
    received: list[Received] = field(default_factory=list)
    url: str = ""

    @property
    def kinds(self) -> list[str]:
        return [one.event["type"] for one in self.received]

    async def handle(self, request: web.Request) -> web.Response:
        one = Received(request.headers, await request.read())
        if b'"url_verification"' in one.body:
            return web.Response(text=one.payload["challenge"])
        self.received.append(one)
        return await self.answer(one)


@asynccontextmanager
async def an_app(answer: Answer = ok) -> AsyncIterator[App]:
    app = App(answer)
    application = web.Application()
    application.router.add_post("/slack/events", app.handle)
    async with TestServer(application) as server:
        app.url = str(server.make_url("/slack/events"))
        yield app


def is_signed(twin: SlackTwin, time: StoppedTime, received: Received) -> bool:
    verifier = SignatureVerifier(twin.world.installation.signing_secret, ClockOf(time))
    return verifier.is_valid_request(received.body, dict(received.headers))


async def until(condition: Callable[[], object], *, timeout: float = 5.0) -> None:
    async with asyncio.timeout(timeout):
        while not condition():  # noqa: ASYNC110 - the vendor's client has no event to wait for
            await asyncio.sleep(0.005)


async def refusal(call: Any) -> str:
    with pytest.raises(SlackApiError) as refused:
        await call
    assert refused.value.response.status_code == 200
    return str(refused.value.response["error"])
