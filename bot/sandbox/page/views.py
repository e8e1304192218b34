"""What the page shows, as plain values; whoever owns the twins fills them in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class Persona:
    """Somebody the newcomer can be."""

    key: str  #: in the address bar: "customer"
    name: str
    words: str  #: who they are, in a few words
    home: str  #: the channel they look at first


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelView:
    """A channel in the list on the left."""

    id: str
    name: str
    hint: str  #: "Slack Connect · Acme"


@dataclass(frozen=True, slots=True, kw_only=True)
class ButtonView:
    """A button under a message."""

    action: str
    label: str
    style: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageView:
    """A message as Slack would show it."""

    ts: str
    author: str
    initials: str
    badge: str  #: "APP", "Acme" or ""
    at: datetime
    html: str  #: rendered and escaped by the page's own renderer
    buttons: Sequence[ButtonView] = ()
    replies: int = 0
    is_edited: bool = False
    is_bot: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ClockView:
    """A promise with how far it has run."""

    label: str
    state: str
    due_at: datetime
    left: str  #: "in 3 h 20 min", "12 min ago", "kept"
    percent: int  #: of the target's business time, capped at 100 for the bar
    explained: Sequence[str] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class CommentView:
    """A comment in the desk."""

    author: str
    at: datetime
    text: str
    is_public: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class TicketView:
    """A ticket: ours, and its replica in the desk."""

    id: int
    label: str
    subject: str
    status: str
    priority: str
    tier: str
    customer: str
    replica: str | None
    replica_status: str
    channel: str
    thread: str
    clocks: Sequence[ClockView] = ()
    comments: Sequence[CommentView] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkView:
    """A row of the ledger."""

    queue: str
    id: int
    kind: str
    lane: str
    state: str
    attempts: int
    note: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SwitchView:
    """A fault that can be switched on."""

    key: str
    label: str
    is_on: bool


class World(Protocol):
    """The sandbox behind the page."""

    personas: Sequence[Persona]

    def now(self) -> datetime:
        """The sandbox's present."""

    def channels(self, persona: Persona) -> Sequence[ChannelView]:
        """What this person sees in Slack."""

    def messages(self, channel: str) -> Sequence[MessageView]:
        """Top-level messages, oldest first."""

    def thread(self, channel: str, ts: str) -> Sequence[MessageView]:
        """A root and its replies."""

    async def say(self, persona: Persona, channel: str, text: str, thread: str | None) -> str:
        """Write as this person; the thread it is in."""

    async def press(self, persona: Persona, channel: str, ts: str, action: str) -> str:
        """Press a button as this person; "" or a sentence saying why not."""

    async def tickets(self) -> Sequence[TicketView]:
        """All, newest first, without their comments."""

    async def ticket(self, id: int) -> TicketView | None:
        """One, with clocks and comments."""

    async def reply_in_desk(self, ticket: int, text: str, *, is_public: bool) -> str:
        """The agent answers in Zendesk; "" or a sentence saying why not."""

    async def set_status(self, ticket: int, status: str) -> str:
        """The agent sets the status in Zendesk; "" or a sentence saying why not."""

    async def move(self, by: timedelta) -> None:
        """Let time pass."""

    async def work(self) -> Sequence[WorkView]:
        """The newest rows of the ledger."""

    def switches(self) -> Sequence[SwitchView]:
        """The faults on offer."""

    def switch(self, key: str) -> None:
        """Turn a fault on or off."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """Where the newcomer is looking, as the address bar says it."""

    persona: Persona
    channel: str
    thread: str = ""
    ticket: int = 0
