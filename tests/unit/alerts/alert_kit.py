"""One escalation on its way out."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from bot.core.alerts import AlertAction, AlertRef, SendAlert
from bot.core.model import (
    Address,
    ClockId,
    ConversationId,
    Metric,
    OrganisationId,
    Priority,
    TicketId,
    Tier,
)
from bot.core.ports import Attempt

NOON = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
ATTEMPT = Attempt(key="3f9c2a1b-effect-17", number=1, now=NOON)


def an_alert(destination: str, action: AlertAction = AlertAction.TRIGGER, **changes: Any) -> SendAlert:
    alert = SendAlert(
        ref=AlertRef(clock=ClockId(12), mark="step:1", destination=destination),
        action=action,
        key="deskbell-3f9c2a1b-clock-12",
        conversation=ConversationId(3),
        about=Address(door="slack", workspace="T", room="C", thread="1.0"),
        ticket=TicketId(7),
        subject="Nothing works",
        organisation=OrganisationId("acme"),
        tier=Tier.ENTERPRISE,
        priority=Priority.P2,
        metric=Metric.RESOLUTION_TIME,
        due_at=NOON + timedelta(hours=2),
        at=NOON,
    )
    return replace(alert, **changes)
