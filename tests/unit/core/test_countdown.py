"""The countdown: cards are edited as time passes, the most wrong first, within what a workspace allows."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from core_kit import CAROL, NOON, ZETA, Bench, a_bench, a_message, a_room, an_address, policies

from bot.core import promising
from bot.core.cards import Card, Staleness
from bot.core.context import Context
from bot.core.effects import ShowStatus
from bot.core.events import MessageReceived
from bot.core.model import INTERNAL, RoomKind
from bot.core.policies import Policies

MINUTE = timedelta(minutes=1)


def an_emergency(thread: str) -> MessageReceived:
    return a_message(
        "Production is down for all users, please open a ticket",
        address=an_address(thread=thread),
        source=f"slack:{thread}",
    )


def with_card_room(known: Policies) -> Policies:
    return replace(known, card_room=a_room("C_OURS", RoomKind.INTERNAL))


async def test_a_card_is_edited_when_what_it_says_becomes_wrong_and_not_before(bench: Bench) -> None:
    await bench.tell(an_emergency("1.0"))
    first = bench.of(ShowStatus)[-1]
    assert [clock.left for clock in first.view.clocks] == [timedelta(hours=4)] * 2
    bench.performed.clear()

    await bench.move(29 * MINUTE)
    assert bench.of(ShowStatus) == []
    await bench.move(MINUTE)

    [edit] = bench.of(ShowStatus)
    assert edit.card == "card-1"
    assert [clock.left for clock in edit.view.clocks] == [timedelta(hours=3, minutes=30)] * 2


async def test_our_own_people_see_a_version_of_their_own_and_customers_never_do(
    template: Path, tmp_path: Path
) -> None:
    async with a_bench(template, tmp_path / "desk.db", policies=with_card_room(policies())) as bench:
        await bench.tell(an_emergency("1.0"))

        shown = bench.of(ShowStatus)

        theirs = [effect for effect in shown if not effect.is_internal]
        ours = [effect for effect in shown if effect.is_internal]
        assert theirs
        assert all(effect.view.inside is None for effect in theirs)
        assert ours
        assert all((effect.room, effect.address.room) == (INTERNAL, "C_OURS") for effect in ours)
        assert ours[-1].view.inside.requester == "Carol"
        assert ours[-1].view.inside.next_steps[0][1] == ("manager",)
        assert ours[-1].about == an_address(thread="1.0")


async def test_an_edit_never_waits_behind_a_crowd_of_countdowns(bench: Bench) -> None:
    """Whatever is wrong, no more than a few edits of a workspace are planned at once."""
    await bench.tell(*(an_emergency(f"{number}.0") for number in range(1, 13)))
    bench.performed.clear()
    bench.now += timedelta(minutes=31)
    for leased in await bench.ledger.claim_timers(now=bench.now, limit=100, lease=MINUTE):
        async with bench.ledger.finishing(leased, now=bench.now) as tx:
            await bench.desk.handle(leased.work, tx, now=bench.now)

    async with bench.ledger.transaction(now=bench.now, cause="look") as tx:
        assert await tx.count_pending(ShowStatus.bucket_of("slack", "T_HOME"), at_most=100) == 3

    for _ in range(10):
        await bench.work()
        await bench.move(timedelta(seconds=4))
    edited = Counter(effect.conversation for effect in bench.of(ShowStatus))
    assert len(edited) == 12
    assert set(edited.values()) == {1}


async def test_the_most_wrong_card_comes_first(bench: Bench) -> None:
    """Five minutes too many of ten count more than four hours of forty, and than one minute of an hour."""
    await bench.tell(an_emergency("1.0"), an_emergency("2.0"), an_emergency("3.0"))
    bench.performed.clear()
    hour = 60 * MINUTE
    behind = {1: (10 * MINUTE, 5 * MINUTE), 2: (40 * hour, 4 * hour), 3: (hour, 10 * MINUTE)}
    async with bench.ledger.transaction(now=bench.now, cause="plant") as tx:
        for conversation, (left, step) in behind.items():
            known = await tx.conversation(conversation)  # type: ignore[arg-type]  # a number from the table above
            await tx.save_card(
                Card(
                    conversation=known.id,
                    is_internal=False,
                    address=known.address,
                    card=f"card-{conversation}",
                    shown_at=NOON,
                    staleness=Staleness(at=bench.now, left=left, step=step, calendar="24x7"),
                )
            )
    bench.now += 30 * MINUTE
    timers = await bench.ledger.claim_timers(now=bench.now, limit=100, lease=MINUTE)
    for leased in timers:
        async with bench.ledger.finishing(leased, now=bench.now) as tx:
            await bench.desk.handle(leased.work, tx, now=bench.now)
    planned = list(await bench.ledger.claim_effects(now=bench.now, limit=1, lease=MINUTE))
    planned += await bench.ledger.claim_effects(now=bench.now, limit=1, lease=MINUTE)

    edits = [leased.work for leased in planned if isinstance(leased.work, ShowStatus)]
    assert [edit.conversation for edit in edits] == [1, 3]


async def test_a_ticket_that_is_solved_is_left_alone(bench: Bench) -> None:
    await bench.tell(a_message("Please open a ticket, I need a person", author=CAROL))
    async with bench.ledger.reading() as records:
        conversation = await records.find_conversation(an_address())
        assert conversation is not None
        assert conversation.ticket is not None
        ticket = await records.ticket(conversation.ticket)
        clocks = await records.clocks(ticket.id)
    assert clocks
    async with bench.ledger.transaction(now=bench.now, cause="end") as tx:
        context = Context(tx=tx, policies=bench.policies, now=bench.now, has_desk=False, installation="test")
        for clock in clocks:
            await promising.keep(context, ticket, clock.metric, bench.now)
        await promising.show(context, conversation)
    await bench.work()
    bench.performed.clear()

    await bench.move(timedelta(days=3))

    assert bench.of(ShowStatus) == []


async def test_a_card_that_cannot_be_edited_is_tried_once_and_takes_no_slot_for_ever(
    template: Path, tmp_path: Path
) -> None:
    """The room was given to another customer: five cards there are refused, once each, and others go on."""
    async with a_bench(template, tmp_path / "desk.db") as bench:
        lost = [an_emergency(f"{number}.0") for number in range(1, 6)]
        kept = [
            replace(an_emergency(f"{number}.0"), address=an_address("C_ZETA", f"{number}.0"))
            for number in range(6, 11)
        ]
        await bench.tell(*lost, *kept)
        given_away = a_room("C_ACME", RoomKind.CUSTOMER, ZETA)
        bench.policies = replace(
            bench.policies, rooms={**bench.policies.rooms, ("slack", "T_HOME", "C_ACME"): given_away}
        )
        bench.performed.clear()
        bench.refused.clear()

        for _ in range(60):
            await bench.move(MINUTE)

        assert sorted(effect.conversation for effect in bench.refused if isinstance(effect, ShowStatus)) == [
            *range(1, 6)
        ]
        edited = Counter(effect.conversation for effect in bench.of(ShowStatus))
        assert set(edited) == set(range(6, 11))
        assert min(edited.values()) >= 1
