"""Rotas that are kept elsewhere have their last good copy here, and a gap is told once."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "live_rotas",
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("duties", sa.JSON(none_as_null=True)),
        sa.Column("until", sa.BigInteger()),
        sa.Column("tag", sa.Text()),
        sa.Column("modified", sa.Text()),
        sa.Column("read_at", sa.BigInteger()),
        sa.Column("tried_at", sa.BigInteger()),
        sa.Column("failures", sa.Integer(), nullable=False, server_default="0"),
        sa.Column("problem", sa.Text()),
        sa.Column("next_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("source", name="pk_live_rotas"),
    )
    op.create_table(
        "told_gaps",
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("starts_at", sa.BigInteger(), nullable=False),
        sa.Column("ends_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("role", "starts_at", name="pk_told_gaps"),
    )


def downgrade() -> None:
    op.drop_table("told_gaps")
    op.drop_table("live_rotas")
