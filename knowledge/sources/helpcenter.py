"""Articles of a Zendesk Help Center, in each of the configured locales.

https://developer.zendesk.com/api-reference/help_center/help-center-api/articles/
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from pydantic import BaseModel, Field

from bot.core.model import INTERNAL, PUBLIC, Audience
from knowledge.sources.fetching import Fetcher
from knowledge.sources.hypertext import UnreadableHtml, address, to_markdown
from knowledge.sources.source import Listing, SourceArticle

_UNSAID = -1  #: no segment has this id
_PAGE = "100"  #: the most a page holds


class _Article(BaseModel):
    id: int | str
    title: str
    body: str | None
    locale: str
    html_url: str = ""
    draft: bool
    updated_at: str
    edited_at: str | None = None
    user_segment_id: int | None = _UNSAID  #: null: everybody may read it
    user_segment_ids: list[int] | None = None  #: on Enterprise plans several

    @property
    def key(self) -> str:
        return f"{self.id} {self.locale}"

    @property
    def is_open(self) -> bool:
        return self.user_segment_id is None and not self.user_segment_ids


class _Meta(BaseModel):
    has_more: bool
    after_cursor: str | None = None


class _Page(BaseModel):
    articles: list[_Article]
    meta: _Meta


class _Granted(BaseModel):
    access_token: str = Field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class HelpCenterSource:
    """One brand's Help Center."""

    fetcher: Fetcher
    locales: tuple[str, ...]
    audience: Audience = PUBLIC  #: of what everybody may read
    restricted: Audience = INTERNAL  #: of what only a user segment may read
    client: tuple[str, str] | None = field(default=None, repr=False)  #: an OAuth client's id and secret

    def __post_init__(self) -> None:
        if self.restricted == PUBLIC:
            raise ValueError("what only a user segment may read is never public")

    @property
    def name(self) -> str:
        """As sources.toml calls it."""
        return self.fetcher.name

    async def listing(self) -> Listing:
        """Every published article in every locale."""
        fetcher = await self._authorised()
        found = [one for locale in self.locales for one in await self._listed(fetcher, locale)]
        articles: list[SourceArticle] = []
        problems: list[str] = []
        for one in found:
            if one.draft:
                continue
            try:
                articles.append(self._article(one))
            except UnreadableHtml as error:
                problems.append(f"article {one.id} ({one.locale}) is left out: {error}.")
        withheld = [one.key for one in found if one.draft]
        return Listing(articles=articles, withheld=withheld, problems=problems)

    async def _authorised(self) -> Fetcher:
        """https://developer.zendesk.com/api-reference/ticketing/oauth/grant_type_tokens/."""
        if self.client is None:
            return self.fetcher
        question = {
            "grant_type": "client_credentials",
            "client_id": self.client[0],
            "client_secret": self.client[1],
            "scope": "read",
        }
        granted = await self.fetcher.post("/oauth/tokens", question, _Granted)
        return replace(self.fetcher, headers={"Authorization": f"Bearer {granted.access_token}"})

    async def _listed(self, fetcher: Fetcher, locale: str) -> list[_Article]:
        """Pages are asked for by cursor: no address out of an answer is followed.

        https://developer.zendesk.com/documentation/developer-tools/pagination/
        paginating-through-lists-using-cursor-pagination/
        """
        found: list[_Article] = []
        params = {"page[size]": _PAGE}
        seen: set[str] = set()
        while True:
            path = f"/api/v2/help_center/{locale.lower()}/articles"
            page = await fetcher.get(path, params, _Page)
            found += page.articles
            if not page.meta.has_more:
                return found
            cursor = page.meta.after_cursor
            if not cursor or cursor in seen:
                raise fetcher.failed("the list of articles does not end.")
            seen.add(cursor)
            params = {"page[size]": _PAGE, "page[after]": cursor}

    def _article(self, one: _Article) -> SourceArticle:
        return SourceArticle(
            key=one.key,
            title=one.title,
            body=to_markdown(one.body or "", self.fetcher.base_url),
            audience=self.audience if one.is_open else self.restricted,
            revision=one.edited_at or one.updated_at,
            url=address(one.html_url, self.fetcher.base_url) if one.html_url else "",
            lang=one.locale,
            updated=one.edited_at or one.updated_at,
        )
