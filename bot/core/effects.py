"""What we decided to do, imperative. Stored with the decision, performed afterwards.

Each effect names three things about its delivery:
`lane`, in which effects keep their order; `vendor`, whose circuit breaker guards it;
`bucket`, whose rate limit it spends.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from bot.core.alerts import AlertRef, SendAlert
from bot.core.events import Button
from bot.core.model import (
    Address,
    AnswerId,
    Audience,
    ClockState,
    ConversationId,
    Correction,
    Inquiry,
    MessageId,
    Metric,
    OrganisationId,
    Person,
    PersonRef,
    Priority,
    Shown,
    Text,
    TicketId,
    TicketStatus,
    Tier,
    Turn,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """Where an answer may be seen while it is still being composed."""

    address: Address
    room: Audience  #: who reads there now
    asker: PersonRef
    sure: float  #: what is less sure is not shown
    since: datetime  #: when the question was asked, by the door's clock
    is_live: bool  #: False: nothing is shown, though an earlier try may have been


@dataclass(frozen=True, slots=True, kw_only=True)
class DraftAnswer:
    """Ask the knowledge base; slow, so it happens outside every transaction."""

    conversation: ConversationId
    question: MessageId
    text: str
    reader: Audience  #: who will read the answer: retrieval returns nothing else
    tier: Tier
    was_addressed: bool  #: somebody mentioned the bot, so silence is no option
    earlier: tuple[Turn, ...] = ()  #: what was said in the thread before; read when the effect is done
    version: str | None = None  #: what the asker runs; likewise
    environment: str | None = None
    stage: Stage | None = None  #: likewise
    is_wanted: bool = True  #: likewise; False: nobody is asked, and what an earlier try showed is taken away

    @property
    def inquiry(self) -> Inquiry:
        """What the knowledge base is asked."""
        return Inquiry(
            text=self.text,
            reader=self.reader,
            tier=self.tier,
            earlier=self.earlier,
            version=self.version,
            environment=self.environment,
        )

    @property
    def lane(self) -> str:
        """One question after the other in a conversation."""
        return f"knowledge/{self.conversation}"

    @property
    def vendor(self) -> str:
        """Ours."""
        return "knowledge"

    @property
    def bucket(self) -> str:
        """One for all."""
        return "knowledge"


@dataclass(frozen=True, slots=True, kw_only=True)
class ClassifyTicket:
    """Judge what a ticket is about; slow, so it happens outside every transaction."""

    ticket: TicketId
    text: str
    corrections: tuple[Correction, ...] = ()  #: examples; read when the effect is done

    @property
    def lane(self) -> str:
        """One after the other for a ticket."""
        return f"knowledge/ticket/{self.ticket}"

    @property
    def vendor(self) -> str:
        """Ours."""
        return "knowledge"

    @property
    def bucket(self) -> str:
        """One for all."""
        return "knowledge"


class Purpose(StrEnum):
    """Why something is said, which decides whether it may still be said."""

    ANSWER = "answer"  #: dropped when a person has taken the floor meanwhile
    ABSTENTION = "abstention"  #: likewise
    NOTICE = "notice"  #: about the ticket; always said
    RELAY = "relay"  #: an agent's words from the replica; always said
    ESCALATION = "escalation"  #: dropped when the clock is no longer live or is acknowledged


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplyButton:
    """A button under a reply; `value` comes back with the press."""

    button: Button
    value: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PostReply:
    """Say something in a conversation's thread, or at `address` for an escalation."""

    conversation: ConversationId
    address: Address  #: `thread` is empty for a new top-level message
    room: Audience  #: who reads there; `text.audience` must be allowed to reach it
    text: Text  #: Markdown
    purpose: Purpose
    buttons: tuple[ReplyButton, ...] = ()
    mentions: tuple[PersonRef, ...] = ()  #: people who are notified, in front of the text
    groups: tuple[str, ...] = ()  #: groups of people, by the door's own ids, likewise
    about: Address | None = None  #: a thread to link to, for people who come from elsewhere
    was_addressed: bool = False  #: an answer to somebody who called the bot is said even to a taken floor
    answer: AnswerId | None = None  #: which answer it carries
    shown: Shown | None = None  #: what people see of it already: this takes its place
    alert: AlertRef | None = None  #: which escalation it is

    @property
    def lane(self) -> str:
        """A conversation's replies keep their order; an escalation waits for nothing said elsewhere."""
        here = f"{self.address.door}/{self.conversation}"
        return f"{here}/alert/{self.alert.destination}" if self.alert else here

    @property
    def vendor(self) -> str:
        """The door."""
        return self.address.door

    @property
    def bucket(self) -> str:
        """One message a second in a room is Slack's limit."""
        return f"{self.address.door}/{self.address.workspace}/{self.address.room}"


@dataclass(frozen=True, slots=True, kw_only=True)
class EditReply:
    """Replace a message of ours, its buttons included: an acknowledged escalation, an accepted answer."""

    conversation: ConversationId
    address: Address
    room: Audience
    message: str
    text: Text
    buttons: tuple[ReplyButton, ...] = ()

    @property
    def lane(self) -> str:
        """After the reply it edits."""
        return f"{self.address.door}/{self.conversation}"

    @property
    def vendor(self) -> str:
        """The door."""
        return self.address.door

    @property
    def bucket(self) -> str:
        """Edits have a limit of their own, per workspace."""
        return f"{self.address.door}/{self.address.workspace}/edits"


@dataclass(frozen=True, slots=True, kw_only=True)
class WithdrawShown:
    """Take away what people saw of an answer that is not going to be posted."""

    conversation: ConversationId
    address: Address
    shown: Shown

    @property
    def lane(self) -> str:
        """Among the conversation's replies."""
        return f"{self.address.door}/{self.conversation}"

    @property
    def vendor(self) -> str:
        """The door."""
        return self.address.door

    @property
    def bucket(self) -> str:
        """As an edit."""
        return f"{self.address.door}/{self.address.workspace}/edits"


