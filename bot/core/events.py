"""What happened, in our words, past tense. Doors make them from deliveries; workers from outcomes."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from bot.core.alerts import AlertFailed, AlertRef, AlertSent
from bot.core.model import (
    Address,
    AnswerId,
    ConversationId,
    Finding,
    MessageId,
    Person,
    PersonRef,
    Shown,
    Text,
    TicketId,
    TicketStatus,
    Verdict,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageReceived:
    """Somebody wrote in a room. `address.thread` is the message's own id when it starts a thread."""

    address: Address
    source: str
    author: PersonRef
    text: str  #: plain text with the mention of the bot removed
    sent_at: datetime
    is_mention: bool  #: the bot was addressed
    is_bot: bool  #: written by a program, us included
    starts_thread: bool
    files: tuple[str, ...] = ()


class Button(StrEnum):
    """What can be pressed under our messages, by anybody who sees them."""

    OPEN_TICKET = "open_ticket"
    HELPED = "helped"
    NOT_HELPED = "not_helped"
    USE_DRAFT = "use_draft"
    IGNORE_DRAFT = "ignore_draft"
    ACKNOWLEDGE = "acknowledge"
    SNOOZE_SHORT = "snooze_short"
    SNOOZE_LONG = "snooze_long"


@dataclass(frozen=True, slots=True, kw_only=True)
class ButtonPressed:
    """Somebody pressed a button. `value` is what we put into it: the id of a message, clock or draft."""

    button: Button
    address: Address
    presser: PersonRef
    value: str
    message: str  #: the door's id of the message that carries the button
    pressed_at: datetime
    presser_name: str = ""  #: as the door shows it, where it says so


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerDrafted:
    """The knowledge base was asked."""

    conversation: ConversationId
    question: MessageId
    finding: Finding
    was_addressed: bool
    shown: Shown | None = None  #: what people may see of it already


@dataclass(frozen=True, slots=True, kw_only=True)
class TicketClassified:
    """Somebody or something judged what a ticket is about."""

    ticket: TicketId
    verdict: Verdict


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplyPosted:
    """We said something, and it stands under `source`."""

    conversation: ConversationId
    source: str
    text: Text
    posted_at: datetime
    answer: AnswerId | None = None  #: which answer it carries
    alert: AlertRef | None = None  #: which escalation


@dataclass(frozen=True, slots=True, kw_only=True)
class CardPosted:
    """A status card exists, and says what was true at `shown_at`; `card` is the door's id for it."""

    conversation: ConversationId
    address: Address  #: where it stands
    card: str
    shown_at: datetime
    is_internal: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonIdentified:
    """A door told us who somebody is."""

    person: Person


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplicaCreated:
    """The ticket now exists in Zendesk too."""

    ticket: TicketId
    replica: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplicaCommented:
    """Our comment stands on the replica under this id, so that its echo can be told apart."""

    ticket: TicketId
    comment: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CommentReceived:
    """Somebody commented on the replica. Private ones are kept but never leave."""

    replica: str
    comment: str
    author_name: str
    is_agent: bool
    is_public: bool
    text: str
    written_at: datetime
    external_id: str | None = None  #: ours, "deskbell-3f9c2a1b-12": known even before the replica's id is


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusReceived:
    """The replica's status was changed over there."""

    replica: str
    status: TicketStatus
    changed_at: datetime
    external_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TicketMerged:
    """Two tickets are one; what is still to be done goes on in `into`."""

    ticket: TicketId
    into: TicketId
    merged_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class TimerFired:
    """A timer came due. A version older than the row it speaks of makes it a no-op."""

    key: str  #: "clock:12", "alert:12:step:1"
    version: int


Event = (
    MessageReceived
    | ButtonPressed
    | AnswerDrafted
    | TicketClassified
    | ReplyPosted
    | CardPosted
    | PersonIdentified
    | ReplicaCreated
    | ReplicaCommented
    | CommentReceived
    | StatusReceived
    | TicketMerged
    | TimerFired
    | AlertSent
    | AlertFailed
)
