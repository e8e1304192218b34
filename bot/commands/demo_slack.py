"""Slack as the sandbox's page sees it: with the eyes of each person, and with their hands."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from zlib import crc32

from bot.core.errors import UserFacingError
from bot.sandbox import household
from bot.sandbox.page.looking import Look, is_seen
from bot.sandbox.page.mrkdwn import Lookups
from bot.sandbox.page.rendering import buttons_of, excerpt_of, message_html
from bot.sandbox.page.views import ChannelView, MessageView, Persona
from bot.sandbox.slack.gestures import NotPossible
from bot.sandbox.slack.things import Channel, TwinMessage
from bot.sandbox.slack.twin import SlackTwin

ACKNOWLEDGE = "acknowledge"
TINTS = 6
# https://docs.slack.dev/reference/methods/chat.getPermalink
PERMALINK = re.compile(
    r"https://[\w-]+\.slack\.com/archives/(?P<channel>\w+)/p(?P<seconds>\d+)(?P<fraction>\d{6})(?:\?.*)?"
)


class SlackChat:
    """Implements `bot.sandbox.page.views.Chat`."""

    def __init__(self, slack: SlackTwin, users: Mapping[str, str], page: Callable[[str], str]) -> None:
        self._slack = slack
        self._users = users  #: persona's key → handle
        self._page = page

    def channels(self, persona: Persona) -> Sequence[ChannelView]:
        who = self._users[persona.key]
        return [
            ChannelView(id=one.id, name=one.name, hint=self._hint(one), calls=self._calls(one, who))
            for one in self._slack.channels_of(who)
            if one.name  # direct conversations have none
        ]

    def _hint(self, channel: Channel) -> str:
        teams = [self._slack.world.teams[team].name for team in channel.connected_team_ids]
        if teams:
            return f"Slack Connect with {', '.join(teams)}"
        return "our own people only" if channel.name == household.TRIAGE else "public, best effort"

    def _calls(self, channel: Channel, who: str) -> int:
        """How often somebody is mentioned in something that still waits to be acknowledged."""
        mention = f"<@{self._slack.world.user(who).id}>"
        return sum(
            mention in message.text and any(one.action_id == ACKNOWLEDGE for one in message.buttons)
            for message in self._slack.history(channel.id)
        )

    def messages(self, persona: Persona, channel: str) -> Sequence[MessageView]:
        viewer = self._users[persona.key]
        lookups = self._lookups(persona)
        return [self._message(one, viewer, lookups) for one in self._slack.history(channel, viewer)]

    def thread(self, persona: Persona, channel: str, ts: str) -> Sequence[MessageView]:
        viewer = self._users[persona.key]
        lookups = self._lookups(persona)
        return [self._message(one, viewer, lookups) for one in self._slack.thread(channel, ts, viewer)]

    def _lookups(self, persona: Persona) -> Lookups:
        def page(url: str) -> str:
            return self._permalink(url, persona) or self._page(url)

        return Lookups(name=self._name, page=page)

    def _permalink(self, url: str, persona: Persona) -> str:
        """A link to a message is a place on the page, for people who are in that channel."""
        found = PERMALINK.fullmatch(url)
        if found is None or not is_seen(found["channel"], self.channels(persona)):
            return ""
        thread = f"{found['seconds']}.{found['fraction']}"
        return Look(persona=persona, channel=found["channel"], thread=thread).link()

    def _message(self, message: TwinMessage, viewer: str, lookups: Lookups) -> MessageView:
        world = self._slack.world
        author = world.users[message.user]
        away = world.teams[author.team_id].name if world.is_external(author) else ""
        replies = self._slack.thread(message.channel, message.ts, viewer)[1:]
        html = message_html(message.text, message.blocks, lookups)
        return MessageView(
            ts=message.ts,
            author=author.real_name,
            initials="".join(part[0] for part in author.real_name.split()[:2]),
            tint=crc32(author.id.encode()) % TINTS,
            badge="APP" if message.bot_id else away,
            at=_instant(message.ts),
            html=html,
            excerpt=excerpt_of(html),
            buttons=buttons_of(message.blocks),
            replies=len(replies),
            last_reply_at=_instant(replies[-1].ts) if replies else None,
            is_edited=message.edited is not None and not message.bot_id,
            is_bot=bool(message.bot_id),
            is_growing=message.is_streaming,
            is_only_for_viewer=message.ephemeral_to is not None,
        )

    def _name(self, id: str) -> str:
        world = self._slack.world
        if id in world.users:
            return world.users[id].real_name
        return world.channels[id].name if id in world.channels else id

    async def say(self, persona: Persona, channel: str, text: str, thread: str) -> str:
        try:
            ts = await self._slack.say(self._users[persona.key], channel, text, thread or None)
        except NotPossible as error:
            raise UserFacingError(f"Slack: {error}.") from error
        return thread or ts

    async def press(self, persona: Persona, channel: str, ts: str, action: str) -> None:
        try:
            receipt = await self._slack.press(self._users[persona.key], channel, ts, action)
        except NotPossible as error:
            raise UserFacingError(f"Slack: {error}; somebody may have been faster.") from error
        if not receipt.ok:
            raise UserFacingError("Slack: this app did not respond in time. Try again.")


def _instant(ts: str) -> datetime:
    return datetime.fromtimestamp(float(ts), tz=UTC)
