"""Status cards have a table of their own: two versions of each, and when what they say becomes wrong."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_AGES = sa.text("stale_at IS NOT NULL")


def upgrade() -> None:
    op.create_table(
        "cards",
        sa.Column("conversation", _ID, autoincrement=False, nullable=False),
        sa.Column("is_internal", sa.Boolean(), nullable=False),
        sa.Column("door", sa.String(), nullable=False),
        sa.Column("workspace", sa.Text(), nullable=False),
        sa.Column("room", sa.Text(), nullable=False),
        sa.Column("thread", sa.Text(), nullable=False),
        sa.Column("card", sa.Text(), nullable=False),
        sa.Column("shown_at", sa.BigInteger(), nullable=False),
        sa.Column("stale_at", sa.BigInteger()),
        sa.Column("left", sa.BigInteger()),
        sa.Column("step", sa.BigInteger()),
        sa.Column("calendar", sa.String()),
        sa.PrimaryKeyConstraint("conversation", "is_internal", name="pk_cards"),
        sa.ForeignKeyConstraint(
            ["conversation"], ["conversations.id"], name="fk_cards_conversation_conversations"
        ),
    )
    op.create_index(
        "ix_cards_stale",
        "cards",
        ["door", "workspace", "stale_at"],
        sqlite_where=_AGES,
        postgresql_where=_AGES,
    )
    op.execute(
        "INSERT INTO cards (conversation, is_internal, door, workspace, room, thread, card, shown_at) "
        "SELECT id, false, door, workspace, room, thread, card, opened_at FROM conversations "
        "WHERE card IS NOT NULL"
    )
    # What they say is not known: those of open tickets count as wrong, and a timer has them edited.
    op.execute(
        "UPDATE cards SET stale_at = shown_at, \"left\" = 60000000, step = 60000000, calendar = '' "
        "WHERE conversation IN (SELECT conversation FROM tickets WHERE status NOT IN ('solved', 'closed'))"
    )
    op.execute(
        "INSERT INTO timers (key, version, set_for, due_at) "
        "SELECT DISTINCT 'cards:' || door || '/' || workspace, 1, 0, 0 FROM cards WHERE stale_at IS NOT NULL"
    )
    op.drop_column("conversations", "card")


def downgrade() -> None:
    op.add_column("conversations", sa.Column("card", sa.Text()))
    op.execute(
        "UPDATE conversations SET card = (SELECT cards.card FROM cards "
        "WHERE cards.conversation = conversations.id AND NOT cards.is_internal)"
    )
    op.execute("DELETE FROM timers WHERE key LIKE 'cards:%'")
    op.drop_table("cards")
