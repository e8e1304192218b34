"""A receiver of webhooks that verifies them as https://www.standardwebhooks.com says, and keeps each once."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from aiohttp import web

from bot.core.ports import Time
from bot.sandbox.refusals import Refusals

TOLERANCE = timedelta(minutes=5)


@dataclass(slots=True, kw_only=True)
class WebhookReceiver:
    """Whoever listens."""

    time: Time
    secret: str = "whsec_" + base64.b64encode(b"a receiver's thirty-two byte key").decode()
    events: dict[str, Mapping[str, Any]] = field(default_factory=dict)  #: by webhook-id, each once
    heard: list[str] = field(default_factory=list)  #: ids, as often as they came
    refusals: Refusals = field(default_factory=Refusals)
    is_down: bool = False

    def app(self) -> web.Application:
        """The HTTP side."""
        app = web.Application(middlewares=[self.refusals.middleware])
        app.router.add_post("/hook", self._receive)
        app.router.add_post("/moved", self._moved)
        return app

    async def _receive(self, request: web.Request) -> web.Response:
        if self.is_down:
            return web.Response(status=503)
        body = await request.read()
        if not self._is_genuine(request.headers, body):
            return web.Response(status=401)
        self.heard.append(request.headers["webhook-id"])
        self.events[request.headers["webhook-id"]] = json.loads(body)
        return web.Response(status=204)

    async def _moved(self, _: web.Request) -> web.Response:
        return web.Response(status=307, headers={"location": "/hook"})

    def _is_genuine(self, headers: Mapping[str, str], body: bytes) -> bool:
        key_of, written = headers.get("webhook-id", ""), headers.get("webhook-timestamp", "")
        if not key_of or not written.isdecimal():
            return False
        if abs(self.time.now().timestamp() - int(written)) > TOLERANCE.total_seconds():
            return False
        key = base64.b64decode(self.secret.removeprefix("whsec_"))
        signed = f"{key_of}.{written}.".encode() + body
        expected = "v1," + base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
        return any(
            hmac.compare_digest(expected, one) for one in headers.get("webhook-signature", "").split(" ")
        )
