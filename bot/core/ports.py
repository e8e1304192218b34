"""The seams: what the core needs from the world, and what it promises in return."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Generic, Protocol, TypeVar, runtime_checkable

from bot.core.alerts import Alert, SendAlert
from bot.core.auditing import AuditRecord, TimerState
from bot.core.cards import Card
from bot.core.effects import (
    CommentOnReplica,
    CreateReplica,
    EditReply,
    Effect,
    IdentifyPerson,
    PostReply,
    ShowStatus,
    Stage,
    UpdateReplica,
    WithdrawShown,
)
from bot.core.events import Event, TimerFired
from bot.core.model import (
    Address,
    AnswerId,
    Audience,
    Clock,
    ClockId,
    Conversation,
    ConversationId,
    Correction,
    Finding,
    Gap,
    GivenAnswer,
    Inquiry,
    Message,
    OrganisationId,
    Person,
    PersonRef,
    Priority,
    Role,
    Text,
    Ticket,
    TicketId,
    Tier,
    Verdict,
)
from bot.core.rotas import ToldGap

# -- time -------------------------------------------------------------------


class Time(Protocol):
    """The wall clock, as a parameter. The sandbox and the simulation own theirs."""

    def now(self) -> datetime:
        """The present, aware and in UTC."""


# -- work -------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """One raw request or gateway frame, stored before it is understood.

    `lane` orders deliveries of one thread. `headers` hold only what parsing needs, never a secret.
    """

    door: str
    id: str  #: the sender's own unique id
    lane: str
    headers: Mapping[str, str]
    body: bytes
    received_at: datetime


WorkT_co = TypeVar("WorkT_co", covariant=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Leased(Generic[WorkT_co]):
    """A row that is ours until `until`, as long as nobody holds a higher `fence`."""

    id: int
    fence: int
    attempts: int  #: this one included: 1 on the first try
    until: datetime
    work: WorkT_co


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """What a performer needs to be idempotent."""

    key: str  #: stable over all tries of one effect, and no other's: "3f9c2a1b-effect-17"
    number: int  #: above 1, look for the effect on the other side before repeating it
    now: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Timer:
    """Something to look at again. One per key: setting it again replaces it."""

    key: str
    due_at: datetime
    version: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Parked:
    """Work that was given up and waits for a person."""

    queue: str  #: "deliveries" or "effects"
    id: int
    kind: str
    lane: str
    attempts: int
    reason: str
    parked_at: datetime


# -- records ----------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class NewMessage:
    """A message before it has an id."""

    conversation: ConversationId
    source: str
    author: PersonRef
    author_name: str
    role: Role
    text: Text
    sent_at: datetime
    files: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class NewTicket:
    """A ticket before it has a number."""

    conversation: ConversationId
    subject: str
    requester: PersonRef
    organisation: OrganisationId | None
    tier: Tier
    priority: Priority
    opened_at: datetime


class Records(Protocol):
    """Reading. Within a transaction, a conversation or ticket read is locked until its end."""

    async def find_conversation(self, address: Address) -> Conversation | None:
        """The conversation at this address."""

    async def conversation(self, id: ConversationId) -> Conversation:
        """By id; KeyError when there is none."""

    async def messages(self, conversation: ConversationId) -> Sequence[Message]:
        """All, in the order they were said."""

    async def find_person(self, ref: PersonRef) -> Person | None:
        """Somebody already identified."""

    async def ticket(self, id: TicketId) -> Ticket:
        """By number; KeyError when there is none."""

    async def find_replicated(self, replica: str) -> Ticket | None:
        """The ticket whose replica has this id."""

    async def clocks(self, ticket: TicketId) -> Sequence[Clock]:
        """Every clock of a ticket, oldest first."""

    async def clock(self, id: ClockId) -> Clock:
        """By id; KeyError when there is none."""

    async def card(self, conversation: ConversationId, *, is_internal: bool) -> str | None:
        """The door's id of a status card, once it was posted."""

    async def alerts(self, clock: ClockId) -> Sequence[Alert]:
        """Who was told that this clock runs out, in the order in which it was decided."""

    async def knows_comment(self, ticket: TicketId, comment: str) -> bool:
        """Whether this comment of the replica is ours or was already taken over."""

    async def answer(self, id: AnswerId) -> GivenAnswer:
        """By id; KeyError when there is none."""

    async def find_answer(self, conversation: ConversationId, source: str) -> GivenAnswer | None:
        """The answer that stands in this message."""

    async def answers(self, *, since: datetime) -> Sequence[GivenAnswer]:
        """Every answer given since then, oldest first."""

    async def gaps(self, *, since: datetime) -> Sequence[Gap]:
        """What was asked since then and not answered well, oldest first."""

    async def corrections(self, *, limit: int) -> Sequence[Correction]:
        """What our own people said about messages, the latest `limit`, oldest first."""

    async def has_pending(self, lane: str, kind: str) -> bool:
        """Whether an effect of this kind is still to be done (or under way) in the lane."""


