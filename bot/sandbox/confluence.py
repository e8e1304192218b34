"""A twin of Confluence Cloud's REST API v2 as far as spaces and pages are read.

https://developer.atlassian.com/cloud/confluence/rest/v2/intro/
"""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

from aiohttp import web

from bot.sandbox.refusals import Refusals

_MOST = 250  #: entities in one answer
_BASE = "https://acme.atlassian.net/wiki"


@dataclass(slots=True)
class ConfluenceTwin:
    """Spaces by key, with their pages."""

    email: str = "bot@acme.example"
    token: str = "wiki-token"  # noqa: S105 - the twin's, which guards nothing
    spaces: dict[str, str] = field(default_factory=lambda: {"SUP": "1001", "DEV": "1002"})
    pages: dict[str, dict[str, Any]] = field(default_factory=dict)
    refusals: Refusals = field(default_factory=Refusals)
    most: int = _MOST
    next_host: str = ""  #: real answers name a path; a bad one could name any host
    asked: list[str] = field(default_factory=list)

    def write(self, id: str, title: str, storage: str, *, space: str = "SUP", **stated: Any) -> None:
        """Publish a page, or its next version."""
        number = self.pages[id]["version"]["number"] + 1 if id in self.pages else 1
        self.pages[id] = {
            "id": id,
            "status": "current",
            "title": title,
            "spaceId": self.spaces[space],
            "version": {"number": number, "createdAt": "2026-11-02T09:00:00.000Z", "message": ""},
            "body": {"storage": {"representation": "storage", "value": storage}},
            "_links": {"webui": f"/spaces/{space}/pages/{id}/{title}"},
            **stated,
        }

    def app(self) -> web.Application:
        """The HTTP side."""
        app = web.Application(middlewares=[self.refusals.middleware])
        app.router.add_get("/wiki/api/v2/spaces", self._list_spaces)
        app.router.add_get("/wiki/api/v2/pages", self._list_pages)
        return app

    async def _list_spaces(self, request: web.Request) -> web.Response:
        keys = request.query.get("keys", "").split(",")
        return self._answer(
            request, [{"id": number, "key": key} for key, number in self.spaces.items() if key in keys]
        )

    async def _list_pages(self, request: web.Request) -> web.Response:
        shown = [
            page
            for page in self.pages.values()
            if page["spaceId"] == request.query.get("space-id")
            and page["status"] == request.query.get("status", "current")
        ]
        if request.query.get("body-format") != "storage":
            shown = [{**page, "body": {}} for page in shown]
        return self._answer(request, shown)

    def _answer(self, request: web.Request, entities: Sequence[dict[str, Any]]) -> web.Response:
        self.asked.append(request.path_qs)
        login = base64.b64encode(f"{self.email}:{self.token}".encode()).decode()
        if request.headers.get("Authorization") != f"Basic {login}":
            return web.json_response({"errors": [{"status": 401, "code": "UNAUTHORIZED"}]}, status=401)
        size = min(int(request.query.get("limit", "25")), self.most)
        start = int(request.query.get("cursor", "0"))
        links = {"base": _BASE}
        if len(entities) > start + size:
            rest = urlencode({**request.query, "cursor": str(start + size)})
            links["next"] = f"{self.next_host}{request.path}?{rest}"
        return web.json_response({"results": entities[start : start + size], "_links": links})
