"""Every source into its folder, one after the other: a failing one keeps what it had, the rest goes on."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from bot.core.errors import UserFacingError
from knowledge.sources.mirror import Changes, apply, plan
from knowledge.sources.source import Source, SourceFailed
from knowledge.versions import alone

_BUSY = "Another process is syncing; wait until it has finished."


@dataclass(frozen=True, slots=True, kw_only=True)
class SyncReport:
    """What became of one source."""

    name: str
    written: int = 0
    removed: int = 0
    unchanged: int = 0
    problems: tuple[str, ...] = ()  #: each keeps the status from being 0


def sources_dir(data_dir: Path) -> Path:
    """Where the mirrors lie, a folder for each source."""
    return data_dir / "sources"


def untold(_name: str) -> None:
    """Says nothing."""


async def sync(
    sources: Sequence[Source],
    root: Path,
    *,
    dry_run: bool = False,
    sure: bool = False,
    told: Callable[[str], None] = untold,
) -> list[SyncReport]:
    """Bring each source's folder below `root` to what it has now. One at a time, over all processes.

    `told` hears the name of each source before it is read.
    """
    reports = []
    with _alone(root):
        for source in sources:
            told(source.name)
            reports.append(await _sync(source, root / source.name, dry_run=dry_run, sure=sure))
    return reports


@contextmanager
def _alone(root: Path) -> Iterator[None]:
    with ExitStack() as held:
        try:
            held.enter_context(alone(root))
        except UserFacingError as error:
            cause = error.__cause__
            if isinstance(cause, sqlite3.Error) and cause.sqlite_errorcode == sqlite3.SQLITE_BUSY:
                raise UserFacingError(_BUSY) from error
            raise
        yield


async def _sync(source: Source, folder: Path, *, dry_run: bool, sure: bool) -> SyncReport:
    try:
        listing = await source.listing()
    except SourceFailed as error:
        return SyncReport(name=source.name, problems=(str(error),))
    changes = plan(folder, source.name, listing.articles, listing.withheld)
    problems = [f"{source.name}: {problem}" for problem in listing.problems]
    if not listing.articles and not listing.withheld:
        problems.append(f"{source.name}: the source has no article.")
    held = changes.is_drastic and not sure
    if held:
        problems.append(_drastic(source.name, changes))
    if not dry_run:
        apply(changes, removing=not held)
    return SyncReport(
        name=source.name,
        written=len(changes.written),
        removed=len(changes.withdrawn) + (0 if held else len(changes.removed)),
        unchanged=changes.unchanged,
        problems=tuple(problems),
    )


def _drastic(name: str, changes: Changes) -> str:
    return (
        f"{name}: {len(changes.removed)} of {changes.before} articles are gone from the source; they are kept"
        " until you say --yes."
    )
