"""Who may view a Confluence page: whether it, or anything above it, is closed to some.

Version 2 of the API does not tell, so version 1 is asked. It tells of a page's own restrictions only; those
of the pages above are inherited, and a reader has to satisfy all of them.
https://developer.atlassian.com/cloud/confluence/rest/v1/api-group-content-restrictions/
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

from pydantic import BaseModel, Field

from knowledge.sources.fetching import Fetcher, NotThere

_OWN = "/wiki/rest/api/content/{id}/restriction/byOperation/read"
_ANCESTORS = "/wiki/api/v2/pages/{id}/ancestors"
_MOST = "250"
_AT_ONCE = 4  #: questions under way
_UNKNOWN = ""  #: something above that we are not told of


class _Named(BaseModel):
    results: list[Any]


class _Restrictions(BaseModel):
    user: _Named
    group: _Named


class _Operation(BaseModel):
    restrictions: _Restrictions

    @property
    def is_for_some(self) -> bool:
        """Nobody named means everybody."""
        return bool(self.restrictions.user.results or self.restrictions.group.results)


class _Ancestor(BaseModel):
    id: str


class _Ancestors(BaseModel):
    results: list[_Ancestor] = Field(default_factory=list)


class Restrictions:
    """Of the pages of one space, by `parents`. What cannot be found out counts as restricted."""

    def __init__(self, fetcher: Fetcher, parents: Mapping[str, str]) -> None:
        self._fetcher = fetcher
        self._parents = parents
        self._own: dict[str, bool] = {}

    async def learn(self, pages: Sequence[str]) -> None:
        """Ask about many at once: there is one question for each page."""
        left = iter(dict.fromkeys(pages))

        async def ask() -> None:
            for page in left:
                await self._is_closed(page)

        # The first failure ends the others; it is told as itself, and not as a group of one.
        await asyncio.gather(*(ask() for _ in range(_AT_ONCE)))

    async def hold(self, page: str) -> bool:
        """Whether this page is for some only."""
        for one in await self._lineage(page):
            if one == _UNKNOWN or await self._is_closed(one):
                return True
        return False

    async def _lineage(self, page: str) -> list[str]:
        """The page and what is above it, from below."""
        line = [page]
        while parent := self._parents.get(line[-1], ""):
            if parent not in self._parents or parent in line:
                # A folder, or a page that is not ours to see: the page's own list of ancestors tells.
                return [page, *await self._ancestors(page)]
            line.append(parent)
        return line

    async def _ancestors(self, page: str) -> list[str]:
        try:
            found = await self._fetcher.get(
                _ANCESTORS.format(id=quote(page, safe="")), {"limit": _MOST}, _Ancestors
            )
        except NotThere:
            return [_UNKNOWN]
        return [one.id for one in found.results] or [_UNKNOWN]  # there is a parent, so none cannot be

    async def _is_closed(self, page: str) -> bool:
        if page not in self._own:
            try:
                told = await self._fetcher.get(_OWN.format(id=quote(page, safe="")), {}, _Operation)
            except NotThere:
                self._own[page] = True
            else:
                self._own[page] = told.is_for_some
        return self._own[page]
