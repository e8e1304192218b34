"""Answers: when one is looked up, who sees it, and what becomes of it."""

from __future__ import annotations

from dataclasses import replace

from bot.core import asking, draft_replies, replies, saying
from bot.core.context import Context
from bot.core.effects import DraftAnswer, PostReply, Purpose, ReplyButton, WithdrawShown
from bot.core.events import AnswerDrafted, Button, ButtonPressed
from bot.core.model import (
    INTERNAL,
    Address,
    Answer,
    AnswerId,
    AnswerMode,
    AnswerState,
    Citation,
    Conversation,
    Finding,
    Floor,
    Gap,
    GivenAnswer,
    Message,
    MessageId,
    Room,
    RoomKind,
    Shown,
    Text,
)
from bot.core.spelling import parse_id

UNSURE = "unsure"
NOT_HELPED = "not_helped"
_NO_GAPS = ("account", "off_topic", "instructions")  #: no article is missing for these


async def ask(
    context: Context, conversation: Conversation, message: Message, room: Room, *, was_addressed: bool
) -> None:
    """Have it looked up, unless nothing is asked: a bare mention, a lone file, or thanks."""
    text = message.text.body
    if room.mode is AnswerMode.OFF or not text.strip():
        return
    if asking.is_pleasantry(text):
        return
    await context.tx.plan(
        DraftAnswer(
            conversation=conversation.id,
            question=message.id,
            text=text,
            reader=conversation.audience,
            tier=conversation.tier,
            was_addressed=was_addressed,
        )
    )


async def answer_drafted(context: Context, event: AnswerDrafted) -> None:
    """Post a cited answer, or say that we do not know and offer a ticket; silent when unsure and unasked.

    What people saw of it meanwhile goes, unless something takes its place.
    """
    conversation = await context.tx.conversation(event.conversation)
    is_replaced = await _respond(context, conversation, event)
    if event.shown is not None and not is_replaced:
        await context.tx.plan(
            WithdrawShown(conversation=conversation.id, address=conversation.address, shown=event.shown)
        )


async def _respond(context: Context, conversation: Conversation, event: AnswerDrafted) -> bool:
    """Whether something is said in the place of what people may have seen."""
    if conversation.floor is Floor.HUMAN and not event.was_addressed:
        return False
    room = context.policies.room_of(conversation.address)
    answer = event.finding.answer
    if answer is None or not answer.is_grounded or answer.confidence < room.sure:
        return await _abstain(context, conversation, event)
    is_draft = room.mode is AnswerMode.DRAFT
    given = await _record(context, conversation, event, answer, is_draft=is_draft)
    if is_draft:
        await _propose(context, conversation, event, given)
    else:
        await _post(context, conversation, given, was_addressed=event.was_addressed, shown=event.shown)
    return not is_draft


async def _record(
    context: Context, conversation: Conversation, event: AnswerDrafted, answer: Answer, *, is_draft: bool
) -> GivenAnswer:
    return await context.tx.record_answer(
        GivenAnswer(
            id=AnswerId(0),
            conversation=conversation.id,
            question=event.question,
            text=answer.text,
            citations=answer.citations,
            confidence=answer.confidence,
            state=AnswerState.DRAFT if is_draft else AnswerState.PLANNED,
            given_at=context.now,
        )
    )


async def _post(
    context: Context,
    conversation: Conversation,
    given: GivenAnswer,
    *,
    was_addressed: bool,
    shown: Shown | None = None,
) -> None:
    question = str(given.question)
    await saying.say(
        context,
        conversation,
        replies.restated(given.text, replies.answered(given.text.body, given.citations)),
        Purpose.ANSWER,
        buttons=(
            ReplyButton(button=Button.HELPED, value=question),
            ReplyButton(button=Button.NOT_HELPED, value=question),
            *offers(conversation, given.question),
        ),
        was_addressed=was_addressed,
        answer=given.id,
        shown=shown,
    )


def offers(conversation: Conversation, question: MessageId) -> tuple[ReplyButton, ...]:
    """A ticket, where there is none yet and somebody of a customer or the community reads."""
    if conversation.ticket is not None or conversation.audience == INTERNAL:
        return ()
    return (ReplyButton(button=Button.OPEN_TICKET, value=str(question)),)


# -- not knowing --------------------------------------------------------------


