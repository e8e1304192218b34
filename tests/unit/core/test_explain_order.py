"""The order "@bot explain" is answered where nobody but our own people reads."""

from __future__ import annotations

import pytest
from clock_bench import EMERGENCY, MINUTE, Story
from core_kit import AGENT, CAROL, MIA, ROOMS, Bench, a_message, an_address, policies

from bot.core import explain_order, explaining
from bot.core.effects import DraftAnswer, PostReply, Purpose
from bot.core.model import INTERNAL, RoomKind
from handlers.slack.rendering import MARKDOWN_LIMIT, render_reply


@pytest.fixture
async def story(bench: Bench) -> Story:
    story = Story(bench)
    await story.customer(EMERGENCY)
    return story


def notices(bench: Bench) -> list[PostReply]:
    return [reply for reply in bench.of(PostReply) if reply.purpose is Purpose.NOTICE]


async def test_asked_in_a_customers_thread_it_is_told_among_ourselves(story: Story) -> None:
    await story.agent("explain", is_mention=True)

    (told,) = notices(story.bench)
    assert (told.address.room, told.address.thread) == ("C_OURS", "")
    assert (told.room, told.text.audience) == (INTERNAL, INTERNAL)
    assert told.mentions == (AGENT,)
    assert told.about == an_address()
    assert story.bench.refused == []


async def test_what_it_says_word_for_word(story: Story) -> None:
    await story.agent("priority P3", is_mention=True)
    await story.agent("explain", is_mention=True)

    told = notices(story.bench)[-1]
    assert told.text.body == (
        "**DB-1 · Enterprise P3 · new** · Production is down, nothing works!\n"
        "```\n"
        "First reply: running · 4 h in 24x7 · policy test@1\n"
        "  due Tue 2026-11-24 16:01:00 UTC, in 3 h 58 min\n"
        "  Tue 2026-11-24 12:01:00 to 12:02:00 UTC  running (opened), counts 1 min\n"
        "  Tue 2026-11-24 12:02:00 UTC  priority P3 instead of P1: 4 h in 24x7, policy test@1\n"
        "      1 min used stay used; still due Tue 2026-11-24 16:01:00 UTC\n"
        "  Tue 2026-11-24 12:02:00 to 12:03:00 UTC  running (opened), counts 1 min\n"
        "  together 2 min of 4 h\n"
        "  to come   Tue 2026-11-24 14:01:00 UTC  warning\n"
        "  to come   Tue 2026-11-24 15:13:00 UTC  manager called at 80 %\n"
        "  to come   Tue 2026-11-24 16:01:00 UTC  the promise is broken\n"
        "```\n"
        "```\n"
        "Resolution: running · 4 h in 24x7 · policy test@1\n"
        "  due Tue 2026-11-24 16:01:00 UTC, in 3 h 58 min\n"
        "  Tue 2026-11-24 12:01:00 to 12:02:00 UTC  running (opened), counts 1 min\n"
        "  Tue 2026-11-24 12:02:00 UTC  priority P3 instead of P1: 4 h in 24x7, policy test@1\n"
        "      1 min used stay used; still due Tue 2026-11-24 16:01:00 UTC\n"
        "  Tue 2026-11-24 12:02:00 to 12:03:00 UTC  running (opened), counts 1 min\n"
        "  together 2 min of 4 h\n"
        "  to come   Tue 2026-11-24 14:01:00 UTC  warning\n"
        "  to come   Tue 2026-11-24 15:13:00 UTC  manager called at 80 %\n"
        "  to come   Tue 2026-11-24 16:01:00 UTC  the promise is broken\n"
        "```"
    )
    blocks = render_reply(told, key="k")["blocks"]
    assert [block["type"] for block in blocks] == ["markdown"]
    assert blocks[0]["text"] == told.text.body


