"""What a ticket is about, and what our own people said about that."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.add_column("tickets", sa.Column("product_area", sa.String()))
    op.add_column("tickets", sa.Column("description", sa.JSON(none_as_null=True)))
    for name in ("is_area_settled", "is_priority_settled"):
        op.add_column("tickets", sa.Column(name, sa.Boolean(), nullable=False, server_default=sa.false()))
    op.create_table(
        "corrections",
        sa.Column("ticket", _ID, autoincrement=False, nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("product_area", sa.String()),
        sa.Column("priority", sa.String()),
        sa.Column("said_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("ticket", name="pk_corrections"),
        sa.ForeignKeyConstraint(["ticket"], ["tickets.id"], name="fk_corrections_ticket_tickets"),
    )
    op.create_index("ix_corrections_said_at", "corrections", ["said_at"])


def downgrade() -> None:
    op.drop_table("corrections")
    for name in ("is_priority_settled", "is_area_settled", "description", "product_area"):
        op.drop_column("tickets", name)
