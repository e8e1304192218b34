"""What the bot says and said: new replies, and other words for old ones."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from bot.core import draft_replies, replies
from bot.core.context import Context
from bot.core.effects import EditReply, PostReply, Purpose, ReplyButton
from bot.core.errors import NotYet
from bot.core.events import ButtonPressed, ReplyPosted
from bot.core.model import (
    INTERNAL,
    Address,
    AnswerId,
    AnswerState,
    Conversation,
    ConversationId,
    GivenAnswer,
    PersonRef,
    Role,
    Shown,
    Text,
)
from bot.core.ports import NewMessage

US = "Deskbell"  #: the author of what the bot says


async def say(
    context: Context,
    conversation: Conversation,
    text: Text,
    purpose: Purpose,
    *,
    buttons: tuple[ReplyButton, ...] = (),
    was_addressed: bool = False,
    answer: AnswerId | None = None,
    shown: Shown | None = None,
) -> None:
    """Say something in the conversation's thread, in the place of what is shown there already."""
    await context.tx.plan(
        PostReply(
            conversation=conversation.id,
            address=conversation.address,
            room=conversation.audience,
            text=text,
            purpose=purpose,
            buttons=buttons,
            was_addressed=was_addressed,
            answer=answer,
            shown=shown,
        )
    )


async def say_once(context: Context, conversation: Conversation, body: str) -> None:
    """A notice, unless it is the last thing that we said here."""
    if await last_said(context, conversation) != body:
        text = Text(body=body, audience=conversation.audience)
        await say(context, conversation, text, Purpose.NOTICE)


async def last_said(context: Context, conversation: Conversation) -> str | None:
    """Our last words to these readers; words still on their way do not count."""
    messages = await context.tx.messages(conversation.id)
    ours = (
        message.text.body
        for message in reversed(messages)
        if message.role is Role.BOT and message.text.audience == conversation.audience
    )
    return next(ours, None)


async def remember(context: Context, event: ReplyPosted) -> None:
    """Our own words belong to the conversation: for the transcript, and to restate them later."""
    await context.tx.record_message(
        NewMessage(
            conversation=event.conversation,
            source=event.source,
            author=PersonRef(door="deskbell", workspace="", user=US),
            author_name=US,
            role=Role.BOT,
            text=event.text,
            sent_at=event.posted_at,
        )
    )
    if event.answer is None:
        return
    given = replace(await context.tx.answer(event.answer), source=event.source)
    if given.state is AnswerState.PLANNED:
        given = replace(given, state=AnswerState.POSTED)
    await context.tx.save_answer(given)
    if given.state is AnswerState.WITHDRAWN:  # a draft that was recalled before it arrived
        await close_draft(context, given)


async def close_draft(context: Context, given: GivenAnswer) -> None:
    """Under a draft that was withdrawn: why, and no buttons; nothing where it was never seen."""
    room, (_, _, message) = context.policies.draft_room, (given.source or "").partition(":")
    if room is None or not message:
        return
    messages = await context.tx.messages(given.conversation)
    said = next((one.text.body for one in messages if one.source == given.source), None)
    if said is None:
        return
    body = draft_replies.draft_withdrawn(said)
    await context.tx.reword_message(given.conversation, given.source or "", body)
    await context.tx.plan(
        EditReply(
            conversation=given.conversation,
            address=Address(door=room.door, workspace=room.workspace, room=room.room, thread=""),
            room=room.audience,
            message=message,
            text=Text(body=body, audience=INTERNAL),
        )
    )


async def restate(
    context: Context,
    conversation: ConversationId,
    event: ButtonPressed,
    words: Callable[[str], str],
    *,
    buttons: tuple[ReplyButton, ...] = (),
) -> None:
    """Replace the message whose button was pressed, and its buttons: they are pressed once."""
    said = await find_pressed(context, conversation, event)
    if said is None:
        return
    await context.tx.plan(
        EditReply(
            conversation=conversation,
            address=event.address,
            room=context.policies.room_of(event.address).audience,
            message=event.message,
            text=replies.restated(said, words(said.body)),
            buttons=buttons,
        )
    )


async def find_pressed(context: Context, conversation: ConversationId, event: ButtonPressed) -> Text | None:
    """What we said under the button; None when it is not ours, or from before retention.

    People can press before the post that brought the button was written down: NotYet.
    """
    source = f"{event.address.door}:{event.message}"
    messages = await context.tx.messages(conversation)
    said = next((message.text for message in messages if message.source == source), None)
    if said is None and await context.tx.has_pending(
        f"{event.address.door}/{conversation}", PostReply.__name__
    ):
        raise NotYet("a reply of ours is still under way")
    return said
