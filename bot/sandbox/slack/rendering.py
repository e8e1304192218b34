"""The world's things as the JSON that Slack answers."""

from __future__ import annotations

from typing import Any

from bot.sandbox.slack.things import Channel, ChannelKind, Json, TwinFile, TwinMessage, User
from bot.sandbox.slack.world import World

ICONS = "https://a.slack-edge.com/80588/img/plugins/app"


def render_user(world: World, user: User, *, with_email: bool, is_stranger: bool = False) -> Json:
    """As `users.info` shows it to the app."""
    # https://docs.slack.dev/reference/objects/user-object
    external = world.is_external(user)
    rendered: Json = {
        "id": user.id,
        "team_id": user.team_id,
        "name": user.name,
        "deleted": user.deleted,
        "color": "9f69e7",
        "real_name": user.real_name,
        "tz": user.tz,
        "tz_label": user.tz,
        "tz_offset": user.tz_offset,
        "profile": render_profile(world, user, with_email=with_email),
        "is_admin": False,
        "is_owner": False,
        "is_primary_owner": False,
        "is_restricted": False,
        "is_ultra_restricted": False,
        "is_bot": user.is_bot,
        "is_app_user": False,
        "updated": int(world.time.now().timestamp()),
    }
    # https://docs.slack.dev/apis/slack-connect: only people of other teams carry is_stranger
    return {**rendered, "is_stranger": is_stranger} if external else rendered


def render_profile(world: World, user: User, *, with_email: bool) -> Json:
    """The profile; the e-mail only with its own scope."""
    first, _, last = user.real_name.partition(" ")
    profile: Json = {
        "title": "",
        "phone": "",
        "real_name": user.real_name,
        "real_name_normalized": user.real_name,
        "display_name": user.name,
        "display_name_normalized": user.name,
        "first_name": first,
        "last_name": last,
        "status_text": "",
        "status_emoji": "",
        "avatar_hash": "g" + user.id.lower(),
        "team": user.team_id,
    }
    if user.id == world.installation.bot_user_id:
        bot = {"api_app_id": world.installation.app_id, "bot_id": world.installation.bot_id}
        return {**profile, **bot, "always_active": True}
    return {**profile, "email": user.email} if with_email else profile


def render_bot(world: World) -> Json:
    """The `bot_profile` of a message."""
    app = world.installation
    return {
        "id": app.bot_id,
        "deleted": False,
        "name": app.name,
        "updated": 0,
        "app_id": app.app_id,
        "user_id": app.bot_user_id,
        "icons": {f"image_{size}": f"{ICONS}/bot_{size}.png" for size in (36, 48, 72)},
        "team_id": app.team_id,
    }


def render_channel(world: World, channel: Channel) -> Json:
    """As `conversations.info` shows it."""
    # https://docs.slack.dev/reference/objects/conversation-object
    created = int(channel.created_at.timestamp())
    if channel.kind is ChannelKind.IM:
        other = next(one for one in channel.members if one != world.installation.bot_user_id)
        kind = {"is_channel": False, "is_group": False, "is_im": True, "is_mpim": False}
        return {"id": channel.id, "created": created, **kind, "user": other, "is_open": True}
    teams = [channel.team_id, *channel.connected_team_ids]
    rendered: Json = {
        "id": channel.id,
        "name": channel.name,
        "name_normalized": channel.name,
        "created": created,
        "creator": channel.members[0] if channel.members else world.installation.bot_user_id,
        "is_channel": True,
        "is_group": False,
        "is_im": False,
        "is_mpim": False,
        "is_private": channel.kind is ChannelKind.PRIVATE,
        "is_archived": channel.is_archived,
        "is_general": False,
        "is_shared": channel.is_ext_shared,
        "is_ext_shared": channel.is_ext_shared,
        "is_org_shared": False,
        "is_pending_ext_shared": False,
        "pending_shared": [],
        "pending_connected_team_ids": [],
        "is_member": world.installation.bot_user_id in channel.members,
        "context_team_id": world.installation.team_id,
        "shared_team_ids": teams,
        "unlinked": 0,
        "topic": {"value": channel.topic, "creator": "", "last_set": 0},
        "purpose": {"value": "", "creator": "", "last_set": 0},
        "previous_names": [],
    }
    if channel.is_ext_shared:
        shared = {"conversation_host_id": channel.team_id, "internal_team_ids": [channel.team_id]}
        rendered |= shared | {"connected_team_ids": list(channel.connected_team_ids)}
    return rendered


