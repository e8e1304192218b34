"""One database, SQLite or PostgreSQL: how a transaction on it begins, ends and fails."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext
from datetime import timedelta
from typing import Any

from sqlalchemy import Table
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from bot.core.errors import Unavailable
from storage.opening import BUSY_TIMEOUT, WRITES, first_line, reachable_engine
from storage.urls import is_sqlite, parse_url

Insert = sqlite.Insert | postgresql.Insert


class Database:
    """Transactions on one database. Open it with `Database.open`."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine
        self._writer = engine.execution_options(**{WRITES: True})
        self.is_sqlite = is_sqlite(engine.url)
        # SQLite has one writer anyway; waiting here is fair, waiting for its lock is not.
        self._write_lock: AbstractAsyncContextManager[Any] = (
            asyncio.Lock() if self.is_sqlite else nullcontext()
        )

    @classmethod
    @asynccontextmanager
    async def open(cls, url: str, *, busy_timeout: timedelta = BUSY_TIMEOUT) -> AsyncIterator[Database]:
        """A database that was reached and can be written; ConfigError says what is wrong with it."""
        engine = await reachable_engine(parse_url(url), busy_timeout)
        try:
            yield cls(engine)
        finally:
            await engine.dispose()

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[AsyncConnection]:
        """A consistent look without locks; on SQLite a snapshot that no writer waits for."""
        async with _translated(), self._engine.connect() as connection, connection.begin():
            yield connection

    @asynccontextmanager
    async def writing(self) -> AsyncIterator[AsyncConnection]:
        """A transaction that commits at the end of the block, or not at all. Not to be nested."""
        async with self._write_lock, _translated(), self._writer.begin() as connection:
            yield connection

    def insert(self, table: Table) -> Insert:
        """An INSERT that knows ON CONFLICT."""
        return insert_into(table, is_sqlite=self.is_sqlite)


def insert_into(table: Table, *, is_sqlite: bool) -> Insert:
    """Both dialects spell ON CONFLICT alike, but each has a class of its own for it."""
    return sqlite.insert(table) if is_sqlite else postgresql.insert(table)


class Outage(Unavailable):
    """The database as a whole is in trouble, not this statement with its values."""


@asynccontextmanager
async def _translated() -> AsyncIterator[None]:
    """Database trouble as Unavailable: it is tried again, and a person sees it when it stays.

    A lost race for a unique key, a deadlock and a full disk all end like this. The driver's exception is cut
    off: PostgreSQL quotes the failing row in it, and exceptions end in logs.
    """
    try:
        yield
    except (DBAPIError, PoolTimeout) as error:
        raise _trouble(error) from None


def _trouble(error: DBAPIError | PoolTimeout) -> Unavailable:
    if isinstance(error, PoolTimeout):
        return Outage("database: every connection is in use")
    if isinstance(error, (OperationalError, InterfaceError)):
        return Outage(f"database: {first_line(error.orig)}")
    if isinstance(error.orig, sqlite3.IntegrityError):
        return Unavailable(f"database: {first_line(error.orig)}")  # names the columns, never their values
    constraint = getattr(getattr(error.orig, "diag", None), "constraint_name", None)
    return Unavailable(f"database: {type(error.orig).__name__} {constraint or ''}".rstrip())
