"""Tables of rotas that are kept elsewhere, and of the gaps that people were warned of."""

from __future__ import annotations

from sqlalchemy import Column, Integer, Table

from storage.card_tables import metadata  # so that whoever imports this has declared every table
from storage.columns import Instant, Words, document

__all__ = ["live_rotas", "metadata", "told_gaps"]

live_rotas = Table(
    "live_rotas",
    metadata,
    Column("source", Words, primary_key=True),
    Column("duties", document()),  # none: never read yet
    Column("until", Instant),
    Column("tag", Words),
    Column("modified", Words),
    Column("read_at", Instant),
    Column("tried_at", Instant),
    Column("failures", Integer, nullable=False, server_default="0"),
    Column("problem", Words),
    Column("next_at", Instant, nullable=False),
)

told_gaps = Table(
    "told_gaps",
    metadata,
    Column("role", Words, primary_key=True),
    Column("starts_at", Instant, primary_key=True),
    Column("ends_at", Instant, nullable=False),
)
