"""Pages of spaces in Confluence Cloud, by its REST API v2.

https://developer.atlassian.com/cloud/confluence/rest/v2/api-group-page/
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Generic, TypeVar
from urllib.parse import parse_qs, urlsplit

from pydantic import BaseModel, Field

from bot.core.model import INTERNAL, Audience
from knowledge.sources.fetching import Fetcher
from knowledge.sources.hypertext import UnreadableHtml, address
from knowledge.sources.source import Listing, SourceArticle
from knowledge.sources.storage_format import storage_to_markdown

_PAGE = "100"  #: pages at a time; the documentation allows 250, and these carry their bodies


class _Links(BaseModel):
    next: str = ""
    base: str = ""
    webui: str = ""


class _Version(BaseModel):
    number: int
    created_at: str = Field(default="", alias="createdAt")


class _Storage(BaseModel):
    value: str


class _Body(BaseModel):
    storage: _Storage


class _Space(BaseModel):
    id: str
    key: str


class _Page(BaseModel):
    id: str
    status: str
    title: str
    version: _Version
    body: _Body
    links: _Links = Field(default_factory=_Links, alias="_links")


Entity = TypeVar("Entity", bound=BaseModel)


class _Results(BaseModel, Generic[Entity]):
    results: list[Entity]
    links: _Links = Field(alias="_links")


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfluenceSource:
    """Some spaces of one site.

    The API does not say who else may read a page. Everything its account may read has the one configured
    audience, which is internal unless somebody says otherwise.
    """

    fetcher: Fetcher
    spaces: tuple[str, ...]
    audience: Audience = INTERNAL
    lang: str = ""

    @property
    def name(self) -> str:
        """As sources.toml calls it."""
        return self.fetcher.name

    async def listing(self) -> Listing:
        """Every current page of every space."""
        spaces = await self._spaces()
        articles: list[SourceArticle] = []
        problems: list[str] = []
        for key in self.spaces:
            if key not in spaces:
                raise self.fetcher.failed(f"there is no space {key} that this account may read.")
            asked = {"space-id": spaces[key], "status": "current", "body-format": "storage"}
            for base, page in await self._all("/wiki/api/v2/pages", asked, _Results[_Page]):
                if page.status != "current":
                    continue
                try:
                    articles.append(self._article(page, base))
                except UnreadableHtml as error:
                    problems.append(f"page {page.id} is left out: {error}.")
        return Listing(articles=articles, problems=problems)

    async def _spaces(self) -> dict[str, str]:
        found = await self._all("/wiki/api/v2/spaces", {"keys": ",".join(self.spaces)}, _Results[_Space])
        return {space.key: space.id for _, space in found}

    async def _all(
        self, path: str, asked: Mapping[str, str], shape: type[_Results[Entity]]
    ) -> list[tuple[str, Entity]]:
        """Every entity with the site's address. Of the link to the next page only the cursor is used.

        https://developer.atlassian.com/cloud/confluence/rest/v2/intro/#using
        """
        found: list[tuple[str, Entity]] = []
        params = {**asked, "limit": _PAGE}
        seen: set[str] = set()
        while True:
            answer = await self.fetcher.get(path, params, shape)
            base = answer.links.base or f"{self.fetcher.base_url}/wiki"
            found += [(base, entity) for entity in answer.results]
            if not answer.links.next:
                return found
            cursor = _cursor(answer.links.next)
            if not cursor or cursor in seen:
                raise self.fetcher.failed(f"the list at {path} does not end.")
            seen.add(cursor)
            params = {**params, "cursor": cursor}

    def _article(self, page: _Page, base: str) -> SourceArticle:
        url = address(f"{base.rstrip('/')}{page.links.webui}", base) if page.links.webui else ""
        return SourceArticle(
            key=page.id,
            title=page.title,
            body=storage_to_markdown(page.body.storage.value, base),
            audience=self.audience,
            revision=str(page.version.number),
            url=url if url.startswith("http") else "",
            lang=self.lang,
            updated=page.version.created_at,
        )


def _cursor(link: str) -> str:
    try:
        return parse_qs(urlsplit(link).query).get("cursor", [""])[0]
    except ValueError:
        return ""
