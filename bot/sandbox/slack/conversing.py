"""The conversations.* and reactions.* methods."""

# https://docs.slack.dev/reference/methods?family=conversations

from __future__ import annotations

from collections.abc import Sequence

from bot.sandbox.slack.calls import HISTORY_SCOPES, READ_SCOPES, TS, Call, Method, Refused
from bot.sandbox.slack.limits import Tier
from bot.sandbox.slack.paging import page
from bot.sandbox.slack.rendering import render_channel, render_message
from bot.sandbox.slack.things import ChannelKind, Json, TwinMessage

TYPES = {
    "public_channel": ChannelKind.PUBLIC,
    "private_channel": ChannelKind.PRIVATE,
    "im": ChannelKind.IM,
}


def history(call: Call) -> Json:
    """conversations.history: top level and broadcasts, newest first."""
    channel = call.channel(HISTORY_SCOPES, joined=True)
    shown = [
        message
        for message in channel.messages.values()
        if message.ephemeral_to is None and (not message.is_reply or message.is_broadcast)
    ]
    messages, metadata = page(call, _between(call, shown)[::-1], default=100, prefix="next_ts")
    return {
        "messages": _rendered(call, messages),
        "has_more": bool(metadata["next_cursor"]),
        "pin_count": 0,
        "response_metadata": metadata,
    }


def replies(call: Call) -> Json:
    """conversations.replies: oldest first, the root on every page."""
    channel = call.channel(HISTORY_SCOPES, joined=True)
    ts = call.ts("ts", error="thread_not_found")
    root = channel.messages.get(ts)
    if root is None or root.ephemeral_to:
        raise Refused("thread_not_found")
    if root.is_reply:
        return {"messages": _rendered(call, [root]), "has_more": False}
    answers = _between(call, call.world.replies(channel.id, ts))
    messages, metadata = page(call, answers, default=1000, prefix="next_ts")
    answer: Json = {
        "messages": _rendered(call, [root, *messages]),
        "has_more": bool(metadata["next_cursor"]),
    }
    return answer | ({"response_metadata": metadata} if metadata["next_cursor"] else {})


def info(call: Call) -> Json:
    """conversations.info."""
    channel = call.channel(READ_SCOPES)
    rendered = render_channel(call.world, channel)
    if call.flag("include_num_members"):
        rendered["num_members"] = len(channel.members)
    return {"channel": rendered}


def members(call: Call) -> Json:
    """conversations.members."""
    found, metadata = page(call, call.channel(READ_SCOPES).members, default=100)
    return {"members": list(found), "response_metadata": metadata}


def list_(call: Call) -> Json:
    """conversations.list: what the bot may see, without the connected teams."""
    asked = (call.text("types") or "public_channel").split(",")
    if not set(asked) <= TYPES.keys() | {"mpim"}:
        raise Refused("invalid_types")
    kinds = {TYPES[name] for name in asked if name in TYPES}
    for kind in sorted(kinds):
        call.need(READ_SCOPES[kind])
    bot = call.world.installation.bot_user_id
    visible = [
        channel
        for channel in call.world.channels.values()
        if channel.kind in kinds and (channel.kind is ChannelKind.PUBLIC or bot in channel.members)
        if not (channel.is_archived and call.flag("exclude_archived"))
    ]
    found, metadata = page(call, visible, default=100)
    rendered = [render_channel(call.world, channel) for channel in found]
    for channel in rendered:
        channel.pop("connected_team_ids", None)
    return {"channels": rendered, "response_metadata": metadata}


def open_(call: Call) -> Json:
    """conversations.open: a direct conversation with one person."""
    user = call.text("users")
    if user not in call.world.users:
        raise Refused("user_not_found")
    channel = call.world.direct_channel(user)
    shown = render_channel(call.world, channel) if call.flag("return_im") else {"id": channel.id}
    return {"channel": shown}


def add_reaction(call: Call) -> Json:
    """reactions.add."""
    channel, name = call.channel(), call.text("name")
    message = call.message(channel, call.ts("timestamp", error="bad_timestamp"))
    if name is None or ":" in name:
        raise Refused("invalid_name")
    if not call.world.react(message, user=call.world.installation.bot_user_id, name=name):
        raise Refused("already_reacted")
    call.effects.append(message.ts)
    return {}


def get_reactions(call: Call) -> Json:
    """reactions.get."""
    channel = call.channel()
    message = call.message(channel, call.ts("timestamp", error="bad_timestamp"))
    return {"type": "message", "channel": channel.id, "message": _rendered(call, [message])[0]}


def _between(call: Call, messages: Sequence[TwinMessage]) -> Sequence[TwinMessage]:
    oldest, latest = call.text("oldest") or "0", call.text("latest")
    if not _is_moment(oldest):
        raise Refused("invalid_ts_oldest")
    if latest is not None and not _is_moment(latest):
        raise Refused("invalid_ts_latest")
    inclusive, low = call.flag("inclusive"), float(oldest)
    high = float(latest) if latest is not None else float("inf")
    return [
        message
        for message in messages
        if low < float(message.ts) < high or (inclusive and float(message.ts) in (low, high))
    ]


def _is_moment(text: str) -> bool:
    return text.isdecimal() or TS.fullmatch(text) is not None


def _rendered(call: Call, messages: Sequence[TwinMessage]) -> list[Json]:
    everything = call.flag("include_all_metadata")
    return [
        render_message(call.world, message, base=call.base, all_metadata=everything) for message in messages
    ]


HISTORY = tuple(HISTORY_SCOPES.values())
READ = tuple(READ_SCOPES.values())
METHODS = {
    "conversations.history": Method(run=history, tier=Tier.THREE, scopes=HISTORY),
    "conversations.replies": Method(run=replies, tier=Tier.THREE, scopes=HISTORY),
    "conversations.info": Method(run=info, tier=Tier.THREE, scopes=READ),
    "conversations.members": Method(run=members, tier=Tier.FOUR, scopes=READ),
    "conversations.list": Method(run=list_, tier=Tier.TWO, scopes=READ),
    "conversations.open": Method(run=open_, tier=Tier.THREE, scopes=("im:write",), reads_json=True),
    "reactions.add": Method(run=add_reaction, tier=Tier.THREE, scopes=("reactions:write",), reads_json=True),
    "reactions.get": Method(run=get_reactions, tier=Tier.THREE, scopes=("reactions:read",)),
}
