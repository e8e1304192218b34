from __future__ import annotations

import subprocess
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from bot.core.model import PUBLIC
from knowledge.sources.source import Listing, SourceArticle, SourceFailed


def article(key: str, title: str = "Tokens", body: str = "Revoke it.", **stated: Any) -> SourceArticle:
    given = {"audience": PUBLIC, "revision": "1", **stated}
    return SourceArticle(key=key, title=title, body=body, **given)


@dataclass(slots=True)
class ListedSource:
    """A source whose listing the test decides."""

    articles: Sequence[SourceArticle] = ()
    problems: Sequence[str] = ()
    name: str = "wiki"
    fails: bool = False
    asked: list[str] = field(default_factory=list)

    async def listing(self) -> Listing:
        if self.fails:
            raise SourceFailed(f"{self.name}: half of it could not be had.")
        return Listing(articles=self.articles, problems=self.problems)


def front_of(path: Path) -> dict[str, Any]:
    return dict(yaml.safe_load(path.read_text("utf-8").split("---\n")[1]))


def stamps(folder: Path) -> dict[str, tuple[int, int]]:
    """What tells whether a file was touched."""
    return {
        path.relative_to(folder).as_posix(): (path.stat().st_mtime_ns, path.stat().st_ino)
        for path in sorted(folder.rglob("*.md"))
    }


def only_file(folder: Path) -> Path:
    (found,) = folder.rglob("*.md")
    return found


def git(repository: Path, *arguments: str) -> None:
    who = ("-c", "user.name=Dana", "-c", "user.email=dana@acme.example", "-c", "commit.gpgsign=false")
    subprocess.run(["git", *who, *arguments], cwd=repository, check=True, capture_output=True)


@dataclass(slots=True)
class Pauses:
    """Waits for nothing, and remembers how long it was asked to."""

    asked: list[float] = field(default_factory=list)

    async def __call__(self, seconds: float) -> None:
        self.asked.append(seconds)
