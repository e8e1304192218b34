"""The buckets' slots in the database, loaded and written back around one claim."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime

from sqlalchemy import case, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from storage.columns import EPOCH
from storage.database import Database
from storage.rates import Bucket, Rate
from storage.tables import buckets

Rates = Callable[[str], Rate | None]

_FRESH = {"next_at": EPOCH, "queued_to": EPOCH, "blocked_until": EPOCH}


async def load_buckets(
    connection: AsyncConnection, database: Database, names: Iterable[str], rates: Rates
) -> dict[str, Bucket]:
    """All of them, locked. Those with a rate get a row first, so that two processes cannot both be first."""
    wanted = sorted(set(names))
    rated = [name for name in wanted if rates(name) is not None]
    found = await _select(connection, wanted)
    missing = [{"name": name, **_FRESH} for name in rated if name not in found]
    if missing:
        await connection.execute(database.insert(buckets).on_conflict_do_nothing(), missing)
        found = await _select(connection, wanted)
    return {name: Bucket(name=name, rate=rates(name), **found.get(name, _FRESH)) for name in wanted}


async def _select(connection: AsyncConnection, names: list[str]) -> dict[str, dict[str, datetime]]:
    rows = await connection.execute(
        # One order for everybody, or two processes would wait for each other.
        select(buckets).where(buckets.c.name.in_(names)).order_by(buckets.c.name).with_for_update()
    )
    return {row["name"]: {part: row[part] for part in _FRESH} for row in rows.mappings()}


async def save_buckets(connection: AsyncConnection, used: Iterable[Bucket]) -> None:
    """Write back what was spent."""
    for bucket in used:
        if bucket.is_changed:
            await connection.execute(
                update(buckets)
                .where(buckets.c.name == bucket.name)
                .values(next_at=bucket.next_at, queued_to=bucket.queued_to)
            )


async def block_bucket(
    connection: AsyncConnection, database: Database, name: str, *, until: datetime
) -> None:
    """Nothing before `until`; an earlier block never shortens a later one."""
    insert = database.insert(buckets).values(**{"name": name, **_FRESH, "blocked_until": until})
    later = case(
        (insert.excluded.blocked_until > buckets.c.blocked_until, insert.excluded.blocked_until),
        else_=buckets.c.blocked_until,
    )
    await connection.execute(
        insert.on_conflict_do_update(index_elements=[buckets.c.name], set_={"blocked_until": later})
    )
