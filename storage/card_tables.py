"""The table of status cards as they stand."""

from __future__ import annotations

from sqlalchemy import Boolean, Column, ForeignKey, Index, String, Table, text

from storage.answer_tables import metadata  # so that whoever imports this has declared every table
from storage.columns import Id, Instant, Span, Words

__all__ = ["cards", "metadata"]

_AGES = text("stale_at IS NOT NULL")

cards = Table(
    "cards",
    metadata,
    Column("conversation", Id, ForeignKey("conversations.id"), primary_key=True, autoincrement=False),
    Column("is_internal", Boolean, primary_key=True),
    Column("door", String, nullable=False),
    Column("workspace", Words, nullable=False),
    Column("room", Words, nullable=False),
    Column("thread", Words, nullable=False),
    Column("card", Words, nullable=False),
    Column("shown_at", Instant, nullable=False),
    Column("stale_at", Instant),
    Column("left", Span),
    Column("step", Span),
    Column("calendar", String),
    Index(
        "ix_cards_stale",
        "door",
        "workspace",
        "stale_at",
        sqlite_where=_AGES,
        postgresql_where=_AGES,
    ),
)
