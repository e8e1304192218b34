"""The auditor remembers what it found, and when it last found nothing."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "audits",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("ran_at", sa.BigInteger()),
        sa.Column("passed_at", sa.BigInteger()),
        sa.Column("flaws", sa.JSON(none_as_null=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_audits"),
    )


def downgrade() -> None:
    op.drop_table("audits")
