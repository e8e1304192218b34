"""Answers and gaps: what was said on which revision, and what could not be said."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from desk_data import ACME, T0, a_conversation, a_message, later

from bot.core.model import (
    PUBLIC,
    AnswerId,
    AnswerState,
    Citation,
    Gap,
    GivenAnswer,
    Message,
    Text,
    customer,
)
from bot.core.ports import Transaction
from storage.ledger import SqlLedger

CITED = Citation(path="a.md", heading="A \ud83d", url="https://docs.example/a#a", revision="r1")


async def _asked(tx: Any) -> Message:
    conversation = await a_conversation(tx)
    message = await tx.record_message(a_message(conversation.id))
    assert message is not None
    return message  # type: ignore[no-any-return] # the transaction is any


async def _answered(tx: Transaction, **changes: Any) -> GivenAnswer:
    question = await _asked(tx)
    values: dict[str, Any] = {
        "id": AnswerId(0),
        "conversation": question.conversation,
        "question": question.id,
        "text": Text(body="Set the URL.", audience=customer(ACME)),
        "citations": (replace(CITED, heading="A"),),
        "confidence": 0.75,
        "state": AnswerState.PLANNED,
        "given_at": T0,
        **changes,
    }
    return await tx.record_answer(GivenAnswer(**values))


async def test_an_answer_comes_back_as_it_was_saved(ledger: SqlLedger) -> None:
    async with ledger.transaction(now=T0, cause="test") as tx:
        given = await _answered(tx)
        posted = replace(given, state=AnswerState.HELPED, source="slack:17.1", citations=())
        await tx.save_answer(posted)
    async with ledger.reading() as records:
        assert await records.answer(given.id) == posted
        assert await records.find_answer(given.conversation, "slack:17.1") == posted
        assert await records.find_answer(given.conversation, "slack:17.2") is None
        with pytest.raises(KeyError, match="answer 404"):
            await records.answer(AnswerId(404))


async def test_answers_are_found_by_when_they_were_given(ledger: SqlLedger) -> None:
    async with ledger.transaction(now=T0, cause="test") as tx:
        given = await _answered(tx)
    async with ledger.reading() as records:
        assert await records.answers(since=T0) == [given]
        assert await records.answers(since=later(1)) == []


async def test_a_citation_may_hold_half_a_character(ledger: SqlLedger) -> None:
    async with ledger.transaction(now=T0, cause="test") as tx:
        given = await _answered(tx, citations=(CITED,))
    async with ledger.reading() as records:
        (citation,) = (await records.answer(given.id)).citations
        assert (citation.heading, citation.revision) == ("A \ufffd", "r1")


async def test_a_question_is_one_gap_and_keeps_its_last_reason(ledger: SqlLedger) -> None:
    async with ledger.transaction(now=T0, cause="test") as tx:
        question = await _asked(tx)
        gap = Gap(
            conversation=question.conversation,
            question=question.id,
            text="",
            audience=PUBLIC,
            reason="unsure",
            nearest=(replace(CITED, heading="A"),),
            asked_at=T0,
        )
        await tx.record_gap(gap)
        await tx.record_gap(replace(gap, reason="not_helped", nearest=(), asked_at=later(9)))
    async with ledger.reading() as records:
        (found,) = await records.gaps(since=T0)
        assert found == replace(
            gap, reason="not_helped", nearest=(), text=question.text.body, audience=question.text.audience
        )
        assert await records.gaps(since=later(1)) == []
