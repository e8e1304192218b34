"""Answer recall: what was said is set right when its article has changed, or one of ours finds it wrong."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import replace

from bot.core import replies, saying
from bot.core.answering import NOT_HELPED, offers, record_gap
from bot.core.context import Context
from bot.core.effects import EditReply
from bot.core.model import AnswerState, Citation, Conversation, Finding, GivenAnswer, Role

# The whole message, so that a sentence is no order: "recall", "recall this answer", "retirar esta resposta".
_ORDER = re.compile(
    r"\s*(?:please\s+)?(?:recall|withdraw|take\s+back|retirar|retire)"
    r"(?:\s+(?:this|that|the|your|the\s+last|your\s+last|esta|essa|a|a\s+[uú]ltima)?\s*(?:answer|resposta))?\s*[.!]?\s*",
    re.IGNORECASE,
)


def is_order(text: str) -> bool:
    """Whether one of our own people tells the bot to take its answer back."""
    return _ORDER.fullmatch(text) is not None


async def take_back(context: Context, conversation: Conversation) -> None:
    """The latest answer that stands in the thread goes, and counts as a gap; the offer of a ticket stays."""
    given = await _latest(context, conversation)
    if given is None:
        await saying.say_once(context, conversation, replies.nothing_to_take_back())
        return
    given = replace(given, state=AnswerState.WITHDRAWN)
    await context.tx.save_answer(given)
    await record_gap(context, conversation, given.question, NOT_HELPED, given.citations)
    await _replace(context, conversation, given, replies.taken_back())


async def _latest(context: Context, conversation: Conversation) -> GivenAnswer | None:
    for message in reversed(await context.tx.messages(conversation.id)):
        if message.role is Role.BOT:
            given = await context.tx.find_answer(conversation.id, message.source)
            if given is not None and given.stands:
                return given
    return None


def outdated(given: GivenAnswer, revisions: Mapping[str, Collection[str]]) -> tuple[Citation, ...]:
    """The citations whose article has another revision now, or is gone; `revisions` are by path.

    Drafts count too: one that waits may still be used.
    """
    if not given.stands and given.state is not AnswerState.DRAFT:
        return ()
    return tuple(
        citation
        for citation in given.citations
        if citation.revision and citation.revision not in revisions.get(citation.path, ())
    )


async def correct(context: Context, given: GivenAnswer, finding: Finding) -> None:
    """An article changed: what was said is replaced in place by what is right now, or taken back."""
    conversation = await context.tx.conversation(given.conversation)
    if given.state is AnswerState.DRAFT:
        given = replace(given, state=AnswerState.WITHDRAWN)  # nobody can use it now
        await context.tx.save_answer(given)
        await saying.close_draft(context, given)
    if not given.stands or context.of_its_readers(conversation) is None:
        return
    answer, room = finding.answer, context.policies.room_of(conversation.address)
    if answer is None or not answer.is_grounded or answer.confidence < room.sure:
        given = replace(given, state=AnswerState.WITHDRAWN)
        body = replies.withdrawn()
    else:
        given = replace(given, text=answer.text, citations=answer.citations, state=AnswerState.CORRECTED)
        body = replies.corrected(replies.answered(answer.text.body, answer.citations), context.now)
    await context.tx.save_answer(given)
    await _replace(context, conversation, given, body)


async def _replace(context: Context, conversation: Conversation, given: GivenAnswer, body: str) -> None:
    """Other words where it stands, and no votes any more."""
    await context.tx.reword_message(conversation.id, given.source or "", body)
    _, _, message = (given.source or "").partition(":")
    await context.tx.plan(
        EditReply(
            conversation=conversation.id,
            address=conversation.address,
            room=conversation.audience,
            message=message,
            text=replies.restated(given.text, body),
            buttons=offers(conversation, given.question),
        )
    )
