"""Two tickets that are one: promises of the merged one end, and what the other lacks goes on there."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from clock_bench import EMERGENCY, FIRST, NEXT, RESOLUTION, Story, with_next_replies
from core_kit import AGENT, NOON, Bench, a_message, an_address

from bot.core.events import StatusReceived, TicketMerged
from bot.core.model import ClockState, Metric, TicketId, TicketStatus

HOUR = timedelta(hours=1)


@pytest.fixture
async def story(bench: Bench) -> Story:
    """DB-1 since noon, DB-2 an hour later in another thread."""
    bench.policies = with_next_replies()
    story = Story(bench)
    await bench.tell(a_message(EMERGENCY))
    bench.now += HOUR
    await bench.tell(
        a_message(EMERGENCY, address=an_address(thread="2.0"), source="slack:2.0", sent_at=bench.now)
    )
    return story


async def merge(story: Story, ticket: int = 1, into: int = 2) -> None:
    merged_at = story.bench.now
    await story.bench.tell(TicketMerged(ticket=TicketId(ticket), into=TicketId(into), merged_at=merged_at))


async def test_the_promises_of_the_merged_ticket_end_with_a_reason(story: Story) -> None:
    await merge(story)

    for metric in (FIRST, RESOLUTION):
        (clock,) = await story.clocks(metric)
        assert (clock.state, clock.ended_because) == (ClockState.CANCELLED, "merged into DB-2")
    assert (await story.ticket()).status is TicketStatus.CLOSED


async def test_a_promise_that_the_other_has_stays_as_it_is(story: Story) -> None:
    before = await story.clocks(RESOLUTION, 2)
    await merge(story)

    assert await story.clocks(RESOLUTION, 2) == before
    assert len(await story.clocks(FIRST, 2)) == 1


async def test_a_promise_that_the_other_lacks_goes_on_from_when_it_began(story: Story) -> None:
    known = story.bench.policies
    none = {key: target for key, target in known.targets.items() if key[2] is not Metric.RESOLUTION_TIME}
    story.bench.policies = replace(known, targets=none)
    await story.bench.tell(
        a_message(EMERGENCY, address=an_address(thread="3.0"), source="slack:3.0", sent_at=story.bench.now)
    )
    story.bench.policies = known
    assert await story.clocks(RESOLUTION, 3) == []
    await merge(story, 1, 3)

    (clock,) = await story.clocks(RESOLUTION, 3)
    assert (clock.state, clock.started_at, clock.due_at) == (ClockState.RUNNING, NOON, NOON + 4 * HOUR)
    async with story.bench.ledger.reading() as records:
        assert (await records.clock(clock.id)).ticket == 3


async def test_an_unanswered_question_is_owed_on_the_other_ticket(story: Story) -> None:
    await story.bench.tell(a_message("We are on it.", author=AGENT, source="slack:r1", starts_thread=False))
    for address in ("1.0", "2.0"):
        story.bench.now += HOUR / 60
        await story.bench.tell(
            a_message(
                "On it.",
                author=AGENT,
                address=an_address(thread=address),
                source=f"slack:r{address}",
                sent_at=story.bench.now,
                starts_thread=False,
            )
        )
    story.bench.now += HOUR / 60
    asked_at = story.bench.now
    await story.bench.tell(a_message("Any news?", source="slack:q", sent_at=asked_at, starts_thread=False))
    await merge(story)

    (clock,) = await story.clocks(NEXT, 2)
    assert (clock.started_at, clock.state) == (asked_at, ClockState.RUNNING)


async def test_a_paused_promise_runs_where_it_is_ours_to_move(story: Story) -> None:
    await story.bench.tell(
        StatusReceived(replica="101", status=TicketStatus.PENDING, changed_at=story.bench.now)
    )
    async with story.bench.ledger.transaction(now=story.bench.now, cause="cancel") as tx:
        (clock,) = [one for one in await tx.clocks(TicketId(2)) if one.metric is RESOLUTION]
        await tx.save_clock(replace(clock, metric=NEXT, state=ClockState.CANCELLED))  # as if never promised
    await merge(story)

    (clock,) = await story.clocks(RESOLUTION, 2)
    assert clock.state is ClockState.RUNNING
    assert clock.started_at == NOON


async def test_merged_twice_or_into_itself_changes_nothing_more(story: Story) -> None:
    await merge(story)
    before = [await story.clocks(metric, ticket) for metric in (FIRST, RESOLUTION) for ticket in (1, 2)]
    await merge(story)
    await merge(story, 2, 2)

    assert before == [
        await story.clocks(metric, ticket) for metric in (FIRST, RESOLUTION) for ticket in (1, 2)
    ]
    assert (await story.ticket(2)).status is not TicketStatus.CLOSED


async def test_into_a_ticket_that_is_over_nothing_is_carried(story: Story) -> None:
    await story.bench.tell(
        StatusReceived(replica="102", status=TicketStatus.CLOSED, changed_at=story.bench.now)
    )
    before = await story.clocks(RESOLUTION, 2)
    await merge(story)

    assert await story.clocks(RESOLUTION, 2) == before
