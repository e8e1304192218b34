"""What exists at Slack, and the only code that changes it."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from bot.core.ports import Time
from bot.sandbox.slack.things import (
    Channel,
    ChannelKind,
    Happening,
    HappeningKind,
    Installation,
    Json,
    Team,
    TwinFile,
    TwinMessage,
    User,
)


@dataclass(slots=True)
class World:
    """The state, told to whoever watches."""

    time: Time
    rng: random.Random
    teams: dict[str, Team] = field(default_factory=dict)
    users: dict[str, User] = field(default_factory=dict)
    channels: dict[str, Channel] = field(default_factory=dict)
    files: dict[str, TwinFile] = field(default_factory=dict)
    views: dict[str, Json] = field(default_factory=dict)
    installation: Installation = field(init=False)
    watchers: list[Callable[[Happening], None]] = field(default_factory=list)
    _last_ts: int = 0

    # -- names and numbers --

    def next_ts(self) -> str:
        """Now, as a message's ts: strictly increasing, whatever the clock does."""
        micros = int(self.time.now().timestamp() * 1_000_000)
        self._last_ts = max(micros, self._last_ts + 1)
        return f"{self._last_ts // 1_000_000}.{self._last_ts % 1_000_000:06d}"

    def code(self, length: int, alphabet: str = "ABCDEFGHJKLMNPQRSTUVWXYZ0123456789") -> str:
        """Random characters for ids."""
        return "".join(self.rng.choices(alphabet, k=length))

    def user(self, name: str) -> User:
        """By id or by name; KeyError when there is none."""
        if name in self.users:
            return self.users[name]
        return next((user for user in self.users.values() if user.name == name), None) or _missing(name)

    def channel(self, name: str) -> Channel:
        """By id or by name, with or without #; KeyError when there is none."""
        if name in self.channels:
            return self.channels[name]
        plain = name.removeprefix("#")
        return next((one for one in self.channels.values() if one.name == plain), None) or _missing(name)

    @property
    def home(self) -> Team:
        """The team in which the app is installed."""
        return self.teams[self.installation.team_id]

    def is_external(self, user: User) -> bool:
        """Whether somebody is from another team than the app's."""
        return user.team_id != self.installation.team_id

    # -- reading --

    def message(self, channel: str, ts: str) -> TwinMessage:
        """As it is now; KeyError when it is gone."""
        return self.channels[channel].messages[ts]

    def replies(self, channel: str, ts: str) -> list[TwinMessage]:
        """The replies of a thread, oldest first, without its root and what only one person sees."""
        return [
            message
            for message in self.channels[channel].messages.values()
            if message.thread_ts == ts and message.is_reply and message.ephemeral_to is None
        ]

    def direct_channel(self, user: str) -> Channel:
        """The direct conversation of the bot and `user`, opened when there is none."""
        bot = self.installation.bot_user_id
        for channel in self.channels.values():
            if channel.kind is ChannelKind.IM and set(channel.members) == {bot, user}:
                return channel
        opened = Channel(
            id="D0" + self.code(9),
            name="",
            team_id=self.installation.team_id,
            kind=ChannelKind.IM,
            created_at=self.time.now(),
            members=[bot, user],
        )
        self.channels[opened.id] = opened
        return opened

    # -- changing --

    def tell(self, happening: Happening) -> None:
        """Let everybody who watches know."""
        for watcher in tuple(self.watchers):
            watcher(happening)

    def post(self, message: TwinMessage) -> TwinMessage:
        """Store a new message."""
        self.channels[message.channel].messages[message.ts] = message
        self.tell(
            Happening(
                kind=HappeningKind.POSTED,
                channel=message.channel,
                user=message.user,
                ts=message.ts,
                message=message,
            )
        )
        return message

    def change(self, message: TwinMessage, *, user: str, **fields: Any) -> TwinMessage:
        """Store a new state of a message and tell both."""
        changed = replace(message, **fields)
        self.channels[message.channel].messages[message.ts] = changed
        self.tell(
            Happening(
                kind=HappeningKind.CHANGED,
                channel=message.channel,
                user=user,
                ts=self.next_ts(),
                message=changed,
                previous=message,
            )
        )
        return changed

    def delete(self, message: TwinMessage, *, user: str) -> None:
        """Remove a message."""
        del self.channels[message.channel].messages[message.ts]
        self.tell(
            Happening(
                kind=HappeningKind.DELETED,
                channel=message.channel,
                user=user,
                ts=self.next_ts(),
                previous=message,
            )
        )

    def react(self, message: TwinMessage, *, user: str, name: str, on: bool = True) -> bool:
        """Add or take back a reaction; False when that changes nothing."""
        present = message.reactions.get(name, ())
        if (user in present) is on:
            return False
        people = (*present, user) if on else tuple(one for one in present if one != user)
        reactions = {**message.reactions, name: people}
        changed = replace(message, reactions={key: who for key, who in reactions.items() if who})
        self.channels[message.channel].messages[message.ts] = changed
        self.tell(
            Happening(
                kind=HappeningKind.REACTED if on else HappeningKind.UNREACTED,
                channel=message.channel,
                user=user,
                ts=self.next_ts(),
                message=changed,
                reaction=name,
            )
        )
        return True

    def join(self, channel: Channel, user: str) -> None:
        """Make somebody a member."""
        if user not in channel.members:
            channel.members.append(user)
            self.tell(Happening(kind=HappeningKind.JOINED, channel=channel.id, user=user, ts=self.next_ts()))


def _missing(name: str) -> Any:
    raise KeyError(name)
