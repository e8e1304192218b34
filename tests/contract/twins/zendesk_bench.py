"""A Zendesk twin, the real zenpy client pointed at it, and a receiver of its webhooks."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, ParamSpec, TypeVar

import requests
from aiohttp import web
from requests.adapters import HTTPAdapter
from zenpy import Zenpy
from zenpy.lib.api_objects import Comment, Ticket

from bot.sandbox.zendesk import ZendeskTwin

P = ParamSpec("P")
T = TypeVar("T")
SUBDOMAIN = "opendatagov"
idempotency_key: ContextVar[str | None] = ContextVar("idempotency_key", default=None)


@dataclass(slots=True)
class HandMovedTime:
    """A clock that stands still until it is moved."""

    at: datetime = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)

    def now(self) -> datetime:
        return self.at

    def move(self, by: timedelta) -> None:
        self.at += by


class TwinAdapter(HTTPAdapter):
    """Sends what is meant for the real account to the twin."""

    def __init__(self, url: str) -> None:
        super().__init__()
        self.twin_url = url
        self.responses: list[requests.Response] = []

    def send(self, request: requests.PreparedRequest, *args: Any, **kwargs: Any) -> requests.Response:
        sent = request.copy()
        assert sent.url is not None
        sent.url = sent.url.replace(f"https://{SUBDOMAIN}.zendesk.com", self.twin_url)
        response = super().send(sent, *args, **kwargs)
        response.request = request  # zenpy chooses its response handler by the URL it asked for
        self.responses.append(response)
        return response


def _add_key(request: requests.PreparedRequest) -> requests.PreparedRequest:
    if key := idempotency_key.get():
        request.headers["Idempotency-Key"] = key
    return request


@dataclass(slots=True)
class Bench:
    """Everything a test needs. zenpy blocks, so its calls run in threads."""

    twin: ZendeskTwin
    time: HandMovedTime
    adapter: TwinAdapter
    session: requests.Session
    zenpy: Any = None

    async def sign_in(self, **form: Any) -> dict[str, Any]:
        """Fetch a token and build a client with it."""
        response = await self.token(**form)
        assert response.status_code == 200, response.text
        granted: dict[str, Any] = response.json()
        self.zenpy = Zenpy(
            subdomain=SUBDOMAIN,
            oauth_token=granted["access_token"],
            session=self.session,
            disable_cache=True,
            ratelimit_budget=1,  # without a budget zenpy sleeps for as long as it is told to
            timeout=5,
        )
        return granted

    async def token(self, **form: Any) -> requests.Response:
        """The bare answer of the token endpoint."""
        body = {
            "grant_type": "client_credentials",
            "client_id": self.twin.client_id,
            "client_secret": self.twin.client_secret,
            "scope": "read write",
            **form,
        }
        url = f"{self.twin.url}/oauth/tokens"
        return await asyncio.to_thread(requests.post, url, json=body, timeout=5)

    async def call(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run a blocking call of zenpy in a thread."""
        return await asyncio.to_thread(function, *args, **kwargs)

    async def all(self, function: Callable[P, Any], *args: P.args, **kwargs: P.kwargs) -> list[Any]:
        """Likewise for a list, with all its pages."""
        return await asyncio.to_thread(lambda: list(function(*args, **kwargs)))

    async def request(self, method: str, path: str, **kwargs: Any) -> requests.Response:
        """A bare call with the client's credentials."""
        url = f"https://{SUBDOMAIN}.zendesk.com/api/v2/{path}"
        return await asyncio.to_thread(self.session.request, method, url, timeout=5, **kwargs)

    async def create(self, *, key: str | None = None, **fields: Any) -> Any:
        """A ticket by zenpy: the audit of its creation."""
        fields.setdefault("subject", "The map is empty")
        fields.setdefault("comment", Comment(body="No tiles since nine o'clock.", public=True))
        reset = idempotency_key.set(key)
        try:
            return await self.call(self.zenpy.tickets.create, Ticket(**fields))
        finally:
            idempotency_key.reset(reset)

    @property
    def last(self) -> requests.Response:
        """The latest answer that zenpy saw."""
        return self.adapter.responses[-1]


@asynccontextmanager
async def a_bench(**options: Any) -> AsyncIterator[Bench]:
    """A twin with a signed-in client."""
    time = HandMovedTime()
    rng = random.Random(7)  # noqa: S311 - repeatable on purpose
    async with ZendeskTwin(time, rng, **options) as twin:
        adapter = TwinAdapter(twin.url)
        with requests.Session() as session:
            session.trust_env = False
            session.auth = _add_key
            session.mount("https://", adapter)
            bench = Bench(twin, time, adapter, session)
            await bench.sign_in()
            yield bench


@dataclass(slots=True)
class Receiver:
    """What was received, and what is to be answered: one status after another, then 200."""

    url: str = ""
    received: list[tuple[dict[str, str], bytes]] = field(default_factory=list)
    answers: list[tuple[int, dict[str, str]]] = field(default_factory=list)
    hangs: int = 0  #: how many of the next requests get no answer

    def answer(self, *statuses: int, **headers: str) -> None:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        self.answers.extend((status, named) for status in statuses)


@asynccontextmanager
async def a_receiver() -> AsyncIterator[Receiver]:
    """A server that webhooks are sent to."""
    receiver = Receiver()
    closing = asyncio.Event()

    async def take(request: web.Request) -> web.Response:
        receiver.received.append((dict(request.headers), await request.read()))
        if receiver.hangs:
            receiver.hangs -= 1
            await closing.wait()
        status, headers = receiver.answers.pop(0) if receiver.answers else (200, {})
        return web.Response(status=status, headers=headers)

    application = web.Application()
    application.router.add_route("*", "/zendesk/webhooks", take)
    runner = web.AppRunner(application, access_log=None, shutdown_timeout=1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    receiver.url = f"http://127.0.0.1:{runner.addresses[0][1]}/zendesk/webhooks"
    try:
        yield receiver
    finally:
        closing.set()
        await runner.cleanup()
