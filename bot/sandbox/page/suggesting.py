"""What a newcomer could try next, from what has happened so far."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice

from bot.core.replies import spoken
from bot.sandbox.page.looking import Look
from bot.sandbox.page.views import (
    ChannelView,
    ClockView,
    MessageView,
    Persona,
    SwitchState,
    SwitchView,
    TicketView,
    WorkView,
)

SHOWN = 3
# The sample articles answer these; tests/unit/sandbox/test_page_suggestions.py asks them.
QUESTIONS = ("our Kafka consumer keeps rebalancing", "How do I connect DataHub?")
EMERGENCY = "Production is down, the Kafka consumer keeps crashing"
PORTUGUESE = "como restauro um backup?"
UNKNOWN = "What is your favourite colour?"


@dataclass(frozen=True, slots=True, kw_only=True)
class Suggestion:
    """Something to do: by going somewhere, or by sending a form."""

    words: str
    look: Look
    action: str = ""  #: where the form goes; "": a link to `look`
    fields: Mapping[str, str] = field(default_factory=dict)
    anchor: str = ""  #: part of the page a link leads to


@dataclass(frozen=True, slots=True, kw_only=True)
class Situation:
    """What the suggestions are made from."""

    look: Look
    now: datetime
    personas: Mapping[str, Persona]
    channels: Sequence[ChannelView]  #: of the on-call engineer, who sees where people are called
    rooms: Mapping[str, Sequence[MessageView]]  #: top-level messages of the first two personas' channels
    top: Sequence[MessageView]  #: what is said in the channel
    thread: Sequence[MessageView]
    tickets: Sequence[TicketView]
    ticket: TicketView | None
    switches: Sequence[SwitchView]
    work: Sequence[WorkView]

    def is_on(self, key: str) -> bool:
        """Whether a fault is switched on."""
        return any(one.key == key and one.state is not SwitchState.OFF for one in self.switches)


def suggestions(here: Situation) -> list[Suggestion]:
    """The three that fit best."""
    return list(islice(_all(here), SHOWN))


def _all(here: Situation) -> Iterator[Suggestion]:
    yield from _mending(here)
    yield from _called(here)
    yield from _thread(here)
    yield from _ticket(here)
    yield from _asking(here)
    yield from _breaking(here)


def _mending(here: Situation) -> Iterator[Suggestion]:
    if here.is_on("zendesk"):
        waits = any(ticket.replica is None for ticket in here.tickets)
        then = "the ticket that waits arrives" if waits else "everything goes on"
        yield _flip(here, "zendesk", f"Let Zendesk come back: {then}")
    elif any(ticket.replica is None for ticket in here.tickets) and not _parked(here):
        yield _wait(here, 1, "Let 1 min pass: the next try brings the ticket to Zendesk")
    if row := _parked(here):
        fields = {"queue": row.queue, "id": str(row.id)}
        words = "Try again what was parked: nothing is lost"
        yield Suggestion(words=words, look=here.look, action="/replay", fields=fields)


def _called(here: Situation) -> Iterator[Suggestion]:
    oncall = here.personas["oncall"]
    if here.look.persona == oncall and _press(here.top, "acknowledge"):
        words = "Acknowledge: from now on nobody else is called"
        fields = _press(here.top, "acknowledge")
        yield Suggestion(words=words, look=here.look, action="/press", fields=fields)
    if here.look.persona == oncall and here.look.channel == oncall.home:
        return
    if any(channel.calls for channel in here.channels):
        look = Look(persona=oncall, channel=oncall.home, ticket=here.look.ticket)
        yield Suggestion(words=f"Become {oncall.name}, who is called in #triage, and acknowledge", look=look)


def _thread(here: Situation) -> Iterator[Suggestion]:
    persona = here.look.persona.key
    offer = _press(here.thread, "open_ticket")
    if not offer or persona not in ("customer", "community"):
        return
    words = "Press “Open a ticket” under the answer"
    yield Suggestion(words=words, look=here.look, action="/press", fields=offer)
    if here.look.channel == here.personas["agent"].home:
        look = Look(persona=here.personas["agent"], channel=here.look.channel, thread=here.look.thread)
        yield Suggestion(words="Become Ada and write in this thread: the bot falls silent", look=look)


def _ticket(here: Situation) -> Iterator[Suggestion]:
    ticket = here.ticket
    if ticket is None or not ticket.is_open:
        return
    is_awaited = any(clock.label == "First reply" and clock.state == "running" for clock in ticket.clocks)
    if ticket.replica and is_awaited:
        yield Suggestion(words="Answer in Zendesk as Ada: the clock stops", look=here.look, anchor="reply")
    if step := next_step(ticket):
        minutes = max(math.ceil((step[0] - here.now).total_seconds() / 60), 1)
        yield _wait(here, minutes, f"Let {spoken(step[0] - here.now)} pass: {step[1]}")
    if ticket.replica and not is_awaited:
        status = "pending" if ticket.status == "open" else "solved"
        then = "the clock pauses" if status == "pending" else "the last clock ends"
        yield Suggestion(
            words=f"Set {ticket.label} to {status} in Zendesk: {then}",
            look=here.look,
            action="/status",
            fields={"status": status, "about": str(ticket.id)},
        )


def _asking(here: Situation) -> Iterator[Suggestion]:
    customer, community = here.personas["customer"], here.personas["community"]
    if not here.rooms[customer.home]:
        yield from (_say(customer, question) for question in QUESTIONS)
    if not any(ticket.priority == "P1" for ticket in here.tickets):
        yield _say(customer, EMERGENCY)
    if not here.rooms[community.home]:
        yield _say(community, PORTUGUESE)
    if len(here.rooms[customer.home]) <= 1:
        yield _say(customer, UNKNOWN)


def _breaking(here: Situation) -> Iterator[Suggestion]:
    if not here.is_on("zendesk"):
        yield _flip(here, "zendesk", "Switch Zendesk off and open a ticket: it waits, nothing is lost")
    if not here.is_on("twice"):
        yield _flip(here, "twice", "Let Slack deliver everything twice: nobody is answered twice")
    yield _wait(here, 1440, "Let a day pass")


def next_step(ticket: TicketView) -> tuple[datetime, str] | None:
    """What happens next to this ticket if nobody does anything, and when."""
    steps = [_reached(clock) for clock in ticket.clocks if clock.state == "running"]
    return min((step for step in steps if step is not None), default=None)


def _reached(clock: ClockView) -> tuple[datetime, str] | None:
    step = clock.next_step
    return (step.at, step.words) if step else None


def _parked(here: Situation) -> WorkView | None:
    return next((row for row in here.work if row.state == "parked"), None)


def _press(thread: Sequence[MessageView], action: str) -> dict[str, str]:
    """The fields that press the newest such button; none when there is none."""
    for message in reversed(thread):
        if any(one.action == action for one in message.buttons):
            return {"ts": message.ts, "press": action}
    return {}


def _say(persona: Persona, text: str) -> Suggestion:
    look = Look(persona=persona, channel=persona.home)
    return Suggestion(
        words=f"As {persona.name}: “{text}”", look=look, action="/say", fields={"text": text, "thread": ""}
    )


def _wait(here: Situation, minutes: int, words: str) -> Suggestion:
    return Suggestion(words=words, look=here.look, action="/move", fields={"minutes": str(minutes)})


def _flip(here: Situation, key: str, words: str) -> Suggestion:
    return Suggestion(words=words, look=here.look, action="/switch", fields={"key": key})
