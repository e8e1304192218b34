"""The table of who was told that time runs out, and its rows."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Boolean, Column, ForeignKey, String, Table

from bot.core.alerts import Alert, AlertRef, AlertState
from bot.core.model import ClockId
from storage.claiming import Row
from storage.columns import Id, Instant, Words
from storage.rota_tables import metadata  # so that whoever imports this has declared every table

__all__ = ["alert_columns", "alert_of", "alerts", "metadata"]

alerts = Table(
    "alerts",
    metadata,
    Column("clock", Id, ForeignKey("clocks.id"), primary_key=True, autoincrement=False),
    Column("mark", String, primary_key=True),
    Column("destination", String, primary_key=True),
    Column("planned_at", Instant, nullable=False),
    Column("calls_people", Boolean, nullable=False),
    Column("state", String, nullable=False, index=True),
    Column("reason", Words, nullable=False),
    Column("source", Words),
)


def alert_of(row: Row) -> Alert:
    """A row of `alerts`."""
    return Alert(
        ref=AlertRef(clock=ClockId(row["clock"]), mark=row["mark"], destination=row["destination"]),
        planned_at=row["planned_at"],
        calls_people=row["calls_people"],
        state=AlertState(row["state"]),
        reason=row["reason"],
        source=row["source"],
    )


def alert_columns(alert: Alert) -> dict[str, Any]:
    """The same, to store, without what names it."""
    return {
        "planned_at": alert.planned_at,
        "calls_people": alert.calls_people,
        "state": alert.state.value,
        "reason": alert.reason,
        "source": alert.source,
    }
