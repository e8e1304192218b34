"""The HTTP side of the Web API: arguments in, authentication, faults, limits, JSON out."""

# https://docs.slack.dev/apis/web-api

from __future__ import annotations

import asyncio
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from bot.sandbox.faults import Fault, FaultKind, Faults, cut
from bot.sandbox.journal import Journal
from bot.sandbox.slack import chatting, conversing, looking, streaming
from bot.sandbox.slack.calls import Call, Method, Refused, TooMany
from bot.sandbox.slack.limits import Limits
from bot.sandbox.slack.things import Json
from bot.sandbox.slack.world import World

SIGN_IN_PAGE = "<!DOCTYPE html><html><head><title>Sign in | Slack</title></head><body>Sign in</body></html>"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Answer:
    status: int = 200
    body: Json
    headers: Mapping[str, str] = field(default_factory=dict)
    outcome: str = "ok"
    effects: tuple[str, ...] = ()


@dataclass(slots=True, kw_only=True)
class WebApi:
    """Handlers for aiohttp; `base` is known once the server listens."""

    world: World
    limits: Limits
    faults: Faults
    journal: Journal
    methods: dict[str, Method] = field(
        default_factory=lambda: {
            **chatting.METHODS,
            **streaming.METHODS,
            **conversing.METHODS,
            **looking.METHODS,
        }
    )
    base: str = ""
    closing: asyncio.Event = field(default_factory=asyncio.Event)

    async def call(self, request: web.Request) -> web.StreamResponse:
        """POST or GET /api/<method>."""
        name = request.match_info["method"]
        fault = self.faults.draw(name)
        args: Json = {}
        try:
            args = await _arguments(request, reads_json=self._reads_json(name))
            answer = _refusal_of(fault) or self._answer(name, request, args)
        except Refused as refused:
            answer = _refused(refused)
        outcome = fault.kind.value if fault and fault.kind is not FaultKind.DELAY else answer.outcome
        summary = {key: value for key, value in args.items() if key != "token"}
        self.journal.record(name, request=summary, effects=answer.effects, outcome=outcome)
        return await self._send(request, answer, fault)

    async def download(self, request: web.Request) -> web.Response:
        """A file's private URL. Without a good token Slack shows its sign-in page, and says 200."""
        app = self.world.installation
        authorised = _bearer(request) == app.bot_token and not app.is_revoked and "files:read" in app.scopes
        self.journal.record("files.download", outcome="ok" if authorised else "sign_in_page")
        if not authorised:
            return web.Response(text=SIGN_IN_PAGE, content_type="text/html")
        file = self.world.files.get(request.match_info["key"].partition("-")[2])
        if file is None:
            return web.Response(status=404, text=SIGN_IN_PAGE, content_type="text/html")
        return web.Response(body=file.content, content_type=file.mimetype)

    def _reads_json(self, name: str) -> bool:
        method = self.methods.get(name)
        return method is not None and method.reads_json

    def _answer(self, name: str, request: web.Request, args: Json) -> _Answer:
        method = self.methods.get(name)
        if method is None:
            raise Refused("unknown_method", req_method=name)
        headers = self._authenticate(method, _token(request, args))
        if wait := self.limits.wait_for(name, method.tier):
            return _too_many(math.ceil(wait.total_seconds()))
        plain = {key: value for key, value in args.items() if key != "token"}
        call = Call(world=self.world, limits=self.limits, args=plain, base=self.base)
        try:
            body = {"ok": True, **method.run(call), **_warning(request)}
        except TooMany as wait_first:
            return _too_many(math.ceil(wait_first.wait.total_seconds()))
        except Refused as refused:
            return _refused(refused, headers)
        return _Answer(body=body, headers=headers, effects=tuple(call.effects))

    def _authenticate(self, method: Method, token: str | None) -> Mapping[str, str]:
        app = self.world.installation
        if method.public:
            return {}
        if token is None:
            raise Refused("not_authed")
        if token not in (app.bot_token, app.app_token):
            raise Refused("invalid_auth")
        if app.is_revoked:
            raise Refused("account_inactive")
        if (token == app.app_token) is not method.app_token:
            raise Refused("not_allowed_token_type")
        scopes = ",".join(sorted(app.scopes))
        if method.scopes and not app.scopes.intersection(method.scopes):
            raise Refused("missing_scope", needed=",".join(method.scopes), provided=scopes)
        accepted = {"x-accepted-oauth-scopes": ",".join(method.scopes)} if method.scopes else {}
        return {"x-oauth-scopes": scopes, **accepted}

    async def _send(self, request: web.Request, answer: _Answer, fault: Fault | None) -> web.StreamResponse:
        body = json.dumps(answer.body)
        if fault and fault.kind in (FaultKind.TIMEOUT_BEFORE, FaultKind.TIMEOUT_AFTER):
            if fault.hang:
                await self.closing.wait()
            return cut(request)
        if fault and fault.kind is FaultKind.SERVER_ERROR:
            return web.Response(
                status=fault.status, text="<html>Server Error</html>", content_type="text/html"
            )
        if fault and fault.kind is FaultKind.MALFORMED_BODY:
            body = body[: len(body) // 2]
        if fault and fault.kind is FaultKind.DELAY:
            await asyncio.sleep(fault.delay.total_seconds())
        return web.Response(
            status=answer.status, text=body, headers=answer.headers, content_type="application/json"
        )


def _refusal_of(fault: Fault | None) -> _Answer | None:
    """The answer of a fault that keeps the method from being run."""
    if fault is None:
        return None
    if fault.kind is FaultKind.RATE_LIMITED:
        return _too_many(math.ceil(fault.retry_after.total_seconds()))
    if fault.kind in (FaultKind.SERVER_ERROR, FaultKind.TIMEOUT_BEFORE):
        return _Answer(body={})
    return None


def _too_many(seconds: int) -> _Answer:
    return _Answer(
        status=429,
        body={"ok": False, "error": "ratelimited"},
        headers={"Retry-After": str(seconds)},
        outcome="ratelimited",
    )


def _refused(refused: Refused, headers: Mapping[str, str] | None = None) -> _Answer:
    body = {"ok": False, "error": refused.error, **refused.extra}
    return _Answer(body=body, headers=headers or {}, outcome=refused.error)


async def _arguments(request: web.Request, *, reads_json: bool) -> Json:
    args: Json = dict(request.query)
    if request.method != "POST":
        return args
    if request.content_type != "application/json":
        return args | {key: value for key, value in (await request.post()).items() if isinstance(value, str)}
    if not reads_json:
        return args
    try:
        body = json.loads(await request.read())
    except ValueError:
        raise Refused("invalid_json") from None
    if not isinstance(body, dict):
        raise Refused("json_not_object")
    # a token within JSON is not read: https://docs.slack.dev/apis/web-api#json_bodies
    return args | {key: value for key, value in body.items() if key != "token"}


def _bearer(request: web.Request) -> str | None:
    kind, _, token = request.headers.get("Authorization", "").partition(" ")
    return token.strip() or None if kind.lower() == "bearer" else None


def _token(request: web.Request, args: Mapping[str, Any]) -> str | None:
    return _bearer(request) or args.get("token") or None


def _warning(request: web.Request) -> Json:
    if request.content_type == "application/json" and request.charset is None:
        return {"warning": "missing_charset", "response_metadata": {"warnings": ["missing_charset"]}}
    return {}
