"""Calendars are kept by content, and clocks of an earlier version learn which one they counted in."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from pathlib import Path
from types import MappingProxyType

import pytest
from alembic import command
from alembic.config import Config
from desk_data import LEASE, TERMS, a_clock, a_conversation, a_ticket, later
from sqlalchemy import Connection, column, table, text

import storage.migrating
from bot.core.alerts import AlertState
from bot.core.errors import ConfigError
from bot.core.model import ClockId, ClockState, Priority, Segment, SegmentKind, TicketId, Tier
from bot.core.policies import Calendar, Interval
from storage.database import Database
from storage.ledger import SqlLedger
from storage.migrating import migrate, migrating_connection
from storage.pinned import fingerprint_of
from storage.promises import SqlPromiseBook, adopt_calendars

HOURS = ((Interval(start=540, end=1020),),) * 5 + ((), ())
BUSINESS = Calendar(
    name="business",
    timezone="America/New_York",
    hours=HOURS,
    holidays=MappingProxyType({date(2026, 11, 26): "Thanksgiving"}),
)
T0 = 1_762_000_000_000_000  # microseconds


def test_a_fingerprint_is_of_the_content() -> None:
    same = replace(BUSINESS, holidays={date(2026, 11, 26): "Thanksgiving"})

    assert fingerprint_of(BUSINESS) == fingerprint_of(same)
    for other in (
        replace(BUSINESS, name="other"),
        replace(BUSINESS, timezone="Europe/Lisbon"),
        replace(BUSINESS, holidays={}),
        replace(BUSINESS, hours=((),) * 7, is_always_open=True),
        replace(BUSINESS, breaks={date(2026, 11, 27): (Interval(start=720, end=780),)}),
    ):
        assert fingerprint_of(other) != fingerprint_of(BUSINESS)


async def test_a_clock_is_read_in_the_calendars_it_counted_in(ledger: SqlLedger) -> None:
    async with ledger.transaction(now=later(0), cause="test") as tx:
        ticket = await a_ticket(tx, (await a_conversation(tx)).id)
        clock = await tx.start_clock(a_clock(ticket))
        edited = replace(BUSINESS, holidays={**BUSINESS.holidays, date(2026, 12, 24): "Christmas Eve"})
        segments = [replace(clock.segments[0], ended_at=later(60))]
        for number, calendar in enumerate((BUSINESS, edited, BUSINESS), start=1):
            terms = replace(TERMS, calendar=calendar, priority=Priority.P2)
            start, end = later(60 * number), later(60 * number + 60) if number < 3 else None
            segments.append(
                Segment(
                    kind=SegmentKind.RUNNING,
                    started_at=start,
                    ended_at=end,
                    terms=terms,
                    change="calendar changed",
                )
            )
        changed = replace(clock, segments=tuple(segments), ended_because="", version=2)
        await tx.save_clock(changed)

    async with ledger.reading() as records:
        assert await records.clock(clock.id) == changed


async def test_a_segment_keeps_its_terms(ledger: SqlLedger) -> None:
    async with ledger.transaction(now=later(0), cause="test") as tx:
        ticket = await a_ticket(tx, (await a_conversation(tx)).id)
        clock = await tx.start_clock(a_clock(ticket))
    other = replace(clock.segments[0], terms=replace(TERMS, calendar=BUSINESS), ended_at=later(60))
    with pytest.raises(ValueError, match="history"):
        async with ledger.transaction(now=later(0), cause="test") as tx:
            await tx.save_clock(replace(clock, segments=(other,)))


async def test_the_book_knows_what_live_clocks_count_in(database: Database, ledger: SqlLedger) -> None:
    async with ledger.transaction(now=later(0), cause="test") as tx:
        ticket = await a_ticket(tx, (await a_conversation(tx)).id)
        await tx.start_clock(a_clock(ticket))
        ended = a_clock(ticket)
        terms = replace(TERMS, calendar=BUSINESS)
        segment = replace(ended.segments[0], terms=terms, ended_at=later(60))
        over = replace(ended, segments=(segment,), ended_at=later(60), state=ClockState.MET)
        await tx.start_clock(over)
    book = SqlPromiseBook(database)

    assert await book.live_calendars() == [TERMS.calendar]
    assert await book.open_tiers() == [("acme", Tier.ENTERPRISE)]
    assert [batch async for batch in book.ended_clocks(since=later(61))] == []
    ((found,),) = [batch async for batch in book.ended_clocks(since=later(60))]
    assert (found[0].id, found[1].counts_in) == (ticket.id, BUSINESS)


def _migrate_to(url: str, revision: str) -> None:
    config = Config()
    config.set_main_option("script_location", str(Path(storage.migrating.__file__).with_name("migrations")))
    config.set_main_option("path_separator", "os")
    with migrating_connection(url) as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, revision)


def _insert(connection: Connection, into: str, **values: object) -> None:
    connection.execute(table(into, *(column(name) for name in values)).insert().values(values))


def _fill_as_before(url: str) -> None:
    """A ticket with two clocks, as 0006 stored them."""
    with migrating_connection(url) as connection:
        place = {"door": "slack", "workspace": "T1", "room": "C1", "thread": "1.0", "audience": "public"}
        _insert(connection, "conversations", id=1, tier="Enterprise", opened_at=T0, floor="bot", **place)
        requester = {f"requester_{part}": part for part in ("door", "workspace", "user")}
        said = {"subject": "Down", "tier": "Enterprise", "priority": "P2", "status": "open", **requester}
        settled = {"is_area_settled": False, "is_priority_settled": False}
        _insert(connection, "tickets", id=1, conversation=1, opened_at=T0, **said, **settled)
        promise = {"policy": "default@1", "calendar": "business", "target": 3_600_000_000, "warn_percent": 80}
        times = {"started_at": T0, "due_at": T0, "warning_at": T0, "version": 1, "steps": "[]", "told": "[]"}
        for number, metric, state, ended_at in (
            (1, "first_reply_time", "met", T0 + 60_000_000),
            (2, "resolution_time", "running", None),
        ):
            kept = {"metric": metric, "state": state, "ended_at": ended_at}
            _insert(connection, "clocks", id=number, ticket=1, **promise, **times, **kept)
            span = {"kind": "running", "started_at": T0, "ended_at": ended_at, "reason": ""}
            _insert(connection, "segments", clock=number, ordinal=0, **span)


async def test_an_upgrade_calls_nobody_again_and_brings_old_cards_up_to_date(empty_url: str) -> None:
    _migrate_to(empty_url, "0005")
    _fill_as_before(empty_url)
    with migrating_connection(empty_url) as connection:
        connection.execute(text("UPDATE conversations SET card = '17.1'"))
        connection.execute(text("""UPDATE clocks SET told = '["warning", "step:0", "step:1"]'"""))
    migrate(empty_url)

    async with Database.open(empty_url) as database:
        await adopt_calendars(database, {"business": BUSINESS})
        ledger = SqlLedger(database)
        async with ledger.transaction(now=later(0), cause="test") as tx:
            (alert,) = await tx.alerts(ClockId(2))
            assert (alert.ref.mark, alert.state, alert.calls_people) == ("step:1", AlertState.SENT, False)
            assert await tx.alerts(ClockId(1)) == []
            (card,) = await tx.stale_cards("slack", "T1", now=later(0), limit=9)
            assert card.card == "17.1"
        (timer,) = await ledger.claim_timers(now=later(0), limit=9, lease=LEASE)
        assert timer.work.key == "cards:slack/T1"


async def test_clocks_of_an_earlier_version_are_adopted_at_the_first_start(empty_url: str) -> None:
    _migrate_to(empty_url, "0006")
    _fill_as_before(empty_url)
    migrate(empty_url)

    async with Database.open(empty_url) as database:
        ledger = SqlLedger(database)
        with pytest.raises(ConfigError, match="\\[business\\]"):
            async with ledger.reading() as records:
                await records.clock(ClockId(2))
        with pytest.raises(ConfigError, match="put it back for one start"):
            await adopt_calendars(database, {"24x7": TERMS.calendar})
        for _ in range(2):
            await adopt_calendars(database, {"24x7": TERMS.calendar, "business": BUSINESS})
        async with ledger.reading() as records:
            clock, ticket = await records.clock(ClockId(2)), await records.ticket(TicketId(1))

    assert clock.counts_in == BUSINESS
    assert (clock.terms.policy, clock.terms.tier, clock.terms.priority, clock.terms.target) == (
        "default@1",
        Tier.ENTERPRISE,
        Priority.P2,
        clock.target,
    )
    assert ticket.last_replied_at is not None