async def _abstain(context: Context, conversation: Conversation, event: AnswerDrafted) -> bool:
    """A customer, and whoever addressed the bot, is told; others are not bothered with what it cannot do.

    Whether anything was said.
    """
    await _note_gap(context, conversation, event.question, event.finding)
    offered = offers(conversation, event.question)
    room = context.policies.room_of(conversation.address)
    is_told = event.was_addressed or (room.kind is RoomKind.CUSTOMER and conversation.ticket is None)
    body = replies.not_known(conversation.ticket, is_offered=bool(offered))
    if not is_told or (not event.was_addressed and await saying.last_said(context, conversation) == body):
        return False  # the offer stands: it is not repeated under every line
    await saying.say(
        context,
        conversation,
        Text(body=body, audience=conversation.audience),
        Purpose.ABSTENTION,
        buttons=offered,
        was_addressed=event.was_addressed,
        shown=event.shown,
    )
    return True


async def _note_gap(
    context: Context, conversation: Conversation, question: MessageId, finding: Finding
) -> None:
    reason = UNSURE if finding.answer else finding.reason or UNSURE
    if reason in _NO_GAPS:
        return
    await record_gap(context, conversation, question, reason, finding.nearest)


async def record_gap(
    context: Context,
    conversation: Conversation,
    question: MessageId,
    reason: str,
    nearest: tuple[Citation, ...],
) -> None:
    """Something is missing, or wrong, in the knowledge base."""
    await context.tx.record_gap(
        Gap(
            conversation=conversation.id,
            question=question,
            text="",
            audience=conversation.audience,
            reason=reason,
            nearest=nearest,
            asked_at=context.now,
        )
    )


# -- drafts -------------------------------------------------------------------


async def _propose(
    context: Context, conversation: Conversation, event: AnswerDrafted, given: GivenAnswer
) -> None:
    """Our own people see the answer and decide; whoever called the bot hears that they will."""
    room = context.policies.draft_room
    if room is None:
        return  # the configuration is refused without one
    asked = await _asked(context, conversation, given.question)
    value = str(given.id)
    await context.tx.plan(
        PostReply(
            conversation=conversation.id,
            address=Address(door=room.door, workspace=room.workspace, room=room.room, thread=""),
            room=room.audience,
            text=Text(body=draft_replies.drafted(asked, given, conversation.organisation), audience=INTERNAL),
            purpose=Purpose.NOTICE,
            buttons=(
                ReplyButton(button=Button.USE_DRAFT, value=value),
                ReplyButton(button=Button.IGNORE_DRAFT, value=value),
            ),
            about=conversation.address,
            answer=given.id,
        )
    )
    if event.was_addressed:
        await saying.say_once(context, conversation, draft_replies.passed_on())


async def _asked(context: Context, conversation: Conversation, question: MessageId) -> str:
    messages = await context.tx.messages(conversation.id)
    return next((message.text.body for message in messages if message.id == question), "")


async def press_use_draft(context: Context, event: ButtonPressed) -> None:
    """One of ours found the draft good: it is posted, also where a person has spoken meanwhile."""
    given = await _draft(context, event)
    if given is None:
        return
    conversation = context.of_its_readers(await context.tx.conversation(given.conversation))
    if conversation is None:
        return
    who = event.presser_name or event.presser.user
    await saying.restate(context, conversation.id, event, lambda said: draft_replies.draft_used(said, who))
    # From now on its message is the one that is still to be posted.
    given = replace(given, state=AnswerState.PLANNED, source=None)
    await context.tx.save_answer(given)
    await _post(context, conversation, given, was_addressed=True)


async def press_ignore_draft(context: Context, event: ButtonPressed) -> None:
    """Not good enough: a gap, with the articles that came nearest."""
    given = await _draft(context, event)
    if given is None:
        return
    conversation = await context.tx.conversation(given.conversation)
    await context.tx.save_answer(replace(given, state=AnswerState.IGNORED))
    await record_gap(context, conversation, given.question, UNSURE, given.citations)
    who = event.presser_name or event.presser.user
    await saying.restate(context, conversation.id, event, lambda said: draft_replies.draft_ignored(said, who))


async def _draft(context: Context, event: ButtonPressed) -> GivenAnswer | None:
    """The draft under the button, while it waits; only where our own people are may it be decided about."""
    number = parse_id(event.value)
    is_ours = context.policies.room_of(event.address).audience == INTERNAL
    if number is None or not is_ours or not context.policies.is_agent(event.presser):
        return None
    try:
        given = await context.tx.answer(AnswerId(number))
    except KeyError:
        return None
    return given if given.state is AnswerState.DRAFT else None
