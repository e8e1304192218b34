"""The chat.* methods: everything that a bot says."""

# https://docs.slack.dev/reference/methods?family=chat

from __future__ import annotations

import json
import re
from typing import Any

from bot.sandbox.slack.blocks import MAX_MARKDOWN, InvalidBlocks, check_blocks, complete_blocks
from bot.sandbox.slack.calls import TS, Call, Method, Refused, TooMany
from bot.sandbox.slack.limits import Tier
from bot.sandbox.slack.rendering import render_message
from bot.sandbox.slack.things import Channel, ChannelKind, Json, TwinMessage
from bot.sandbox.slack.writing import rich_text

MAX_TEXT = 40_000  #: postMessage cuts what is longer
MAX_UPDATE_TEXT = 4_000  #: the other methods refuse it
MAX_METADATA = 16_000  #: the documentation names the error and no figure
MAX_ATTACHMENTS = 100


def post_message(call: Call) -> Json:
    """chat.postMessage."""
    channel = destination(call)
    text, blocks, attachments = _content(call)
    thread_ts = call.text("thread_ts")
    if thread_ts and not TS.fullmatch(thread_ts):
        raise Refused("invalid_thread_ts")
    metadata = metadata_of(call)
    if wait := call.limits.wait_for_post(channel.id):
        raise TooMany(wait)
    message = call.world.post(
        TwinMessage(
            channel=channel.id,
            ts=call.world.next_ts(),
            user=call.world.installation.bot_user_id,
            team_id=call.world.installation.team_id,
            bot_id=call.world.installation.bot_id,
            text=text[:MAX_TEXT],
            blocks=blocks,
            attachments=attachments,
            thread_ts=thread_ts,
            metadata=metadata,
            is_broadcast=bool(thread_ts) and call.flag("reply_broadcast"),
        )
    )
    call.effects.append(message.ts)
    rendered = render_message(call.world, message, base=call.base, all_metadata=True)
    return {"channel": channel.id, "ts": message.ts, "message": rendered}


def post_ephemeral(call: Call) -> Json:
    """chat.postEphemeral: only one person sees it, and no history has it."""
    channel = destination(call)
    user = call.text("user")
    if user not in channel.members:
        raise Refused("user_not_in_channel")
    text, blocks, attachments = _content(call, most=MAX_UPDATE_TEXT)
    message = call.world.post(
        TwinMessage(
            channel=channel.id,
            ts=call.world.next_ts(),
            user=call.world.installation.bot_user_id,
            team_id=call.world.installation.team_id,
            bot_id=call.world.installation.bot_id,
            text=text,
            blocks=blocks,
            attachments=attachments,
            thread_ts=call.text("thread_ts"),
            ephemeral_to=user,
        )
    )
    call.effects.append(message.ts)
    return {"message_ts": message.ts}


def update(call: Call) -> Json:
    """chat.update: what is not given stays, except that new text removes old blocks."""
    channel = call.channel()
    message = call.message(channel, call.ts("ts", error="message_not_found"))
    if message.user != call.world.installation.bot_user_id:
        raise Refused("cant_update_message")
    if channel.is_archived:
        raise Refused("is_archived")
    fields = _revision(call, message)
    changed = call.world.change(message, user=call.world.installation.bot_user_id, **fields)
    call.effects.append(changed.ts)
    rendered = render_message(call.world, changed, base=call.base, all_metadata=True, thread=False)
    for absent in ("ts", "reactions"):  # recorded answers have neither within the message
        rendered.pop(absent, None)
    return {"channel": channel.id, "ts": changed.ts, "text": changed.text, "message": rendered}


def delete(call: Call) -> Json:
    """chat.delete."""
    channel = call.channel()
    message = call.message(channel, call.ts("ts", error="message_not_found"))
    if message.user != call.world.installation.bot_user_id:
        raise Refused("cant_delete_message")
    call.world.delete(message, user=message.user)
    call.effects.append(message.ts)
    return {"channel": channel.id, "ts": message.ts}


def get_permalink(call: Call) -> Json:
    """chat.getPermalink."""
    channel = call.channel()
    message = call.message(channel, call.ts("message_ts", error="message_not_found"))
    home = call.world.home.domain
    link = f"https://{home}.slack.com/archives/{channel.id}/p{message.ts.replace('.', '')}"
    if message.is_reply:
        link += f"?thread_ts={message.thread_ts}&cid={channel.id}"
    return {"channel": channel.id, "permalink": link}