class Transaction(Records, Protocol):
    """State and the work it causes, committed together or not at all."""

    async def open_conversation(
        self,
        *,
        address: Address,
        audience: Audience,
        organisation: OrganisationId | None,
        tier: Tier,
        opened_at: datetime,
    ) -> Conversation:
        """A new one; the address is unique."""

    async def save_conversation(self, conversation: Conversation) -> None:
        """Write floor and ticket back."""

    async def record_message(self, message: NewMessage) -> Message | None:
        """Store it; None when (conversation, source) is already there."""

    async def reword_message(self, conversation: ConversationId, source: str, body: str) -> None:
        """Other words for a message of ours, as its readers see them now."""

    async def save_person(self, person: Person) -> None:
        """Insert or replace."""

    async def open_ticket(self, ticket: NewTicket) -> Ticket:
        """A new one with status `new`; the conversation is unique among tickets."""

    async def save_ticket(self, ticket: Ticket) -> None:
        """Write every mutable field back."""

    async def start_clock(self, clock: Clock) -> Clock:
        """Store it; its `id` is ignored and assigned."""

    async def save_clock(self, clock: Clock) -> None:
        """Write it back; segments are only ever appended or closed."""

    async def save_alert(self, alert: Alert) -> None:
        """Insert or replace it; its `ref` is unique."""

    async def record_answer(self, answer: GivenAnswer) -> GivenAnswer:
        """Store it; its `id` is ignored and assigned."""

    async def save_answer(self, answer: GivenAnswer) -> None:
        """Write text, citations, state and source back."""

    async def record_gap(self, gap: Gap) -> None:
        """Store it, once for a question; its `text` is the question's and not stored again."""

    async def record_correction(self, ticket: TicketId, correction: Correction, *, at: datetime) -> None:
        """Store it; a later one on the same ticket replaces what it says anew."""

    async def remember_comment(self, ticket: TicketId, comment: str) -> bool:
        """False when the comment was known."""

    async def plan(self, effect: Effect) -> None:
        """Store an effect; (cause, kind, ordinal) is unique, so the same cause never plans it twice."""

    async def told_gaps(self) -> Sequence[ToldGap]:
        """The gaps in rotas that people were warned of."""

    async def keep_told_gaps(self, gaps: Sequence[ToldGap]) -> None:
        """These, and no others, were told."""

    async def save_card(self, card: Card) -> None:
        """Insert or replace it; there is one of each version for a conversation."""

    async def stale_cards(self, door: str, workspace: str, *, now: datetime, limit: int) -> Sequence[Card]:
        """Cards that are wrong at `now`: the longest and the most urgent, up to `limit` of each."""

    async def next_stale(self, door: str, workspace: str) -> datetime | None:
        """When the first card of a workspace becomes wrong, or became it."""

    async def count_pending(self, bucket: str, *, at_most: int) -> int:
        """Effects of this bucket that wait or are under way, counted up to `at_most`."""

    async def timer(self, key: str) -> TimerState | None:
        """A timer as it is stored."""

    async def audit(self) -> AuditRecord:
        """What the last rounds of the auditor came to."""

    async def keep_audit(self, record: AuditRecord) -> None:
        """Write that back."""

    async def bring_forward(self, timer: Timer) -> None:
        """Insert the timer with this key, or replace one that comes due, or is free again, later."""

    async def set_timer(self, timer: Timer) -> None:
        """Insert or replace the timer with this key."""

    async def cancel_timer(self, key: str) -> None:
        """Remove it; no error when there is none."""


class Ledger(Protocol):
    """The durable work. Every method takes `now`; none reads the clock."""

    async def accept(self, delivery: Delivery) -> bool:
        """Commit a delivery durably; False when (door, id) was already there."""

    async def claim_deliveries(
        self, *, now: datetime, limit: int, lease: timedelta
    ) -> Sequence[Leased[Delivery]]:
        """The heads of the lanes that are due and free."""

    async def claim_effects(self, *, now: datetime, limit: int, lease: timedelta) -> Sequence[Leased[Effect]]:
        """Likewise, without vendors whose breaker is open and within the buckets' rates."""

    async def claim_timers(
        self, *, now: datetime, limit: int, lease: timedelta
    ) -> Sequence[Leased[TimerFired]]:
        """Timers that are due, earliest first."""

    def transaction(self, *, now: datetime, cause: str) -> AbstractAsyncContextManager[Transaction]:
        """A transaction of its own; `cause` names what planned effects come from."""

    def finishing(
        self, leased: Leased[Delivery | Effect | TimerFired], *, now: datetime
    ) -> AbstractAsyncContextManager[Transaction]:
        """A transaction that also completes the leased row; LeaseLost and rollback when fenced off."""

    def reading(self) -> AbstractAsyncContextManager[Records]:
        """A consistent look at the records, without locks."""

    async def release_leases(self) -> int:
        """Make every leased row claimable at once; only for a process that knows it is alone."""

    async def retry(
        self,
        leased: Leased[Delivery | Effect | TimerFired],
        *,
        at: datetime,
        reason: str,
        counts: bool = True,
    ) -> None:
        """Release the row for later; its lane waits behind it. `counts=False` gives the try back."""

    async def park(
        self, leased: Leased[Delivery | Effect | TimerFired], *, now: datetime, reason: str
    ) -> None:
        """Give up; the lane goes on."""

    async def record_success(self, vendor: str, *, now: datetime) -> None:
        """Close the vendor's breaker."""

    async def record_failure(self, vendor: str, *, now: datetime) -> None:
        """Count towards opening the vendor's breaker."""

    async def slow_down(self, bucket: str, *, until: datetime) -> None:
        """No claim from this bucket before `until` (a 429's Retry-After)."""

    async def parked(self) -> Sequence[Parked]:
        """Everything that waits for a person."""

    async def replay(self, queue: str, ids: Sequence[int], *, now: datetime) -> int:
        """Make parked rows pending again; the number of rows."""

    async def next_due(self, *, now: datetime) -> datetime | None:
        """When the earliest pending row of any queue comes due; None when all is quiet."""

    async def wait(self, *, timeout: float) -> None:
        """Return when work was committed in this process, or after `timeout` seconds."""

    def ring(self) -> None:
        """Wake whoever waits: work was committed, or the clock was moved."""

    async def prune(self, *, before: datetime) -> int:
        """Retention: delete work finished before this; parked rows stay. The number of rows."""


