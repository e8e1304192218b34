"""What a source is: it lists everything it has, or it says why it could not."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from bot.core.errors import UserFacingError
from bot.core.model import Audience


class SourceFailed(UserFacingError):
    """The listing is not complete, so nothing may be concluded from what is missing in it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceArticle:
    """One article as its source has it now, already in Markdown."""

    key: str  #: the source's own name for it, which outlives its title
    title: str
    body: str
    audience: Audience
    revision: str
    url: str = ""
    lang: str = ""
    updated: str = ""
    path: str = ""  #: where it lay in the source; empty where sources have no folders
    front: Mapping[str, Any] = field(default_factory=dict)  #: what else the article said about itself


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """Everything a source has."""

    articles: Sequence[SourceArticle]
    withheld: Collection[str] = ()  #: keys of what is there and is not to be told: drafts, restricted pages
    problems: Sequence[str] = ()  #: one sentence for each article that could not be turned into Markdown


class Source(Protocol):
    """One configured place."""

    @property
    def name(self) -> str:
        """As sources.toml calls it."""

    async def listing(self) -> Listing:
        """All of it; SourceFailed when any part could not be had."""
