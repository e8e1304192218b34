"""Status cards in the records: two versions of each, found when they become wrong."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from desk_data import LEASE, SECOND, T0, a_conversation, a_reply, later

from bot.core.cards import Card, Staleness
from bot.core.errors import LeaseLost
from bot.core.ports import Timer
from storage.ledger import SqlLedger
from storage.transactions import SqlTransaction

MINUTE = timedelta(minutes=1)


async def a_card(tx: SqlTransaction, thread: str, stale: float | None, left: timedelta = MINUTE) -> Card:
    conversation = await a_conversation(tx, thread)
    card = Card(
        conversation=conversation.id,
        is_internal=False,
        address=conversation.address,
        card=f"card-{thread}",
        shown_at=T0,
        staleness=None
        if stale is None
        else Staleness(at=later(stale), left=left, step=MINUTE, calendar="24x7"),
    )
    await tx.save_card(card)
    return card


async def test_a_card_is_replaced_and_its_other_version_stays(ledger: SqlLedger) -> None:
    async with ledger.transaction(now=T0, cause="test") as tx:
        card = await a_card(tx, "1.0", 10)
        await tx.save_card(replace(card, is_internal=True, card="inside"))
        await tx.save_card(replace(card, card="again"))

    async with ledger.reading() as records:
        assert await records.card(card.conversation, is_internal=False) == "again"
        assert await records.card(card.conversation, is_internal=True) == "inside"


async def test_stale_cards_are_the_longest_and_the_most_urgent(ledger: SqlLedger) -> None:
    async with ledger.transaction(now=T0, cause="test") as tx:
        oldest = await a_card(tx, "1.0", 1, left=timedelta(hours=1))
        await a_card(tx, "2.0", 2, left=timedelta(hours=1))
        urgent = await a_card(tx, "3.0", 3, left=SECOND)
        await a_card(tx, "4.0", 11)
        await a_card(tx, "5.0", None)

        found = await tx.stale_cards("slack", oldest.address.workspace, now=later(10), limit=1)
        everything = await tx.stale_cards("slack", oldest.address.workspace, now=later(10), limit=9)
        elsewhere = await tx.stale_cards("slack", "T_ELSEWHERE", now=later(10), limit=9)

        assert set(found) == {oldest, urgent}
        assert len(everything) == 3
        assert elsewhere == []
        assert await tx.next_stale("slack", oldest.address.workspace) == later(1)
        assert await tx.next_stale("slack", "T_ELSEWHERE") is None


async def test_pending_effects_of_a_bucket_are_counted_as_far_as_asked(ledger: SqlLedger) -> None:
    async with ledger.transaction(now=T0, cause="test") as tx:
        for number in range(4):
            await tx.plan(a_reply(conversation=number))
        bucket = a_reply().bucket

        assert await tx.count_pending(bucket, at_most=3) == 3
        assert await tx.count_pending(bucket, at_most=9) == 4
        assert await tx.count_pending("slack/T1/edits", at_most=9) == 0


async def test_a_timer_is_brought_forward_and_never_put_off(ledger: SqlLedger) -> None:
    async def bring_forward(at: float) -> None:
        async with ledger.transaction(now=T0, cause="test") as tx:
            await tx.bring_forward(Timer(key="cards:slack/T1", due_at=later(at), version=1))

    await bring_forward(50)
    await bring_forward(90)
    assert await ledger.next_due(now=T0) == later(50)
    await bring_forward(5)
    assert await ledger.next_due(now=T0) == later(5)


async def test_a_timer_under_way_is_brought_forward_too(ledger: SqlLedger) -> None:
    async with ledger.transaction(now=T0, cause="test") as tx:
        await tx.set_timer(Timer(key="cards:slack/T1", due_at=later(5), version=1))
    (leased,) = await ledger.claim_timers(now=later(5), limit=1, lease=LEASE)

    async with ledger.transaction(now=later(5), cause="test") as tx:
        await tx.bring_forward(Timer(key="cards:slack/T1", due_at=later(9), version=1))

    with pytest.raises(LeaseLost):
        async with ledger.finishing(leased, now=later(6)):
            pass
    (again,) = await ledger.claim_timers(now=later(9), limit=1, lease=LEASE)
    assert again.work.key == "cards:slack/T1"


async def test_a_card_that_somebody_holds_is_passed_over(ledger: SqlLedger, backend: str) -> None:
    if backend == "sqlite":
        pytest.skip("on SQLite a writer holds the whole database")
    async with ledger.transaction(now=T0, cause="test") as tx:
        held, free = await a_card(tx, "1.0", 1), await a_card(tx, "2.0", 2)

    async with ledger.transaction(now=T0, cause="one") as one:
        await one.save_card(replace(held, card="again"))
        async with ledger.transaction(now=T0, cause="other") as other:
            found = await other.stale_cards("slack", "T1", now=later(10), limit=9)

    assert found == [free]
