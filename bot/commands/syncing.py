"""`kb sync`: mirrors the configured sources, and indexes them beside what is indexed already."""

from __future__ import annotations

import argparse
import asyncio
import os
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import AsyncExitStack, contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bot.commands.printing import as_json, complain, say
from bot.commands.starting import settings_from_environment
from bot.core.errors import UserFacingError
from bot.core.model import INTERNAL, PUBLIC
from bot.core.spelling import did_you_mean
from bot.system import SystemTime
from config.settings import Settings
from config.sources import SourceKind, SourceSettings, load_sources
from config.tables import Layers
from knowledge.sources.history import BUSY, History, sources_dir

if TYPE_CHECKING:
    from knowledge.sources.fetching import Fetcher
    from knowledge.sources.source import Source
    from knowledge.sources.syncing import SyncReport

_GIVES_WAY = 10  #: how nice a sync is that nobody waits for


def sync(arguments: argparse.Namespace) -> int:
    """Mirror the named sources, or all, and index what there is; 1 when anything could not be had."""
    from knowledge.versions import Busy  # noqa: PLC0415 - it brings the index along

    if arguments.background and hasattr(os, "nice"):
        os.nice(_GIVES_WAY)
    settings = settings_from_environment()
    known = load_sources(Layers(settings.config_dir), os.environ)
    chosen = _chosen(known, arguments.names)
    try:
        return _synced(settings, known, chosen, arguments)
    except Busy as error:
        if not arguments.background:
            raise
        complain(str(error))
        return BUSY


def _synced(
    settings: Settings,
    known: Sequence[SourceSettings],
    chosen: Sequence[SourceSettings],
    arguments: argparse.Namespace,
) -> int:
    root, dry_run = sources_dir(settings.data_dir), arguments.dry_run
    reports = asyncio.run(_mirrored(chosen, root, dry_run=dry_run, sure=arguments.yes))
    problems = [problem for report in reports for problem in report.problems]
    for problem in problems:
        complain(problem)
    if not arguments.json:
        for report in reports:
            say(_line(report, dry_run=dry_run))
    indexed = None
    if not dry_run:
        with _remembered(settings.data_dir, known, reports):
            indexed = _indexed(settings, known, root, is_lazy=arguments.background)
    if arguments.json:
        say(as_json({"sources": [asdict(report) for report in reports], "index": indexed}))
    return 1 if problems or (indexed and indexed["errors"]) else 0


@contextmanager
def _remembered(
    data_dir: Path, known: Sequence[SourceSettings], reports: Sequence[SyncReport]
) -> Iterator[None]:
    """A sync is good when what it brought is indexed too."""
    from knowledge.versions import Busy  # noqa: PLC0415 - as above

    history, configured = History.of(data_dir), [source.name for source in known]
    try:
        yield
    except Busy:
        raise
    except UserFacingError as error:
        failed = {report.name: report.failure or str(error) for report in reports}
        history.note(failed, now=SystemTime().now(), configured=configured)
        raise
    outcome = {report.name: report.failure for report in reports}
    history.note(outcome, now=SystemTime().now(), configured=configured)


def _chosen(known: Sequence[SourceSettings], names: Sequence[str]) -> Sequence[SourceSettings]:
    if not known:
        raise UserFacingError("no source is configured; write sources.toml in DESKBELL_CONFIG")
    by_name = {source.name: source for source in known}
    for name in names:
        if name not in by_name:
            raise UserFacingError(f"{name!r} is not in sources.toml{did_you_mean(name, list(by_name))}")
    return [by_name[name] for name in dict.fromkeys(names)] or known


async def _mirrored(
    chosen: Sequence[SourceSettings], root: Path, *, dry_run: bool, sure: bool
) -> list[SyncReport]:
    from knowledge.sources.syncing import sync as mirror  # noqa: PLC0415 - it brings the index along

    async with AsyncExitStack() as stack:
        sources = [await _BUILDERS[one.kind](one, root, stack) for one in chosen]
        told = stack.enter_context(_spinner())
        return await mirror(sources, root, dry_run=dry_run, sure=sure, told=told)


@contextmanager
def _spinner() -> Iterator[Callable[[str], None]]:
    """Shows on a terminal which source is being read; how much it has is known only at the end."""
    from rich.console import Console  # noqa: PLC0415 - only here

    console = Console(stderr=True)
    if not console.is_terminal:
        yield lambda _: None
        return
    with console.status("") as status:
        yield lambda name: status.update(f"reading {name}")


