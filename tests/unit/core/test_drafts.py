"""Drafts are decided about where our own people are, and once."""

from __future__ import annotations

from dataclasses import replace

import pytest
from core_kit import AGENT, CAROL, NOON, ROOMS, Bench, a_message, an_address, an_answer, policies

from bot.core.effects import PostReply, Purpose
from bot.core.events import Button, ButtonPressed
from bot.core.model import Address, AnswerMode, Floor, PersonRef


@pytest.fixture
def drafting(bench: Bench) -> Bench:
    rooms = tuple(replace(room, mode=AnswerMode.DRAFT) if room.room == "C_ACME" else room for room in ROOMS)
    known = policies(rooms)
    bench.policies = replace(known, draft_room=known.escalation_room)
    bench.answers = lambda question: an_answer("So.", question)
    return bench


def a_press(button: Button, address: Address, presser: PersonRef, value: str = "1") -> ButtonPressed:
    return ButtonPressed(
        button=button, address=address, presser=presser, value=value, message="reply-1", pressed_at=NOON
    )


def answers_said(bench: Bench) -> list[PostReply]:
    return [reply for reply in bench.of(PostReply) if reply.purpose is Purpose.ANSWER]


@pytest.mark.parametrize("button", [Button.USE_DRAFT, Button.IGNORE_DRAFT])
async def test_a_draft_cannot_be_decided_about_from_a_customers_room(drafting: Bench, button: Button) -> None:
    await drafting.tell(a_message())
    await drafting.tell(a_press(button, an_address("C_ACME"), CAROL))
    await drafting.tell(a_press(Button.USE_DRAFT, an_address("C_OURS", "2.0"), AGENT))

    assert len(answers_said(drafting)) == 1  # the second press found it still waiting


async def test_a_draft_is_used_once(drafting: Bench) -> None:
    await drafting.tell(a_message())
    for _ in range(2):
        await drafting.tell(a_press(Button.USE_DRAFT, an_address("C_OURS", "2.0"), AGENT))

    assert len(answers_said(drafting)) == 1


async def test_a_used_draft_is_said_even_where_a_person_has_spoken(drafting: Bench) -> None:
    await drafting.tell(a_message())
    await drafting.tell(a_message("On it.", source="slack:2.0", author=AGENT, starts_thread=False))
    await drafting.tell(a_press(Button.USE_DRAFT, an_address("C_OURS", "2.0"), AGENT))

    async with drafting.ledger.reading() as records:
        conversation = await records.find_conversation(an_address())
    assert conversation is not None
    assert conversation.floor is Floor.HUMAN
    assert len(answers_said(drafting)) == 1


@pytest.mark.parametrize("value", ["", "x", "404", "-1", "9" * 40])
async def test_a_press_that_names_no_draft_does_nothing(drafting: Bench, value: str) -> None:
    await drafting.tell(a_press(Button.USE_DRAFT, an_address("C_OURS", "2.0"), AGENT, value))

    assert drafting.performed == []
