"""Segments say what held in them and in which calendar they count; calendars are kept by content."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

_FROM_CLOCKS = ("policy", "target")
_FROM_TICKETS = ("tier", "priority")
_WORDS = ("policy", "tier", "priority", "calendar")


def upgrade() -> None:
    op.create_table(
        "calendars",
        sa.Column("fingerprint", sa.String(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("definition", sa.JSON(none_as_null=True)),
        sa.PrimaryKeyConstraint("fingerprint", name="pk_calendars"),
    )
    op.add_column("clocks", sa.Column("ended_because", sa.Text(), nullable=False, server_default=""))
    op.add_column("tickets", sa.Column("last_replied_at", sa.BigInteger()))
    op.add_column("segments", sa.Column("change", sa.Text(), nullable=False, server_default=""))
    for name in _WORDS:
        op.add_column("segments", sa.Column(name, sa.String(), nullable=False, server_default=""))
    op.add_column("segments", sa.Column("target", sa.BigInteger(), nullable=False, server_default="0"))
    op.create_index("ix_clocks_ended_at", "clocks", ["ended_at"])
    _fill()


def _fill() -> None:
    """Old clocks say by name what they count in; the first start of the program fills in what it means."""
    op.execute(
        "INSERT INTO calendars (fingerprint, name) SELECT DISTINCT 'named:' || calendar, calendar FROM clocks"
    )
    given = [
        f"{name} = (SELECT {name} FROM clocks WHERE clocks.id = segments.clock)"  # noqa: S608 - our own names
        for name in _FROM_CLOCKS
    ]
    given += [
        f"{name} = (SELECT tickets.{name} FROM tickets JOIN clocks ON clocks.ticket = tickets.id"  # noqa: S608 - our own names
        " WHERE clocks.id = segments.clock)"
        for name in _FROM_TICKETS
    ]
    given.append(
        "calendar = (SELECT 'named:' || clocks.calendar FROM clocks WHERE clocks.id = segments.clock)"
    )
    op.execute(f"UPDATE segments SET {', '.join(given)}")  # noqa: S608 - our own names
    op.execute(
        "UPDATE tickets SET last_replied_at = (SELECT max(ended_at) FROM clocks WHERE ticket = tickets.id"
        " AND metric = 'first_reply_time' AND state IN ('met', 'breached'))"
    )


def downgrade() -> None:
    op.drop_index("ix_clocks_ended_at", "clocks")
    for name in ("target", "change", *_WORDS):
        op.drop_column("segments", name)
    op.drop_column("tickets", "last_replied_at")
    op.drop_column("clocks", "ended_because")
    op.drop_table("calendars")
