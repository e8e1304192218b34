"""Moves commits from SQLite's log into its file beside the next commits, not within one of them."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import AbstractAsyncContextManager, closing
from pathlib import Path
from typing import Any

import structlog

#: Commits after which the log is moved. Each is a handful of pages of 4 KiB, a large group a few hundred.
ROUND = 100
#: Pages, 64 MiB: SQLite moves them itself, within a commit, should we ever not keep up.
LONGEST_LOG = 16_384

log = structlog.get_logger()


class WriteAheadLog:
    """SQLite moves the log by itself in whichever commit makes it longer than a thousand pages.

    Everybody whose delivery is in that commit waits for two more fsyncs and for every page written in
    between: measured, the slowest acknowledgements of a busy desk were these.
    https://sqlite.org/wal.html#avoiding_excessively_large_wal_files
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._commits = 0
        self._is_long = asyncio.Event()

    def committed(self) -> None:
        """Count one."""
        self._commits += 1
        if self._commits >= ROUND:
            self._is_long.set()

    async def keep_short(self, write_lock: AbstractAsyncContextManager[Any]) -> None:
        """For as long as the database is open."""
        while True:
            await self._is_long.wait()
            try:
                await asyncio.to_thread(self._move)  # most of it, while others commit
                async with write_lock:
                    # The little that came meanwhile. Now the log is all in the file, and starts over.
                    self._commits = 0
                    self._is_long.clear()
                    await asyncio.to_thread(self._move)
            except sqlite3.Error as error:
                log.warning("log_not_moved", reason=type(error).__name__)
                self._commits = 0
                self._is_long.clear()

    def _move(self) -> None:
        with closing(sqlite3.connect(self._path)) as connection:
            connection.execute("PRAGMA synchronous = FULL")
            connection.execute("PRAGMA wal_checkpoint(PASSIVE)")
