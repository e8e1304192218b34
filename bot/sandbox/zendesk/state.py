"""The records of one Zendesk account, and where their ids come from."""

from __future__ import annotations

import base64
import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from bot.core.ports import Time

STATUSES = ("new", "open", "pending", "hold", "solved", "closed")
PRIORITIES = ("low", "normal", "high", "urgent")
TYPES = ("problem", "incident", "question", "task")
ULID = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
Json = dict[str, Any]


@dataclass(slots=True, kw_only=True)
class User:
    """A person; agents and admins are staff."""

    id: int
    name: str
    email: str | None
    role: str  #: "end-user", "agent" or "admin"
    created_at: datetime
    updated_at: datetime
    external_id: str | None = None
    organization_id: int | None = None
    extra: Json = field(default_factory=dict)  #: notes, phone, user_fields … kept as they came

    @property
    def is_staff(self) -> bool:
        """Whether this person may see internal comments."""
        return self.role in ("agent", "admin")


@dataclass(slots=True, kw_only=True)
class Organisation:
    """A customer."""

    id: int
    name: str
    created_at: datetime
    updated_at: datetime
    external_id: str | None = None
    extra: Json = field(default_factory=dict)


@dataclass(slots=True, kw_only=True)
class Comment:
    """One utterance in a ticket. `public` can only ever become False."""

    id: int
    author_id: int
    body: str
    html_body: str
    public: bool
    created_at: datetime
    audit_id: int
    attachments: list[Json] = field(default_factory=list)
    channel: str = "api"


@dataclass(slots=True, kw_only=True)
class Audit:
    """One update of a ticket: who, when, and what it did."""

    id: int
    ticket_id: int
    author_id: int
    created_at: datetime
    events: list[Json]
    custom: Json = field(default_factory=dict)  #: the `metadata` sent with the update
    channel: str = "api"


@dataclass(slots=True, kw_only=True)
class Ticket:
    """A ticket; what Zendesk calls the description is its first comment."""

    id: int
    subject: str | None
    status: str
    requester_id: int
    submitter_id: int
    created_at: datetime
    updated_at: datetime
    priority: str | None = None
    type: str | None = None
    external_id: str | None = None
    assignee_id: int | None = None
    group_id: int | None = None
    organization_id: int | None = None
    collaborator_ids: list[int] = field(default_factory=list)
    tags: list[str] = field(default_factory=list)
    custom_fields: dict[int, Any] = field(default_factory=dict)
    due_at: str | None = None
    via_followup_source_id: int | None = None
    followup_ids: list[int] = field(default_factory=list)
    channel: str = "api"
    solved_at: datetime | None = None
    is_deleted: bool = False
    comments: list[Comment] = field(default_factory=list)
    audits: list[Audit] = field(default_factory=list)

    @property
    def is_public(self) -> bool:
        """Whether any comment may be read by the requester."""
        return any(comment.public for comment in self.comments)


@dataclass(slots=True, kw_only=True)
class Upload:
    """A file that waits to be attached to a comment."""

    token: str
    attachments: list[Json]


@dataclass(slots=True)
class State:
    """Everything the account knows. Ids are never reused."""

    time: Time
    rng: random.Random
    subdomain: str
    account_id: int
    users: dict[int, User] = field(default_factory=dict)
    organisations: dict[int, Organisation] = field(default_factory=dict)
    tickets: dict[int, Ticket] = field(default_factory=dict)
    ticket_fields: dict[int, Json] = field(default_factory=dict)
    triggers: dict[int, Json] = field(default_factory=dict)
    sla_policies: dict[int, Json] = field(default_factory=dict)
    uploads: dict[str, Upload] = field(default_factory=dict)
    attachments: dict[int, tuple[Json, bytes]] = field(default_factory=dict)
    _last_ticket: int = 0
    _last_id: int = 9_000_000_000_000

    @property
    def base(self) -> str:
        """Where the account lives, as links in answers spell it."""
        return f"https://{self.subdomain}.zendesk.com"

    def next_ticket_id(self) -> int:
        """Ticket numbers are small and consecutive."""
        self._last_ticket += 1
        return self._last_ticket

    def next_id(self) -> int:
        """Every other id is large and rises."""
        self._last_id += self.rng.randint(1, 97)
        return self._last_id

    def ulid(self) -> str:
        """Ids of webhooks and invocations."""
        return "01" + "".join(self.rng.choice(ULID) for _ in range(24))

    def secret(self, size: int = 32) -> str:
        """A random secret in base64."""
        return base64.b64encode(self.rng.randbytes(size)).decode()

    def add_user(self, *, name: str, email: str | None, role: str = "end-user", **more: Any) -> User:
        """A new person; the caller has checked that the e-mail is free."""
        now = self.time.now()
        user = User(
            id=self.next_id(), name=name, email=email, role=role, created_at=now, updated_at=now, **more
        )
        self.users[user.id] = user
        return user

    def add_organisation(self, *, name: str, external_id: str | None = None) -> Organisation:
        """A new customer; the caller has checked that the name is free."""
        now = self.time.now()
        organisation = Organisation(
            id=self.next_id(), name=name, external_id=external_id, created_at=now, updated_at=now
        )
        self.organisations[organisation.id] = organisation
        return organisation

    def user_by_email(self, email: str) -> User | None:
        """E-mail addresses are compared without case."""
        return next(
            (user for user in self.users.values() if user.email and user.email.lower() == email.lower()), None
        )

    def users_by_external_id(self, external_id: str) -> Iterator[User]:
        """Case-insensitive, as Zendesk documents it."""
        wanted = external_id.lower()
        return (user for user in self.users.values() if (user.external_id or "").lower() == wanted)

    def live_tickets(self) -> list[Ticket]:
        """All that were not deleted, by number."""
        return [ticket for ticket in self.tickets.values() if not ticket.is_deleted]
