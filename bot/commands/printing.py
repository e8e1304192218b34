"""How commands speak: JSON for machines, lines for people, one sentence for what is wrong."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from bot.core.errors import UserFacingError


def say(line: str = "") -> None:
    """A line for the person."""
    print(line)  # noqa: T201 - the terminal is where the person is


def complain(sentence: str) -> None:
    """What is wrong, beside the data."""
    print(f"deskbell: {sentence}", file=sys.stderr)  # noqa: T201 - likewise


def as_json(value: Any) -> str:
    """One line, readable in any language."""
    return json.dumps(value, ensure_ascii=False)


def lines_of(path: str, *, option: str) -> Iterator[str]:
    """A text file's lines; UserFacingError names the option and the file."""
    try:
        with Path(path).open(encoding="utf-8") as file:
            yield from file
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "not UTF-8"
        raise UserFacingError(f"{option}: {path} cannot be read: {why}") from None


def keep_apart(batch: str, out: str | None) -> None:
    """UserFacingError when answers would take the place of their questions."""
    if out is not None and Path(out).resolve() == Path(batch).resolve():
        raise UserFacingError(f"--out: {out} is the file of --batch")


@contextmanager
def written_to(path: str | None) -> Iterator[Any]:
    """The file, or standard output; the file is whole or absent."""
    if path is None:
        yield sys.stdout
        return
    target = Path(path)
    partial = target.with_name(f"{target.name}.partial")
    try:
        with partial.open("w", encoding="utf-8") as file:
            yield file
        partial.replace(target)
    except OSError as error:
        raise UserFacingError(f"--out: {path} cannot be written: {error.strerror}") from None
    finally:
        partial.unlink(missing_ok=True)


def write_lines(path: str | None, answers: Iterable[Any]) -> None:
    """JSONL."""
    with written_to(path) as out:
        for answer in answers:
            out.write(f"{as_json(answer)}\n")