async def _git(settings: SourceSettings, root: Path, stack: AsyncExitStack) -> Source:
    del stack  # it holds nothing open
    from knowledge.sources.git import GitSource  # noqa: PLC0415 - as above

    return GitSource(
        name=settings.name,
        repository=settings.url,
        copy=root / f"{settings.name}.git",
        branch=settings.branch,
        folder=settings.folder,
        link=settings.link,
        audience=settings.audience or INTERNAL,
        lang=settings.lang,
        token=settings.token.secret.reveal() if settings.token else "",
        variable=settings.token.variable if settings.token else "",
    )


async def _help_center(settings: SourceSettings, root: Path, stack: AsyncExitStack) -> Source:
    del root  # it keeps nothing besides its mirror
    from knowledge.sources.helpcenter import HelpCenterSource  # noqa: PLC0415 - as above

    client = settings.client
    return HelpCenterSource(
        fetcher=await _fetcher(settings, stack),
        locales=settings.entries,
        audience=settings.audience or PUBLIC,
        restricted=settings.restricted or INTERNAL,
        client=(client[0].secret.reveal(), client[1].secret.reveal()) if client else None,
    )


async def _fetcher(settings: SourceSettings, stack: AsyncExitStack) -> Fetcher:
    import aiohttp  # noqa: PLC0415 - a git source needs none

    from knowledge.sources.fetching import Fetcher, basic  # noqa: PLC0415 - as above

    session = await stack.enter_async_context(aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()))
    headers: dict[str, str] = {}
    if settings.token and settings.email:
        headers["Authorization"] = basic(settings.email, settings.token.secret.reveal())
    elif settings.token:
        headers["Authorization"] = f"Bearer {settings.token.secret.reveal()}"
    credential = settings.token or (settings.client[1] if settings.client else None)
    return Fetcher(
        name=settings.name,
        session=session,
        base_url=settings.url,
        headers=headers,
        variable=credential.variable if credential else "",
    )


async def _confluence(settings: SourceSettings, root: Path, stack: AsyncExitStack) -> Source:
    del root  # it keeps nothing besides its mirror
    from knowledge.sources.confluence import ConfluenceSource  # noqa: PLC0415 - as above

    return ConfluenceSource(
        fetcher=await _fetcher(settings, stack),
        spaces=settings.entries,
        audience=settings.audience or INTERNAL,
        restricted=settings.restricted,
        excluded_labels=settings.excluded_labels,
        lang=settings.lang,
    )


async def _discussions(settings: SourceSettings, root: Path, stack: AsyncExitStack) -> Source:
    del root  # it keeps nothing besides its mirror
    from knowledge.sources.discussions import DiscussionsSource  # noqa: PLC0415 - as above

    return DiscussionsSource(
        fetcher=await _fetcher(settings, stack),
        repositories=settings.entries,
        audience=settings.audience,
        lang=settings.lang,
        categories=settings.categories,
        excluded_authors=settings.excluded_authors,
        maintainers_only=settings.maintainers_only,
    )


_BUILDERS: dict[SourceKind, Callable[[SourceSettings, Path, AsyncExitStack], Awaitable[Source]]] = {
    SourceKind.GIT: _git,
    SourceKind.HELP_CENTER: _help_center,
    SourceKind.CONFLUENCE: _confluence,
    SourceKind.DISCUSSIONS: _discussions,
}


def _line(report: SyncReport, *, dry_run: bool) -> str:
    done = "would be written" if dry_run else "written"
    return (
        f"{report.name}: {report.written} {done}, {report.removed} removed, {report.unchanged} unchanged"
        + (f", {len(report.problems)} problems." if report.problems else ".")
    )


def _indexed(
    settings: Settings, known: Sequence[SourceSettings], root: Path, *, is_lazy: bool
) -> dict[str, Any] | None:
    """What was indexed before stays so: a sync adds the mirrors to it. None: it has all of them already."""
    from knowledge.sources.folders import folders_to_index, is_index_behind  # noqa: PLC0415 - as above

    mirrors = [root / source.name for source in known]
    if is_lazy and not is_index_behind(settings.data_dir, mirrors):
        return None
    from knowledge.terminal import opened, progress  # noqa: PLC0415 - chromadb takes a second to import
    from knowledge.vectors import ChromaServer  # noqa: PLC0415 - likewise

    folders = folders_to_index(settings.data_dir, mirrors, complain)
    if not folders:
        return {"articles": 0, "errors": []}
    chroma = settings.chroma
    server = ChromaServer(url=chroma.url.reveal(), prefix=chroma.prefix) if chroma else None
    choice = settings.embedder
    with opened(settings.data_dir, choice, chroma=server) as index, progress() as told:
        report = index.refresh(folders, progress=told)
    History.of(settings.data_dir).index_caught_up()
    for error in report.errors:
        complain(error)
    return asdict(report)
