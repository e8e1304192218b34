"""Files are edited while tickets are open: what follows at the next start, what waits for `sla apply`."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from clock_bench import EMERGENCY, FIRST, RESOLUTION, Story
from core_kit import ACME, NOON, Bench, a_bench, a_message, an_address, policies
from sqlalchemy import text

from bot.core.effects import ShowStatus
from bot.core.following import apply_policies, follow_policies
from bot.core.model import ClockState, Metric, Priority, TicketStatus, Tier
from bot.core.policies import Calendar, Organisation, Policies
from bot.core.rehearsing import Outcome, Verdict, moves, verdict
from storage.database import Database
from storage.ledger import SqlLedger
from storage.promises import SqlPromiseBook

HOUR = timedelta(hours=1)
HOURS = Calendar(name="24x7", timezone="UTC", hours=((),) * 7, is_always_open=True)
EDITED = replace(HOURS, timezone="Europe/Lisbon")


@pytest.fixture
async def database(template: Path, tmp_path: Path) -> AsyncIterator[tuple[Bench, SqlPromiseBook]]:
    path = tmp_path / "desk.db"
    async with a_bench(template, path) as bench, Database.open(f"sqlite:///{path}") as database:
        bench.ledger = SqlLedger(database)
        yield bench, SqlPromiseBook(database, batch=1)


def of_tier(tier: Tier, known: Policies | None = None) -> Policies:
    return replace(known or policies(), organisations={ACME: Organisation(id=ACME, name="Acme", tier=tier)})


def with_target(hours: float, known: Policies | None = None) -> Policies:
    known = known or policies()
    targets = {key: replace(target, target=hours * HOUR) for key, target in known.targets.items()}
    return replace(known, targets=targets)


def with_calendar(calendar: Calendar) -> Policies:
    return replace(policies(), calendars={"24x7": calendar})


async def opened(bench: Bench) -> Story:
    story = Story(bench)
    await story.customer(EMERGENCY)
    bench.now = NOON + HOUR
    return story


Opened = tuple[Bench, SqlPromiseBook]


async def test_an_edited_calendar_is_followed_at_the_start_and_once(database: Opened) -> None:
    bench, book = database
    story = await opened(bench)
    told = len(bench.of(ShowStatus))
    edited = with_calendar(EDITED)

    assert await follow_policies(bench.ledger, book, edited, now=bench.now) == 1
    assert await follow_policies(bench.ledger, book, edited, now=bench.now) == 0

    for metric in (FIRST, RESOLUTION):
        (clock,) = await story.clocks(metric)
        assert [segment.change for segment in clock.segments] == ["", "calendar changed"]
        assert clock.counts_in == EDITED
    await bench.work()
    assert len(bench.of(ShowStatus)) == told + 1


async def test_a_clock_without_a_history_keeps_no_other_from_following(database: Opened) -> None:
    bench, book = database
    await opened(bench)
    await bench.tell(
        a_message(EMERGENCY, address=an_address(thread="2.0"), source="slack:2.0", sent_at=bench.now)
    )
    async with book._database.writing() as connection:
        await connection.execute(text("DELETE FROM segments WHERE clock IN (1, 2)"))

    changed = await follow_policies(bench.ledger, book, of_tier(Tier.PROFESSIONAL), now=bench.now)

    assert changed == 1


async def test_an_edited_promise_waits_until_it_is_applied(database: Opened) -> None:
    bench, book = database
    story = await opened(bench)
    edited = with_target(8)

    assert await follow_policies(bench.ledger, book, edited, now=bench.now) == 0
    (clock,) = await story.clocks(FIRST)
    assert clock.due_at - clock.started_at == 4 * HOUR
    assert await apply_policies(bench.ledger, book, edited, now=bench.now) == 1
    assert await apply_policies(bench.ledger, book, edited, now=bench.now) == 0
    (clock,) = await story.clocks(FIRST)
    assert clock.due_at - clock.started_at == 8 * HOUR
    assert clock.segments[-1].change == "policy edited"


async def test_a_customers_new_tier_reaches_its_open_tickets(database: Opened) -> None:
    bench, book = database
    story = await opened(bench)
    lower = replace(
        with_target(4),
        targets={
            **policies().targets,
            **{
                (Tier.PROFESSIONAL, priority, metric): replace(
                    target, tier=Tier.PROFESSIONAL, target=48 * HOUR
                )
                for (_, priority, metric), target in policies().targets.items()
            },
        },
    )

    assert await follow_policies(bench.ledger, book, of_tier(Tier.PROFESSIONAL, lower), now=bench.now) == 1

    assert (await story.ticket()).tier is Tier.PROFESSIONAL
    (clock,) = await story.clocks(FIRST)
    assert clock.due_at - clock.started_at == 48 * HOUR
    assert clock.segments[-1].change == "tier Professional instead of Enterprise"


async def test_a_tier_without_promises_ends_them_and_they_come_back_with_it(database: Opened) -> None:
    bench, book = database
    story = await opened(bench)
    await follow_policies(bench.ledger, book, of_tier(Tier.COMMUNITY), now=bench.now)
    (clock,) = await story.clocks(FIRST)
    assert (clock.state, clock.ended_because) == (ClockState.CANCELLED, "nothing is promised")

    bench.now += HOUR
    await follow_policies(bench.ledger, book, of_tier(Tier.ENTERPRISE), now=bench.now)
    (clock,) = await story.clocks(FIRST)
    assert clock.state is ClockState.RUNNING
    assert clock.due_at - clock.started_at == 5 * HOUR  # the hour without a promise does not count


async def test_a_customer_who_gets_a_contract_is_promised_from_then_on(database: Opened) -> None:
    bench, book = database
    bench.policies = of_tier(Tier.COMMUNITY, replace(policies(), targets={}))
    story = await opened(bench)
    assert await story.clocks(FIRST) == []

    await apply_policies(bench.ledger, book, policies(), now=bench.now)

    (clock,) = await story.clocks(FIRST)
    assert clock.started_at == bench.now
    assert clock.segments[0].reason == "promised from now on"


async def test_solved_tickets_are_left_alone_and_caught_up_when_they_come_back(database: Opened) -> None:
    bench, book = database
    story = await opened(bench)
    await story.agent()
    await story.status(TicketStatus.SOLVED)
    assert await follow_policies(bench.ledger, book, with_calendar(EDITED), now=bench.now) == 0

    bench.policies = with_calendar(EDITED)
    await story.status(TicketStatus.OPEN)
    (clock,) = await story.clocks(RESOLUTION)
    assert clock.counts_in == EDITED


# -- trying it first --


async def test_a_dry_run_says_what_would_move_and_what_that_means(database: Opened) -> None:
    bench, book = database
    await opened(bench)
    async for batch in book.open_tickets():
        ((ticket, clocks),) = batch
    first = next(clock for clock in clocks if clock.metric is FIRST)

    def outcome(tried: Policies, hours: float) -> list[tuple[Outcome, bool]]:
        now = first.started_at + hours * HOUR
        found = moves(ticket, clocks, tried, now)
        return [(move.outcome, move.is_at_start) for move in found if move.metric is FIRST]

    assert outcome(policies(), 1) == []
    assert outcome(with_target(8), 1) == [(Outcome.LATER, False)]
    assert outcome(with_target(2), 1) == [(Outcome.EARLIER, False)]
    assert outcome(with_target(2), 3) == [(Outcome.BREACHED, False)]
    assert outcome(with_target(8), 5) == [(Outcome.SAVED, False)]
    assert outcome(replace(policies(), targets={}), 1) == [(Outcome.DROPPED, False)]
    assert outcome(of_tier(Tier.COMMUNITY), 1) == [(Outcome.DROPPED, True)]


async def test_what_is_tried_is_what_is_applied(database: Opened) -> None:
    bench, book = database
    story = await opened(bench)
    tried = with_target(8)
    async for ((ticket, clocks),) in book.open_tickets():
        expected = {move.metric: move.would_be_due_at for move in moves(ticket, clocks, tried, bench.now)}
    await apply_policies(bench.ledger, book, tried, now=bench.now)

    for metric in (FIRST, RESOLUTION):
        (clock,) = await story.clocks(metric)
        assert clock.due_at == expected[metric]


async def test_promises_of_the_past_are_replayed_under_what_is_tried(database: Opened) -> None:
    bench, book = database
    story = await opened(bench)  # an hour after it was opened
    await story.agent()
    tried = {4: True, 0.5: False, 8: True}

    async for ((ticket, clock),) in book.ended_clocks(since=NOON):
        for hours, kept in tried.items():
            found = verdict(ticket, clock, with_target(hours))
            assert found == Verdict(
                tier=Tier.ENTERPRISE,
                priority=Priority.P1,
                metric=Metric.FIRST_REPLY_TIME,
                was_kept=True,
                would_be_kept=kept,
            )
        assert verdict(ticket, clock, replace(policies(), targets={})).would_be_kept is None
    assert await book.count(since=NOON) == 2  # this promise, and the open ticket
    assert await book.count(since=bench.now + HOUR) == 1


async def test_batches_miss_nothing_and_repeat_nothing(database: Opened) -> None:
    bench, book = database
    for number in range(5):
        await bench.tell(
            a_message(EMERGENCY, address=an_address(thread=f"{number}.0"), source=f"slack:{number}")
        )

    found = [ticket.id async for batch in book.open_tickets() for ticket, _ in batch]
    assert found == [1, 2, 3, 4, 5]
