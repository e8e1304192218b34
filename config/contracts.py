"""sla.toml and escalation.toml: what is promised to whom, and who is called as time runs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta

from bot.core.model import EscalationStep, Metric, Priority, Tier
from bot.core.policies import Calendar, SlaTarget
from bot.core.spelling import parse_priority, parse_span, parse_tier
from config.tables import Layers, Table

WARN_PERCENT = 80  #: where a promise follows no escalation policy

_PROMISES = "sla.toml"
_ESCALATIONS = "escalation.toml"
_POLICY = "policy"

Key = tuple[Tier, Priority, Metric]


@dataclass(frozen=True, slots=True)
class Escalation:
    """One escalation policy: when to warn, and the steps of each metric."""

    warn_percent: int
    steps: Mapping[Metric, tuple[EscalationStep, ...]]


NO_ESCALATION = Escalation(WARN_PERCENT, {})


def load_escalations(layers: Layers, roles: Mapping[str, object]) -> dict[str, Escalation]:
    """Every escalation policy by its name; `roles` are those that may be notified."""
    return {name: _escalation(table, roles) for name, table in layers.tables(_ESCALATIONS).items()}


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
        escalation = table.known("escalation", escalations, _ESCALATIONS)
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


def _escalation(table: Table, roles: Mapping[str, object]) -> Escalation:
    table.only("warn_percent", *Metric)
    warn_percent = table.number("warn_percent", WARN_PERCENT)
    if warn_percent >= 100:  # noqa: PLR2004  # per cent
        raise table.wrong("warn_percent", f"{warn_percent} is not before the breach; write 1 to 99")
    steps = {
        metric: tuple(_step(entry, roles) for entry in table.tables(metric.value))
        for metric in Metric
        if metric.value in table.values
    }
    return Escalation(warn_percent, steps)


def _step(entry: Table, roles: Mapping[str, object]) -> EscalationStep:
    entry.only("notify", "percent", "after")
    entry.known("notify", roles, "oncall.toml")
    if ("percent" in entry.values) == ("after" in entry.values):
        raise entry.wrong("percent", "write either percent or after")
    percent = entry.number("percent") if "percent" in entry.values else None
    after: timedelta | None = entry.read("after", parse_span) if "after" in entry.values else None
    return EscalationStep(notify=entry.text("notify"), percent=percent, after=after)
