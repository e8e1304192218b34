"""What an administrator decides: who is who, which room is whose, what was promised. Loaded from TOML."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from typing import TYPE_CHECKING

from bot.core.model import (
    Address,
    AnswerMode,
    EscalationStep,
    Metric,
    OrganisationId,
    PersonRef,
    Priority,
    Room,
    RoomKind,
    Tier,
)

if TYPE_CHECKING:
    from bot.core.rotas import OnCall  # rotas need calendars, whose nouns are below


@dataclass(frozen=True, slots=True, kw_only=True)
class Interval:
    """Opening hours within a day, in minutes after local midnight.

    An end not after the start runs into the next day and belongs to the day it starts on.
    """

    start: int
    end: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Calendar:
    """When time counts. `hours` has seven entries, Monday first. Never change a mapping in place."""

    name: str
    timezone: str  #: an IANA name
    hours: tuple[tuple[Interval, ...], ...]
    holidays: Mapping[date, str] = field(default_factory=dict, hash=False)  #: local date → its name
    is_always_open: bool = False  #: 24x7: plain UTC arithmetic
    #: A local date's hours in the place of its weekday's; they beat a holiday.
    special_hours: Mapping[date, tuple[Interval, ...]] = field(default_factory=dict, hash=False)
    #: Local times of a date at which nothing counts, whichever day's hours they are in.
    breaks: Mapping[date, tuple[Interval, ...]] = field(default_factory=dict, hash=False)

    def hours_on(self, day: date) -> tuple[Interval, ...]:
        """The intervals that start on this local date."""
        if day in self.special_hours:
            return self.special_hours[day]
        return () if day in self.holidays else self.hours[day.weekday()]


@dataclass(frozen=True, slots=True, kw_only=True)
class Organisation:
    """A customer."""

    id: OrganisationId
    name: str
    tier: Tier
    desk_id: str | None = None  #: its id in the ticket desk
    version: str | None = None  #: of the product that it runs
    environment: str | None = None  #: where, such as "Production"
    calendars: Mapping[str, str] = field(default_factory=dict, hash=False)  #: a promise's calendar → theirs
    csm: PersonRef | None = None  #: the customer success manager named for them


@dataclass(frozen=True, slots=True, kw_only=True)
class SlaTarget:
    """One promise: what, how long, in whose hours, and what happens on the way."""

    policy: str  #: "default@1"
    tier: Tier
    priority: Priority
    metric: Metric
    target: timedelta  #: business time of the calendar
    calendar: str
    warn_percent: int
    steps: tuple[EscalationStep, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Destination:
    """Somewhere outside every room that escalations are sent to; its door knows the address."""

    label: str  #: as people read it, "PagerDuty"
    hears_the_rest: bool  #: it is told, too, that somebody has it, and that it is over


@dataclass(frozen=True, slots=True, kw_only=True)
class Policies:
    """Everything the core may ask about the contract and the people."""

    organisations: Mapping[OrganisationId, Organisation]
    rooms: Mapping[tuple[str, str, str], Room]  #: (door, workspace, room)
    agents: frozenset[PersonRef]
    targets: Mapping[tuple[Tier, Priority, Metric], SlaTarget]
    calendars: Mapping[str, Calendar]
    on_call: OnCall
    escalation_room: Room | None  #: where escalations are told; None: in the conversation's own thread
    draft_room: Room | None = None  #: where our own people see drafts of answers
    card_room: Room | None = None  #: where our own people see a card of every ticket
    rooms_by_name: Mapping[str, Room] = field(default_factory=dict)  #: as channels.toml names them
    destinations: Mapping[str, Destination] = field(default_factory=dict)  #: "pagerduty", "webhook:ops" …

    def room_of(self, address: Address) -> Room:
        """The room as configured; an unknown one is public, best effort and answers mentions only."""
        known = self.rooms.get((address.door, address.workspace, address.room))
        return known or Room(
            door=address.door,
            workspace=address.workspace,
            room=address.room,
            kind=RoomKind.COMMUNITY,
            organisation=None,
            tier=Tier.COMMUNITY,
            mode=AnswerMode.MENTION,
        )

    def target(
        self, organisation: OrganisationId | None, tier: Tier, priority: Priority, metric: Metric
    ) -> SlaTarget | None:
        """What is promised to this customer, in the hours agreed with them; None is best effort."""
        found = self.targets.get((tier, priority, metric))
        theirs = self.organisations.get(organisation) if organisation else None
        if found is None or theirs is None:
            return found
        return replace(found, calendar=theirs.calendars.get(found.calendar, found.calendar))

    def is_agent(self, person: PersonRef) -> bool:
        """By user id and workspace id, never by e-mail."""
        return person in self.agents
