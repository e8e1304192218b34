"""The hands and eyes of everybody who uses Slack: what a page or a test does as a person."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Sequence
from dataclasses import dataclass

from bot.sandbox.slack.delivering import Receipt
from bot.sandbox.slack.gestures import Gestures, NotPossible
from bot.sandbox.slack.things import Channel, Happening, HappeningKind, TwinFile, TwinMessage, User
from bot.sandbox.slack.world import World
from bot.sandbox.slack.writing import as_typed, rich_text


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """Something a page may have to draw again."""

    kind: HappeningKind
    channel: str
    ts: str
    thread_ts: str | None


class Personas:
    """People and channels are given by id or by name; whoever is not a member gets NotPossible."""

    world: World
    gestures: Gestures
    _listeners: list[Callable[[Change], None]]

    # -- what people do --

    async def say(
        self,
        user: str,
        channel: str,
        text: str,
        thread_ts: str | None = None,
        files: Sequence[TwinFile] = (),
    ) -> str:
        """Write a message; its ts. `@Name` and `<@ID>` mention."""
        who, where = self._present(user, channel)
        if where.is_archived:
            raise NotPossible(f"#{where.name} is archived")
        if not text.strip() and not files:
            raise NotPossible("an empty message cannot be sent")
        if thread_ts is not None and thread_ts not in where.messages:
            raise NotPossible("there is no such thread")
        typed = as_typed(self.world, text)
        message = TwinMessage(
            channel=where.id,
            ts=self.world.next_ts(),
            user=who.id,
            team_id=who.team_id,
            text=typed,
            blocks=(rich_text(self.world, typed),) if typed else (),
            thread_ts=thread_ts,
            client_msg_id=self._client_msg_id(),
            files=tuple(files),
        )
        return self.world.post(message).ts

    async def press(self, user: str, channel: str, ts: str, action_id: str) -> Receipt:
        """Press a button; whether the app acknowledged. NotPossible when there is no such button."""
        who, where = self._present(user, channel)
        return await self.gestures.press(who, where, self._seen(where, ts, by=who), action_id)

    async def command(self, user: str, channel: str, command: str, text: str = "") -> Receipt:
        """Run a slash command. NotPossible for people of other teams, as in Slack."""
        who, where = self._present(user, channel)
        return await self.gestures.command(who, where, command, text)

    async def edit(self, user: str, channel: str, ts: str, text: str) -> None:
        """Change one's own message."""
        who, where = self._present(user, channel)
        message = self._own(who, where, ts)
        typed = as_typed(self.world, text)
        edited = (who.id, self.world.next_ts())
        blocks = (rich_text(self.world, typed),)
        self.world.change(message, user=who.id, text=typed, blocks=blocks, edited=edited)

    async def delete(self, user: str, channel: str, ts: str) -> None:
        """Delete one's own message."""
        who, where = self._present(user, channel)
        self.world.delete(self._own(who, where, ts), user=who.id)

    async def unfurl(self, channel: str, ts: str, url: str = "https://example.com/") -> None:
        """Slack adds a preview: a message_changed whose text is the same."""
        where = self.world.channel(channel)
        message = where.messages[ts]
        preview = {"id": 1, "from_url": url, "original_url": url, "fallback": url, "title": url}
        self.world.change(message, user=message.user, attachments=(*message.attachments, preview))

    async def react(self, user: str, channel: str, ts: str, name: str, *, on: bool = True) -> None:
        """Add or take back an emoji."""
        who, where = self._present(user, channel)
        self.world.react(self._seen(where, ts, by=who), user=who.id, name=name.strip(":"), on=on)

    async def join(self, user: str, channel: str) -> None:
        """Become a member: a person of a team that takes part, or the bot."""
        who, where = self.world.user(user), self.world.channel(channel)
        if who.team_id not in (where.team_id, *where.connected_team_ids):
            raise NotPossible(f"#{where.name} is not shared with that team")
        self.world.join(where, who.id)

    def direct(self, user: str) -> str:
        """The id of somebody's direct conversation with the bot."""
        return self.world.direct_channel(self.world.user(user).id).id

    # -- what people see --

    def channels_of(self, user: str) -> list[Channel]:
        """Where somebody is a member."""
        who = self.world.user(user)
        return [channel for channel in self.world.channels.values() if who.id in channel.members]

    def history(self, channel: str, viewer: str | None = None) -> list[TwinMessage]:
        """The top level of a channel, oldest first, with what only `viewer` sees."""
        where = self.world.channel(channel)
        top = (one for one in where.messages.values() if not one.is_reply or one.is_broadcast)
        return [one for one in top if self._visible(one, viewer)]

    def thread(self, channel: str, ts: str, viewer: str | None = None) -> list[TwinMessage]:
        """A thread, its root first."""
        where = self.world.channel(channel)
        within = (one for one in where.messages.values() if ts in (one.ts, one.thread_ts))
        return [one for one in within if self._visible(one, viewer)]

    def on_change(self, listener: Callable[[Change], None]) -> Callable[[], None]:
        """Call `listener` after each change; the returned function ends that."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    async def changes(self) -> AsyncGenerator[Change, None]:
        """Every change from now on."""
        queue: asyncio.Queue[Change] = asyncio.Queue()
        unsubscribe = self.on_change(queue.put_nowait)
        try:
            while True:
                yield await queue.get()
        finally:
            unsubscribe()

    # -- within --

    def _announce(self, happening: Happening) -> None:
        about = happening.message or happening.previous
        change = Change(
            kind=happening.kind,
            channel=happening.channel,
            ts=about.ts if about else happening.ts,
            thread_ts=about.thread_ts if about else None,
        )
        for listener in tuple(self._listeners):
            listener(change)

    def _present(self, user: str, channel: str) -> tuple[User, Channel]:
        who, where = self.world.user(user), self.world.channel(channel)
        if who.id not in where.members:
            raise NotPossible(f"{who.name} is not in #{where.name}")
        return who, where

    def _visible(self, message: TwinMessage, viewer: str | None) -> bool:
        only = message.ephemeral_to
        return only is None or (viewer is not None and only == self.world.user(viewer).id)

    def _seen(self, channel: Channel, ts: str, *, by: User) -> TwinMessage:
        message = channel.messages.get(ts)
        if message is None or not self._visible(message, by.id):
            raise NotPossible("there is no such message")
        return message

    def _own(self, user: User, channel: Channel, ts: str) -> TwinMessage:
        message = self._seen(channel, ts, by=user)
        if message.user != user.id:
            raise NotPossible("only the author can do that")
        return message

    def _client_msg_id(self) -> str:
        digits = self.world.code(32, "0123456789abcdef")
        return "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))
