"""The articles behind the answers, so that a citation can be followed without the internet."""

from __future__ import annotations

import re
from collections.abc import MutableMapping
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any
from urllib.parse import quote, urldefrag

from bot.sandbox.page.markdown import PARSER
from bot.sandbox.page.mrkdwn import Lookups
from bot.sandbox.page.views import ArticleView

FRONT = re.compile(r"\A---\n(?P<fields>.*?)\n---\n", re.DOTALL)
FIELD = re.compile(r"^(?P<name>\w+):[ \t]*(?P<value>.*?)[ \t]*$", re.MULTILINE)
TITLE = re.compile(r"\A\s*# [^\n]*\n")
NOT_IN_SLUG = re.compile(r"[^\w\- ]")


@dataclass(frozen=True, slots=True)
class _Article:
    path: str
    title: str
    url: str
    readers: str


class FolderOfArticles:
    """Implements `bot.sandbox.page.views.Library`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        found = [_look_at(path, folder) for path in sorted(folder.rglob("*.md")) if path.is_file()]
        self._by_path = {one.path: one for one in found}
        self._by_url = {one.url: one for one in found if one.url}

    def page(self, url: str) -> str:
        """Below /article/, at the same heading."""
        published, anchor = urldefrag(url)
        article = self._by_url.get(published)
        if article is None:
            return ""
        return f"/article/{quote(article.path)}{f'#{anchor}' if anchor else ''}"

    def article(self, path: str) -> ArticleView | None:
        """Only what was found when the folder was read: no path leads out of it."""
        known = self._by_path.get(path)
        if known is None:
            return None
        text = (self._folder / known.path).read_text(encoding="utf-8", errors="replace")
        body = TITLE.sub("", FRONT.sub("", text.replace("\r\n", "\n")))
        html = _rendered(body, {"lookups": Lookups(name=str, page=self.page)})
        return ArticleView(title=known.title, html=html, url=known.url, readers=known.readers)


def _look_at(path: Path, folder: Path) -> _Article:
    text = path.read_text(encoding="utf-8", errors="replace").replace("\r\n", "\n")
    front = FRONT.match(text)
    fields = {found["name"]: found["value"] for found in FIELD.finditer(front["fields"])} if front else {}
    return _Article(
        path=path.relative_to(folder).as_posix(),
        title=fields.get("title", "").strip("'\"") or path.stem,
        url=fields.get("url", "").strip("'\""),
        readers=fields.get("audience", "").strip("'\"") or "public",
    )


def _rendered(body: str, env: MutableMapping[str, Any]) -> str:
    """With an anchor at each heading, named as GitHub names them."""
    tokens = PARSER.parse(body, env)
    seen: dict[str, int] = {}
    for before, inline in pairwise(tokens):
        if before.type == "heading_open":
            slug = NOT_IN_SLUG.sub("", inline.content.strip().lower()).replace(" ", "-")
            count = seen.get(slug, 0)
            seen[slug] = count + 1
            before.attrSet("id", f"{slug}-{count}" if count else slug)
    rendered: str = PARSER.renderer.render(tokens, PARSER.options, env)
    return rendered