async def test_asked_in_a_room_of_ours_it_is_told_there_by_number(story: Story) -> None:
    await story.bench.tell(
        a_message("explain DB-1", address=an_address("C_OURS", "9.0"), author=AGENT, is_mention=True)
    )

    (told,) = notices(story.bench)
    assert (told.address.room, told.address.thread, told.mentions) == ("C_OURS", "9.0", ())
    assert told.text.body.startswith("**DB-1")


async def test_a_customer_who_says_it_only_asks_a_question(story: Story) -> None:
    await story.customer("explain", is_mention=True)

    assert notices(story.bench) == []
    assert story.bench.of(DraftAnswer)[-1].text == "explain"


@pytest.mark.parametrize("who", [CAROL, MIA])
async def test_nobody_else_gets_it_by_its_number(story: Story, who: object) -> None:
    await story.bench.tell(
        a_message("explain DB-1", address=an_address("C_OPEN", "9.0"), author=who, is_mention=True)
    )

    assert notices(story.bench) == []


async def test_without_a_room_of_ours_customers_read_nothing_of_it(bench: Bench) -> None:
    bench.policies = policies(escalations=None)
    story = Story(bench)
    await story.customer(EMERGENCY)
    await story.agent("explain", is_mention=True)

    (told,) = notices(bench)
    assert told.address == an_address()
    assert (
        told.text.body
        == "I explain this only where nobody but our own people reads, and I know of no such room yet."
    )


async def test_where_escalations_are_told_to_customers_it_is_not_told_there(bench: Bench) -> None:
    assert next(room for room in ROOMS if room.room == "C_ACME").kind is RoomKind.CUSTOMER
    bench.policies = policies(escalations="C_ACME")
    story = Story(bench)
    await story.customer(EMERGENCY)
    await story.agent("explain", is_mention=True)

    assert all("due" not in told.text.body for told in notices(bench))


async def test_a_ticket_without_a_promise_says_so(bench: Bench) -> None:
    await bench.tell(a_message("Please open a ticket", address=an_address("C_OPEN"), author=MIA))
    await bench.tell(
        a_message("explain 1", address=an_address("C_OURS", "9.0"), author=AGENT, is_mention=True)
    )

    (told,) = notices(bench)
    assert "No clock: nothing is promised for Community" in told.text.body


async def test_no_ticket_and_no_such_ticket(bench: Bench) -> None:
    for order in ("explain", "explain DB-404"):
        await bench.tell(
            a_message(
                order,
                address=an_address("C_OURS", "9.0"),
                source=f"slack:{order}",
                author=AGENT,
                is_mention=True,
            )
        )

    assert [told.text.body for told in notices(bench)] == [
        "There is no ticket for this thread yet.",
        "There is no ticket DB-404.",
    ]


async def test_a_long_life_stays_below_what_slack_takes(story: Story) -> None:
    bench = story.bench
    for number in range(120):
        await story.agent(f"priority P{1 + number % 3}", is_mention=True)
        bench.now += 7 * MINUTE
    await story.agent("explain", is_mention=True)

    told = notices(bench)[-1]
    assert len(told.text.body) <= explaining.LONGEST < MARKDOWN_LIMIT
    assert "earlier spans and 1" in told.text.body
    assert told.text.body.count("\n  together ") == len(explaining_blocks(told.text.body)) == 2


def explaining_blocks(body: str) -> list[str]:
    return [block for block in body.split("```") if ": " in block and "due" in block]


@pytest.mark.parametrize(
    "text",
    [
        "explain",
        "Explain the SLA",
        "explain clock.",
        "explain DB-12",
        "explain 7",
        "explique",
        "explica o SLA",
    ],
)
def test_orders(text: str) -> None:
    assert explain_order.is_order(text)


@pytest.mark.parametrize(
    "text",
    ["explain how lineage works", "please explain", "explain DB-12 to me", "can you explain?", "sla", ""],
)
def test_questions(text: str) -> None:
    assert not explain_order.is_order(text)
