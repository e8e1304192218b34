"""What was answered on which revision of which article, and what could not be answered."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "answers",
        sa.Column("id", _ID, nullable=False),
        sa.Column("conversation", _ID, nullable=False),
        sa.Column("question", _ID, nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("audience", sa.String(), nullable=False),
        sa.Column("audience_organisation", sa.String()),
        sa.Column("citations", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("confidence", sa.Float(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("given_at", sa.BigInteger(), nullable=False),
        sa.Column("source", sa.Text()),
        sa.PrimaryKeyConstraint("id", name="pk_answers"),
        sa.ForeignKeyConstraint(
            ["conversation"], ["conversations.id"], name="fk_answers_conversation_conversations"
        ),
        sa.ForeignKeyConstraint(["question"], ["messages.id"], name="fk_answers_question_messages"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_answers_audience_organisation", "answers", ["audience_organisation"])
    op.create_index("ix_answers_given_at", "answers", ["given_at"])
    op.create_index("ix_answers_source", "answers", ["conversation", "source"])
    op.create_table(
        "gaps",
        sa.Column("question", _ID, autoincrement=False, nullable=False),
        sa.Column("conversation", _ID, nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("nearest", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("asked_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("question", name="pk_gaps"),
        sa.ForeignKeyConstraint(["question"], ["messages.id"], name="fk_gaps_question_messages"),
        sa.ForeignKeyConstraint(
            ["conversation"], ["conversations.id"], name="fk_gaps_conversation_conversations"
        ),
    )
    op.create_index("ix_gaps_asked_at", "gaps", ["asked_at"])


def downgrade() -> None:
    op.drop_table("gaps")
    op.drop_table("answers")
