"""sla.toml: what is promised to whom."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from bot.core.model import Metric, Priority, Tier
from bot.core.policies import Calendar, SlaTarget
from bot.core.spelling import parse_priority, parse_span, parse_tier
from config.escalations import FILE as ESCALATIONS
from config.escalations import NO_ESCALATION, Escalation
from config.tables import Layers, Table

_PROMISES = "sla.toml"
_POLICY = "policy"

Key = tuple[Tier, Priority, Metric]


def load_targets(
    layers: Layers, calendars: Mapping[str, Calendar], escalations: Mapping[str, Escalation]
) -> dict[Key, SlaTarget]:
    """Every promise."""
    tables = layers.nested(_PROMISES, _promise_name, flat=_POLICY)
    policy = _version(tables.pop(_POLICY, Table(f"{_PROMISES}: [{_POLICY}]", {})))
    return {
        (target.tier, target.priority, target.metric): target
        for name, table in tables.items()
        for target in _targets(name, table, policy, calendars, escalations)
    }


def _promise_name(tier: str, priority: str) -> str:
    return f"{parse_tier(tier).value.lower()}.{parse_priority(priority).value}"


def _version(table: Table) -> str:
    table.only("name", "version")
    return f"{table.text('name')}@{table.number('version')}"


def _targets(
    name: str,
    table: Table,
    policy: str,
    calendars: Mapping[str, Calendar],
    escalations: Mapping[str, Escalation],
) -> Iterator[SlaTarget]:
    table.only("calendar", "escalation", *Metric)
    tier, _, priority = name.partition(".")
    calendar = table.known("calendar", calendars, "calendars.toml")
    escalation = NO_ESCALATION
    if "escalation" in table.values:
        escalation = table.known("escalation", escalations, ESCALATIONS)
    for metric in Metric:
        if metric.value in table.values:
            yield SlaTarget(
                policy=policy,
                tier=parse_tier(tier),
                priority=Priority(priority),
                metric=metric,
                target=table.read(metric.value, parse_span),
                calendar=calendar.name,
                warn_percent=escalation.warn_percent,
                steps=escalation.steps.get(metric, ()),
            )
