"""A next reply is owed from the first unanswered message of the customer until a person answers in public."""

from __future__ import annotations

import pytest
from clock_bench import EMERGENCY, FIRST, MINUTE, NEXT, RESOLUTION, Story, with_next_replies
from core_kit import Bench, policies

from bot.core.effects import CommentOnReplica
from bot.core.model import ClockState, TicketStatus


@pytest.fixture
def story(bench: Bench) -> Story:
    bench.policies = with_next_replies()
    return Story(bench)


async def test_the_first_unanswered_message_starts_it_and_a_reply_ends_it(story: Story) -> None:
    await story.customer(EMERGENCY)
    await story.customer("It is the whole cluster.")
    assert await story.clocks(NEXT) == []  # the first reply is still owed
    await story.agent()
    asked_at = await story.customer("Any news?")
    await story.customer("Hello?")
    answered_at = await story.agent("Fixed in ten minutes.")

    (clock,) = await story.clocks(NEXT)
    assert (clock.started_at, clock.ended_at, clock.state) == (asked_at, answered_at, ClockState.MET)
    assert clock.ended_because == "a person replied"


async def test_a_ticket_has_as_many_as_the_customer_asks_again(story: Story) -> None:
    await story.customer(EMERGENCY)
    for _ in range(3):
        await story.agent()
        await story.customer("It still fails.")

    states = [clock.state for clock in await story.clocks(NEXT)]
    assert states == [ClockState.MET, ClockState.MET, ClockState.RUNNING]
    assert len(await story.clocks(FIRST)) == 1


@pytest.mark.parametrize(
    "words", ["Thanks!", "Muito obrigado, funcionou!", "ok :+1:", "Automatic reply: I am out of the office."]
)
async def test_pleasantries_and_auto_replies_start_nothing(story: Story, words: str) -> None:
    await story.customer(EMERGENCY)
    await story.agent()
    await story.customer(words)

    assert await story.clocks(NEXT) == []


async def test_thanks_with_a_file_is_more_than_thanks(story: Story) -> None:
    await story.customer(EMERGENCY)
    await story.agent()
    await story.customer("Thanks!", files=("log.txt",))

    assert len(await story.clocks(NEXT)) == 1


@pytest.mark.parametrize("status", [TicketStatus.SOLVED, TicketStatus.PENDING])
async def test_a_thank_you_opens_nothing_again_here_or_in_the_desk(
    story: Story, status: TicketStatus
) -> None:
    await story.customer(EMERGENCY)
    await story.agent("Done, please look.")
    await story.status(status)
    before = await story.clocks(RESOLUTION)
    await story.customer("Perfect, thank you so much!")

    assert (await story.ticket()).status is status
    assert await story.clocks(RESOLUTION) == before
    assert await story.clocks(NEXT) == []
    assert story.bench.of(CommentOnReplica)[-1].status is status


async def test_a_thank_you_in_the_desk_starts_nothing_either(story: Story) -> None:
    await story.customer(EMERGENCY)
    await story.agent()
    await story.status(TicketStatus.SOLVED)
    await story.desk_comment("Obrigada!", is_agent=False)

    assert (await story.ticket()).status is TicketStatus.SOLVED


async def test_a_word_that_is_none_opens_a_solved_ticket_and_starts_it(story: Story) -> None:
    await story.customer(EMERGENCY)
    await story.agent()
    await story.status(TicketStatus.SOLVED)
    asked_at = await story.customer("Thanks, but it is down again.")

    (clock,) = await story.clocks(NEXT)
    assert clock.started_at == asked_at
    assert (await story.ticket()).status is TicketStatus.OPEN
    assert story.bench.of(CommentOnReplica)[-1].status is None


async def test_only_a_persons_public_reply_ends_it(story: Story) -> None:
    await story.customer(EMERGENCY)
    await story.agent()
    await story.customer("Any news?")
    await story.agent("how do I connect DataHub?", is_mention=True)
    await story.agent("I am a program.", is_bot=True)
    await story.desk_comment("They are impatient.", is_agent=True, is_public=False)
    await story.desk_comment("Out of office: back on Monday.", is_agent=True)

    (clock,) = await story.clocks(NEXT)
    assert clock.state is ClockState.RUNNING
    await story.desk_comment("Here is the fix.", is_agent=True)
    (clock,) = await story.clocks(NEXT)
    assert clock.state is ClockState.MET


async def test_a_reply_sent_before_the_question_and_heard_after_it_does_not_answer_it(story: Story) -> None:
    await story.customer(EMERGENCY)
    replied_at = await story.agent()
    await story.customer("Any news?")
    await story.agent("One moment.", sent_at=replied_at)

    (clock,) = await story.clocks(NEXT)
    assert clock.state is ClockState.RUNNING


async def test_a_question_heard_late_that_is_answered_already_starts_nothing(story: Story) -> None:
    asked_at = await story.customer(EMERGENCY)
    await story.agent()
    await story.customer("Any news?", sent_at=asked_at + MINUTE / 2)

    assert await story.clocks(NEXT) == []


async def test_solved_without_an_answer_it_is_owed_again_when_the_ticket_comes_back(story: Story) -> None:
    await story.customer(EMERGENCY)
    await story.agent()
    await story.customer("Any news?")
    await story.status(TicketStatus.SOLVED)
    (clock,) = await story.clocks(NEXT)
    assert (clock.state, clock.ended_because) == (ClockState.CANCELLED, "solved without a reply")
    await story.status(TicketStatus.OPEN)

    (clock,) = await story.clocks(NEXT)
    assert (clock.state, clock.ended_because) == (ClockState.RUNNING, "")


async def test_answered_and_solved_at_once_it_is_not_owed_again_whichever_is_heard_first(
    story: Story,
) -> None:
    await story.customer(EMERGENCY)
    await story.agent()
    await story.customer("Any news?")
    await story.status(TicketStatus.SOLVED)
    await story.desk_comment("Fixed.", is_agent=True)
    await story.status(TicketStatus.OPEN)

    (clock,) = await story.clocks(NEXT)
    assert clock.state is ClockState.CANCELLED


async def test_its_steps_are_told_like_any_other(story: Story) -> None:
    await story.customer(EMERGENCY)
    await story.agent()
    await story.customer("Any news?")
    await story.bench.move(100 * MINUTE)

    (clock,) = await story.clocks(NEXT)
    assert set(clock.told) == {"warning", "step:0"}


async def test_where_it_is_not_promised_there_is_none(bench: Bench) -> None:
    bench.policies = policies()
    story = Story(bench)
    await story.customer(EMERGENCY)
    await story.agent()
    await story.customer("Any news?")

    assert await story.clocks(NEXT) == []
