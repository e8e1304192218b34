"""The nouns of the support desk: who speaks, where, about what, and what was promised."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, NewType

if TYPE_CHECKING:
    from bot.core.policies import Calendar  # which needs the nouns below

ConversationId = NewType("ConversationId", int)
MessageId = NewType("MessageId", int)
TicketId = NewType("TicketId", int)
ClockId = NewType("ClockId", int)
AnswerId = NewType("AnswerId", int)
OrganisationId = NewType("OrganisationId", str)  #: the key in organisations.toml


class AudienceKind(StrEnum):
    """Who may read a text."""

    INTERNAL = "internal"  #: our own people only
    CUSTOMER = "customer"  #: one organisation and our own people
    PUBLIC = "public"  #: everybody


@dataclass(frozen=True, slots=True)
class Audience:
    """The label every text and every room carries."""

    kind: AudienceKind
    organisation: OrganisationId | None = None

    def __post_init__(self) -> None:
        if (self.kind is AudienceKind.CUSTOMER) != (self.organisation is not None):
            raise ValueError("exactly a customer audience names an organisation")

    def __str__(self) -> str:
        return f"customer:{self.organisation}" if self.organisation else self.kind.value

    def may_reach(self, room: Audience) -> bool:
        """Whether a text with this label may be shown to the people in `room`."""
        if self.kind is AudienceKind.PUBLIC or room.kind is AudienceKind.INTERNAL:
            return True
        return self.kind is AudienceKind.CUSTOMER and self == room


INTERNAL = Audience(AudienceKind.INTERNAL)
PUBLIC = Audience(AudienceKind.PUBLIC)


def customer(organisation: OrganisationId) -> Audience:
    """The audience of one organisation."""
    return Audience(AudienceKind.CUSTOMER, organisation)


@dataclass(frozen=True, slots=True, kw_only=True)
class Text:
    """Words and who may read them. Ports that reach people take a Text, never a str."""

    body: str
    audience: Audience


class Tier(StrEnum):
    """The support contract, as ADR-096 names it."""

    COMMUNITY = "Community"  #: best effort, no clock
    PROFESSIONAL = "Professional"
    ENTERPRISE = "Enterprise"


class Priority(StrEnum):
    """ADR-096's four; Professional's Urgent, High and Normal are P1, P2 and P3."""

    P1 = "P1"  #: production down, data loss
    P2 = "P2"  #: major feature broken, a workaround exists
    P3 = "P3"  #: minor feature broken, a question
    P4 = "P4"  #: enhancement, documentation


class Role(StrEnum):
    """In which capacity a person speaks."""

    AGENT = "agent"  #: ours, by user id *and* workspace id
    REQUESTER = "requester"  #: from a customer or the community
    BOT = "bot"  #: us or another program: never satisfies a reply target


class RoomKind(StrEnum):
    """What a room is for."""

    CUSTOMER = "customer"  #: Slack Connect: a contract, a ticket, an SLA
    COMMUNITY = "community"  #: public: best effort, deflect first
    INTERNAL = "internal"  #: ours: triage, escalations


class AnswerMode(StrEnum):
    """When the bot answers unasked in a room."""

    EVERY = "every"  #: each new question
    MENTION = "mention"  #: only when mentioned
    DRAFT = "draft"  #: each new question, but only our own people see the answer and decide about it
    OFF = "off"  #: never


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonRef:
    """A person as a door knows them. `workspace` is the person's own, not the room's."""

    door: str
    workspace: str
    user: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """What we know about somebody. The e-mail is for the desk's replica and grants nothing."""

    ref: PersonRef
    name: str
    email: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """Where a conversation lives, in the door's own ids; opaque to the core."""

    door: str
    workspace: str  #: the installing workspace
    room: str
    thread: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Room:
    """A place people write, as channels.toml describes it."""

    door: str
    workspace: str
    room: str
    kind: RoomKind
    organisation: OrganisationId | None
    tier: Tier
    mode: AnswerMode
    sure: float = 0.0  #: the least confidence of an answer here; the knowledge base has a bar of its own
    is_live: bool = True  #: an answer may be seen while it is composed, where the door can show that

    @property
    def listens(self) -> bool:
        """Whether every thread is followed, and not only those in which the bot was mentioned."""
        return self.mode in (AnswerMode.EVERY, AnswerMode.DRAFT)

    @property
    def audience(self) -> Audience:
        """Who reads what is posted here."""
        if self.kind is RoomKind.INTERNAL:
            return INTERNAL
        return customer(self.organisation) if self.organisation else PUBLIC


