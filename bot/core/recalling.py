"""Answer recall: what was said is set right when the article that it rested on has changed."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace

from bot.core import replies
from bot.core.answering import offers
from bot.core.context import Context
from bot.core.effects import EditReply
from bot.core.model import AnswerState, Citation, Finding, GivenAnswer


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
        await context.tx.save_answer(replace(given, state=AnswerState.WITHDRAWN))  # nobody can use it now
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
