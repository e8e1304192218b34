"""A twin of the Zendesk Help Center API as far as articles are read.

https://developer.zendesk.com/api-reference/help_center/help-center-api/articles/
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from bot.sandbox.refusals import Refusals

_MOST = 100  #: articles on a page


@dataclass(slots=True)
class HelpCenterTwin:
    """Holds articles as the API shows them; an agent's token shows the restricted ones too."""

    token: str = "agent-token"  # noqa: S105 - the twin's, which guards nothing
    client: tuple[str, str] = ("deskbell", "client-secret")
    articles: dict[int, dict[str, Any]] = field(default_factory=dict)
    refusals: Refusals = field(default_factory=Refusals)
    most: int = _MOST
    asked: list[str] = field(default_factory=list)  #: path and query of every request

    def write(self, id: int, title: str, body: str, **stated: Any) -> None:
        """Publish an article, or its next version."""
        self.articles[id] = {
            "id": id,
            "title": title,
            "name": title,
            "body": body,
            "locale": "en-us",
            "source_locale": "en-us",
            "draft": False,
            "outdated": False,
            "html_url": f"https://acme.zendesk.com/hc/en-us/articles/{id}",
            "url": f"https://acme.zendesk.com/api/v2/help_center/en-us/articles/{id}.json",
            "created_at": "2026-10-01T09:00:00Z",
            "updated_at": "2026-11-02T09:00:00Z",
            "edited_at": "2026-11-02T09:00:00Z",
            "user_segment_id": None,
            **stated,
        }

    def app(self) -> web.Application:
        """The HTTP side."""
        app = web.Application(middlewares=[self.refusals.middleware])
        app.router.add_get("/api/v2/help_center/{locale}/articles", self._list)
        app.router.add_post("/oauth/tokens", self._grant)
        return app

    async def _grant(self, request: web.Request) -> web.Response:
        asked = await request.json()
        self.asked.append(request.path)
        if (
            asked.get("grant_type") != "client_credentials"
            or (asked.get("client_id"), asked.get("client_secret")) != self.client
        ):
            return web.json_response({"error": "invalid_client"}, status=401)
        return web.json_response({"access_token": self.token, "token_type": "bearer", "scope": "read"})

    async def _list(self, request: web.Request) -> web.Response:
        self.asked.append(request.path_qs)
        given = request.headers.get("Authorization")
        if given is not None and given != f"Bearer {self.token}":
            return web.json_response({"error": "Couldn't authenticate you"}, status=401)
        shown = [
            article
            for _, article in sorted(self.articles.items())
            if article["locale"] == request.match_info["locale"]
            and (given is not None or (article.get("user_segment_id") is None and not article["draft"]))
        ]
        size = min(int(request.query.get("page[size]", "30")), self.most)
        start = int(request.query.get("page[after]", "0"))
        rest = len(shown) > start + size
        # The address of the next page names the account's own host, whatever host was asked.
        following = f"https://acme.zendesk.com{request.path}?page[size]={size}&page[after]={start + size}"
        return web.json_response(
            {
                "articles": shown[start : start + size],
                "meta": {"has_more": rest, "after_cursor": str(start + size) if rest else None},
                "links": {"next": following if rest else None},
            }
        )
