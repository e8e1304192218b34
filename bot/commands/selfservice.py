"""`kb complete|related|trending|gaps`: what readers and writers of articles ask of the knowledge base."""

from __future__ import annotations

import argparse
import asyncio
import re
import unicodedata
from collections.abc import Sequence
from contextlib import closing
from dataclasses import asdict
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bot.commands.printing import as_json, complain, say
from bot.commands.starting import prepare_database, settings_from_environment
from bot.core.errors import UserFacingError
from bot.core.model import PUBLIC, Gap, GivenAnswer
from bot.core.spelling import render_instant
from bot.core.trending import trending as trending_articles
from bot.system import SystemTime
from config.settings import Settings
from storage.database import Database
from storage.ledger import SqlLedger

if TYPE_CHECKING:
    from knowledge.gaps import GapGroup
    from knowledge.opening import KnowledgeIndex

_LONGEST_NAME = 60  #: letters of a draft's file name
_LONGEST_SPAN = 3_660  #: days


def complete(arguments: argparse.Namespace) -> int:
    """Titles and headings that begin so."""
    if not arguments.beginning.strip():
        raise UserFacingError("the beginning is empty")
    from knowledge.opening import WORDS_ONLY  # noqa: PLC0415 - it brings a model along
    from knowledge.suggesting import Suggester  # noqa: PLC0415 - as above

    with closing(_index(settings_from_environment(), embedder=WORDS_ONLY)) as index:
        found = Suggester(index.searcher.live).complete(arguments.beginning, PUBLIC, limit=arguments.limit)
    if arguments.json:
        say(as_json([asdict(one) for one in found]))
        return 0
    for one in found:
        say(f"{one.text}  ({one.path})")
    return 0


def related(arguments: argparse.Namespace) -> int:
    """Articles about the same thing."""
    from knowledge.relating import related as articles_related_to  # noqa: PLC0415 - it brings a model along

    with closing(_index(settings_from_environment())) as index:
        found = articles_related_to(index.searcher.live, arguments.path, PUBLIC, limit=arguments.limit)
    if arguments.json:
        say(as_json([asdict(one) for one in found]))
        return 0
    for one in found:
        say(f"{one.score:.2f}  {one.title}  ({one.path})")
    return 0


def trending(arguments: argparse.Namespace) -> int:
    """Which articles answered most."""
    given = asyncio.run(_answers(_prepared(), _days(arguments)))
    found = trending_articles(given)[: arguments.limit]
    if arguments.json:
        say(as_json([asdict(one) for one in found]))
        return 0
    if not found:
        say(f"Nothing was answered in the last {arguments.days} days.")
    for one in found:
        votes = f"helped {one.helped}, not {one.not_helped}"
        say(f"{one.conversations:4} {_plural('conversation', one.conversations)}, {votes}: {one.path}")
    return 0


def gaps(arguments: argparse.Namespace) -> int:
    """Questions without a good answer, grouped, and a draft for each where a directory is given."""
    from knowledge.gaps import draft  # noqa: PLC0415 - a model comes with it

    settings = _prepared()
    asked = asyncio.run(_gaps(settings, _days(arguments)))
    groups = _grouped(asked, settings)
    drafts = Path(arguments.drafts) if arguments.drafts else None
    if drafts is not None:
        written = [_write(drafts, one, draft(one)) for one in groups]
        say(f"{sum(written)} drafts written to {drafts}; {len(written) - sum(written)} were there already.")
        return 0
    if arguments.json:
        say(as_json([_as_data(one) for one in groups]))
        return 0
    _show(groups, arguments.days)
    return 0


def _show(groups: Sequence[GapGroup], days: int) -> None:
    if not groups:
        say(f"No question of the last {days} days was left without a good answer.")
    for one in groups:
        near = ", ".join(citation.path for citation in one.nearest[:2]) or "nothing near"
        who = str(one.audience)
        times = f"{one.times:4} {_plural('time', one.times)}"
        say(f"{times}, {who}, last {one.last_at:%Y-%m-%d}: {one.questions[0][:80]}")
        say(f"      nearest: {near}")


def _prepared() -> Settings:
    """The environment, with a database that can be read."""
    settings = settings_from_environment()
    prepare_database(settings)
    return settings


def _index(settings: Settings, **options: Any) -> KnowledgeIndex:
    from knowledge.opening import open_index  # noqa: PLC0415 - it brings a model along

    return open_index(settings.data_dir, say=complain, **options)


def _grouped(asked: Sequence[Gap], settings: Settings) -> list[GapGroup]:
    from knowledge.gaps import group  # noqa: PLC0415 - it brings a model along
    from knowledge.opening import MULTILINGUAL, load_embedder  # noqa: PLC0415

    return group(asked, load_embedder(MULTILINGUAL, settings.data_dir, say=complain) if asked else None)


def _plural(word: str, count: int) -> str:
    return word if count == 1 else f"{word}s"


def _days(arguments: argparse.Namespace) -> timedelta:
    if not 0 < arguments.days <= _LONGEST_SPAN:
        raise UserFacingError(f"--days: 1 to {_LONGEST_SPAN}")
    return timedelta(days=arguments.days)


async def _answers(settings: Settings, span: timedelta) -> Sequence[GivenAnswer]:
    async with (
        Database.open(settings.database_url.reveal()) as database,
        SqlLedger(database).reading() as seen,
    ):
        return await seen.answers(since=SystemTime().now() - span)


async def _gaps(settings: Settings, span: timedelta) -> Sequence[Gap]:
    async with (
        Database.open(settings.database_url.reveal()) as database,
        SqlLedger(database).reading() as seen,
    ):
        return await seen.gaps(since=SystemTime().now() - span)


def _as_data(one: GapGroup) -> dict[str, object]:
    first, last = render_instant(one.first_at), render_instant(one.last_at)
    return {**asdict(one), "audience": str(one.audience), "first_at": first, "last_at": last}


def _write(directory: Path, group: GapGroup, article: str) -> bool:
    """Whether it was written: what a person has begun to edit is never overwritten."""
    folded = unicodedata.normalize("NFKD", group.questions[0]).encode("ascii", "ignore").decode().lower()
    name = re.sub(r"[^a-z0-9]+", "-", folded).strip("-")[:_LONGEST_NAME].strip("-") or "question"
    try:
        directory.mkdir(parents=True, exist_ok=True)
        with (directory / f"{name}.md").open("x", encoding="utf-8") as file:
            file.write(article)
    except FileExistsError:
        return False
    except OSError as error:
        raise UserFacingError(f"--drafts: {directory} cannot be written ({error.strerror}).") from error
    return True
