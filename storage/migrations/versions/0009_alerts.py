"""Clocks can be snoozed, and it is written down who was told that time runs out."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.add_column("clocks", sa.Column("snoozes", sa.JSON(none_as_null=True)))
    op.create_table(
        "alerts",
        sa.Column("clock", _ID, autoincrement=False, nullable=False),
        sa.Column("mark", sa.String(), nullable=False),
        sa.Column("destination", sa.String(), nullable=False),
        sa.Column("planned_at", sa.BigInteger(), nullable=False),
        sa.Column("calls_people", sa.Boolean(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("source", sa.Text()),
        sa.PrimaryKeyConstraint("clock", "mark", "destination", name="pk_alerts"),
        sa.ForeignKeyConstraint(["clock"], ["clocks.id"], name="fk_alerts_clock_clocks"),
    )
    op.create_index("ix_alerts_state", "alerts", ["state"])


def downgrade() -> None:
    op.drop_table("alerts")
    op.drop_column("clocks", "snoozes")
