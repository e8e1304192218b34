"""Calendars pinned by content: what a clock counted in can be read whatever the files say by now."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Iterable, Mapping
from dataclasses import fields, replace
from functools import lru_cache
from typing import Any

from pydantic import TypeAdapter
from sqlalchemy import delete, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.core.errors import ConfigError
from bot.core.policies import Calendar
from storage.database import Database
from storage.tables import calendars, segments

NAMED = "named:"  #: in the place of a fingerprint, where a clock from before 0007 knows only the name

_LENGTH = 24  #: hexadecimal digits of a SHA-256: 96 bits
_MOST = 1_000  #: definitions that are kept in memory
_CALENDAR: TypeAdapter[Calendar] = TypeAdapter(Calendar)

_known: dict[str, Calendar] = {}  #: by fingerprint, so what it holds is right for every database


@lru_cache(maxsize=256)
def fingerprint_of(calendar: Calendar) -> str:
    """The same for the same definition; names of holidays and the calendar's own are part of it."""
    text = json.dumps(_definition(calendar), sort_keys=True, ensure_ascii=True)
    return hashlib.sha256(text.encode()).hexdigest()[:_LENGTH]


async def pin(connection: AsyncConnection, database: Database, wanted: Iterable[Calendar]) -> None:
    """Store what is not stored yet."""
    given = {fingerprint_of(calendar): calendar for calendar in wanted}
    fresh = [key for key in given if key not in await _stored(connection, given)]
    for key in fresh:
        row = {"fingerprint": key, "name": given[key].name, "definition": _definition(given[key])}
        statement = database.insert(calendars).values(row)
        await connection.execute(statement.on_conflict_do_nothing(index_elements=[calendars.c.fingerprint]))
    _remember(given)


async def pinned(connection: AsyncConnection, fingerprints: Collection[str]) -> Mapping[str, Calendar]:
    """The definitions; ConfigError for a clock of an earlier version that was not adopted yet."""
    missing = [key for key in set(fingerprints) if key not in _known]
    found: dict[str, Calendar] = {}
    if missing:
        rows = await connection.execute(select(calendars).where(calendars.c.fingerprint.in_(missing)))
        for row in rows.mappings():
            if row["definition"] is None:
                raise ConfigError(_unknown(row["name"]))
            found[row["fingerprint"]] = _CALENDAR.validate_python(row["definition"])
        _remember(found)
    return {key: found.get(key) or _known[key] for key in fingerprints}


async def adopt(connection: AsyncConnection, database: Database, current: Mapping[str, Calendar]) -> None:
    """Clocks of an earlier version count in what their calendars' names mean at the first start after it."""
    await pin(connection, database, current.values())
    names = select(calendars.c.name).where(calendars.c.definition.is_(None))
    for name in (await connection.scalars(names)).all():
        if name not in current:
            raise ConfigError(_unknown(name))
        placeholder = f"{NAMED}{name}"
        await connection.execute(
            update(segments)
            .where(segments.c.calendar == placeholder)
            .values(calendar=fingerprint_of(current[name]))
        )
        await connection.execute(delete(calendars).where(calendars.c.fingerprint == placeholder))


async def _stored(connection: AsyncConnection, given: Collection[str]) -> Collection[str]:
    known = select(calendars.c.fingerprint).where(calendars.c.fingerprint.in_(given))
    return set((await connection.scalars(known)).all())


def _definition(calendar: Calendar) -> Any:
    # Plain dictionaries: policies hold read-only views, which are no JSON.
    plain: dict[str, Any] = {
        field.name: dict(value)
        for field in fields(calendar)
        if isinstance(value := getattr(calendar, field.name), Mapping)
    }
    return _CALENDAR.dump_python(replace(calendar, **plain), mode="json")


def _remember(given: Mapping[str, Calendar]) -> None:
    if len(_known) > _MOST:
        _known.clear()
    for key, calendar in given.items():
        _known.setdefault(key, calendar)


def _unknown(name: str) -> str:
    return (
        f"calendars.toml: clocks of an earlier version count in [{name}], which is not there any more; "
        "put it back for one start"
    )