@dataclass(frozen=True, slots=True, kw_only=True)
class ClockView:
    """A promise as the card shows it: nothing internal."""

    metric: Metric
    state: ClockState
    due_at: datetime
    ended_at: datetime | None
    left: timedelta = timedelta(0)  #: of the target, in its own open time, rounded up
    is_warned: bool = False  #: most of it is used up
    is_open: bool = True  #: whether its time runs at this hour
    is_always_open: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class InsideView:
    """What only our own people see on their version of the card."""

    organisation: str | None
    requester: str
    product_area: str | None
    next_steps: tuple[tuple[datetime, tuple[str, ...]], ...]  #: when, and who is called
    acknowledged_by: str | None
    link: str | None = None  #: to the thread; the door fills it in


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusView:
    """What a status card says; safe for the customer."""

    ticket: TicketId
    subject: str
    status: TicketStatus
    priority: Priority
    tier: Tier
    assignee: str | None
    has_replica: bool
    clocks: tuple[ClockView, ...]
    inside: InsideView | None = None  #: on the internal version only


@dataclass(frozen=True, slots=True, kw_only=True)
class ShowStatus:
    """Post a status card, or edit it in place. Filled from the records just before it is performed.

    There are two: the one in the customer's thread, and one for our own people in a room of theirs.
    """

    conversation: ConversationId
    address: Address  #: where it stands or is to stand
    room: Audience
    is_internal: bool = False
    about: Address | None = None  #: the thread to link to, on the internal version; filled in as well
    card: str | None = None
    view: StatusView | None = None

    @staticmethod
    def bucket_of(door: str, workspace: str) -> str:
        """Edits have a limit of their own, per workspace; the first post is the exception and is rare."""
        return f"{door}/{workspace}/edits"

    @property
    def lane(self) -> str:
        """Among the conversation's replies, so that the first card comes before its edits."""
        inside = "/inside" if self.is_internal else ""
        return f"{self.address.door}/{self.conversation}{inside}"

    @property
    def vendor(self) -> str:
        """The door."""
        return self.address.door

    @property
    def bucket(self) -> str:
        """As an edit."""
        return self.bucket_of(self.address.door, self.address.workspace)


@dataclass(frozen=True, slots=True, kw_only=True)
class IdentifyPerson:
    """Ask the door who somebody is, once."""

    ref: PersonRef
    room: str  #: where they were seen; a stranger is known only there

    @property
    def lane(self) -> str:
        """No order among people."""
        return f"{self.ref.door}/person/{self.ref.workspace}/{self.ref.user}"

    @property
    def vendor(self) -> str:
        """The door."""
        return self.ref.door

    @property
    def bucket(self) -> str:
        """A look-up limit of its own."""
        return f"{self.ref.door}/lookups"


@dataclass(frozen=True, slots=True, kw_only=True)
class TranscriptLine:
    """One message of the thread as the replica's first comment shows it."""

    author: str
    role: str
    sent_at: datetime
    text: str
    files: tuple[str, ...] = ()
    ref: PersonRef | None = None  #: who it was, so that a name learnt later can be filled in


@dataclass(frozen=True, slots=True, kw_only=True)
class CreateReplica:
    """Create the ticket in Zendesk. Names are refreshed from the records before it is performed."""

    ticket: TicketId
    external_id: str  #: "deskbell-3f9c2a1b-12": looked up before any retry
    subject: str
    transcript: tuple[TranscriptLine, ...]
    audience: Audience  #: of the transcript; decides `public`, which is always sent
    requester: Person
    organisation: OrganisationId | None
    tier: Tier
    priority: Priority
    permalink: str | None = None

    @property
    def lane(self) -> str:
        """Create first, then comments, then status."""
        return f"desk/{self.ticket}"

    @property
    def vendor(self) -> str:
        """Whoever holds the replica."""
        return "desk"

    @property
    def bucket(self) -> str:
        """The account's limit."""
        return "desk"


@dataclass(frozen=True, slots=True, kw_only=True)
class CommentOnReplica:
    """Mirror one message. `replica` is filled in from the records before it is performed."""

    ticket: TicketId
    text: Text  #: an internal text becomes a private comment, any other a public one
    author: Person
    author_role: str
    replica: str | None = None
    said_at: datetime | None = None
    status: TicketStatus | None = None  #: said along, where the desk would open the ticket by itself

    @property
    def lane(self) -> str:
        """In the order they were said."""
        return f"desk/{self.ticket}"

    @property
    def vendor(self) -> str:
        """Whoever holds the replica."""
        return "desk"

    @property
    def bucket(self) -> str:
        """Zendesk takes 30 updates in ten minutes per ticket and user."""
        return f"desk/{self.ticket}"


@dataclass(frozen=True, slots=True, kw_only=True)
class UpdateReplica:
    """Bring status and priority over. `replica` and both values are refreshed before it is performed."""

    ticket: TicketId
    status: TicketStatus
    priority: Priority
    replica: str | None = None

    @property
    def lane(self) -> str:
        """After the comments that led to it."""
        return f"desk/{self.ticket}"

    @property
    def vendor(self) -> str:
        """Whoever holds the replica."""
        return "desk"

    @property
    def bucket(self) -> str:
        """As a comment."""
        return f"desk/{self.ticket}"


RoomEffect = PostReply | EditReply | WithdrawShown | ShowStatus | IdentifyPerson
DeskEffect = CreateReplica | CommentOnReplica | UpdateReplica
Effect = DraftAnswer | ClassifyTicket | RoomEffect | DeskEffect | SendAlert
