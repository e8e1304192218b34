"""Clocks can be snoozed, and it is written down who was told that time runs out."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

_ALERTS = sa.table(
    "alerts",
    sa.column("clock", sa.BigInteger()),
    sa.column("mark", sa.String()),
    sa.column("destination", sa.String()),
    sa.column("planned_at", sa.BigInteger()),
    sa.column("calls_people", sa.Boolean()),
    sa.column("state", sa.String()),
    sa.column("reason", sa.Text()),
)
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
    op.bulk_insert(_ALERTS, list(_told_before()))


def _told_before() -> Iterator[dict[str, Any]]:
    """What was told before there was a record of it: nobody is called again for want of one."""
    live = sa.text("SELECT id, told, started_at FROM clocks WHERE ended_at IS NULL")
    for row in op.get_bind().execute(live.columns(told=sa.JSON())):
        steps = [name for name in row.told if name.startswith("step:")]
        if steps:
            yield {
                "clock": row.id,
                "mark": steps[-1],
                "destination": "",
                "planned_at": row.started_at,
                "calls_people": False,
                "state": "sent",
                "reason": "",
            }


def downgrade() -> None:
    op.drop_table("alerts")
    op.drop_column("clocks", "snoozes")
