"""The nouns of Slack: teams, people, channels, messages and one installed app."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

Json = dict[str, Any]


class ChannelKind(StrEnum):
    """The values are the `channel_type` of events."""

    PUBLIC = "channel"
    PRIVATE = "group"
    IM = "im"


@dataclass(frozen=True, slots=True, kw_only=True)
class Team:
    """A workspace."""

    id: str
    name: str
    domain: str


@dataclass(slots=True, kw_only=True)
class User:
    """A person or a bot user, at home in one team."""

    id: str
    team_id: str
    name: str
    real_name: str
    email: str
    tz: str = "America/New_York"
    tz_offset: int = -18000
    is_bot: bool = False
    deleted: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class TwinFile:
    """An uploaded file."""

    id: str
    name: str
    mimetype: str
    content: bytes
    user: str
    team_id: str
    created_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Button:
    """A button as a reader sees it."""

    action_id: str
    block_id: str
    text: str
    value: str | None
    style: str | None
    url: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class TwinMessage:
    """A message as it is now; an edit makes a new one under the same ts."""

    channel: str
    ts: str
    user: str
    team_id: str  #: the author's home
    text: str
    blocks: tuple[Json, ...] = ()
    thread_ts: str | None = None  #: the root's ts; None at top level
    client_msg_id: str | None = None
    bot_id: str | None = None
    metadata: Json | None = None
    edited: tuple[str, str] | None = None  #: (user, ts)
    files: tuple[TwinFile, ...] = ()
    attachments: tuple[Json, ...] = ()
    reactions: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    is_broadcast: bool = False
    ephemeral_to: str | None = None
    is_streaming: bool = False  #: more may be appended

    @property
    def is_reply(self) -> bool:
        """Whether it stands in a thread and did not start it."""
        return self.thread_ts is not None and self.thread_ts != self.ts

    @property
    def buttons(self) -> tuple[Button, ...]:
        """Every button of the message, in reading order."""
        return tuple(_buttons(self.blocks))


def _buttons(blocks: Sequence[Json]) -> Iterator[Button]:
    for block in blocks:
        elements = [*block.get("elements", ()), block.get("accessory")]
        for element in elements:
            if isinstance(element, dict) and element.get("type") == "button":
                yield Button(
                    action_id=element["action_id"],
                    block_id=block["block_id"],
                    text=element["text"]["text"],
                    value=element.get("value"),
                    style=element.get("style"),
                    url=element.get("url"),
                )


@dataclass(slots=True, kw_only=True)
class Channel:
    """A conversation: public, private or direct."""

    id: str
    name: str
    team_id: str  #: the host of a shared channel
    kind: ChannelKind
    created_at: datetime
    members: list[str] = field(default_factory=list)
    connected_team_ids: tuple[str, ...] = ()  #: guests of a Slack Connect channel
    is_archived: bool = False
    topic: str = ""
    messages: dict[str, TwinMessage] = field(default_factory=dict)

    @property
    def is_ext_shared(self) -> bool:
        """Whether another organisation takes part (Slack Connect)."""
        return bool(self.connected_team_ids)


@dataclass(slots=True, kw_only=True)
class Installation:
    """The one app, installed in one team."""

    app_id: str
    name: str
    team_id: str
    bot_user_id: str
    bot_id: str
    bot_token: str
    app_token: str
    signing_secret: str
    verification_token: str
    scopes: frozenset[str]
    events: frozenset[str]  #: bot events it subscribed to, such as "message.channels"
    commands: frozenset[str] = frozenset()
    request_url: str | None = None
    interactivity_url: str | None = None  #: None: the request URL serves both
    socket_mode: bool = False
    is_revoked: bool = False


class HappeningKind(StrEnum):
    """What can change."""

    POSTED = "posted"
    CHANGED = "changed"  #: edited, or unfurled: the text may be the same
    DELETED = "deleted"
    REACTED = "reacted"
    UNREACTED = "unreacted"
    JOINED = "joined"


@dataclass(frozen=True, slots=True, kw_only=True)
class Happening:
    """One change, told to whoever watches the world."""

    kind: HappeningKind
    channel: str
    user: str
    ts: str  #: when it happened, as Slack writes it
    message: TwinMessage | None = None
    previous: TwinMessage | None = None
    reaction: str | None = None