class Floor(StrEnum):
    """Who holds the conversation."""

    BOT = "bot"  #: the bot may answer
    HUMAN = "human"  #: a person of ours has spoken; the bot is silent unless addressed


@dataclass(frozen=True, slots=True, kw_only=True)
class Conversation:
    """Our record of one exchange."""

    id: ConversationId
    address: Address
    audience: Audience
    organisation: OrganisationId | None
    tier: Tier
    opened_at: datetime
    floor: Floor = Floor.BOT
    ticket: TicketId | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One utterance. (conversation, source) is unique: a message known is a message not told twice."""

    id: MessageId
    conversation: ConversationId
    source: str  #: the door's own id, prefixed with the door: "slack:1700000000.000100"
    author: PersonRef
    author_name: str
    role: Role
    text: Text
    sent_at: datetime
    files: tuple[str, ...] = ()  #: names only

    def __post_init__(self) -> None:
        if self.sent_at.tzinfo is None:
            raise ValueError("sent_at must be timezone-aware")


class ProductArea(StrEnum):
    """ADR-096's eight values of the ticket field."""

    DATA_CATALOG = "Data Catalog"
    GOVERNANCE_ENGINE = "Governance Engine"
    GPU_CLUSTER = "GPU Cluster"
    FEDERATION = "Federation"
    MLOPS = "MLOps"
    QUALITY_CHECKS = "Quality Checks"
    LINEAGE = "Lineage"
    OTHER = "Other"


class Environment(StrEnum):
    """ADR-096's values of the ticket field."""

    PRODUCTION = "Production"
    STAGING = "Staging"
    DEVELOPMENT = "Development"
    OTHER = "Other"


class Sentiment(StrEnum):
    """How somebody sounds."""

    NEGATIVE = "negative"
    NEUTRAL = "neutral"
    POSITIVE = "positive"


@dataclass(frozen=True, slots=True, kw_only=True)
class Description:
    """All of it; None where nothing is said."""

    environment: Environment | None
    version: str | None
    language: str  #: "en", "pt", or "other" when nothing tells
    sentiment: Sentiment
    sure_of_environment: float = 0.0  #: 0 to 1, as the next three; 0 where nothing is said
    sure_of_version: float = 0.0
    sure_of_language: float = 0.0
    sure_of_sentiment: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What a message is about and how much it hurts, with the words that decided it."""

    product_area: ProductArea
    priority: Priority
    confidence: float  #: 0 to 1, that both are right
    sure_of_area: float  #: likewise, each alone
    sure_of_priority: float
    reason: str
    description: Description


@dataclass(frozen=True, slots=True, kw_only=True)
class Correction:
    """A message and what a person of ours says that it is; None where they said nothing."""

    text: str  #: personal data masked
    product_area: ProductArea | None
    priority: Priority | None


class TicketStatus(StrEnum):
    """Zendesk's own statuses."""

    NEW = "new"  #: nobody of ours has replied
    OPEN = "open"  #: ours to move
    PENDING = "pending"  #: waiting on the customer: clocks are paused
    HOLD = "hold"  #: waiting on a third party
    SOLVED = "solved"
    CLOSED = "closed"  #: for good; a reply opens a follow-up


