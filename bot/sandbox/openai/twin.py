"""The server: who is calling, what goes wrong on purpose, and the model's reply, whole or in pieces."""

from __future__ import annotations

import asyncio
import hmac
import json
import random
from collections.abc import AsyncIterator, Callable, Mapping
from types import TracebackType
from typing import Any, Self

from aiohttp import web

from bot.core.ports import Time
from bot.sandbox.faults import Fault, FaultKind, Faults, cut
from bot.sandbox.journal import Journal
from bot.sandbox.openai import bodies
from bot.sandbox.openai.models import ChatRequest, Model, reciting
from bot.sandbox.openai.refusals import (
    Refused,
    bad_request,
    broken,
    no_endpoint,
    no_model,
    too_many,
    unauthorized,
)
from bot.sandbox.openai.structured import strict_schema

PREFIX = "/v1"
CHAT, EMBEDDINGS, MODELS = (
    f"POST {PREFIX}/chat/completions",
    f"POST {PREFIX}/embeddings",
    f"GET {PREFIX}/models",
)
UNSEEN = (FaultKind.TIMEOUT_BEFORE, FaultKind.DROP)  #: the call leaves no trace
_ROLES = frozenset({"system", "developer", "user", "assistant", "tool"})

Json = Mapping[str, Any]


