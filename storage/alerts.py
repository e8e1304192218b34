"""The part of a transaction that is about who was told that time runs out."""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.core.alerts import Alert
from storage.alert_tables import alert_columns, alerts
from storage.answers import SqlAnswers


class SqlAlerts(SqlAnswers):
    """Reads with locks, and writes."""

    async def save_alert(self, alert: Alert) -> None:
        values = alert_columns(alert)
        statement = self._database.insert(alerts).values(
            clock=alert.ref.clock, mark=alert.ref.mark, destination=alert.ref.destination, **values
        )
        await self._connection.execute(
            statement.on_conflict_do_update(
                index_elements=[alerts.c.clock, alerts.c.mark, alerts.c.destination], set_=values
            )
        )


async def count_alerts(connection: AsyncConnection) -> Mapping[tuple[str, str], int]:
    """How many by (destination, state)."""
    group = (alerts.c.destination, alerts.c.state)
    found = await connection.execute(select(*group, func.count()).group_by(*group))
    return {(destination, state): count for destination, state, count in found}
