"""Copies of rotas that are kept elsewhere, and the gaps that people were warned of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from pydantic import TypeAdapter
from sqlalchemy import delete, select, update

from bot.core.live_rotas import Duty, LiveRota, Reading
from bot.core.rotas import ToldGap
from storage.answers import SqlAnswers
from storage.database import Database
from storage.rota_tables import live_rotas, told_gaps

_DUTIES: TypeAdapter[tuple[Duty, ...]] = TypeAdapter(tuple[Duty, ...])


class SqlRotas:
    """`bot.core.live_rotas.LiveRotas` on the ledger's database, one table for all replicas."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def copies(self) -> Mapping[str, LiveRota]:
        async with self._database.reading() as connection:
            rows = (await connection.execute(select(live_rotas))).all()
        return {row.source: _copy(row) for row in rows}

    async def claim(self, source: str, *, now: datetime, until: datetime) -> bool:
        first = self._database.insert(live_rotas).values(source=source, next_at=now)
        due = update(live_rotas).where(live_rotas.c.source == source, live_rotas.c.next_at <= now)
        async with self._database.writing() as connection:
            await connection.execute(first.on_conflict_do_nothing())
            return (await connection.execute(due.values(next_at=until))).rowcount == 1

    async def keep(self, copy: LiveRota, *, again_at: datetime) -> None:
        statement = self._database.insert(live_rotas).values(
            source=copy.source, next_at=again_at, **_columns(copy)
        )
        fresh = {"next_at": statement.excluded.next_at} | {
            name: statement.excluded[name] for name in _columns(copy)
        }
        async with self._database.writing() as connection:
            await connection.execute(
                statement.on_conflict_do_update(index_elements=[live_rotas.c.source], set_=fresh)
            )


class SqlToldGaps(SqlAnswers):
    """The part of a transaction that is about gaps in rotas."""

    async def told_gaps(self) -> Sequence[ToldGap]:
        rows = await self._all(select(told_gaps).order_by(told_gaps.c.role, told_gaps.c.starts_at))
        return [ToldGap(role=row.role, starts_at=row.starts_at, ends_at=row.ends_at) for row in rows]

    async def keep_told_gaps(self, gaps: Sequence[ToldGap]) -> None:
        await self._connection.execute(delete(told_gaps))
        rows = [{"role": gap.role, "starts_at": gap.starts_at, "ends_at": gap.ends_at} for gap in gaps]
        if rows:
            await self._connection.execute(self._database.insert(told_gaps), rows)


def _columns(copy: LiveRota) -> dict[str, Any]:
    reading = copy.reading
    return {
        "duties": _DUTIES.dump_python(reading.duties, mode="json") if reading else None,
        "until": reading.until if reading else None,
        "tag": reading.tag if reading else None,
        "modified": reading.modified if reading else None,
        "read_at": copy.read_at,
        "tried_at": copy.tried_at,
        "failures": copy.failures,
        "problem": copy.problem,
    }


def _copy(row: Any) -> LiveRota:
    reading = None
    if row.duties is not None:
        duties = _DUTIES.validate_python(row.duties)
        reading = Reading(duties=duties, until=row.until, tag=row.tag, modified=row.modified)
    return LiveRota(
        source=row.source,
        reading=reading,
        read_at=row.read_at,
        tried_at=row.tried_at,
        failures=row.failures,
        problem=row.problem,
    )
