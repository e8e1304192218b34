"""Everything one rendering of the page shows, looked up once, so that its parts agree."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from bot.core.replies import spoken
from bot.sandbox.page.looking import Look, become
from bot.sandbox.page.suggesting import Situation, Suggestion, suggestions
from bot.sandbox.page.views import (
    ChannelView,
    MessageView,
    Persona,
    SwitchView,
    TicketView,
    WorkView,
    World,
)

STRIDES = (
    (timedelta(minutes=10), "10 min"),
    (timedelta(hours=1), "1 h"),
    (timedelta(hours=4), "4 h"),
    (timedelta(days=1), "1 day"),
)
AT_WORK = ("pending", "leased")


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonaLink:
    """A person to become."""

    persona: Persona
    href: str
    is_current: bool
    calls: int  #: escalations that wait for this person


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """What the templates read."""

    look: Look
    now: datetime
    ahead: str  #: "2 h 10 min"; "" when nobody moved the clock
    people: Sequence[PersonaLink]
    channels: Sequence[ChannelView]
    channel: ChannelView
    messages: Sequence[MessageView]  #: of the thread, or of the channel
    threads: Sequence[MessageView]  #: the channel's conversations, newest first, for the list
    tickets: Sequence[TicketView]
    ticket: TicketView | None
    work: Sequence[WorkView]
    switches: Sequence[SwitchView]
    suggestions: Sequence[Suggestion]
    notice: str  #: why something did not work

    @property
    def is_at_work(self) -> bool:
        """Whether something is about to change by itself."""
        return any(row.state in AT_WORK and row.due_at is None for row in self.work)

    @property
    def is_empty(self) -> bool:
        """Nothing was said here."""
        return not self.messages

    @property
    def strides(self) -> Sequence[tuple[int, str]]:
        """How far the clock can be moved, in minutes and in words."""
        return [(int(span.total_seconds() // 60), words) for span, words in STRIDES]

    def until(self, at: datetime) -> str:
        """How far away an instant is, in words."""
        return f"in {spoken(at - self.now)}" if at > self.now else "now"

    @property
    def listed(self) -> Sequence[WorkView]:
        """What was given up first: somebody has to look at it. Then the newest; timers are told apart."""
        done = [row for row in self.work if row.queue != "timers"]
        return sorted(done, key=lambda row: row.state != "parked")

    @property
    def timers(self) -> Sequence[WorkView]:
        """What waits for its time, the next one first."""
        waiting = [row for row in self.work if row.queue == "timers"]
        return sorted(waiting, key=lambda row: row.due_at or self.now)

    def ticket_of(self, message: MessageView) -> TicketView | None:
        """The ticket of a conversation."""
        place = (self.look.channel, message.ts)
        return next((one for one in self.tickets if (one.channel, one.thread) == place), None)

    def thread_of(self, ticket: TicketView, world: World) -> str:
        """A link to the ticket's thread, as whoever looks or else as the first who may read it."""
        everybody = [self.look.persona, *world.personas]
        for persona in everybody:
            if any(one.id == ticket.channel for one in world.chat.channels(persona)):
                return Look(persona=persona, channel=ticket.channel, thread=ticket.thread).link()
        return self.look.link()


async def scene(world: World, look: Look, notice: str = "") -> Scene:
    """Look at everything."""
    tickets = await world.desk.tickets()
    chosen = look.ticket or _ticket_here(look, tickets)
    ticket = await world.desk.ticket(chosen) if chosen else None
    work = await world.work.rows()
    top = world.chat.messages(look.persona, look.channel)
    thread = world.chat.thread(look.persona, look.channel, look.thread) if look.thread else ()
    channels = world.chat.channels(look.persona)
    ahead = world.time.ahead()
    situation = _situation(world, look, top=top, thread=thread, tickets=tickets, ticket=ticket, work=work)
    return Scene(
        look=look,
        now=world.time.now(),
        ahead=spoken(ahead) if ahead >= timedelta(seconds=1) else "",
        people=[_link(one, look, world) for one in world.personas],
        channels=channels,
        channel=next(one for one in channels if one.id == look.channel),
        messages=thread if look.thread else top,
        threads=[message for message in reversed(top) if message.replies],
        tickets=tickets,
        ticket=ticket,
        work=work,
        switches=world.mischief.switches(),
        suggestions=suggestions(situation),
        notice=notice,
    )


def _ticket_here(look: Look, tickets: Sequence[TicketView]) -> int:
    """The ticket of the thread; where there is none, the newest that somebody still has to work on."""
    if look.thread:
        place = (look.channel, look.thread)
        return next((one.id for one in tickets if (one.channel, one.thread) == place), 0)
    return next((one.id for one in tickets if one.is_open), 0)


def _link(persona: Persona, look: Look, world: World) -> PersonaLink:
    channels = world.chat.channels(persona)
    return PersonaLink(
        persona=persona,
        href=become(look, persona, world),
        is_current=persona == look.persona,
        calls=sum(channel.calls for channel in channels),
    )


def _situation(
    world: World,
    look: Look,
    *,
    top: Sequence[MessageView],
    thread: Sequence[MessageView],
    tickets: Sequence[TicketView],
    ticket: TicketView | None,
    work: Sequence[WorkView],
) -> Situation:
    personas: Mapping[str, Persona] = {one.key: one for one in world.personas}
    asking = (personas["customer"], personas["community"])
    return Situation(
        look=look,
        now=world.time.now(),
        personas=personas,
        channels=world.chat.channels(personas["oncall"]),
        rooms={one.home: world.chat.messages(one, one.home) for one in asking},
        top=top,
        thread=thread,
        tickets=tickets,
        ticket=ticket,
        switches=world.mischief.switches(),
        work=work,
    )
