"""Votes on answers: that helped, or it did not."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

from bot.core import replies, saying
from bot.core.answering import NOT_HELPED, offers, record_gap
from bot.core.context import Context
from bot.core.events import ButtonPressed
from bot.core.model import AnswerState, Conversation, GivenAnswer, MessageId
from bot.core.spelling import parse_id


async def press_helped(context: Context, event: ButtonPressed) -> None:
    """The answer did it: the buttons go, the thanks stay."""
    conversation = context.of_its_readers(await context.tx.find_conversation(event.address))
    if conversation is None:
        return
    if await _is_open_to_votes(context, conversation, event):
        await saying.restate(context, conversation.id, event, replies.helped)
        await _vote(context, conversation, event, AnswerState.HELPED)


async def press_not_helped(context: Context, event: ButtonPressed) -> None:
    """It did not: say so under it, keep the offer of a ticket, and note what is missing."""
    conversation = context.of_its_readers(await context.tx.find_conversation(event.address))
    if conversation is None:
        return
    if not await _is_open_to_votes(context, conversation, event):
        return
    question = parse_id(event.value)
    offered = offers(conversation, MessageId(question)) if question is not None else ()
    words = partial(replies.not_helped, is_offered=bool(offered))
    await saying.restate(context, conversation.id, event, words, buttons=offered)
    given = await _vote(context, conversation, event, AnswerState.NOT_HELPED)
    if given is not None:
        await record_gap(context, conversation, given.question, NOT_HELPED, given.citations)


async def _is_open_to_votes(context: Context, conversation: Conversation, event: ButtonPressed) -> bool:
    """One vote for an answer, and none for one that was corrected or taken back while it was pressed."""
    given = await context.tx.find_answer(conversation.id, f"{event.address.door}:{event.message}")
    return given is None or given.state in (AnswerState.PLANNED, AnswerState.POSTED)


async def _vote(
    context: Context, conversation: Conversation, event: ButtonPressed, state: AnswerState
) -> GivenAnswer | None:
    source = f"{event.address.door}:{event.message}"
    given = await context.tx.find_answer(conversation.id, source)
    if given is not None:
        given = replace(given, state=state)
        await context.tx.save_answer(given)
    return given
