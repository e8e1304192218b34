"""Telling people that time runs out, outside the conversation: what is sent, to whom, and what came of it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from bot.core.model import (
    Address,
    ClockId,
    ConversationId,
    Metric,
    OrganisationId,
    Priority,
    TicketId,
    Tier,
)

HERE = ""  #: the destination that is the room where escalations are told
STAND_IN = "instead of "  #: begins one that is a message there in the place of somewhere else


class AlertState(StrEnum):
    """What became of it."""

    PLANNED = "planned"
    LATE = "late"  #: not sent yet, and our own people know it
    SENT = "sent"
    FAILED = "failed"  #: refused for good, and our own people know it


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertRef:
    """One destination that is told about one mark of a clock."""

    clock: ClockId
    mark: str  #: the last of the marks that are told together: "step:1", "step:1:2"
    destination: str  #: `HERE`, "channel:NAME", or as destinations.toml names it

    @property
    def is_here(self) -> bool:
        """Told where our own people read escalations: there is nowhere else to say that it failed."""
        return self.destination == HERE or self.destination.startswith(STAND_IN)


@dataclass(frozen=True, slots=True, kw_only=True)
class Alert:
    """What was decided about it, and what came of that."""

    ref: AlertRef
    planned_at: datetime
    calls_people: bool = True  #: False: it is only written in a room, and nobody is called by it
    state: AlertState = AlertState.PLANNED
    reason: str = ""  #: why it failed
    source: str | None = None  #: of the message in a room, as in `Message.source`


class AlertAction(StrEnum):
    """Where the matter stands for whoever is told."""

    TRIGGER = "trigger"  #: time runs out
    ACKNOWLEDGE = "acknowledge"  #: somebody has it
    RESOLVE = "resolve"  #: what was promised has happened, or is owed no more


@dataclass(frozen=True, slots=True, kw_only=True)
class SendAlert:
    """Tell one destination outside every room. No words of a customer but the subject go along."""

    ref: AlertRef
    action: AlertAction
    key: str  #: of the clock, the same for everything about it: "deskbell-3f9c2a1b-clock-12"
    conversation: ConversationId
    about: Address  #: the thread to link to
    ticket: TicketId
    subject: str
    organisation: OrganisationId | None
    tier: Tier
    priority: Priority
    metric: Metric
    due_at: datetime
    at: datetime  #: when it was decided
    round: int = 0  #: how many times this step was told before
    by: str | None = None  #: who has it
    link: str | None = None  #: to the thread; found when it is sent

    @property
    def lane(self) -> str:
        """What is told about a clock keeps its order at each destination, and waits for no other's."""
        return f"{self.ref.destination}/{self.ref.clock}"

    @property
    def vendor(self) -> str:
        """Each is guarded on its own: a dead one keeps nobody else waiting."""
        return self.ref.destination

    @property
    def bucket(self) -> str:
        """Likewise."""
        return self.ref.destination


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertSent:
    """Whoever is there has it."""

    ref: AlertRef
    at: datetime
    source: str | None = None  #: of the message in a room


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertFailed:
    """It cannot be told there, now or later."""

    ref: AlertRef
    reason: str
