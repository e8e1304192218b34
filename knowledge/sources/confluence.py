"""Pages of spaces in Confluence Cloud, by its REST API v2.

https://developer.atlassian.com/cloud/confluence/rest/v2/api-group-page/
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar
from urllib.parse import parse_qs, urlsplit

from pydantic import BaseModel, Field

from bot.core.model import INTERNAL, PUBLIC, Audience
from knowledge.sources.fetching import Fetcher
from knowledge.sources.hypertext import UnreadableHtml, address
from knowledge.sources.restrictions import Restrictions
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


class _Named(BaseModel):
    id: str
    name: str = ""


class _Page(BaseModel):
    id: str
    parent_id: str | None = Field(default=None, alias="parentId")
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

    Everything that each reader of a space may view has the one configured audience, which is internal unless
    somebody says otherwise. What only some of them may view is left out, or is `restricted`'s.
    """

    fetcher: Fetcher
    spaces: tuple[str, ...]
    audience: Audience = INTERNAL
    lang: str = ""
    restricted: Audience | None = None  #: of pages that only some may view; None: those are left out
    excluded_labels: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        if self.restricted == PUBLIC:
            raise ValueError("what only some may view is never public")

    @property
    def name(self) -> str:
        """As sources.toml calls it."""
        return self.fetcher.name

    async def listing(self) -> Listing:
        """Every current page of every space."""
        spaces = await self._spaces()
        articles: list[SourceArticle] = []
        problems: list[str] = []
        withheld: list[str] = []
        for key in self.spaces:
            if key not in spaces:
                raise self.fetcher.failed(f"there is no space {key} that this account may read.")
            for base, page, audience in await self._pages(spaces[key]):
                if audience is None:
                    withheld.append(page.id)
                    continue
                try:
                    articles.append(self._article(page, base, audience))
                except UnreadableHtml as error:
                    problems.append(f"page {page.id} is left out: {error}.")
        return Listing(articles=articles, withheld=withheld, problems=problems)

    async def _pages(self, space: str) -> list[tuple[str, _Page, Audience | None]]:
        """Each with the site's address and its audience; None: it is not to be told."""
        asked = {"space-id": space, "status": "current", "body-format": "storage"}
        listed = await self._all("/wiki/api/v2/pages", asked, _Results[_Page])
        excluded = await self._labelled(space)
        told = [page.id for _, page in listed if page.status == "current" and page.id not in excluded]
        closed = await self._closed(told, {page.id: page.parent_id or "" for _, page in listed})
        audiences = {one: self.restricted if one in closed else self.audience for one in told}
        return [(base, page, audiences.get(page.id)) for base, page in listed]

    async def _closed(self, pages: Sequence[str], parents: Mapping[str, str]) -> set[str]:
        """Those of these that only some may view."""
        if self.audience == self.restricted:
            return set()  # then it makes no difference
        restrictions = Restrictions(self.fetcher, parents)
        await restrictions.learn(pages)
        return {page for page in pages if await restrictions.hold(page)}

    async def _labelled(self, space: str) -> set[str]:
        """Pages with a label that keeps them out."""
        if not self.excluded_labels:
            return set()
        path = f"/wiki/api/v2/spaces/{space}/content/labels"
        labels = {
            label.id
            for _, label in await self._all(path, {}, _Results[_Named])
            if label.name in self.excluded_labels
        }
        found: set[str] = set()
        for label in labels:
            pages = await self._all(
                f"/wiki/api/v2/labels/{label}/pages", {"space-id": space}, _Results[_Named]
            )
            found |= {page.id for _, page in pages}
        return found

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

    def _article(self, page: _Page, base: str, audience: Audience) -> SourceArticle:
        url = address(f"{base.rstrip('/')}{page.links.webui}", base) if page.links.webui else ""
        return SourceArticle(
            key=page.id,
            title=page.title,
            body=storage_to_markdown(page.body.storage.value, base),
            audience=audience,
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
