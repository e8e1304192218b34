"""One engine for SQLite and PostgreSQL: how it is opened, and how a transaction begins and fails."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext
from datetime import timedelta
from typing import Any

from sqlalchemy import URL, Connection, Table, event
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from bot.core.errors import ConfigError, Unavailable
from storage.urls import file_of, is_sqlite, parse_url

#: RETURNING, which every claim needs, came with this version: https://sqlite.org/lang_returning.html
OLDEST_SQLITE = (3, 35, 0)
BUSY_TIMEOUT = timedelta(seconds=10)
_WRITES = "deskbell_writes"

Insert = sqlite.Insert | postgresql.Insert


class Database:
    """Transactions on one database. Open it with `Database.open`."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine
        self._writer = engine.execution_options(**{_WRITES: True})
        self.is_sqlite = is_sqlite(engine.url)
        # SQLite has one writer anyway; waiting here is fair, waiting for its lock is not.
        self._write_lock: AbstractAsyncContextManager[Any] = (
            asyncio.Lock() if self.is_sqlite else nullcontext()
        )

    @classmethod
    @asynccontextmanager
    async def open(cls, url: str, *, busy_timeout: timedelta = BUSY_TIMEOUT) -> AsyncIterator[Database]:
        """A database that was reached and can be written; ConfigError says what is wrong with it."""
        parsed = parse_url(url)
        engine = _sqlite(parsed, busy_timeout) if is_sqlite(parsed) else _postgresql(parsed)
        database = cls(engine)
        try:
            await database._try_out()
            yield database
        finally:
            await engine.dispose()

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[AsyncConnection]:
        """A consistent look without locks; on SQLite a snapshot that no writer waits for."""
        async with _translated(), self._engine.connect() as connection, connection.begin():
            yield connection

    @asynccontextmanager
    async def writing(self) -> AsyncIterator[AsyncConnection]:
        """A transaction that commits at the end of the block, or not at all."""
        async with self._write_lock, _translated(), self._writer.begin() as connection:
            yield connection

    def insert(self, table: Table) -> Insert:
        """An INSERT that knows ON CONFLICT, which both dialects spell alike."""
        return sqlite.insert(table) if self.is_sqlite else postgresql.insert(table)

    async def _try_out(self) -> None:
        try:
            async with self._writer.begin():
                pass
        except DBAPIError as error:
            raise ConfigError(refusal(self._engine.url, error)) from None


@asynccontextmanager
async def _translated() -> AsyncIterator[None]:
    """Database trouble as Unavailable: it is tried again, and a person sees it when it stays.

    A lost race for a unique key, a deadlock and a full disk all end like this. The driver's own sentence is
    kept only where it cannot quote a row.
    """
    try:
        yield
    except IntegrityError as error:
        raise Unavailable("database: something with this key is already there") from error
    except DBAPIError as error:
        reason = first_line(error) if is_outage(error) else type(error.orig).__name__
        raise Unavailable(f"database: {reason}") from error
    except PoolTimeout as error:
        raise Unavailable("database: every connection is in use") from error


def is_outage(error: BaseException) -> bool:
    """Whether the database as a whole is in trouble, not this statement's values."""
    return isinstance(error, PoolTimeout) or (
        isinstance(error, DBAPIError) and type(error).__name__ in ("OperationalError", "InterfaceError")
    )


def first_line(error: DBAPIError) -> str:
    """The driver's own words, without the statement and its values."""
    return (str(error.orig).strip().splitlines() or ["no reason given"])[0]


def refusal(url: URL, error: DBAPIError) -> str:
    """One sentence on why this database cannot be used."""
    if not is_sqlite(url):
        return f"DATABASE_URL: PostgreSQL at {url.host or 'the local socket'} refused: {first_line(error)}"
    path, words = file_of(url), first_line(error)
    if not path.parent.is_dir():
        return f"DATABASE_URL: the directory {path.parent} does not exist"
    if "locked" in words:
        return f"DATABASE_URL: {path} is locked by another program; stop it first"
    if "readonly" in words or "unable to open" in words:
        return f"DATABASE_URL: {path} cannot be opened for writing; check its owner and permissions"
    return f"DATABASE_URL: {path} cannot be used: {words}"


def _postgresql(url: URL) -> AsyncEngine:
    return create_async_engine(
        url,
        hide_parameters=True,  # bodies never reach a log by way of an exception
        pool_size=10,
        pool_pre_ping=True,  # a restarted server is met by a new connection, not by an error
        connect_args={"connect_timeout": 10, "application_name": "deskbell"},
    )


def _sqlite(url: URL, busy_timeout: timedelta) -> AsyncEngine:
    if sqlite3.sqlite_version_info < OLDEST_SQLITE:
        raise ConfigError(f"SQLite {sqlite3.sqlite_version} is too old; 3.35 or later is needed")
    engine = create_async_engine(
        url, hide_parameters=True, pool_size=5, connect_args={"timeout": busy_timeout.total_seconds()}
    )
    event.listen(engine.sync_engine, "connect", prepare_sqlite)
    event.listen(engine.sync_engine, "begin", _begin)
    return engine


def prepare_sqlite(connection: Any, _record: object) -> None:
    """What every SQLite connection of ours is set to."""
    # The driver's own implicit BEGIN would come too late and be the wrong kind; see `_begin`.
    connection.isolation_level = None
    cursor = connection.cursor()
    cursor.execute("PRAGMA journal_mode = WAL")
    mode = cursor.fetchone()[0]
    # WAL with NORMAL loses acknowledged commits when the power fails: https://sqlite.org/wal.html#performance
    cursor.execute("PRAGMA synchronous = FULL")
    cursor.execute("PRAGMA foreign_keys = ON")
    cursor.close()
    if mode != "wal":
        raise ConfigError("DATABASE_URL: this file system cannot hold a SQLite WAL; use a local disk")


def _begin(connection: Connection) -> None:
    # A writer that starts as a reader may find, too late to wait, that somebody else wrote in between:
    # https://sqlite.org/lang_transaction.html (SQLITE_BUSY_SNAPSHOT)
    writes = connection.get_execution_options().get(_WRITES, False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")
