"""What the Events API sends: the inner event of each happening, and the envelope around it."""

# https://docs.slack.dev/apis/events-api and https://docs.slack.dev/reference/events

from __future__ import annotations

from collections.abc import Iterator

from bot.sandbox.slack.rendering import render_message, render_profile
from bot.sandbox.slack.things import Channel, ChannelKind, Happening, HappeningKind, Json, TwinMessage
from bot.sandbox.slack.world import World
from bot.sandbox.slack.writing import mentions

MESSAGE_EVENTS = {
    ChannelKind.PUBLIC: "message.channels",
    ChannelKind.PRIVATE: "message.groups",
    ChannelKind.IM: "message.im",
}
REACTION_EVENTS = {
    HappeningKind.REACTED: "reaction_added",
    HappeningKind.UNREACTED: "reaction_removed",
}


def events_of(world: World, happening: Happening, *, base: str) -> Iterator[Json]:
    """The inner events that the app receives for one happening, in the order they are sent."""
    channel, app = world.channels[happening.channel], world.installation
    message = happening.message
    if app.bot_user_id not in channel.members or (message and message.ephemeral_to):
        return
    if happening.kind is HappeningKind.CHANGED and message and message.is_streaming:
        return  # nothing documents that appended text is told; the message is when it is finished
    if happening.kind is HappeningKind.JOINED:
        if "member_joined_channel" in app.events:
            yield _joined(world, happening, channel)
    elif reaction := REACTION_EVENTS.get(happening.kind):
        if reaction in app.events:
            yield _reaction(happening, reaction)
    elif MESSAGE_EVENTS[channel.kind] in app.events:
        yield _message(world, happening, channel, base=base)
    if _is_mention(world, happening, channel):
        yield _mention(world, happening, channel, base=base)


def envelope(world: World, event: Json, *, event_id: str) -> Json:
    """The outer object, the same whatever the event."""
    app = world.installation
    item = event.get("item") or {}
    channel = world.channels[event.get("channel") or item["channel"]]
    return {
        "token": app.verification_token,
        "team_id": app.team_id,
        "api_app_id": app.app_id,
        "event": event,
        "type": "event_callback",
        "event_id": event_id,
        "event_time": int(float(event["event_ts"])),
        "authorizations": [
            {
                "enterprise_id": None,
                "team_id": app.team_id,
                "user_id": app.bot_user_id,
                "is_bot": True,
                "is_enterprise_install": False,
            }
        ],
        "is_ext_shared_channel": channel.is_ext_shared,
        "event_context": f"4-{event['type']}-{app.team_id}-{channel.id}",
    }


def _message(world: World, happening: Happening, channel: Channel, *, base: str) -> Json:
    if happening.kind is HappeningKind.POSTED and happening.message:
        return {
            **_said(world, happening.message, channel, base=base),
            "channel": channel.id,
            "event_ts": happening.ts,
            "channel_type": channel.kind.value,
        }
    event: Json = {
        "type": "message",
        "channel": channel.id,
        "hidden": True,
        "ts": happening.ts,
        "event_ts": happening.ts,
        "channel_type": channel.kind.value,
    }
    if happening.previous:
        event["previous_message"] = _said(world, happening.previous, channel, base=base)
    if happening.message:
        event["message"] = _said(world, happening.message, channel, base=base)
        return {**event, "subtype": "message_changed"}
    deleted = happening.previous.ts if happening.previous else ""
    return {**event, "subtype": "message_deleted", "deleted_ts": deleted}


def _said(world: World, message: TwinMessage, channel: Channel, *, base: str) -> Json:
    rendered = render_message(world, message, base=base)
    rendered.pop("reactions", None)
    if message.files:
        rendered["subtype"] = "file_share"  # in events only: histories just have the files
    if channel.is_ext_shared:
        # https://docs.slack.dev/apis/slack-connect: pushed files have to be fetched with files.info
        if "files" in rendered:
            unchecked = {"mode": "file_access", "file_access": "check_file_info"}
            rendered["files"] = [{"id": file.id, **unchecked} for file in message.files]
        rendered |= {"user_team": message.team_id, "source_team": message.team_id}
        author = world.users[message.user]
        if world.is_external(author):
            rendered["user_profile"] = _user_profile(world, message.user)
    return rendered


def _user_profile(world: World, user: str) -> Json:
    profile = render_profile(world, world.users[user], with_email=False)
    shown = ("avatar_hash", "first_name", "real_name", "display_name", "team")
    return {
        **{key: profile[key] for key in shown},
        "name": world.users[user].name,
        "is_restricted": False,
        "is_ultra_restricted": False,
    }


def _is_mention(world: World, happening: Happening, channel: Channel) -> bool:
    message, app = happening.message, world.installation
    return (
        message is not None
        and happening.kind is HappeningKind.POSTED
        and message.user != app.bot_user_id
        and "app_mention" in app.events
        # https://docs.slack.dev/reference/events/app_mention: not in direct messages
        and channel.kind is not ChannelKind.IM
        and mentions(message.text, app.bot_user_id)
    )


def _mention(world: World, happening: Happening, channel: Channel, *, base: str) -> Json:
    assert happening.message is not None
    event = _said(world, happening.message, channel, base=base)
    event.pop("parent_user_id", None)
    return {**event, "type": "app_mention", "channel": channel.id, "event_ts": happening.ts}


def _reaction(happening: Happening, kind: str) -> Json:
    assert happening.message is not None
    return {
        "type": kind,
        "user": happening.user,
        "reaction": happening.reaction,
        "item": {"type": "message", "channel": happening.channel, "ts": happening.message.ts},
        "item_user": happening.message.user,
        "event_ts": happening.ts,
    }


def _joined(world: World, happening: Happening, channel: Channel) -> Json:
    return {
        "type": "member_joined_channel",
        "user": happening.user,
        "channel": channel.id,
        "channel_type": "G" if channel.kind is ChannelKind.PRIVATE else "C",
        "team": world.users[happening.user].team_id,
        "event_ts": happening.ts,
    }
