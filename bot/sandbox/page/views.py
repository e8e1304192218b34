"""What the page shows, as plain values; whoever owns the twins fills them in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
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
    calls: int = 0  #: escalations here that nobody has acknowledged


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
    tint: int  #: of the avatar, 0 to 5
    badge: str  #: "APP", "Acme" or ""
    at: datetime
    html: str  #: rendered and escaped by the page's own renderer
    excerpt: str  #: the first words, for lists
    buttons: Sequence[ButtonView] = ()
    replies: int = 0
    last_reply_at: datetime | None = None
    is_edited: bool = False
    is_bot: bool = False
    is_growing: bool = False  #: more of it is on its way
    is_only_for_viewer: bool = False  #: Slack calls it ephemeral


@dataclass(frozen=True, slots=True, kw_only=True)
class StepView:
    """Something that happens on the way of a clock."""

    words: str  #: "Otto Oncall is called"
    at: datetime
    is_told: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ClockView:
    """A promise with how far it has run."""

    id: int
    label: str
    state: str
    is_late: bool  #: still running, and overdue
    due_at: datetime
    left: str  #: "3 h 20 min left", "12 min late", "kept"
    used: str  #: "40 min of 4 h"
    percent: int  #: of the target's business time, capped at 100 for the bar
    is_acknowledged: bool = False
    steps: Sequence[StepView] = ()
    explained: Sequence[str] = ()

    @property
    def next_step(self) -> StepView | None:
        """What happens next if nobody does anything."""
        return next((step for step in self.steps if not step.is_told), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class CommentView:
    """A comment in the desk."""

    id: int
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
    channel_name: str
    thread: str
    clocks: Sequence[ClockView] = ()
    comments: Sequence[CommentView] = ()

    @property
    def is_open(self) -> bool:
        """Whether somebody still has to do something."""
        return self.status not in ("solved", "closed")

    @property
    def urgent_clock(self) -> ClockView | None:
        """The running clock that is due first."""
        running = [clock for clock in self.clocks if clock.state == "running"]
        return min(running, key=lambda clock: clock.due_at, default=None)


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkView:
    """A row of the ledger."""

    queue: str
    id: int
    words: str  #: "Post a reply in Slack"
    details: str  #: how the code and the database call it: "PostReply in slack/1"
    state: str
    note: str  #: what went wrong, and how often it was tried
    at: datetime | None = None  #: when it was stored; None for a timer
    due_at: datetime | None = None  #: of a timer, and of the next try


@dataclass(frozen=True, slots=True, kw_only=True)
class ArticleView:
    """An article of the knowledge base, to be read."""

    title: str
    html: str  #: rendered and escaped
    url: str  #: where it would be published; "" when nowhere
    readers: str  #: "public", "internal" or "customer:acme"


class SwitchState(StrEnum):
    """How a fault stands."""

    OFF = "off"
    ON = "on"  #: until it is switched off
    ARMED = "armed"  #: happens once, and has not happened yet


@dataclass(frozen=True, slots=True, kw_only=True)
class SwitchView:
    """A fault that can be switched on."""

    key: str
    label: str
    explained: str
    state: SwitchState


class Chat(Protocol):
    """Slack, with a pair of eyes and hands for each person."""

    def channels(self, persona: Persona) -> Sequence[ChannelView]:
        """What this person sees in Slack."""

    def messages(self, persona: Persona, channel: str) -> Sequence[MessageView]:
        """Top-level messages as this person sees them, oldest first."""

    def thread(self, persona: Persona, channel: str, ts: str) -> Sequence[MessageView]:
        """A root and its replies."""

    async def say(self, persona: Persona, channel: str, text: str, thread: str) -> str:
        """Write as this person; the thread it is in."""

    async def press(self, persona: Persona, channel: str, ts: str, action: str) -> None:
        """Press a button as this person."""


class Desk(Protocol):
    """Our tickets, and what the agent does with their replicas."""

    async def tickets(self) -> Sequence[TicketView]:
        """All, newest first, with their clocks and without their comments."""

    async def ticket(self, id: int) -> TicketView | None:
        """One, with everything there is to say about it."""

    async def reply(self, ticket: int, text: str, *, is_public: bool) -> None:
        """The agent answers in Zendesk."""

    async def set_status(self, ticket: int, status: str) -> None:
        """The agent sets the status in Zendesk."""


class Work(Protocol):
    """The ledger."""

    async def rows(self) -> Sequence[WorkView]:
        """The newest."""

    async def replay(self, queue: str, id: int) -> None:
        """Try parked work again."""


class Mischief(Protocol):
    """Faults on offer."""

    def switches(self) -> Sequence[SwitchView]:
        """All of them, in the order in which they are shown."""

    def flip(self, key: str) -> None:
        """Turn one on or off."""


class Library(Protocol):
    """The articles behind the answers."""

    def page(self, url: str) -> str:
        """Where the sandbox shows what is published at this address; "" when it does not."""

    def article(self, path: str) -> ArticleView | None:
        """One of them."""


class TimeMachine(Protocol):
    """The sandbox's clock."""

    def now(self) -> datetime:
        """Its present."""

    def ahead(self) -> timedelta:
        """How far that is ahead of the real time."""

    async def move(self, by: timedelta) -> None:
        """Let time pass, and everybody notice."""


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """The sandbox behind the page. Whatever somebody cannot do raises UserFacingError."""

    personas: Sequence[Persona]
    chat: Chat
    desk: Desk
    work: Work
    mischief: Mischief
    library: Library
    time: TimeMachine
