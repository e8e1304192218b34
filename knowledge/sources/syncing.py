"""Every source into its folder, one after the other: a failing one keeps what it had, the rest goes on."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from knowledge.sources.history import History
from knowledge.sources.mirror import Changes, apply, plan
from knowledge.sources.source import Source, SourceFailed
from knowledge.versions import Busy, alone

_BUSY = "Another process is syncing; wait until it has finished."


@dataclass(frozen=True, slots=True, kw_only=True)
class SyncReport:
    """What became of one source."""

    name: str
    written: int = 0
    removed: int = 0
    unchanged: int = 0
    problems: tuple[str, ...] = ()  #: each keeps the status from being 0
    failure: str = ""  #: the one of them that means that the mirror is not what the source is


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
        except Busy as error:
            raise Busy(_BUSY) from error
        yield


async def _sync(source: Source, folder: Path, *, dry_run: bool, sure: bool) -> SyncReport:
    try:
        listing = await source.listing()
    except SourceFailed as error:
        return SyncReport(name=source.name, problems=(str(error),), failure=str(error))
    changes = plan(folder, source.name, listing.articles, listing.withheld)
    held = changes.is_drastic and not sure
    failure = ""
    if not listing.articles and not listing.withheld:
        failure = f"{source.name}: the source has no article."
    if held:
        failure = _drastic(source.name, changes)
    if not dry_run:
        _apply(changes, History(folder.parent), removing=not held)
    return SyncReport(
        name=source.name,
        written=len(changes.written),
        removed=len(changes.withdrawn) + (0 if held else len(changes.removed)),
        unchanged=changes.unchanged,
        problems=(*(f"{source.name}: {problem}" for problem in listing.problems), *filter(None, [failure])),
        failure=failure,
    )


def _apply(changes: Changes, history: History, *, removing: bool) -> None:
    if changes.written or changes.withdrawn or (removing and changes.removed):
        history.mirror_changes()
    apply(changes, removing=removing)


def _drastic(name: str, changes: Changes) -> str:
    return (
        f"{name}: {len(changes.removed)} of {changes.before} articles are gone from the source; they are kept"
        " until you say --yes."
    )
