"""Engines for both databases: what a connection is set to, and why one cannot be had, in a sentence."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing
from datetime import timedelta
from typing import Any

from sqlalchemy import URL, Connection, PoolResetState, event
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from bot.core.errors import ConfigError
from storage import one_trip
from storage.urls import file_of, is_sqlite

#: RETURNING, which every claim needs, came with this version: https://sqlite.org/lang_returning.html
OLDEST_SQLITE = (3, 35, 0)
BUSY_TIMEOUT = timedelta(seconds=10)
_TURNS = 20  #: how often another process may come in between while a new file is turned to WAL
#: The execution option of an engine whose transactions write.
WRITES = "deskbell_writes"


async def reachable_engine(url: URL, busy_timeout: timedelta) -> AsyncEngine:
    """An engine on a database that was just reached; ConfigError says why not."""
    if is_sqlite(url):
        # Tried with the plain driver first: aiosqlite leaves a thread behind when it cannot open a file.
        await asyncio.to_thread(try_sqlite, url, busy_timeout)
        return _sqlite(url, busy_timeout)
    engine = _postgresql(url)
    try:
        async with engine.connect():
            return engine
    except DBAPIError as error:
        await engine.dispose()
        raise ConfigError(refusal(url, first_line(error.orig))) from None


def try_sqlite(url: URL, busy_timeout: timedelta) -> None:
    """Open it, set it up and take the write lock once."""
    if sqlite3.sqlite_version_info < OLDEST_SQLITE:
        raise ConfigError(f"SQLite {sqlite3.sqlite_version} is too old; 3.35 or later is needed")
    try:
        with closing(sqlite3.connect(file_of(url), timeout=busy_timeout.total_seconds())) as connection:
            prepare_sqlite(connection)
            connection.execute("BEGIN IMMEDIATE")
            connection.execute("ROLLBACK")
    except sqlite3.Error as error:
        raise ConfigError(refusal(url, first_line(error))) from None


def _sqlite(url: URL, busy_timeout: timedelta) -> AsyncEngine:
    engine = create_async_engine(
        url,
        hide_parameters=True,
        pool_size=5,
        pool_reset_on_return=None,  # `_reset` does it, where there is something to do
        connect_args={"timeout": busy_timeout.total_seconds(), "async_creator_fn": one_trip.connect},
    )
    event.listen(engine.sync_engine, "connect", prepare_sqlite)
    event.listen(engine.sync_engine, "begin", begin_sqlite)
    event.listen(engine.sync_engine, "reset", _reset)
    return engine


def _postgresql(url: URL) -> AsyncEngine:
    return create_async_engine(
        url,
        hide_parameters=True,  # bodies never reach a log by way of an exception
        pool_size=10,
        pool_pre_ping=True,  # a restarted server is met by a new connection, not by an error
        connect_args={"connect_timeout": 10, "application_name": "deskbell"},
    )


def prepare_sqlite(connection: Any, _record: object = None) -> None:
    """What every SQLite connection of ours is set to."""
    # The driver's own implicit BEGIN would come too late and be the wrong kind; see `begin_sqlite`.
    connection.isolation_level = None
    cursor = connection.cursor()
    mode = _turn_to_wal(cursor)
    # WAL with NORMAL loses acknowledged commits when the power fails: https://sqlite.org/wal.html#performance
    cursor.execute("PRAGMA synchronous = FULL")
    cursor.execute("PRAGMA foreign_keys = ON")
    cursor.close()
    if mode != "wal":
        raise ConfigError("DATABASE_URL: this file system cannot hold a SQLite WAL; use a local disk")


def _turn_to_wal(cursor: Any) -> str:
    """The journal's mode afterwards.

    Turning a file to WAL does not wait for others as every other statement does: two processes that open a
    new file at once would meet. The exclusive transaction does wait, and then the other one has turned it.
    """
    for _ in range(_TURNS):
        try:
            return _wal(cursor)
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY:
                raise
            cursor.execute("BEGIN EXCLUSIVE")
            cursor.execute("ROLLBACK")
    return _wal(cursor)


def _wal(cursor: Any) -> str:
    cursor.execute("PRAGMA journal_mode = WAL")  # SQLAlchemy's cursor returns nothing here
    return str(cursor.fetchone()[0])


def _reset(connection: Any, _record: object, state: PoolResetState) -> None:
    """A ROLLBACK costs a trip to the driver's thread, and behind a commit or a rollback it does nothing."""
    if connection.driver_connection.in_transaction and not state.terminate_only:
        connection.rollback()


def begin_sqlite(connection: Connection) -> None:
    """BEGIN, as what it will become.

    A writer that starts as a reader may find, too late to wait, that somebody else wrote in between:
    https://sqlite.org/lang_transaction.html (SQLITE_BUSY_SNAPSHOT)
    """
    writes = connection.get_execution_options().get(WRITES, False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def first_line(error: BaseException | None) -> str:
    """The driver's own words, without what it quotes on the lines below."""
    return (str(error).strip().splitlines() or ["no reason given"])[0]


def refusal(url: URL, words: str) -> str:
    """One sentence on why this database cannot be used."""
    if not is_sqlite(url):
        return f"DATABASE_URL: PostgreSQL at {url.host or 'the local socket'} refused: {words}"
    path = file_of(url)
    if not path.parent.is_dir():
        return f"DATABASE_URL: the directory {path.parent} does not exist"
    if "locked" in words:
        return f"DATABASE_URL: {path} is locked by another program; stop it first"
    if "readonly" in words or "unable to open" in words:
        return f"DATABASE_URL: {path} cannot be opened for writing; check its owner and permissions"
    return f"DATABASE_URL: {path} cannot be used: {words}"
