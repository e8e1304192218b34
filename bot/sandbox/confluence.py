"""A twin of Confluence Cloud's REST API v2 as far as spaces and pages are read.

https://developer.atlassian.com/cloud/confluence/rest/v2/intro/
"""

from __future__ import annotations

import base64
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
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
    viewers: dict[str, list[str]] = field(default_factory=dict)  #: by page or folder: who alone may view it
    folders: dict[str, str] = field(default_factory=dict)  #: by folder: what it lies in; empty for the space
    ancestors: dict[str, list[str]] = field(default_factory=dict)  #: by page, where they are not as they seem
    labels: dict[str, list[str]] = field(default_factory=dict)  #: by page

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
        app.router.add_get("/wiki/api/v2/pages/{id}/ancestors", self._list_ancestors)
        app.router.add_get("/wiki/api/v2/spaces/{id}/content/labels", self._list_labels)
        app.router.add_get("/wiki/api/v2/labels/{id}/pages", self._list_labelled)
        app.router.add_get(
            "/wiki/rest/api/content/{id}/restriction/byOperation/read", self._show_restrictions
        )
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

    async def _list_ancestors(self, request: web.Request) -> web.Response:
        page = request.match_info["id"]
        line: list[dict[str, Any]] = []
        if page in self.ancestors:
            return self._answer(request, [{"id": one, "type": "page"} for one in self.ancestors[page]])
        above = str(self.pages[page].get("parentId") or "")
        while above:
            is_folder = above in self.folders
            line.insert(0, {"id": above, "type": "folder" if is_folder else "page"})
            above = self.folders[above] if is_folder else str(self.pages.get(above, {}).get("parentId") or "")
        return self._answer(request, line)

    async def _list_labels(self, request: web.Request) -> web.Response:
        names = sorted({name for labels in self.labels.values() for name in labels})
        return self._answer(
            request, [{"id": _number(name), "name": name, "prefix": "global"} for name in names]
        )

    async def _list_labelled(self, request: web.Request) -> web.Response:
        wanted = request.match_info["id"]
        found = [page for page, labels in self.labels.items() if wanted in map(_number, labels)]
        return self._answer(request, [{**self.pages[page], "body": {}} for page in found])

    async def _show_restrictions(self, request: web.Request) -> web.Response:
        """https://developer.atlassian.com/cloud/confluence/rest/v1/api-group-content-restrictions/."""
        page = request.match_info["id"]
        if page not in self.pages and page not in self.folders:
            return web.json_response({"statusCode": 404, "message": "not found"}, status=404)
        people = [{"type": "known", "accountId": one} for one in self.viewers.get(page, [])]
        lists = {"user": {"results": people, "size": len(people)}, "group": {"results": [], "size": 0}}
        answer = self._answer(request, [])
        if answer.status != HTTPStatus.OK:
            return answer
        return web.json_response({"operation": "read", "restrictions": lists, "_links": {}})

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


def _number(label: str) -> str:
    return str(zlib.crc32(label.encode()))