# -- doors ------------------------------------------------------------------


class Door(Protocol):
    """A channel's inward side: bytes to events. Pure; MalformedDelivery when it cannot."""

    @property
    def name(self) -> str:
        """Such as "slack"; `Delivery.door` names it."""

    def parse(self, delivery: Delivery) -> Sequence[Event]:
        """Zero events is a fine answer: joins, our own echoes, edits we do not follow."""


class Rooms(Protocol):
    """A channel's outward side: places where people read what we say.

    Every method checks `text.audience.may_reach(room)` (AudienceViolation), raises RateLimited,
    Unavailable or Rejected, and is idempotent over attempts of one key.
    """

    async def post_reply(self, effect: PostReply, attempt: Attempt) -> str:
        """Say it; the door's id of the new message."""

    async def edit_reply(self, effect: EditReply, attempt: Attempt) -> None:
        """Replace a message of ours."""

    async def show_status(self, effect: ShowStatus, attempt: Attempt) -> str:
        """Post the card or edit it in place; its id."""

    async def identify(self, effect: IdentifyPerson, attempt: Attempt) -> Person:
        """Look somebody up; a person who cannot be found is named by their id."""

    async def permalink(self, address: Address) -> str | None:
        """A link to the thread for people who may open it; None when the door has none."""


@runtime_checkable
class LiveRooms(Rooms, Protocol):
    """Rooms in which an answer can be seen growing; a channel that has no such thing leaves this out.

    What is shown is provisional: `Rooms.post_reply` completes it where `PostReply.shown` says so, and
    `withdraw_shown` takes it away. Both find it when only its question is known.
    """

    async def begin_showing(self, stage: Stage, text: Text) -> str | None:
        """Show the beginning; the door's id of it, None where this room shows nothing.

        After Rejected and RateLimited nothing stands there; after any other Unavailable it may.
        """

    async def show_more(self, stage: Stage, message: str, text: Text) -> None:
        """Show what follows behind it; errors as above."""

    async def withdraw_shown(self, effect: WithdrawShown, attempt: Attempt) -> None:
        """Take it away; idempotent."""


class AlertDoor(Protocol):
    """Where people are told outside every room. Raises RateLimited, Unavailable or Rejected."""

    async def send(self, effect: SendAlert, attempt: Attempt) -> None:
        """Tell it; told twice it is still one matter over there, as far as the other side can do that."""


class TicketDesk(Protocol):
    """Where tickets have their replica. Raises RateLimited, Unavailable or Rejected."""

    async def create(self, effect: CreateReplica, attempt: Attempt) -> str:
        """Create the ticket once, whatever was tried before; the replica's id."""

    async def comment(self, effect: CommentOnReplica, attempt: Attempt) -> str:
        """Add the comment once; the comment's id. `public` is always sent explicitly."""

    async def update(self, effect: UpdateReplica, attempt: Attempt) -> None:
        """Set status and priority."""


class KnowledgeBase(Protocol):
    """Answers from articles, or not at all; and a judgement on what a message is about."""

    async def classify(self, text: str, corrections: Sequence[Correction]) -> Verdict:
        """Product area, priority and the rest; an emergency is P1 whatever else is thought."""

    async def answer(self, inquiry: Inquiry) -> Finding:
        """A cited answer from what its reader may read; none when nothing relevant is known."""


class Listener(Protocol):
    """Hears an answer while it is being composed."""

    def hear(self, piece: Text, confidence: float) -> None:
        """One more piece that may be shown; never raises and keeps nobody waiting."""


@runtime_checkable
class SpeakingKnowledge(KnowledgeBase, Protocol):
    """A knowledge base that says an answer piece by piece, each checked, before the whole is there."""

    async def answer_aloud(self, inquiry: Inquiry, listener: Listener) -> Finding:
        """As `answer`, which decides: what was heard may differ from it, or come to nothing."""
