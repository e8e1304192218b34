"""What a ticket is about: judged after it is open, settled by our own people, and told to Zendesk."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from scenario_kit import (
    BOT,
    UNKNOWN,
    Open,
    SmallKnowledge,
    add,
    ask,
    cards_in,
    clocks,
    press,
    replies_in,
    said_in,
    ticket,
)

from bot.commands.sandboxing import Sandbox
from bot.core.model import Correction, Metric, Priority, ProductArea, Verdict
from bot.core.triage import triage

EMERGENCY = "production is down, nobody can work"


class Judge(SmallKnowledge):
    """Finds everything to be about lineage, and of one priority."""

    def __init__(self, priority: Priority) -> None:
        self.priority = priority
        self.given: list[Sequence[Correction]] = []

    async def classify(self, text: str, corrections: Sequence[Correction]) -> Verdict:
        self.given.append(corrections)
        return replace(triage(text), product_area=ProductArea.LINEAGE, priority=self.priority)


async def a_ticket(sandbox: Sandbox) -> str:
    thread = await ask(sandbox, UNKNOWN)
    await press(sandbox, replies_in(sandbox, thread)[-1], "open_ticket")
    return thread


async def test_a_judgement_changes_priority_promises_card_and_replica(opened: Open) -> None:
    async with opened(knowledge=Judge(Priority.P2)) as sandbox:
        thread = await a_ticket(sandbox)

        opened_ticket = await ticket(sandbox)
        assert (opened_ticket.priority, opened_ticket.product_area) == (Priority.P2, ProductArea.LINEAGE)
        assert opened_ticket.description is not None
        first = (await clocks(sandbox))[Metric.FIRST_REPLY_TIME]
        assert first.target.total_seconds() == 8 * 3600  # ADR-096: Enterprise P2
        assert first.started_at == opened_ticket.opened_at.replace(microsecond=0)
        assert sandbox.zendesk.ticket(1).priority == "high"
        assert "P2" in cards_in(sandbox, thread)[-1]


async def test_an_emergency_stays_one_whatever_the_judgement(opened: Open) -> None:
    async with opened(knowledge=Judge(Priority.P4)) as sandbox:
        await ask(sandbox, EMERGENCY)

        assert (await ticket(sandbox)).priority is Priority.P1


async def test_a_person_of_ours_settles_it_also_over_the_floor(opened: Open) -> None:
    judge = Judge(Priority.P4)
    async with opened(knowledge=judge) as sandbox:
        thread = await ask(sandbox, EMERGENCY)
        await add(sandbox, thread, f"{BOT} priority P3", who="ada")
        await add(sandbox, thread, f"{BOT} área: gpu cluster", who="ada")

        settled = await ticket(sandbox)
        assert (settled.priority, settled.product_area) == (Priority.P3, ProductArea.GPU_CLUSTER)
        assert said_in(sandbox, thread)[-2:] == [
            "DB-1 is P3 now. I will remember it for messages like this one.",
            "DB-1 is GPU Cluster now. I will remember it for messages like this one.",
        ]
        assert sandbox.zendesk.ticket(1).priority == "normal"

        await ask(sandbox, f"{EMERGENCY} again")
        (learnt,) = judge.given[-1]
        assert learnt == Correction(
            text=EMERGENCY, product_area=ProductArea.GPU_CLUSTER, priority=Priority.P3
        )


async def test_a_customer_settles_nothing_and_a_wrong_word_is_one_sentence(sandbox: Sandbox) -> None:
    thread = await a_ticket(sandbox)
    before = (await ticket(sandbox)).priority
    await add(sandbox, thread, f"{BOT} priority P1")
    assert (await ticket(sandbox)).priority is before
    await add(sandbox, thread, f"{BOT} area: lineag", who="ada")
    assert "lineage" in said_in(sandbox, thread)[-1].lower()
    assert not (await ticket(sandbox)).is_area_settled


async def test_an_order_where_there_is_no_ticket_is_answered(sandbox: Sandbox) -> None:
    thread = await ask(sandbox, UNKNOWN)
    await add(sandbox, thread, f"{BOT} priority P1", who="ada")
    assert said_in(sandbox, thread)[-1] == "There is no ticket for this thread yet."


async def test_production_that_goes_down_under_a_ticket_is_p1(sandbox: Sandbox) -> None:
    thread = await a_ticket(sandbox)
    assert (await ticket(sandbox)).priority is not Priority.P1
    await add(sandbox, thread, "What is the ETA? Production is down for everyone now.")
    assert (await ticket(sandbox)).priority is Priority.P1
