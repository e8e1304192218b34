"""The methods that look things up, and the views.* that a bot shows."""

from __future__ import annotations

from bot.sandbox.slack.blocks import InvalidBlocks, check_blocks
from bot.sandbox.slack.calls import Call, Method, Refused
from bot.sandbox.slack.limits import Tier
from bot.sandbox.slack.paging import page
from bot.sandbox.slack.rendering import render_bot, render_file, render_user
from bot.sandbox.slack.things import Json, User
from bot.sandbox.slack.writing import mentions


def auth_test(call: Call) -> Json:
    """auth.test: who the token is."""
    app, home = call.world.installation, call.world.home
    return {
        "url": f"https://{home.domain}.slack.com/",
        "team": home.name,
        "user": call.world.users[app.bot_user_id].name,
        "team_id": home.id,
        "user_id": app.bot_user_id,
        "bot_id": app.bot_id,
        "is_enterprise_install": False,
    }


def api_test(call: Call) -> Json:
    """api.test: says back what it got."""
    if error := call.text("error"):
        raise Refused(error, args=dict(call.args))
    return {"args": dict(call.args)} if call.args else {}


def user_info(call: Call) -> Json:
    """users.info: people of connected teams too, strangers when they were mentioned.

    https://docs.slack.dev/apis/slack-connect
    """
    user = call.world.users.get(call.text("user") or "")
    if user is None:
        raise Refused("user_not_found")
    stranger = call.world.is_external(user) and not _shares_a_channel(call, user)
    if stranger and not _was_mentioned(call, user):
        raise Refused("user_not_visible")
    rendered = render_user(call.world, user, with_email=_may_see_email(call), is_stranger=stranger)
    if call.flag("include_locale") and not call.world.is_external(user):
        rendered["locale"] = "en-US"
    return {"user": rendered}


def user_list(call: Call) -> Json:
    """users.list: the team's own people only."""
    own = [user for user in call.world.users.values() if not call.world.is_external(user)]
    found, metadata = page(call, own, default=1000)
    with_email = _may_see_email(call)
    return {
        "members": [render_user(call.world, user, with_email=with_email) for user in found],
        "cache_ts": int(call.world.time.now().timestamp()),
        "response_metadata": metadata,
    }


def user_by_email(call: Call) -> Json:
    """users.lookupByEmail: never somebody of another team."""
    email = (call.text("email") or "").lower()
    for user in call.world.users.values():
        if user.email.lower() == email and not user.is_bot and not call.world.is_external(user):
            return {"user": render_user(call.world, user, with_email=True)}
    raise Refused("users_not_found")


def bot_info(call: Call) -> Json:
    """bots.info."""
    if call.text("bot") != call.world.installation.bot_id:
        raise Refused("bot_not_found")
    bot = render_bot(call.world)
    del bot["team_id"]
    return {"bot": bot}


def file_info(call: Call) -> Json:
    """files.info: files shared where the bot is."""
    file = call.world.files.get(call.text("file") or "")
    bot = call.world.installation.bot_user_id
    if file is None or not any(
        bot in channel.members and any(file in message.files for message in channel.messages.values())
        for channel in call.world.channels.values()
    ):
        raise Refused("file_not_found")
    return {"file": render_file(call.world, file, base=call.base), "comments": []}


def publish_view(call: Call) -> Json:
    """views.publish: somebody's App Home."""
    user = call.text("user_id")
    if user not in call.world.users:
        raise Refused("user_not_found")
    view = checked_view(call, kind="home")
    call.world.views[user] = view
    call.effects.append(view["id"])
    return {"view": view}


def checked_view(call: Call, *, kind: str) -> Json:
    """The view argument, complete as Slack stores it."""
    view = call.structure("view", error="invalid_arguments")
    if not isinstance(view, dict) or view.get("type") != kind or "blocks" not in view:
        raise Refused("invalid_arguments")
    try:
        check_blocks(view["blocks"])
    except InvalidBlocks as invalid:
        raise Refused("invalid_arguments", response_metadata={"messages": invalid.messages}) from None
    view_id, app = "V0" + call.world.code(9), call.world.installation
    return {
        "private_metadata": "",
        "callback_id": "",
        "external_id": "",
        "state": {"values": {}},
        **view,
        "id": view_id,
        "root_view_id": view_id,
        "team_id": app.team_id,
        "app_id": app.app_id,
        "app_installed_team_id": app.team_id,
        "bot_id": app.bot_id,
        "hash": f"{call.world.next_ts()}.{call.world.code(8)}",
    }


def _may_see_email(call: Call) -> bool:
    return "users:read.email" in call.world.installation.scopes


def _shares_a_channel(call: Call, user: User) -> bool:
    home = call.world.installation.team_id
    return any(
        user.id in channel.members and home in (channel.team_id, *channel.connected_team_ids)
        for channel in call.world.channels.values()
    )


def _was_mentioned(call: Call, user: User) -> bool:
    return any(
        mentions(message.text, user.id)
        for channel in call.world.channels.values()
        for message in channel.messages.values()
    )


METHODS = {
    "api.test": Method(run=api_test, tier=Tier.FOUR, reads_json=True, public=True),
    "auth.test": Method(run=auth_test, tier=Tier.SPECIAL, reads_json=True),
    "bots.info": Method(run=bot_info, tier=Tier.THREE, scopes=("users:read",)),
    "files.info": Method(run=file_info, tier=Tier.FOUR, scopes=("files:read",)),
    "users.info": Method(run=user_info, tier=Tier.FOUR, scopes=("users:read",)),
    "users.list": Method(run=user_list, tier=Tier.TWO, scopes=("users:read",)),
    "users.lookupByEmail": Method(run=user_by_email, tier=Tier.THREE, scopes=("users:read.email",)),
    "views.publish": Method(run=publish_view, tier=Tier.FOUR, reads_json=True),
}
