"""The records: what is saved comes back, what is unique stays unique, history is only added to."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest
from desk_data import (
    ANNA,
    LEASE,
    T0,
    TERMS,
    a_clock,
    a_conversation,
    a_message,
    a_reply,
    a_ticket,
    an_address,
    later,
)

from bot.core.errors import Unavailable
from bot.core.model import (
    ClockId,
    ClockState,
    ConversationId,
    Floor,
    Person,
    Priority,
    Segment,
    SegmentKind,
    TicketId,
    TicketStatus,
)
from storage.ledger import SqlLedger


async def test_a_conversation_comes_back_as_it_was_saved(ledger: SqlLedger) -> None:
    async with ledger.transaction(now=T0, cause="test") as tx:
        opened = await a_conversation(tx)
        saved = replace(opened, floor=Floor.HUMAN, ticket=TicketId(7))
        await tx.save_conversation(saved)
    async with ledger.reading() as records:
        assert await records.conversation(opened.id) == saved
        assert await records.find_conversation(an_address()) == saved
        assert await records.find_conversation(an_address("2.0")) is None


async def test_what_is_not_there_is_a_key_error(ledger: SqlLedger) -> None:
    async with ledger.reading() as records:
        with pytest.raises(KeyError, match="conversation 404"):
            await records.conversation(ConversationId(404))
        with pytest.raises(KeyError, match="ticket 404"):
            await records.ticket(TicketId(404))
        with pytest.raises(KeyError, match="clock 404"):
            await records.clock(ClockId(404))


async def test_an_address_has_one_conversation(ledger: SqlLedger) -> None:
    async with ledger.transaction(now=T0, cause="test") as tx:
        await a_conversation(tx)
    with pytest.raises(Unavailable, match=r"(?i)unique"):
        async with ledger.transaction(now=T0, cause="test") as tx:
            await a_conversation(tx)


async def test_a_conversation_has_one_ticket(ledger: SqlLedger) -> None:
    async with ledger.transaction(now=T0, cause="test") as tx:
        conversation = await a_conversation(tx)
        await a_ticket(tx, conversation.id)
    with pytest.raises(Unavailable, match=r"(?i)unique"):
        async with ledger.transaction(now=T0, cause="test") as tx:
            await a_ticket(tx, conversation.id)


async def test_two_that_open_one_conversation_at_once_leave_one(ledger: SqlLedger) -> None:
    async def open_it() -> None:
        async with ledger.transaction(now=T0, cause="test") as tx:
            if await tx.find_conversation(an_address()) is None:
                await asyncio.sleep(0)
                await a_conversation(tx)

    failures = await asyncio.gather(*(open_it() for _ in range(5)), return_exceptions=True)
    assert all(failure is None or isinstance(failure, Unavailable) for failure in failures)
    async with ledger.reading() as records:
        assert await records.find_conversation(an_address())


async def test_a_read_conversation_is_locked_until_the_end(ledger: SqlLedger) -> None:
    """Five read-modify-write rounds at once: none is lost."""
    async with ledger.transaction(now=T0, cause="test") as tx:
        opened = await a_conversation(tx)

    async def add_one() -> None:
        async with ledger.transaction(now=T0, cause="test") as tx:
            conversation = await tx.conversation(opened.id)
            await asyncio.sleep(0)
            await tx.save_conversation(replace(conversation, ticket=TicketId((conversation.ticket or 0) + 1)))

    await asyncio.gather(*(add_one() for _ in range(5)))
    async with ledger.reading() as records:
        assert (await records.conversation(opened.id)).ticket == 5


async def test_a_known_message_is_not_recorded_twice(ledger: SqlLedger) -> None:
    async with ledger.transaction(now=T0, cause="test") as tx:
        conversation = await a_conversation(tx)
        first = await tx.record_message(a_message(conversation.id))
        assert await tx.record_message(a_message(conversation.id, body="edited")) is None
        second = await tx.record_message(replace(a_message(conversation.id, "slack:2"), sent_at=later(-5)))
    async with ledger.reading() as records:
        assert await records.messages(conversation.id) == [second, first], "in the order they were said"


async def test_words_no_database_takes_are_made_storable(ledger: SqlLedger) -> None:
    async with ledger.transaction(now=T0, cause="test") as tx:
        conversation = await a_conversation(tx)
        await tx.record_message(a_message(conversation.id, body="a\x00b \ud83d c"))
        await tx.plan(a_reply(1, "a\x00b \ud83d c"))
    async with ledger.reading() as records:
        (message,) = await records.messages(conversation.id)
    assert message.text.body == "a\ufffdb \ufffd c"
    (leased,) = await ledger.claim_effects(now=T0, limit=1, lease=LEASE)
    assert leased.work == a_reply(1, "a\x00b \ud83d c"), "a document keeps what it is given"


async def test_a_person_is_inserted_or_replaced(ledger: SqlLedger) -> None:
    async with ledger.transaction(now=T0, cause="test") as tx:
        assert await tx.find_person(ANNA) is None
        await tx.save_person(Person(ref=ANNA, name="U1"))
        await tx.save_person(Person(ref=ANNA, name="Anna", email="anna@example.org"))
        assert await tx.find_person(ANNA) == Person(ref=ANNA, name="Anna", email="anna@example.org")
        assert await tx.find_person(replace(ANNA, workspace="T2")) is None


async def test_a_ticket_comes_back_as_it_was_saved(ledger: SqlLedger) -> None:
    async with ledger.transaction(now=T0, cause="test") as tx:
        conversation = await a_conversation(tx)
        opened = await a_ticket(tx, conversation.id)
        assert opened.status is TicketStatus.NEW
        saved = replace(
            opened,
            priority=Priority.P2,
            status=TicketStatus.SOLVED,
            replica="35436",
            assignee="Grace",
            solved_at=later(9),
        )
        await tx.save_ticket(saved)
    async with ledger.reading() as records:
        assert await records.ticket(opened.id) == saved
        assert await records.find_replicated("35436") == saved
        assert await records.find_replicated("1") is None
    assert await ledger.tickets() == [saved]
    assert await ledger.tickets(only_open=True) == []


async def test_saving_what_was_never_opened_is_a_key_error(ledger: SqlLedger) -> None:
    async with ledger.transaction(now=T0, cause="test") as tx:
        ticket = await a_ticket(tx, (await a_conversation(tx)).id)
    with pytest.raises(KeyError, match="tickets"):
        async with ledger.transaction(now=T0, cause="test") as tx:
            await tx.save_ticket(replace(ticket, id=TicketId(404)))


async def test_a_clock_is_a_snapshot_and_its_segments_are_only_added_to(ledger: SqlLedger) -> None:
    async with ledger.transaction(now=T0, cause="test") as tx:
        conversation = await a_conversation(tx)
        ticket = await a_ticket(tx, conversation.id)
        clock = await tx.start_clock(a_clock(ticket))
        assert replace(clock, id=ClockId(0)) == a_clock(ticket)
        other = await tx.start_clock(a_clock(ticket))
        running, paused = (
            clock.segments[0],
            Segment(kind=SegmentKind.PAUSED, started_at=later(60), reason="hold", terms=TERMS),
        )
        changed = replace(
            clock,
            segments=(replace(running, ended_at=later(60)), paused),
            state=ClockState.PAUSED,
            told=("warning",),
            acknowledged_by="U2",
            acknowledged_at=later(61),
            version=2,
        )
        await tx.save_clock(changed)
    async with ledger.reading() as records:
        assert await records.clock(clock.id) == changed
        assert await records.clocks(ticket.id) == [changed, other]

    for history in ((paused,), (running, paused), ()):
        with pytest.raises(ValueError, match="history"):
            async with ledger.transaction(now=T0, cause="test") as tx:
                await tx.save_clock(replace(changed, segments=history))
    async with ledger.reading() as records:
        assert await records.clock(clock.id) == changed


async def test_a_span_keeps_its_microseconds(ledger: SqlLedger) -> None:
    async with ledger.transaction(now=T0, cause="test") as tx:
        ticket = await a_ticket(tx, (await a_conversation(tx)).id)
        clock = await tx.start_clock(replace(a_clock(ticket), target=timedelta(days=400, microseconds=1)))
        assert (await tx.clock(clock.id)).target == timedelta(days=400, microseconds=1)


async def test_a_naive_time_is_refused(ledger: SqlLedger) -> None:
    with pytest.raises(Exception, match="timezone-aware"):
        async with ledger.transaction(now=T0.replace(tzinfo=None), cause="test") as tx:
            await tx.plan(a_reply())


async def test_a_comment_is_remembered_once_per_ticket(ledger: SqlLedger) -> None:
    async with ledger.transaction(now=T0, cause="test") as tx:
        ticket = await a_ticket(tx, (await a_conversation(tx)).id)
        assert not await tx.knows_comment(ticket.id, "9")
        assert await tx.remember_comment(ticket.id, "9")
        assert not await tx.remember_comment(ticket.id, "9")
        assert await tx.knows_comment(ticket.id, "9")


async def test_pending_is_what_is_still_to_be_done_or_under_way(ledger: SqlLedger) -> None:
    async with ledger.transaction(now=T0, cause="test") as tx:
        assert not await tx.has_pending("slack/1", "PostReply")
        await tx.plan(a_reply(1))
        assert await tx.has_pending("slack/1", "PostReply")
        assert not await tx.has_pending("slack/1", "EditReply")
    (leased,) = await ledger.claim_effects(now=T0, limit=1, lease=LEASE)
    async with ledger.reading() as records:
        assert await records.has_pending("slack/1", "PostReply")
    async with ledger.finishing(leased, now=T0) as tx:
        assert not await tx.has_pending("slack/1", "PostReply"), "the one being finished is done"


async def test_a_reader_waits_for_no_writer_and_sees_nothing_half_done(ledger: SqlLedger) -> None:
    async with ledger.transaction(now=T0, cause="test") as tx:
        await a_conversation(tx)
        async with ledger.reading() as records:
            assert await records.find_conversation(an_address()) is None
