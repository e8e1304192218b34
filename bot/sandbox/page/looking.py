"""Where the newcomer is looking, and how the address bar says it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlencode

from bot.sandbox.page.views import ChannelView, Persona, World

LARGEST_NUMBER = 2**31  #: of a ticket: what every database can be asked about


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """A person, a place in Slack, and the ticket that was chosen, if one was."""

    persona: Persona
    channel: str
    thread: str = ""
    ticket: int = 0  #: 0: whichever belongs to the thread

    def fields(self) -> Mapping[str, str]:
        """For the address bar and for the hidden fields of forms."""
        fields = {
            "as": self.persona.key,
            "channel": self.channel,
            "thread": self.thread,
            "ticket": str(self.ticket or ""),
        }
        return {key: value for key, value in fields.items() if value}

    def link(self, **changed: Any) -> str:
        """The same look with something changed."""
        return "/?" + urlencode(replace(self, **changed).fields())


def look_of(asked: Mapping[str, str], world: World) -> Look:
    """What is asked for, as far as the person may see it."""
    persona = next((one for one in world.personas if one.key == asked.get("as")), world.personas[0])
    channel = asked.get("channel", "")
    if not is_seen(channel, world.chat.channels(persona)):
        return Look(persona=persona, channel=persona.home, ticket=number(asked.get("ticket", "")))
    return Look(
        persona=persona,
        channel=channel,
        thread=asked.get("thread", ""),
        ticket=number(asked.get("ticket", "")),
    )


def become(look: Look, persona: Persona, world: World) -> str:
    """A link to the same place as somebody else; where somebody is called comes first."""
    channels = world.chat.channels(persona)
    is_called = any(channel.calls for channel in channels if channel.id == persona.home)
    stays = is_seen(look.channel, channels) and not (is_called and persona.key == "oncall")
    thread = look.thread if stays else ""
    return look.link(persona=persona, channel=look.channel if stays else persona.home, thread=thread)


def is_seen(channel: str, channels: Sequence[ChannelView]) -> bool:
    """Whether a person with these channels sees this one."""
    return any(one.id == channel for one in channels)


def number(text: str) -> int:
    """A number from an address bar, which may say anything."""
    is_plausible = text.isascii() and text.isdecimal() and len(text) <= len(str(LARGEST_NUMBER))
    return int(text) if is_plausible and int(text) < LARGEST_NUMBER else 0
