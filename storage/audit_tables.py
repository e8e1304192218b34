"""What the auditor remembers from round to round: one row."""

from __future__ import annotations

from sqlalchemy import Column, Integer, Table

from storage.alert_tables import metadata  # so that whoever imports this has declared every table
from storage.columns import Instant, document

__all__ = ["audits", "metadata"]

audits = Table(
    "audits",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("ran_at", Instant),
    Column("passed_at", Instant),
    Column("flaws", document(), nullable=False),
)
