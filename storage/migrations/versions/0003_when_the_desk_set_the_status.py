"""When the desk last set a ticket's status."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("tickets", sa.Column("desk_status_at", sa.BigInteger()))


def downgrade() -> None:
    op.drop_column("tickets", "desk_status_at")
