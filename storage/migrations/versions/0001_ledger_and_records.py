"""The ledger and the records."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
INSTANT = sa.BigInteger()  # microseconds since 1970, UTC
SPAN = sa.BigInteger()  # microseconds

PENDING = "state = 'pending'"
DONE = "state = 'done'"
PARKED = "state = 'parked'"
LEASED = "leased_until IS NOT NULL"


def upgrade() -> None:
    create_deliveries()
    create_effects()
    create_timers()
    create_destinations()
    create_conversations()
    create_tickets()
    create_clocks()


def downgrade() -> None:
    for table in (
        *("replica_comments", "segments", "clocks", "tickets", "messages", "people", "conversations"),
        *("buckets", "breakers", "timers", "effects", "deliveries"),
    ):
        op.drop_table(table)


def words(name: str, *, nullable: bool = False) -> sa.Column[Any]:
    return sa.Column(name, sa.Text(), nullable=nullable)


def key(name: str, *, nullable: bool = False) -> sa.Column[Any]:
    return sa.Column(name, sa.String(), nullable=nullable)


def instant(name: str, *, nullable: bool = False) -> sa.Column[Any]:
    return sa.Column(name, INSTANT, nullable=nullable)


def number(name: str, *, default: str | None = None) -> sa.Column[Any]:
    return sa.Column(name, sa.Integer(), nullable=False, server_default=default)


def document(name: str) -> sa.Column[Any]:
    return sa.Column(name, sa.JSON(), nullable=False)


def primary(table: str, *columns: str) -> sa.PrimaryKeyConstraint:
    return sa.PrimaryKeyConstraint(*columns, name=f"pk_{table}")


def unique(table: str, *columns: str) -> sa.UniqueConstraint:
    return sa.UniqueConstraint(*columns, name=f"uq_{table}_{'_'.join(columns)}")


def foreign(table: str, column: str, referred: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint([column], [f"{referred}.id"], name=f"fk_{table}_{column}_{referred}")


def progress() -> list[sa.Column[Any]]:
    return [
        instant("due_at"),
        number("attempts", default="0"),
        number("fence", default="0"),
        instant("leased_until", nullable=True),
        words("error", nullable=True),
    ]


def partial(table: str, name: str, *columns: str, where: str) -> None:
    condition = sa.text(where)
    op.create_index(
        f"ix_{table}_{name}", table, list(columns), sqlite_where=condition, postgresql_where=condition
    )


def create_work_indexes(table: str) -> None:
    partial(table, "lane", "lane", "id", where=PENDING)
    partial(table, "leased", "lane", where=LEASED)
    partial(table, "finished", "finished_at", where=DONE)
    partial(table, "parked", "id", where=PARKED)


def create_deliveries() -> None:
    op.create_table(
        "deliveries",
        sa.Column("id", ID, nullable=False),
        key("door"),
        words("external_id"),
        words("lane"),
        document("headers"),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        instant("received_at"),
        sa.Column("state", sa.String(), nullable=False, server_default="pending"),
        *progress(),
        instant("finished_at", nullable=True),
        primary("deliveries", "id"),
        unique("deliveries", "door", "external_id"),
        sqlite_autoincrement=True,
    )
    partial("deliveries", "due", "due_at", "id", where=PENDING)
    create_work_indexes("deliveries")


def create_effects() -> None:
    op.create_table(
        "effects",
        sa.Column("id", ID, nullable=False),
        key("cause"),
        key("kind"),
        number("ordinal"),
        words("lane"),
        key("vendor"),
        words("bucket"),
        document("payload"),
        instant("planned_at"),
        instant("slot_at", nullable=True),
        sa.Column("state", sa.String(), nullable=False, server_default="pending"),
        *progress(),
        instant("finished_at", nullable=True),
        primary("effects", "id"),
        unique("effects", "cause", "kind", "ordinal"),
        sqlite_autoincrement=True,
    )
    partial("effects", "due", "vendor", "due_at", "id", where=PENDING)
    partial("effects", "under_way", "vendor", "leased_until", where=LEASED)
    create_work_indexes("effects")


def create_timers() -> None:
    op.create_table(
        "timers",
        sa.Column("id", ID, nullable=False),
        key("key"),
        number("version"),
        instant("set_for"),
        *progress(),
        primary("timers", "id"),
        unique("timers", "key"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_timers_due", "timers", ["due_at", "id"])
    partial("timers", "leased", "id", where=LEASED)


def create_destinations() -> None:
    op.create_table(
        "breakers",
        key("vendor"),
        number("failures"),
        instant("open_until", nullable=True),
        instant("probe_until", nullable=True),
        primary("breakers", "vendor"),
    )
    op.create_table(
        "buckets",
        words("name"),
        instant("next_at"),
        instant("queued_to"),
        instant("blocked_until"),
        primary("buckets", "name"),
    )


def create_conversations() -> None:
    op.create_table(
        "conversations",
        sa.Column("id", ID, nullable=False),
        key("door"),
        words("workspace"),
        words("room"),
        words("thread"),
        key("audience"),
        key("audience_organisation", nullable=True),
        key("organisation", nullable=True),
        key("tier"),
        instant("opened_at"),
        key("floor"),
        sa.Column("ticket", ID, nullable=True),
        words("card", nullable=True),
        primary("conversations", "id"),
        unique("conversations", "door", "workspace", "room", "thread"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_conversations_organisation", "conversations", ["organisation"])
    op.create_index("ix_conversations_ticket", "conversations", ["ticket"])
    op.create_table(
        "people",
        words("door"),
        words("workspace"),
        words("user"),
        words("name"),
        words("email", nullable=True),
        primary("people", "door", "workspace", "user"),
    )
    op.create_table(
        "messages",
        sa.Column("id", ID, nullable=False),
        sa.Column("conversation", ID, nullable=False),
        words("source"),
        words("author_door"),
        words("author_workspace"),
        words("author_user"),
        words("author_name"),
        key("role"),
        words("body"),
        key("audience"),
        key("audience_organisation", nullable=True),
        instant("sent_at"),
        document("files"),
        foreign("messages", "conversation", "conversations"),
        primary("messages", "id"),
        unique("messages", "conversation", "source"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_messages_audience_organisation", "messages", ["audience_organisation"])


def create_tickets() -> None:
    op.create_table(
        "tickets",
        sa.Column("id", ID, nullable=False),
        sa.Column("conversation", ID, nullable=False),
        words("subject"),
        words("requester_door"),
        words("requester_workspace"),
        words("requester_user"),
        key("organisation", nullable=True),
        key("tier"),
        key("priority"),
        key("status"),
        instant("opened_at"),
        words("replica", nullable=True),
        words("assignee", nullable=True),
        instant("solved_at", nullable=True),
        foreign("tickets", "conversation", "conversations"),
        primary("tickets", "id"),
        unique("tickets", "conversation"),
        unique("tickets", "replica"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_tickets_organisation", "tickets", ["organisation"])
    op.create_index("ix_tickets_status", "tickets", ["status"])
    op.create_table(
        "replica_comments",
        sa.Column("ticket", ID, nullable=False),
        words("comment"),
        foreign("replica_comments", "ticket", "tickets"),
        primary("replica_comments", "ticket", "comment"),
    )


def create_clocks() -> None:
    op.create_table(
        "clocks",
        sa.Column("id", ID, nullable=False),
        sa.Column("ticket", ID, nullable=False),
        key("metric"),
        key("policy"),
        key("calendar"),
        sa.Column("target", SPAN, nullable=False),
        number("warn_percent"),
        document("steps"),
        instant("started_at"),
        key("state"),
        instant("due_at"),
        instant("warning_at"),
        instant("ended_at", nullable=True),
        document("told"),
        words("acknowledged_by", nullable=True),
        instant("acknowledged_at", nullable=True),
        number("version"),
        foreign("clocks", "ticket", "tickets"),
        primary("clocks", "id"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_clocks_ticket", "clocks", ["ticket"])
    op.create_table(
        "segments",
        sa.Column("clock", ID, nullable=False),
        sa.Column("ordinal", sa.Integer(), nullable=False, autoincrement=False),
        key("kind"),
        instant("started_at"),
        instant("ended_at", nullable=True),
        words("reason"),
        foreign("segments", "clock", "clocks"),
        primary("segments", "clock", "ordinal"),
    )
