"""The chat.*Stream methods: messages that grow until they are finished."""

# https://docs.slack.dev/reference/methods/chat.startStream · …/chat.appendStream · …/chat.stopStream

from __future__ import annotations

from datetime import timedelta
from typing import Any

from bot.sandbox.slack.blocks import MAX_MARKDOWN, complete_blocks
from bot.sandbox.slack.calls import TS, Call, Method, Refused, TooMany
from bot.sandbox.slack.chatting import WRITE, checked_blocks, destination, metadata_of
from bot.sandbox.slack.limits import Tier
from bot.sandbox.slack.rendering import render_message
from bot.sandbox.slack.things import Channel, ChannelKind, Json, TwinMessage

#: Undocumented, told by everybody who meets it: https://github.com/slackapi/python-slack-sdk/issues/1859
LIFETIME = timedelta(minutes=5)
#: What is not text is accepted and not shown.
UNSEEN = frozenset({"task_update", "plan_update", "blocks"})


def start(call: Call) -> Json:
    """chat.startStream: into a channel only for somebody who is named, with their team."""
    channel = destination(call)
    thread_ts = call.text("thread_ts")
    if thread_ts is not None and not TS.fullmatch(thread_ts):
        raise Refused("invalid_thread_ts")
    if thread_ts is None and channel.kind is ChannelKind.IM:
        raise Refused("invalid_thread_ts")  # at the top level only in channels
    if channel.kind is not ChannelKind.IM:
        _check_recipient(call)
    text = _text(call)
    if wait := call.limits.wait_for_post(channel.id):
        raise TooMany(wait)
    app = call.world.installation
    message = call.world.post(
        TwinMessage(
            channel=channel.id,
            ts=call.world.next_ts(),
            user=app.bot_user_id,
            team_id=app.team_id,
            bot_id=app.bot_id,
            text=text,
            blocks=_body(call, text),
            thread_ts=thread_ts,
            is_streaming=True,
        )
    )
    call.effects.append(message.ts)
    return {"channel": channel.id, "ts": message.ts}


def append(call: Call) -> Json:
    """chat.appendStream."""
    channel, message = _growing(call)
    added = _text(call)
    if not added and not call.args.get("chunks"):
        raise Refused("no_text")
    text = message.text + added
    changed = call.world.change(message, user=message.user, text=text, blocks=_body(call, text))
    call.effects.append(changed.ts)
    return {"channel": channel.id, "ts": changed.ts}


def stop(call: Call) -> Json:
    """chat.stopStream: the last text, and blocks at the bottom of it."""
    channel, message = _growing(call)
    text = message.text + _text(call)
    given = call.structure("blocks", error="invalid_blocks_format")
    below = checked_blocks(call, given, "") if given else ()
    metadata = metadata_of(call)
    finished = call.world.change(
        message,
        user=message.user,
        text=text,
        blocks=(*_body(call, text), *below),
        metadata=metadata or message.metadata,
        is_streaming=False,
    )
    call.effects.append(finished.ts)
    rendered = render_message(call.world, finished, base=call.base, all_metadata=True)
    return {"channel": channel.id, "ts": finished.ts, "message": rendered}


def _check_recipient(call: Call) -> None:
    team, user = call.text("recipient_team_id"), call.text("recipient_user_id")
    if team is None:
        raise Refused("missing_recipient_team_id")
    if user is None:
        raise Refused("missing_recipient_user_id")
    known = call.world.users.get(user)
    if known is None or known.team_id != team:
        raise Refused("user_not_found")


def _growing(call: Call) -> tuple[Channel, TwinMessage]:
    channel = call.channel()
    message = call.message(channel, call.ts("ts", error="message_not_found"))
    if message.user != call.world.installation.bot_user_id:
        raise Refused("message_not_owned_by_app")
    if channel.is_archived:
        raise Refused("is_archived")
    age = call.world.time.now().timestamp() - float(message.ts)
    if not message.is_streaming or age > LIFETIME.total_seconds():
        raise Refused("message_not_in_streaming_state")
    return channel, message


def _text(call: Call) -> str:
    """What the argument and the chunks say; the documentation names the limit and no error for it."""
    text = call.text("markdown_text") or ""
    chunks = call.structure("chunks", error="invalid_chunks") or []
    if not isinstance(chunks, list):
        raise Refused("invalid_chunks")
    text += "".join(_chunk(chunk) for chunk in chunks)
    if len(text) > MAX_MARKDOWN:
        raise Refused("msg_too_long")
    return text


def _chunk(chunk: Any) -> str:
    kind = chunk.get("type") if isinstance(chunk, dict) else None
    if kind == "markdown_text" and isinstance(chunk.get("text"), str):
        return str(chunk["text"])
    if kind not in UNSEEN:
        raise Refused("invalid_chunks")
    return ""


def _body(call: Call, text: str) -> tuple[Json, ...]:
    return complete_blocks(call.world, [{"type": "markdown", "text": text}]) if text else ()


METHODS = {
    "chat.startStream": Method(run=start, tier=Tier.TWO, scopes=WRITE, reads_json=True),
    "chat.appendStream": Method(run=append, tier=Tier.FOUR, scopes=WRITE, reads_json=True),
    "chat.stopStream": Method(run=stop, tier=Tier.TWO, scopes=WRITE, reads_json=True),
}
