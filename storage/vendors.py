"""Vendors as the ledger sees them: a circuit breaker each, and a share of what may be under way."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Select, and_, func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from storage.claiming import NOW, is_pending
from storage.database import Database
from storage.rates import BreakerPolicy
from storage.tables import breakers, effects


@dataclass(frozen=True, slots=True, kw_only=True)
class Vendor:
    """One that has pending effects."""

    name: str
    first_due_at: datetime
    open_until: datetime | None
    probe_until: datetime | None
    under_way: int
    first_lease_end: datetime | None

    @property
    def is_doubtful(self) -> bool:
        """The breaker has opened: when it may be tried again, then by a single probe."""
        return self.open_until is not None

    def closed_until(self, share: int) -> datetime | None:
        """Before this nothing may be claimed; None when it may at once."""
        instants = [self.open_until, self.probe_until if self.is_doubtful else None]
        if self.under_way >= share:
            instants.append(self.first_lease_end)
        return max((instant for instant in instants if instant is not None), default=None)

    def is_closed(self, now: datetime, share: int) -> bool:
        """Whether to pass over it."""
        until = self.closed_until(share)
        return until is not None and until > now


def _names() -> Select[tuple[str]]:
    """Every vendor with pending effects, by hopping along the index from one name to the next.

    DISTINCT would walk over each pending row: https://wiki.postgresql.org/wiki/Loose_indexscan
    """
    lowest = select(func.min(effects.c.vendor).label("name")).where(is_pending(effects))
    hops = lowest.cte("vendors", recursive=True)
    following = lowest.where(effects.c.vendor > hops.c.name).scalar_subquery()
    names = hops.union_all(select(following).where(hops.c.name.is_not(None)))
    return select(names.c.name).where(names.c.name.is_not(None))


def _vendors() -> Select[Any]:
    names = _names().subquery("names")
    of_vendor = and_(effects.c.vendor == names.c.name, is_pending(effects))
    # Only pending rows are leased; saying so would tempt a planner into walking over all that are pending.
    leased = and_(effects.c.vendor == names.c.name, effects.c.leased_until > NOW)
    return select(
        names.c.name,
        select(func.min(effects.c.due_at)).where(of_vendor).scalar_subquery().label("first_due_at"),
        select(func.count()).select_from(effects).where(leased).scalar_subquery().label("under_way"),
        select(func.min(effects.c.leased_until)).where(leased).scalar_subquery().label("first_lease_end"),
        breakers.c.open_until,
        breakers.c.probe_until,
    ).select_from(names.outerjoin(breakers, breakers.c.vendor == names.c.name))


_VENDORS = _vendors()


async def load_vendors(connection: AsyncConnection, *, now: datetime) -> Sequence[Vendor]:
    """Those with pending effects, the one that has waited longest first."""
    rows = await connection.execute(_VENDORS, {"now": now})
    return sorted((Vendor(**row) for row in rows.mappings()), key=lambda vendor: vendor.first_due_at)


async def take_probe(connection: AsyncConnection, vendor: str, *, now: datetime, until: datetime) -> bool:
    """Be the one probe of a half-open breaker; False when another process is."""
    result = await connection.execute(
        update(breakers)
        .where(
            breakers.c.vendor == vendor,
            or_(breakers.c.probe_until.is_(None), breakers.c.probe_until <= now),
        )
        .values(probe_until=until)
    )
    return result.rowcount == 1


async def close_breaker(connection: AsyncConnection, vendor: str) -> None:
    """The vendor works."""
    await connection.execute(
        update(breakers)
        .where(breakers.c.vendor == vendor)
        .values(failures=0, open_until=None, probe_until=None)
    )


async def is_troubled(connection: AsyncConnection, vendor: str) -> bool:
    """Whether there is anything to close: the usual answer is no, and costs no write."""
    found = await connection.execute(
        select(breakers.c.vendor).where(
            breakers.c.vendor == vendor, or_(breakers.c.failures > 0, breakers.c.open_until.is_not(None))
        )
    )
    return found.first() is not None


async def count_failure(
    connection: AsyncConnection, database: Database, vendor: str, *, now: datetime, policy: BreakerPolicy
) -> datetime | None:
    """One more in a row; when the breaker opens by it, until when."""
    await connection.execute(
        database.insert(breakers).values(vendor=vendor, failures=0).on_conflict_do_nothing()
    )
    of_vendor = breakers.c.vendor == vendor
    row = (await connection.execute(select(breakers).where(of_vendor).with_for_update())).mappings().one()
    failures, open_until = row["failures"] + 1, row["open_until"]
    was_open = open_until is not None and open_until > now
    # A failed probe opens it again at once; failures of what was still under way change nothing.
    opens = not was_open and (open_until is not None or failures >= policy.failures)
    values = {"failures": failures}
    if opens:
        values |= {"open_until": now + policy.open_for, "probe_until": None}
    await connection.execute(update(breakers).where(of_vendor).values(**values))
    return now + policy.open_for if opens else None
