"""Calendars and promises for tests of clocks."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

from bot.core.model import EscalationStep, Metric, Priority, Tier
from bot.core.policies import Calendar, Interval, SlaTarget

ALWAYS = Calendar(name="24x7", timezone="UTC", hours=((),) * 7, is_always_open=True)
LISBON = Calendar(
    name="business",
    timezone="Europe/Lisbon",  # UTC in winter
    hours=tuple((Interval(start=9 * 60, end=17 * 60),) if day < 5 else () for day in range(7)),
    holidays={date(2026, 12, 8): "Immaculate Conception"},
)
MONDAY = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)


def at(hours: float) -> datetime:
    return MONDAY + timedelta(hours=hours)


def a_promise(
    hours: float,
    calendar: Calendar = ALWAYS,
    *,
    priority: Priority = Priority.P3,
    policy: str = "default@1",
    steps: tuple[EscalationStep, ...] = (),
) -> SlaTarget:
    return SlaTarget(
        policy=policy,
        tier=Tier.ENTERPRISE,
        priority=priority,
        metric=Metric.RESOLUTION_TIME,
        target=hours * HOUR,
        calendar=calendar.name,
        warn_percent=80,
        steps=steps,
    )
