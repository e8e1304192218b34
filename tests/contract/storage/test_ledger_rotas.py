"""Copies of rotas and told gaps, on both databases."""

from __future__ import annotations

from datetime import timedelta

from desk_data import T0

from bot.core.live_rotas import Duty, LiveRota, Reading
from bot.core.rotas import ToldGap
from storage.database import Database
from storage.ledger import SqlLedger
from storage.rotas import SqlRotas

MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)
DUTY = Duty(names=("ada@acme.example", "Ada \x00"), starts_at=T0, ends_at=T0 + DAY)
COPY = LiveRota(
    source="on_call/feed/1",
    reading=Reading(
        duties=(DUTY,), until=T0 + 90 * DAY, tag='"v1"', modified="Tue, 24 Nov 2026 12:00:00 GMT"
    ),
    read_at=T0,
    tried_at=T0,
)


async def test_a_copy_comes_back_as_it_was_kept_and_is_replaced_as_a_whole(url: str) -> None:
    async with Database.open(url) as database:
        rotas = SqlRotas(database)
        await rotas.keep(COPY, again_at=T0 + MINUTE)
        assert await rotas.copies() == {COPY.source: COPY}

        never = LiveRota(source=COPY.source, tried_at=T0 + MINUTE, failures=3, problem="HTTP 503")
        await rotas.keep(never, again_at=T0 + MINUTE)
        assert await rotas.copies() == {COPY.source: never}


async def test_one_replica_reads_a_rota_and_the_others_wait_for_what_it_finds(url: str) -> None:
    async with Database.open(url) as database, Database.open(url) as other:
        ours, theirs = SqlRotas(database), SqlRotas(other)
        assert await ours.claim(COPY.source, now=T0, until=T0 + 2 * MINUTE)
        assert not await theirs.claim(COPY.source, now=T0 + MINUTE, until=T0 + 3 * MINUTE)
        # Whoever claimed it may have died: then somebody else reads it.
        assert await theirs.claim(COPY.source, now=T0 + 2 * MINUTE, until=T0 + 4 * MINUTE)
        await theirs.keep(COPY, again_at=T0 + 15 * MINUTE)
        assert not await ours.claim(COPY.source, now=T0 + 14 * MINUTE, until=T0 + 16 * MINUTE)
        assert await ours.claim(COPY.source, now=T0 + 15 * MINUTE, until=T0 + 17 * MINUTE)


async def test_told_gaps_are_those_of_the_last_look(ledger: SqlLedger) -> None:
    gaps = [ToldGap(role=role, starts_at=T0, ends_at=T0 + DAY) for role in ("manager", "on_call")]
    async with ledger.transaction(now=T0, cause="first") as tx:
        await tx.keep_told_gaps(gaps)
    async with ledger.transaction(now=T0, cause="second") as tx:
        assert await tx.told_gaps() == gaps
        await tx.keep_told_gaps(gaps[1:])
    async with ledger.transaction(now=T0, cause="third") as tx:
        assert await tx.told_gaps() == gaps[1:]
