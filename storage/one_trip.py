"""aiosqlite with one trip to its thread per statement instead of four.

SQLAlchemy asks any asyncio driver for a cursor, an execute, the rows and a close, and awaits each. With
aiosqlite every one of them is a message to the connection's thread and back, which costs more than the
statement itself. Here the thread does all four at once; the answers are ready when they are asked for.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Self, TypeVar, cast

import aiosqlite

ResultT = TypeVar("ResultT")


def connect(database: str, **options: Any) -> OneTripConnection:
    """For `async_creator_fn`: the awaitable that SQLAlchemy expects of `aiosqlite.connect`."""
    connection = OneTripConnection(partial(sqlite3.connect, database, **options), iter_chunk_size=64)
    connection.let_the_process_end()
    return connection


class OneTripConnection(aiosqlite.Connection):
    """Hands out `OneTripCursor`s."""

    def cursor(self) -> OneTripCursor:  # type: ignore[override]  # the part of a cursor that SQLAlchemy uses
        return OneTripCursor(self)

    def let_the_process_end(self) -> None:
        """As SQLAlchemy does for connections it creates itself: a thread that idles keeps nobody alive."""
        self._thread.daemon = True

    async def call(self, function: Callable[[sqlite3.Connection], ResultT]) -> ResultT:
        """Run it on the connection's thread."""
        work = partial(function, self._conn)
        return cast("ResultT", await self._execute(work))  # type: ignore[no-untyped-call]  # aiosqlite leaves it out


class OneTripCursor:
    """Executes, reads everything and closes in one go."""

    def __init__(self, connection: OneTripConnection) -> None:
        self._connection = connection
        self._rows: list[Any] = []
        self.description: Any = None
        self.rowcount = -1
        self.lastrowid: int | None = None
        self.arraysize = 1

    async def __aenter__(self) -> Self:
        return self

    async def execute(self, statement: str, parameters: Sequence[Any] = ()) -> OneTripCursor:
        """One statement."""

        def run(connection: sqlite3.Connection) -> None:
            self._keep(connection.execute(statement, parameters))

        await self._connection.call(run)
        return self

    async def executemany(self, statement: str, parameters: Sequence[Sequence[Any]]) -> OneTripCursor:
        """One statement for many rows."""

        def run(connection: sqlite3.Connection) -> None:
            self._keep(connection.executemany(statement, parameters))

        await self._connection.call(run)
        return self

    def _keep(self, cursor: sqlite3.Cursor) -> None:
        self.description = cursor.description
        self._rows = cursor.fetchall() if cursor.description else []
        # A RETURNING statement knows its count only after its last row.
        self.rowcount, self.lastrowid = cursor.rowcount, cursor.lastrowid
        cursor.close()

    async def fetchall(self) -> list[Any]:
        """The rows, once."""
        rows, self._rows = self._rows, []
        return rows

    async def close(self) -> None:
        """Nothing is open any more."""
