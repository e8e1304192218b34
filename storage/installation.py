"""Which installation this is: what it writes at a vendor must not be taken for another's."""

from __future__ import annotations

from collections.abc import Callable

from sqlalchemy import select

from storage.database import Database
from storage.tables import installation


async def installation_id(database: Database, new: Callable[[], str]) -> str:
    """The id this database was given on first use; `new` makes it.

    Row ids start again in a fresh database, and an account at a vendor outlives databases: without it, the
    first ticket of a second installation would find the first installation's "deskbell-1".
    """
    async with database.writing() as connection:
        known = await connection.scalar(select(installation.c.id))
        if known is not None:
            return str(known)
        made = new()
        await connection.execute(installation.insert().values(id=made))
        return made
