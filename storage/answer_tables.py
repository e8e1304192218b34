"""Tables of what was answered, what could not be, and what our own people corrected."""

from __future__ import annotations

from sqlalchemy import Column, Float, ForeignKey, Index, String, Table

from storage.columns import Id, Instant, Words, document
from storage.tables import metadata

__all__ = ["answers", "corrections", "gaps", "metadata"]

answers = Table(
    "answers",
    metadata,
    Column("id", Id, primary_key=True),
    Column("conversation", Id, ForeignKey("conversations.id"), nullable=False),
    Column("question", Id, ForeignKey("messages.id"), nullable=False),
    Column("body", Words, nullable=False),
    Column("audience", String, nullable=False),
    Column("audience_organisation", String, index=True),
    Column("citations", document(), nullable=False),
    Column("confidence", Float, nullable=False),
    Column("state", String, nullable=False),
    Column("given_at", Instant, nullable=False, index=True),
    Column("source", Words),
    Index("ix_answers_source", "conversation", "source"),
    sqlite_autoincrement=True,
)

# What was asked stands in `messages`, and only there: a person's words are erased in one place.
gaps = Table(
    "gaps",
    metadata,
    Column("question", Id, ForeignKey("messages.id"), primary_key=True, autoincrement=False),
    Column("conversation", Id, ForeignKey("conversations.id"), nullable=False),
    Column("reason", String, nullable=False),
    Column("nearest", document(), nullable=False),
    Column("asked_at", Instant, nullable=False, index=True),
)

corrections = Table(
    "corrections",
    metadata,
    Column("ticket", Id, ForeignKey("tickets.id"), primary_key=True, autoincrement=False),
    Column("body", Words, nullable=False),
    Column("product_area", String),
    Column("priority", String),
    Column("said_at", Instant, nullable=False, index=True),
)