class OpenAITwin:
    """One account on the loopback. Its `model` may be replaced at any time."""

    def __init__(
        self,
        time: Time,
        rng: random.Random,
        *,
        model: Model = reciting,
        api_key: str = "sk-twin-key-that-guards-nothing",
        names: tuple[str, ...] = ("gpt-twin", "text-embedding-twin"),
        faults: Faults | None = None,
        journal: Journal | None = None,
    ) -> None:
        self.model = model
        self.api_key = api_key
        self.names = names
        self.faults = faults or Faults(random.Random(rng.random()))  # noqa: S311 - repeatable on purpose
        self.journal = journal or Journal(time)
        self.asked: list[ChatRequest] = []  #: what reached a model; a twin may keep what a log may not
        self._time = time
        self._rng = rng
        self._runner: web.AppRunner | None = None
        self._stopping = asyncio.Event()
        self._port = 0

    @property
    def url(self) -> str:
        """What OPENAI_BASE_URL is set to."""
        return f"http://127.0.0.1:{self._port}{PREFIX}"

    async def start(self, port: int = 0) -> None:
        """Listen on the loopback."""
        application = web.Application(client_max_size=8 * 1024 * 1024)
        application.router.add_route("*", "/{path:.*}", self._serve)
        # Who hangs up is a fact to the twin, as to OpenAI: the model stops talking.
        self._runner = web.AppRunner(
            application, access_log=None, shutdown_timeout=1.0, handler_cancellation=True
        )
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", port)
        await site.start()
        self._port = self._runner.addresses[0][1]

    async def stop(self) -> None:
        """Let go of what is held, and close every connection."""
        self._stopping.set()
        if self._runner is not None:
            await self._runner.cleanup()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    async def _serve(self, request: web.Request) -> web.StreamResponse:
        operation = f"{request.method} {request.path.removesuffix('/')}"
        body = await request.read()
        fault = self.faults.draw(operation)
        if fault is not None and fault.kind is FaultKind.DELAY:
            await asyncio.sleep(fault.delay.total_seconds())
        if fault is not None and fault.kind in UNSEEN:
            self.journal.record(operation, outcome=fault.kind.value)
            return await self._silence(request, fault)
        try:
            if fault is not None:
                _raise(fault)
            self._authenticate(request)
            return await self._answer(request, operation, body, fault)
        except Refused as refusal:
            outcome = fault.kind.value if fault else str(refusal.status)
            self.journal.record(operation, request=_shown(body), outcome=outcome)
            return web.json_response(
                refusal.body, status=refusal.status, headers=self._headers(refusal.headers)
            )

    def _authenticate(self, request: web.Request) -> None:
        scheme, _, key = request.headers.get("Authorization", "").partition(" ")
        if scheme != "Bearer" or not hmac.compare_digest(key.encode(), self.api_key.encode()):
            raise unauthorized(key)

    async def _answer(
        self, request: web.Request, operation: str, body: bytes, fault: Fault | None
    ) -> web.StreamResponse:
        if operation == MODELS:
            self.journal.record(operation)
            return self._whole(bodies.models(self.names, created=self._now()), fault)
        handlers: dict[str, Callable[..., Any]] = {CHAT: self._chat, EMBEDDINGS: self._embed}
        if operation not in handlers:
            raise no_endpoint(request.method, request.path)
        response: web.StreamResponse = await handlers[operation](request, operation, _parsed(body), fault)
        return response

    async def _embed(
        self, _request: web.Request, operation: str, body: Json, fault: Fault | None
    ) -> web.StreamResponse:
        given = body.get("input")
        texts = [given] if isinstance(given, str) else given
        if (
            not isinstance(texts, list)
            or not texts
            or not all(isinstance(text, str) and text for text in texts)
        ):
            raise bad_request("'$.input' is invalid. Please check the API reference.", "input")
        answer = bodies.embeddings(
            texts,
            model=self._named(body),
            size=body.get("dimensions") or bodies.SIZE,
            is_packed=body.get("encoding_format") == "base64",
        )
        self.journal.record(operation, request={"model": body["model"], "texts": len(texts)})
        return self._whole(answer, fault)

    async def _chat(
        self, request: web.Request, operation: str, body: Json, fault: Fault | None
    ) -> web.StreamResponse:
        chat = ChatRequest(model=self._named(body), messages=_messages(body), schema=strict_schema(body))
        self.asked.append(chat)
        self.journal.record(
            operation,
            request=_summary(body),
            outcome=fault.kind.value if fault else "ok",
        )
        said = self.model(chat)
        if body.get("stream"):
            return await self._stream(request, body, chat, said, fault)
        text = "".join([piece async for piece in said])
        if fault is not None and fault.kind is FaultKind.TIMEOUT_AFTER:
            return await self._silence(request, fault)
        return self._whole(bodies.completion(**self._head(chat), text=text, prompt=chat.text), fault)

    async def _stream(
        self,
        request: web.Request,
        body: Json,
        chat: ChatRequest,
        said: AsyncIterator[str],
        fault: Fault | None,
    ) -> web.StreamResponse:
        """Server-sent events: https://platform.openai.com/docs/api-reference/chat-streaming."""
        head, text = self._head(chat), ""
        response = web.StreamResponse(
            headers=self._headers({"Content-Type": "text/event-stream; charset=utf-8"})
        )
        await response.prepare(request)
        await _send(
            response, bodies.chunk(**head, delta={"role": "assistant", "content": "", "refusal": None})
        )
        async for piece in said:
            text += piece
            await _send(response, bodies.chunk(**head, delta={"content": piece}))
            if fault is not None and fault.kind is FaultKind.TIMEOUT_AFTER:
                return await self._silence(request, fault)
            if fault is not None and fault.kind is FaultKind.MALFORMED_BODY:
                await response.write(b'data: {"id": "chatcm\n\n')
                return cut(request)
        await _send(response, bodies.chunk(**head, delta={}, finish="stop"))
        if (body.get("stream_options") or {}).get("include_usage"):
            await _send(response, bodies.last_chunk(**head, prompt=chat.text, text=text))
        await response.write(b"data: [DONE]\n\n")
        await response.write_eof()
        return response

    def _named(self, body: Json) -> str:
        name = body.get("model")
        if not isinstance(name, str) or not name:
            raise bad_request("you must provide a model parameter")
        if name not in self.names:
            raise no_model(name)
        return name

    def _head(self, chat: ChatRequest) -> dict[str, Any]:
        return {
            "id": f"chatcmpl-{self._rng.randbytes(12).hex()}",
            "created": self._now(),
            "model": chat.model,
        }

    def _now(self) -> int:
        return int(self._time.now().timestamp())

    def _headers(self, more: Mapping[str, str]) -> dict[str, str]:
        return {
            "x-request-id": f"req_{self._rng.randbytes(12).hex()}",
            "openai-version": "2020-10-01",
            **more,
        }

    def _whole(self, answer: Json, fault: Fault | None) -> web.Response:
        text = json.dumps(answer)
        is_cut = fault is not None and fault.kind is FaultKind.MALFORMED_BODY
        return web.Response(
            text=text[: len(text) // 2] if is_cut else text,
            content_type="application/json",
            headers=self._headers({}),
        )

    async def _silence(self, request: web.Request, fault: Fault) -> web.Response:
        """No answer: the connection is cut, or held until the twin stops."""
        if fault.hang:
            await self._stopping.wait()
        return cut(request)


async def _send(response: web.StreamResponse, event: Json) -> None:
    await response.write(f"data: {json.dumps(event)}\n\n".encode())


def _raise(fault: Fault) -> None:
    """The refusal of a fault that does nothing else."""
    if fault.kind is FaultKind.RATE_LIMITED:
        raise too_many(max(1, int(fault.retry_after.total_seconds())))
    if fault.kind is FaultKind.SERVER_ERROR:
        raise broken(fault.status)


def _parsed(body: bytes) -> Json:
    try:
        parsed = json.loads(body)
    except ValueError:
        parsed = None
    if not isinstance(parsed, dict):
        raise bad_request("We could not parse the JSON body of your request.")
    return parsed


def _messages(body: Json) -> list[tuple[str, str]]:
    given = body.get("messages")
    if not isinstance(given, list) or not given:
        raise bad_request("Missing required parameter: 'messages'.", "messages", "missing_required_parameter")
    messages = []
    for place, message in enumerate(given):
        role, content = (
            (message.get("role"), message.get("content")) if isinstance(message, dict) else (None, None)
        )
        if role not in _ROLES or not isinstance(content, str):
            raise bad_request(f"Invalid value: 'messages[{place}]'.", f"messages[{place}]", "invalid_value")
        messages.append((role, content))
    return messages


def _summary(body: Json) -> Json:
    """For the journal: everything but what was said."""
    return {name: value for name, value in body.items() if name != "messages"}


def _shown(body: bytes) -> Json:
    try:
        parsed = json.loads(body or b"{}")
    except ValueError:
        return {}
    return _summary(parsed) if isinstance(parsed, dict) else {}
