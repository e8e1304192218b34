"""One process per SQLite file: an advisory lock beside it."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bot.core.errors import ConfigError


@contextmanager
def embedded_lock(path: Path) -> Iterator[None]:
    """Hold `<path>.lock`; ConfigError when another process does. The system frees it when we die."""
    lock = path.with_name(f"{path.name}.lock")
    try:
        descriptor = os.open(lock, os.O_RDWR | os.O_CREAT, 0o600)
    except FileNotFoundError:
        raise ConfigError(f"DATABASE_URL: the directory {path.parent} does not exist") from None
    except OSError as error:
        raise ConfigError(f"DATABASE_URL: cannot write {lock}: {error.strerror}") from error
    try:
        _take(descriptor, lock, path)
        os.ftruncate(descriptor, 0)
        os.write(descriptor, str(os.getpid()).encode())
        yield
    finally:
        # The file stays: removing it would let a third process lock a name that a second still waits for.
        os.close(descriptor)


def _take(descriptor: int, lock: Path, path: Path) -> None:
    try:
        _lock_now(descriptor)
    except OSError as error:
        owner = lock.read_text(errors="replace").strip() or "unknown"
        raise ConfigError(
            f"DATABASE_URL: {path} is in use by process {owner}; stop it first, "
            "or use PostgreSQL, which several processes may share"
        ) from error


if sys.platform == "win32":
    import msvcrt

    def _lock_now(descriptor: int) -> None:
        msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)

else:
    import fcntl

    def _lock_now(descriptor: int) -> None:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