def render_file(world: World, file: TwinFile, *, base: str) -> Json:
    """The full object of a file."""
    # https://docs.slack.dev/reference/objects/file-object
    created = int(file.created_at.timestamp())
    places: dict[str, list[str]] = {"channels": [], "groups": [], "ims": []}
    for channel in world.channels.values():
        if any(file in message.files for message in channel.messages.values()):
            places[{"channel": "channels", "group": "groups", "im": "ims"}[channel.kind]].append(channel.id)
    return {
        "id": file.id,
        "created": created,
        "timestamp": created,
        "name": file.name,
        "title": file.name,
        "mimetype": file.mimetype,
        "filetype": file.name.rpartition(".")[2],
        "pretty_type": file.mimetype,
        "user": file.user,
        "user_team": file.team_id,
        "editable": False,
        "size": len(file.content),
        "mode": "hosted",
        "is_external": False,
        "external_type": "",
        "is_public": False,
        "public_url_shared": False,
        "url_private": f"{base}/files-pri/{file.team_id}-{file.id}/{file.name}",
        "url_private_download": f"{base}/files-pri/{file.team_id}-{file.id}/download/{file.name}",
        "permalink": f"https://{world.home.domain}.slack.com/files/{file.user}/{file.id}/{file.name}",
        "comments_count": 0,
        **places,
    }


def render_message(
    world: World, message: TwinMessage, *, base: str, all_metadata: bool = False, thread: bool = True
) -> Json:
    """A message of a history, of an answer, or within an event."""
    rendered: Json = {"type": "message"}
    if message.is_broadcast:
        rendered["subtype"] = "thread_broadcast"
    rendered |= {
        "user": message.user,
        "ts": message.ts,
        "team": message.team_id,
        "text": message.text,
        "blocks": list(message.blocks),
    }
    optional: dict[str, Any] = {
        "client_msg_id": message.client_msg_id,
        "attachments": list(message.attachments) or None,
        "files": [render_file(world, file, base=base) for file in message.files] or None,
        "metadata": render_metadata(message, all_metadata=all_metadata),
        "reactions": _render_reactions(message) or None,
    }
    if message.bot_id:
        optional |= {"bot_id": message.bot_id, "app_id": world.installation.app_id}
        optional["bot_profile"] = render_bot(world)
    if message.edited:
        optional["edited"] = dict(zip(("user", "ts"), message.edited, strict=True))
    rendered |= {key: value for key, value in optional.items() if value is not None}
    return rendered | (_render_thread(world, message) if thread else {})


def render_metadata(message: TwinMessage, *, all_metadata: bool) -> Json | None:
    """The payload only for those who ask for all of it.

    https://docs.slack.dev/messaging/message-metadata
    """
    if message.metadata is None:
        return None
    return message.metadata if all_metadata else {"event_type": message.metadata["event_type"]}


def _render_reactions(message: TwinMessage) -> list[Json]:
    return [
        {"name": name, "users": list(users), "count": len(users)} for name, users in message.reactions.items()
    ]


def _render_thread(world: World, message: TwinMessage) -> Json:
    if message.is_reply:
        root = world.channels[message.channel].messages.get(message.thread_ts or "")
        known = {"parent_user_id": root.user} if root else {}
        return {"thread_ts": message.thread_ts, **known}
    replies = world.replies(message.channel, message.ts)
    if not replies:
        return {}
    people = list(dict.fromkeys(reply.user for reply in replies))
    return {
        "thread_ts": message.ts,
        "reply_count": len(replies),
        "reply_users_count": len(people),
        "reply_users": people,
        "latest_reply": replies[-1].ts,
        "is_locked": False,
        "subscribed": False,
    }
