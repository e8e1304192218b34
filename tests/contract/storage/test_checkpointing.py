"""The log of a SQLite file stays short while the desk commits."""

from __future__ import annotations

import asyncio
from pathlib import Path

from sqlalchemy import text

from storage.checkpointing import ROUND
from storage.database import Database

PAGE = 4096
ROOM_TO_SPARE = 6  #: rounds that may be written while one is being moved


async def test_the_log_does_not_grow_with_the_commits(tmp_path: Path) -> None:
    file, log = tmp_path / "desk.db", tmp_path / "desk.db-wal"
    async with Database.open(f"sqlite:///{file}") as database:
        async with database.writing() as connection:
            await connection.execute(text("CREATE TABLE notes (body TEXT)"))
        for _ in range(12 * ROUND):
            async with database.writing() as connection:
                await connection.execute(text("INSERT INTO notes VALUES ('x')"))

        assert log.stat().st_size < ROOM_TO_SPARE * ROUND * PAGE


async def test_what_was_moved_is_in_the_file_and_still_there(tmp_path: Path) -> None:
    file = tmp_path / "desk.db"
    async with Database.open(f"sqlite:///{file}") as database:
        async with database.writing() as connection:
            await connection.execute(text("CREATE TABLE notes (body TEXT)"))
        size = file.stat().st_size
        for _ in range(2 * ROUND):
            async with database.writing() as connection:
                await connection.execute(text("INSERT INTO notes VALUES (hex(zeroblob(2000)))"))
        async with asyncio.timeout(10):
            while file.stat().st_size <= size:  # noqa: ASYNC110 - a thread of SQLite's writes
                await asyncio.sleep(0.01)
        async with database.reading() as connection:
            assert (await connection.execute(text("SELECT count(*) FROM notes"))).scalar_one() == 2 * ROUND
