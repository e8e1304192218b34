"""What can be done now: the heads of the lanes, found and leased in one statement."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Integer,
    RowMapping,
    Select,
    Table,
    bindparam,
    exists,
    literal_column,
    select,
    update,
)
from sqlalchemy.sql.dml import ReturningUpdate

from storage.columns import Instant
from storage.tables import DONE, PARKED, PENDING

Row = RowMapping


def is_pending(table: Any) -> ColumnElement[bool]:
    """A literal, not a parameter: planners use a partial index only when they see its very condition."""
    return _is(table, PENDING)


def is_done(table: Any) -> ColumnElement[bool]:
    """Likewise."""
    return _is(table, DONE)


def is_parked(table: Any) -> ColumnElement[bool]:
    """Likewise."""
    return _is(table, PARKED)


def _is(table: Any, state: str) -> ColumnElement[bool]:
    return table.c.state == literal_column(f"'{state}'")  # type: ignore[no-any-return]  # aliases are Any here


#: Statements are built once, when the module is loaded: building one costs more than running it.
NOW = bindparam("now", type_=Instant)
UNTIL = bindparam("until", type_=Instant)
LIMIT = bindparam("limit", type_=Integer)


def is_head(table: Table) -> ColumnElement[bool]:
    """First in its lane, and nothing else of the lane is under way at NOW.

    The second half matters when an older row comes back (a replay, or on PostgreSQL a row whose transaction
    committed after a younger one's) while a younger one is being done.
    """
    earlier, running = table.alias("earlier"), table.alias("running")
    return ~exists().where(
        earlier.c.lane == table.c.lane, is_pending(earlier), earlier.c.id < table.c.id
    ) & ~exists().where(
        running.c.lane == table.c.lane,
        running.c.leased_until.is_not(None),
        running.c.leased_until > NOW,
        running.c.id != table.c.id,
    )


def due_heads(table: Table, *columns: Any, where: Sequence[ColumnElement[bool]] = ()) -> Select[Any]:
    """Up to LIMIT rows to claim at NOW, longest due first, past those that another process is claiming."""
    return (
        select(*columns)
        .where(is_pending(table), table.c.due_at <= NOW, is_head(table), *where)
        .order_by(table.c.due_at, table.c.id)
        .limit(LIMIT)
        .with_for_update(skip_locked=True, of=table)
    )


def earliest_head(table: Table, where: Sequence[ColumnElement[bool]] = ()) -> Select[Any]:
    """When the next row that nothing blocks comes due, or its lease ends."""
    return (
        select(table.c.due_at)
        .where(is_pending(table), is_head(table), *where)
        .order_by(table.c.due_at)
        .limit(1)
    )


def lease(table: Table, chosen: ColumnElement[bool]) -> ReturningUpdate[Any]:
    """Make rows ours: a higher fence, one more try, out of the way UNTIL the lease ends."""
    return (
        update(table)
        .where(chosen)
        .values(fence=table.c.fence + 1, attempts=table.c.attempts + 1, leased_until=UNTIL, due_at=UNTIL)
        .returning(table)
    )