def destination(call: Call) -> Channel:
    """An id, the name of a public channel, or a person, to whom a direct conversation is opened."""
    world, given = call.world, call.text("channel")
    if given is None:
        raise Refused("channel_not_found")
    channel = world.channels.get(given) or _named(call, given)
    if channel is None and given in world.users and _knows(call, given):
        channel = world.direct_channel(given)
    if channel is None:
        raise Refused("channel_not_found")
    if world.installation.bot_user_id not in channel.members:
        if channel.kind is not ChannelKind.PUBLIC:
            raise Refused("channel_not_found")
        if "chat:write.public" not in world.installation.scopes:
            raise Refused("not_in_channel")
    if channel.is_archived:
        raise Refused("is_archived")
    return channel


def _named(call: Call, name: str) -> Channel | None:
    plain = name.removeprefix("#")
    public = (one for one in call.world.channels.values() if one.kind is ChannelKind.PUBLIC)
    return next((one for one in public if one.name == plain), None)


def _knows(call: Call, user: str) -> bool:
    person, bot = call.world.users[user], call.world.installation.bot_user_id
    return not call.world.is_external(person) or any(
        user in channel.members and bot in channel.members for channel in call.world.channels.values()
    )


def _content(call: Call, *, most: int | None = None) -> tuple[str, tuple[Json, ...], tuple[Json, ...]]:
    text, markdown = call.text("text") or "", call.text("markdown_text")
    blocks = call.structure("blocks", error="invalid_blocks_format")
    attachments = call.structure("attachments", error="invalid_attachments") or []
    if markdown is not None:
        if text or blocks:
            raise Refused("markdown_text_conflict")
        if len(markdown) > MAX_MARKDOWN:
            raise Refused("msg_too_long")
        blocks = [{"type": "markdown", "text": markdown}]
    if len(attachments) > MAX_ATTACHMENTS:
        raise Refused("too_many_attachments")
    if not text.strip() and not blocks and not attachments:
        raise Refused("no_text")
    if most and len(text) > most:
        raise Refused("msg_too_long")
    return text or markdown or "", checked_blocks(call, blocks, text), tuple(attachments)


def checked_blocks(call: Call, blocks: Any, text: str) -> tuple[Json, ...]:
    """The blocks as Slack keeps them; those of a plain text where none are given."""
    if not blocks:
        return (rich_text(call.world, text),) if text else ()
    try:
        check_blocks(blocks)
    except InvalidBlocks as invalid:
        detail = {"response_metadata": {"messages": invalid.messages}} if invalid.messages else {}
        raise Refused(invalid.error, **detail) from None
    return complete_blocks(call.world, blocks)


def _revision(call: Call, message: TwinMessage) -> Json:
    text, blocks, attachments = _content(call, most=MAX_UPDATE_TEXT)
    fields: Json = {"text": text, "blocks": blocks}
    given = {name for name in ("text", "blocks", "attachments", "markdown_text") if name in call.args}
    if given == {"attachments"}:
        fields = {"text": message.text, "blocks": message.blocks}
    if "attachments" in given:
        fields["attachments"] = attachments
    if "metadata" in call.args:
        fields["metadata"] = metadata_of(call)
    if not call.args.get("blocks"):
        # a message made of blocks is not marked as edited
        fields["edited"] = (message.user, call.world.next_ts())
    return fields


def metadata_of(call: Call) -> Json | None:
    """The metadata argument."""
    metadata = call.structure("metadata", error="invalid_metadata_format")
    if metadata in (None, {}):
        return None
    if not isinstance(metadata, dict) or not {"event_type", "event_payload"} <= metadata.keys():
        raise Refused("invalid_metadata_format")
    kind, payload = metadata["event_type"], metadata["event_payload"]
    if not isinstance(kind, str) or not re.fullmatch(r"\w+", kind) or not isinstance(payload, dict):
        raise Refused("invalid_metadata_format")
    if any(value is None for value in payload.values()):
        raise Refused("invalid_metadata_schema")
    if len(json.dumps(metadata).encode()) > MAX_METADATA:
        raise Refused("metadata_too_large")
    return {"event_type": kind, "event_payload": payload}


WRITE = ("chat:write",)
METHODS = {
    "chat.postMessage": Method(run=post_message, tier=Tier.SPECIAL, scopes=WRITE, reads_json=True),
    "chat.postEphemeral": Method(run=post_ephemeral, tier=Tier.FOUR, scopes=WRITE, reads_json=True),
    "chat.update": Method(run=update, tier=Tier.THREE, scopes=WRITE, reads_json=True),
    "chat.delete": Method(run=delete, tier=Tier.THREE, scopes=WRITE, reads_json=True),
    "chat.getPermalink": Method(run=get_permalink, tier=Tier.SPECIAL),
}