@dataclass(frozen=True, slots=True, kw_only=True)
class Ticket:
    """Local first; Zendesk holds a replica."""

    id: TicketId
    conversation: ConversationId
    subject: str
    requester: PersonRef
    organisation: OrganisationId | None
    tier: Tier
    priority: Priority
    status: TicketStatus
    opened_at: datetime
    replica: str | None = None  #: the id in Zendesk, once created there
    assignee: str | None = None  #: a name
    solved_at: datetime | None = None
    desk_status_at: datetime | None = None  #: when the desk last set the status, by its own clock
    last_replied_at: datetime | None = None  #: when a person of ours last replied for the customer to read
    product_area: ProductArea | None = None
    description: Description | None = None  #: what its messages said when it was last looked at
    is_area_settled: bool = False  #: a person of ours said so: nothing else changes it
    is_priority_settled: bool = False  #: likewise

    @property
    def is_open(self) -> bool:
        """Whether somebody still has to do something."""
        return self.status not in (TicketStatus.SOLVED, TicketStatus.CLOSED)


class Metric(StrEnum):
    """Zendesk's SLA metrics, spelled as Zendesk spells them."""

    FIRST_REPLY_TIME = "first_reply_time"
    NEXT_REPLY_TIME = "next_reply_time"
    RESOLUTION_TIME = "resolution_time"


class SegmentKind(StrEnum):
    """What a clock did during a span."""

    RUNNING = "running"
    PAUSED = "paused"


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What was promised and in whose hours, pinned by content: an edited file does not reach it."""

    policy: str  #: "default@1"
    tier: Tier
    priority: Priority
    target: timedelta  #: business time of the calendar
    calendar: Calendar


@dataclass(frozen=True, slots=True, kw_only=True)
class Segment:
    """A span of a clock's life under the same terms; the last one of a live clock is open-ended."""

    kind: SegmentKind
    started_at: datetime
    terms: Terms
    ended_at: datetime | None = None
    reason: str = ""  #: "waiting on the customer", "on hold"
    change: str = ""  #: what changed the terms when it began: "priority P1"; "" when nothing did


class ClockState(StrEnum):
    """Where a promise stands."""

    RUNNING = "running"
    PAUSED = "paused"
    MET = "met"  #: fulfilled before due_at
    BREACHED = "breached"  #: fulfilled after due_at
    CANCELLED = "cancelled"  #: the target no longer applies


@dataclass(frozen=True, slots=True, kw_only=True)
class EscalationStep:
    """One entry of an escalation policy. Exactly one of `percent` and `after` is set."""

    #: Who is told, one or several: a role of oncall.toml ("manager"), "csm", "channel:NAME", "group:ID", or a
    #: destination of destinations.toml ("pagerduty", "webhook:NAME", "mail:NAME").
    notify: str | tuple[str, ...]
    percent: int | None = None  #: of the target, in the clock's business time
    after: timedelta | None = None  #: since the clock started, in the clock's business time
    repeat: timedelta | None = None  #: told again so often, by the wall clock, until somebody has it
    at_most: int = 0  #: how many times again

    def __post_init__(self) -> None:
        if (self.percent is None) == (self.after is None):
            raise ValueError("a step is either at a percentage or after a span")

    @property
    def targets(self) -> tuple[str, ...]:
        """Who is told, each once."""
        named = (self.notify,) if isinstance(self.notify, str) else self.notify
        return tuple(dict.fromkeys(named))


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """An instant at which a clock has something to say. Each is told once."""

    name: str  #: "warning", "breach", "step:0", or "step:0:2" when step 0 is told again for the second time
    at: datetime
    step: EscalationStep | None = None
    round: int = 0  #: how many times the step was told before


