"""What this room's commands say and show: results on standard output, everything else beside it."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from bot.core.errors import UserFacingError
from knowledge.embedding import EmbedderChoice
from knowledge.indexing import Progress as Told
from knowledge.opening import BUILT_IN, KnowledgeIndex, open_index
from knowledge.vectors import ChromaServer

_LINES_EVERY = 50  #: articles or questions between two lines of progress where there is no terminal


def say(line: str) -> None:
    """A line of the result."""
    sys.stdout.write(f"{line}\n")


def complain(line: str) -> None:
    """A line about the work."""
    sys.stderr.write(f"{line}\n")


@contextmanager
def opened(
    data_dir: Path,
    embedder: str | EmbedderChoice = BUILT_IN,
    threads: int = 2,
    chroma: ChromaServer | None = None,
) -> Iterator[KnowledgeIndex]:
    """The index below `data_dir`; what its model has to tell goes beside the result."""
    index = open_index(data_dir, embedder=embedder, threads=threads, say=complain, chroma=chroma)
    try:
        yield index
    finally:
        index.close()


@contextmanager
def written(target: Path) -> Iterator[Callable[[str], None]]:
    """What writes a line into the file."""
    try:
        # Half a character can only come from an escape in the input's id, and goes out as that escape.
        file = target.open("w", encoding="utf-8", errors="backslashreplace")
    except OSError as error:
        raise UserFacingError(f"{target} cannot be written ({error.strerror}).") from error
    with file:
        yield lambda line: print(line, file=file, flush=True)


@contextmanager
def progress() -> Iterator[Told]:
    """A bar on a terminal, a line now and then otherwise; both on standard error."""
    console = Console(stderr=True)
    if not console.is_terminal:
        yield _lines
        return
    columns = (BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(), TextColumn("{task.fields[at]}"))
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task("", total=None, at="")

        def told(done: int, total: int, path: str) -> None:
            # File names are untrusted: markup in them must not be interpreted.
            bar.update(task, completed=done, total=total, at=path.replace("[", "\\[")[:60])

        yield told


def _lines(done: int, total: int, path: str) -> None:
    if done and done % _LINES_EVERY == 0 and done < total:
        complain(f"{done} of {total}: {path}")
