"""Opening a database: what is set, what is refused, and in which words."""

from __future__ import annotations

import asyncio
import os
import sqlite3
import subprocess
import sys
import traceback
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import text

from bot.core.errors import ConfigError, Unavailable
from storage.database import Database
from storage.locking import embedded_lock

QUICK = timedelta(milliseconds=50)


async def refusal(url: str) -> str:
    with pytest.raises(ConfigError) as caught:
        async with Database.open(url, busy_timeout=QUICK):
            pass
    assert "\n" not in str(caught.value)
    return str(caught.value)


async def test_sqlite_is_durable_waits_for_locks_and_checks_references(tmp_path: Path) -> None:
    pragmas = {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1, "busy_timeout": 10_000}
    async with Database.open(f"sqlite:///{tmp_path / 'a.db'}") as database:
        for opened in (database.reading, database.writing):
            async with opened() as connection:
                for name, value in pragmas.items():
                    assert await connection.scalar(text(f"PRAGMA {name}")) == value


async def test_the_long_spelling_of_the_url_is_taken_too(tmp_path: Path) -> None:
    async with Database.open(f"sqlite+aiosqlite:///{tmp_path / 'a.db'}"):
        assert (tmp_path / "a.db").exists()


async def test_a_writer_holds_the_lock_from_its_beginning(tmp_path: Path) -> None:
    async with Database.open(f"sqlite:///{tmp_path / 'a.db'}") as database, database.writing():
        other = sqlite3.connect(tmp_path / "a.db", timeout=0)
        with pytest.raises(sqlite3.OperationalError, match="locked"):
            other.execute("BEGIN IMMEDIATE")
        other.close()


async def test_a_cancelled_writer_leaves_nothing_and_blocks_nobody(database: Database) -> None:
    entered = asyncio.Event()

    async def write_for_ever() -> None:
        async with database.writing() as connection:
            await connection.execute(text("INSERT INTO people VALUES ('d', 'w', 'u', 'n', NULL)"))
            entered.set()
            await asyncio.Event().wait()

    task = asyncio.create_task(write_for_ever())
    await entered.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    async with asyncio.timeout(5), database.writing() as connection:
        assert await connection.scalar(text("SELECT count(*) FROM people")) == 0


async def test_a_missing_directory_is_named(tmp_path: Path) -> None:
    assert await refusal(f"sqlite:///{tmp_path}/no/a.db") == (
        f"DATABASE_URL: the directory {tmp_path}/no does not exist"
    )


async def test_a_file_that_is_no_database_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.db").write_text("a letter to my aunt, " * 100)
    assert "a.db cannot be used: file is not a database" in await refusal(f"sqlite:///{tmp_path / 'a.db'}")


async def test_a_directory_is_no_database(tmp_path: Path) -> None:
    assert "cannot be opened for writing" in await refusal(f"sqlite:///{tmp_path}")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write read-only files")
async def test_a_read_only_file_is_refused(tmp_path: Path) -> None:
    sqlite3.connect(tmp_path / "a.db").close()
    (tmp_path / "a.db").chmod(0o400)
    assert "cannot be opened for writing" in await refusal(f"sqlite:///{tmp_path / 'a.db'}")


async def test_a_locked_database_is_refused_after_the_timeout(tmp_path: Path) -> None:
    async with Database.open(f"sqlite:///{tmp_path / 'a.db'}"):
        pass
    holder = sqlite3.connect(tmp_path / "a.db", isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    assert "locked by another program" in await refusal(f"sqlite:///{tmp_path / 'a.db'}")
    holder.close()


async def test_a_postgresql_that_is_not_there_is_refused_without_its_password() -> None:
    sentence = await refusal("postgresql+psycopg://desk:hunter2@127.0.0.1:1/desk")
    assert sentence.startswith("DATABASE_URL: PostgreSQL at 127.0.0.1 refused: ")
    assert "hunter2" not in sentence


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("mysql://u:hunter2@h/d", "mysql:// is not supported"),
        ("sqlite://", "needs a file"),
        ("sqlite:///:memory:", "needs a file"),
        ("hunter2", "not a URL"),
        ("", "not a URL"),
    ],
)
async def test_other_urls_are_refused(url: str, words: str) -> None:
    sentence = await refusal(url)
    assert words in sentence
    assert "hunter2" not in sentence


async def test_trouble_in_a_transaction_is_unavailable_and_quotes_no_value(database: Database) -> None:
    with pytest.raises(Unavailable) as caught:
        async with database.writing() as connection:
            await connection.execute(
                text("INSERT INTO people VALUES (:door, 'w', 'u', NULL, NULL)"), {"door": "hunter2"}
            )
    assert "hunter2" not in "".join(traceback.format_exception(caught.value))


async def test_a_missing_table_is_unavailable(empty_url: str) -> None:
    async with Database.open(empty_url) as database:
        with pytest.raises(Unavailable):
            async with database.reading() as connection:
                await connection.execute(text("SELECT * FROM deliveries"))


HOLD = """
import sys
import traceback
from pathlib import Path
from storage.locking import embedded_lock
with embedded_lock(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


def test_one_process_per_sqlite_file(tmp_path: Path) -> None:
    path, root = tmp_path / "a.db", Path(__file__).resolve().parents[3]
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(path)],
        cwd=root,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as holder:
        assert holder.stdout
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(ConfigError, match=f"a.db is in use by process {holder.pid}"), embedded_lock(path):
            pass
        holder.kill()
    with embedded_lock(path):
        pass
    with embedded_lock(path):
        pass
