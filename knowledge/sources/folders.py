"""Which folders are indexed after a sync: those the index knows, and the mirrors."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from bot.core.errors import UserFacingError
from knowledge.sources.history import History, sources_dir
from knowledge.versions import current_place


def folders_to_index(data_dir: Path, mirrors: Sequence[Path], complain: Callable[[str], None]) -> list[Path]:
    """UserFacingError where an indexed folder is gone: it may be a disk that is not mounted."""
    root = sources_dir(data_dir).resolve()
    known = [Path(folder) for folder in sorted(_indexed_folders(data_dir / "index"))]
    wanted = [mirror.resolve() for mirror in mirrors if mirror.is_dir()]
    for folder in known:
        if folder in wanted:
            continue
        if folder.parent == root:
            complain(f"{folder.name} is not in sources.toml any more; its articles leave the index.")
        elif folder.is_dir():
            wanted.append(folder)
        else:
            raise UserFacingError(
                f"{folder} is indexed, and is not there any more: run kb index with the folders that remain."
            )
    return wanted


def is_index_behind(data_dir: Path, mirrors: Sequence[Path]) -> bool:
    """Whether mirrors hold what the index does not have, or the index what they do not hold any more."""
    root = sources_dir(data_dir).resolve()
    indexed = {Path(folder) for folder in _indexed_folders(data_dir / "index")}
    wanted = {mirror.resolve() for mirror in mirrors if any(mirror.rglob("*.md"))}
    return History(root).is_index_behind or {one for one in indexed if one.parent == root} != wanted


def _indexed_folders(index_dir: Path) -> set[str]:
    place = current_place(index_dir)
    if place is None:
        return set()
    with place.catalogue.reading() as reading:
        return {folder for folder, _ in reading.articles()}
