"""Escalations as alert events. Pure; https://developer.pagerduty.com/docs/send-alert-event has the fields."""

from __future__ import annotations

from typing import Any

from bot.core.alerts import AlertAction, SendAlert
from bot.core.model import Priority
from bot.core.replies import alert_summary, ticket_label
from bot.core.spelling import render_instant

LONGEST_SUMMARY = 1024  # characters
LONGEST_KEY = 255
SEVERITIES = {Priority.P1: "critical", Priority.P2: "error", Priority.P3: "warning", Priority.P4: "info"}


def render_event(effect: SendAlert, *, routing_key: str) -> dict[str, Any]:
    """The body of POST /v2/enqueue. One key for a clock: whatever follows updates the same incident."""
    event: dict[str, Any] = {
        "routing_key": routing_key,
        "event_action": effect.action.value,
        "dedup_key": effect.key[:LONGEST_KEY],
    }
    if effect.action is not AlertAction.TRIGGER:
        return event
    links = [{"href": effect.link, "text": "The thread"}] if effect.link else []
    return {**event, "client": "Deskbell", "payload": _payload(effect), "links": links}


def _payload(effect: SendAlert) -> dict[str, Any]:
    details = {
        "ticket": ticket_label(effect.ticket),
        "organisation": effect.organisation,
        "tier": effect.tier.value,
        "priority": effect.priority.value,
        "due_at": render_instant(effect.due_at),
        "reminder": effect.round,
    }
    return {
        "summary": alert_summary(effect)[:LONGEST_SUMMARY],
        "source": effect.organisation or "community",
        "severity": SEVERITIES[effect.priority],
        "timestamp": render_instant(effect.at),
        "component": ticket_label(effect.ticket),
        "class": effect.metric.value,
        "custom_details": details,
    }