@dataclass(frozen=True, slots=True, kw_only=True)
class Snooze:
    """Somebody of ours wants to hear no more of a clock for a while."""

    by: str
    at: datetime
    until: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Clock:
    """A running promise: an append-only list of segments, and a snapshot of what holds in the last one."""

    id: ClockId
    ticket: TicketId
    metric: Metric
    policy: str  #: name and version of the policy in force, "default@1"
    calendar: str  #: its name in calendars.toml; how it was defined is in the segments
    target: timedelta  #: business time
    warn_percent: int  #: when to warn, in percent of the target
    steps: tuple[EscalationStep, ...]  #: the escalation policy as it was when it took force
    started_at: datetime
    segments: tuple[Segment, ...]
    state: ClockState
    due_at: datetime
    warning_at: datetime
    ended_at: datetime | None = None
    ended_because: str = ""  #: "a person replied", "merged into DB-7"
    told: tuple[str, ...] = ()  #: names of the marks already told
    acknowledged_by: str | None = None
    acknowledged_at: datetime | None = None
    snoozes: tuple[Snooze, ...] = ()  #: append-only
    version: int = 1  #: rises with every change; a timer with an older one is a no-op

    @property
    def is_live(self) -> bool:
        """Whether the promise is still to be kept."""
        return self.state in (ClockState.RUNNING, ClockState.PAUSED)

    @property
    def terms(self) -> Terms:
        """What holds now, or held at the end."""
        return self.segments[-1].terms

    @property
    def counts_in(self) -> Calendar:
        """The calendar of now, or of the end."""
        return self.terms.calendar

    @property
    def snoozed_until(self) -> datetime | None:
        """The end of the longest snooze; it may be over."""
        return max((snooze.until for snooze in self.snoozes), default=None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """Something said earlier in the thread."""

    role: Role
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Inquiry:
    """A question, who will read the answer, and what is known around it."""

    text: str
    reader: Audience
    tier: Tier
    earlier: tuple[Turn, ...] = ()  #: of the same thread, oldest first
    version: str | None = None  #: of the product, as the asker runs it
    environment: str | None = None  #: "Production", "Staging" …


@dataclass(frozen=True, slots=True, kw_only=True)
class Citation:
    """A passage shown under an answer."""

    path: str
    heading: str
    url: str
    revision: str = ""  #: of the article when it was cited


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """Text and what it rests on. Without citations it is not grounded and is never posted."""

    text: Text
    citations: tuple[Citation, ...]
    confidence: float  #: 0 to 1

    @property
    def is_grounded(self) -> bool:
        """Whether it may be posted at all."""
        return bool(self.citations)


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What the knowledge base says to an inquiry."""

    answer: Answer | None
    confidence: float = 0.0  #: 0 to 1, also when it abstains
    nearest: tuple[Citation, ...] = ()  #: what came nearest, best first
    reason: str = ""  #: one word: "answered", "unsure", "not_covered", "account", "off_topic", "instructions"


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """What people may see of an answer that is not posted yet: it is completed or taken away, never left."""

    message: str | None  #: the door's id of it; None: there may be one, and the door has to look for it
    since: datetime  #: when the question was asked, by the door's clock: nothing older is meant


class AnswerState(StrEnum):
    """What became of an answer."""

    PLANNED = "planned"  #: to be posted, unless a person takes the floor first
    DRAFT = "draft"  #: shown to our own people, who decide
    IGNORED = "ignored"  #: a draft that was not used
    POSTED = "posted"
    HELPED = "helped"  #: somebody pressed "That helped"
    NOT_HELPED = "not_helped"
    CORRECTED = "corrected"  #: an article changed, and the answer with it
    WITHDRAWN = "withdrawn"  #: what it rested on is gone


@dataclass(frozen=True, slots=True, kw_only=True)
class GivenAnswer:
    """An answer and what became of it. It knows which revision of which article it rests on."""

    id: AnswerId
    conversation: ConversationId
    question: MessageId
    text: Text
    citations: tuple[Citation, ...]
    confidence: float
    state: AnswerState
    given_at: datetime
    source: str | None = None  #: of the message that carries it, as in `Message.source`

    @property
    def stands(self) -> bool:
        """Whether people can read it, and take it for what we know."""
        unseen = (AnswerState.DRAFT, AnswerState.IGNORED, AnswerState.WITHDRAWN)
        return self.source is not None and self.state not in unseen


@dataclass(frozen=True, slots=True, kw_only=True)
class Gap:
    """A question that the knowledge base could not answer, or not well."""

    conversation: ConversationId
    question: MessageId
    text: str  #: what was asked
    audience: Audience
    reason: str  #: why: a `Finding.reason`, or "not_helped"
    nearest: tuple[Citation, ...]
    asked_at: datetime
