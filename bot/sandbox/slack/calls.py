"""One call of the Web API: its arguments, and how Slack refuses it."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from bot.sandbox.slack.limits import Limits, Tier
from bot.sandbox.slack.things import Channel, ChannelKind, Json, TwinMessage
from bot.sandbox.slack.world import World

TS = re.compile(r"\d{1,12}\.\d{6}")
READ_SCOPES = {
    ChannelKind.PUBLIC: "channels:read",
    ChannelKind.PRIVATE: "groups:read",
    ChannelKind.IM: "im:read",
}
HISTORY_SCOPES = {
    ChannelKind.PUBLIC: "channels:history",
    ChannelKind.PRIVATE: "groups:history",
    ChannelKind.IM: "im:history",
}


class Refused(Exception):
    """`{"ok": false, "error": ...}`, with what else the answer says."""

    def __init__(self, error: str, **extra: Any) -> None:
        super().__init__(error)
        self.error = error
        self.extra = extra


class TooMany(Exception):
    """429, with the wait that Slack asks for."""

    def __init__(self, wait: timedelta) -> None:
        super().__init__("ratelimited")
        self.wait = wait


@dataclass(slots=True, kw_only=True)
class Call:
    """What a method is given."""

    world: World
    limits: Limits
    args: Mapping[str, Any]
    base: str  #: the twin's own address, for links
    effects: list[str] = field(default_factory=list)

    def text(self, name: str) -> str | None:
        """A string argument; None when it is absent or empty."""
        value = self.args.get(name)
        if isinstance(value, (list, dict)):
            raise Refused("invalid_array_arg")
        return None if value in (None, "") else str(value)

    def flag(self, name: str) -> bool:
        """A boolean, as JSON or as form text."""
        return str(self.args.get(name, "")).lower() in {"true", "1"}

    def limit(self, *, default: int, most: int = 1000) -> int:
        """The page size."""
        given = self.text("limit")
        if given is None:
            return default
        if not given.isdecimal() or not 1 <= int(given) <= most:
            raise Refused("invalid_limit")
        return int(given)

    def structure(self, name: str, *, error: str) -> Any:
        """An argument that is JSON, or JSON within a form; None when it is absent."""
        value = self.args.get(name)
        if not isinstance(value, str):
            return value
        try:
            return json.loads(value) if value else None
        except ValueError:
            raise Refused(error) from None

    def need(self, scope: str) -> None:
        """Refuse without this scope."""
        scopes = self.world.installation.scopes
        if scope not in scopes:
            raise Refused("missing_scope", needed=scope, provided=",".join(sorted(scopes)))

    def ts(self, name: str, *, error: str) -> str:
        """A required timestamp."""
        value = self.text(name)
        if value is None or not TS.fullmatch(value):
            raise Refused(error)
        return value

    def channel(self, scopes: Mapping[ChannelKind, str] | None = None, *, joined: bool = False) -> Channel:
        """The channel argument: visible to the bot, readable with its scopes, and joined if that is asked."""
        channel = self.world.channels.get(self.text("channel") or "")
        if channel is None:
            raise Refused("channel_not_found")
        member = self.world.installation.bot_user_id in channel.members
        if not member and channel.kind is not ChannelKind.PUBLIC:
            raise Refused("channel_not_found")
        if scopes:
            self.need(scopes[channel.kind])
        if joined and not member:
            raise Refused("not_in_channel")
        return channel

    def message(self, channel: Channel, ts: str) -> TwinMessage:
        """A message that everybody there sees."""
        message = channel.messages.get(ts)
        if message is None or message.ephemeral_to:
            raise Refused("message_not_found")
        return message


@dataclass(frozen=True, slots=True, kw_only=True)
class Method:
    """A row of the method reference."""

    run: Callable[[Call], Json]
    tier: Tier
    scopes: tuple[str, ...] = ()  #: one of these is enough
    reads_json: bool = False  #: only methods that write read JSON bodies
    app_token: bool = False  #: wants xapp-, not xoxb-
    public: bool = False  #: works without a token
