"""Every table: the durable work first, then the records it is about.

Work is ordered by `id`, which only ever rises (AUTOINCREMENT, so that "effect-17" is never a second effect),
and found by `due_at`: when to look at a pending row next. A claim moves `due_at` to the end of the lease:
one index answers "what can be done now?", expired leases included, without walking over what is under way.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    Boolean,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    UniqueConstraint,
    false,
    text,
)

from storage.columns import Id, Instant, Span, Words, document

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
        "pk": "pk_%(table_name)s",
    }
)

PENDING = "pending"  #: to be done, or under way while `leased_until` is set
DONE = "done"
PARKED = "parked"

_IS_PENDING = text("state = 'pending'")
_IS_LEASED = text("leased_until IS NOT NULL")


def _progress() -> tuple[Column[Any], ...]:
    """What every kind of work carries about being done."""
    return (
        Column("due_at", Instant, nullable=False),
        Column("attempts", Integer, nullable=False, server_default="0"),
        Column("fence", Integer, nullable=False, server_default="0"),
        Column("leased_until", Instant),
        Column("error", Words),
    )


def _partial(name: str, *columns: str, where: Any) -> Index:
    return Index(name, *columns, sqlite_where=where, postgresql_where=where)


def _work_indexes(table: str) -> tuple[Index, ...]:
    """Claiming, lane order, leases and retention, each over the few rows it is about."""
    return (
        _partial(f"ix_{table}_lane", "lane", "id", where=_IS_PENDING),
        _partial(f"ix_{table}_leased", "lane", where=_IS_LEASED),
        _partial(f"ix_{table}_finished", "finished_at", where=text("state = 'done'")),
        _partial(f"ix_{table}_parked", "id", where=text("state = 'parked'")),
    )


def _person(prefix: str) -> tuple[Column[Any], ...]:
    return tuple(Column(f"{prefix}_{part}", Words, nullable=False) for part in ("door", "workspace", "user"))


deliveries = Table(
    "deliveries",
    metadata,
    Column("id", Id, primary_key=True),
    Column("door", String, nullable=False),
    Column("external_id", Words, nullable=False),
    Column("lane", Words, nullable=False),
    Column("headers", document(), nullable=False),
    Column("body", LargeBinary, nullable=False),
    Column("received_at", Instant, nullable=False),
    Column("state", String, nullable=False, server_default=PENDING),
    *_progress(),
    Column("finished_at", Instant),
    UniqueConstraint("door", "external_id"),
    _partial("ix_deliveries_due", "due_at", "id", where=_IS_PENDING),
    *_work_indexes("deliveries"),
    sqlite_autoincrement=True,
)

effects = Table(
    "effects",
    metadata,
    Column("id", Id, primary_key=True),
    Column("cause", String, nullable=False),
    Column("kind", String, nullable=False),
    Column("ordinal", Integer, nullable=False),
    Column("lane", Words, nullable=False),
    Column("vendor", String, nullable=False),
    Column("bucket", Words, nullable=False),
    Column("payload", document(), nullable=False),
    Column("planned_at", Instant, nullable=False),
    Column("slot_at", Instant),
    Column("state", String, nullable=False, server_default=PENDING),
    *_progress(),
    Column("finished_at", Instant),
    UniqueConstraint("cause", "kind", "ordinal"),
    _partial("ix_effects_due", "vendor", "due_at", "id", where=_IS_PENDING),
    _partial("ix_effects_under_way", "vendor", "leased_until", where=_IS_LEASED),
    *_work_indexes("effects"),
    sqlite_autoincrement=True,
)

timers = Table(
    "timers",
    metadata,
    Column("id", Id, primary_key=True),
    Column("key", String, nullable=False),
    Column("version", Integer, nullable=False),
    Column("set_for", Instant, nullable=False),
    *_progress(),
    UniqueConstraint("key"),
    Index("ix_timers_due", "due_at", "id"),
    _partial("ix_timers_leased", "id", where=_IS_LEASED),
    sqlite_autoincrement=True,
)

breakers = Table(
    "breakers",
    metadata,
    Column("vendor", String, primary_key=True),
    Column("failures", Integer, nullable=False),
    Column("open_until", Instant),
    Column("probe_until", Instant),
)

buckets = Table(
    "buckets",
    metadata,
    Column("name", Words, primary_key=True),
    Column("next_at", Instant, nullable=False),
    Column("queued_to", Instant, nullable=False),
    Column("blocked_until", Instant, nullable=False),
)

conversations = Table(
    "conversations",
    metadata,
    Column("id", Id, primary_key=True),
    Column("door", String, nullable=False),
    Column("workspace", Words, nullable=False),
    Column("room", Words, nullable=False),
    Column("thread", Words, nullable=False),
    Column("audience", String, nullable=False),
    Column("audience_organisation", String),
    Column("organisation", String, index=True),
    Column("tier", String, nullable=False),
    Column("opened_at", Instant, nullable=False),
    Column("floor", String, nullable=False),
    # Not a foreign key: tickets already point here, and two tables that need each other cannot be created.
    Column("ticket", Id, index=True),
    UniqueConstraint("door", "workspace", "room", "thread"),
    sqlite_autoincrement=True,
)

people = Table(
    "people",
    metadata,
    Column("door", Words, primary_key=True),
    Column("workspace", Words, primary_key=True),
    Column("user", Words, primary_key=True),
    Column("name", Words, nullable=False),
    Column("email", Words),
)

messages = Table(
    "messages",
    metadata,
    Column("id", Id, primary_key=True),
    Column("conversation", Id, ForeignKey("conversations.id"), nullable=False),
    Column("source", Words, nullable=False),
    *_person("author"),
    Column("author_name", Words, nullable=False),
    Column("role", String, nullable=False),
    Column("body", Words, nullable=False),
    Column("audience", String, nullable=False),
    Column("audience_organisation", String, index=True),
    Column("sent_at", Instant, nullable=False),
    Column("files", document(), nullable=False),
    UniqueConstraint("conversation", "source"),
    sqlite_autoincrement=True,
)

tickets = Table(
    "tickets",
    metadata,
    Column("id", Id, primary_key=True),
    Column("conversation", Id, ForeignKey("conversations.id"), nullable=False),
    Column("subject", Words, nullable=False),
    *_person("requester"),
    Column("organisation", String, index=True),
    Column("tier", String, nullable=False),
    Column("priority", String, nullable=False),
    Column("status", String, nullable=False, index=True),
    Column("opened_at", Instant, nullable=False),
    Column("replica", Words),
    Column("assignee", Words),
    Column("solved_at", Instant),
    Column("desk_status_at", Instant),
    Column("last_replied_at", Instant),
    Column("product_area", String),
    Column("description", document()),
    Column("is_area_settled", Boolean, nullable=False, server_default=false()),
    Column("is_priority_settled", Boolean, nullable=False, server_default=false()),
    UniqueConstraint("conversation"),
    UniqueConstraint("replica"),
    sqlite_autoincrement=True,
)

clocks = Table(
    "clocks",
    metadata,
    Column("id", Id, primary_key=True),
    Column("ticket", Id, ForeignKey("tickets.id"), nullable=False, index=True),
    Column("metric", String, nullable=False),
    Column("policy", String, nullable=False),
    Column("calendar", String, nullable=False),
    Column("target", Span, nullable=False),
    Column("warn_percent", Integer, nullable=False),
    Column("steps", document(), nullable=False),
    Column("started_at", Instant, nullable=False),
    Column("state", String, nullable=False),
    Column("due_at", Instant, nullable=False),
    Column("warning_at", Instant, nullable=False),
    Column("ended_at", Instant, index=True),
    Column("ended_because", Words, nullable=False, server_default=""),
    Column("told", document(), nullable=False),
    Column("acknowledged_by", Words),
    Column("acknowledged_at", Instant),
    Column("snoozes", document()),
    Column("version", Integer, nullable=False),
    sqlite_autoincrement=True,
)

segments = Table(
    "segments",
    metadata,
    Column("clock", Id, ForeignKey("clocks.id"), primary_key=True),
    Column("ordinal", Integer, primary_key=True, autoincrement=False),
    Column("kind", String, nullable=False),
    Column("started_at", Instant, nullable=False),
    Column("ended_at", Instant),
    Column("reason", Words, nullable=False),
    Column("change", Words, nullable=False, server_default=""),
    # What held in it; see storage/pinned.py for the calendar.
    Column("policy", String, nullable=False, server_default=""),
    Column("tier", String, nullable=False, server_default=""),
    Column("priority", String, nullable=False, server_default=""),
    Column("target", Span, nullable=False, server_default="0"),
    Column("calendar", String, nullable=False, server_default=""),
)

calendars = Table(
    "calendars",
    metadata,
    Column("fingerprint", String, primary_key=True),
    Column("name", Words, nullable=False),
    Column("definition", document()),
)

replica_comments = Table(
    "replica_comments",
    metadata,
    Column("ticket", Id, ForeignKey("tickets.id"), primary_key=True),
    Column("comment", Words, primary_key=True),
)

installation = Table(
    "installation",
    metadata,
    Column("id", String, primary_key=True),
)
