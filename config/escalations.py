"""escalation.toml: who is called as time runs, and when."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from bot.core.calling import CHANNEL, CSM, GROUP
from bot.core.errors import ConfigError
from bot.core.model import EscalationStep, Metric, Room, RoomKind
from bot.core.spelling import did_you_mean, parse_span
from config.destinations import FILE as DESTINATIONS
from config.destinations import Kind
from config.tables import Layers, Table

FILE = "escalation.toml"
WARN_PERCENT = 80  #: where a promise follows no escalation policy
AT_MOST = 4  #: repeats, where nobody says
SHORTEST_REPEAT = timedelta(minutes=1)
MOST_REPEATS = 50

# https://docs.slack.dev/reference/objects/usergroup-object/
_GROUP_ID = re.compile(r"S[A-Z0-9]{2,20}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Escalation:
    """One escalation policy: when to warn, and the steps of each metric."""

    warn_percent: int
    steps: Mapping[Metric, tuple[EscalationStep, ...]]


NO_ESCALATION = Escalation(WARN_PERCENT, {})


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownTargets:
    """What the other files know by name."""

    roles: Mapping[str, object]  #: of oncall.toml
    rooms: Mapping[str, Room]  #: of channels.toml
    destinations: Mapping[str, object]  #: of destinations.toml


def load_escalations(layers: Layers, known: KnownTargets) -> dict[str, Escalation]:
    """Every escalation policy by its name."""
    for role in (CSM, *known.destinations):
        if role in known.roles:
            raise ConfigError(
                f"oncall.toml: [{role}]: a role cannot have this name; steps mean another thing"
            )
    return {name: _escalation(table, known) for name, table in layers.tables(FILE).items()}


def _escalation(table: Table, known: KnownTargets) -> Escalation:
    table.only("warn_percent", *Metric)
    warn_percent = table.number("warn_percent", WARN_PERCENT)
    if warn_percent >= 100:  # noqa: PLR2004  # per cent
        raise table.wrong("warn_percent", f"{warn_percent} is not before the breach; write 1 to 99")
    steps = {
        metric: tuple(_step(entry, known) for entry in table.tables(metric.value))
        for metric in Metric
        if metric.value in table.values
    }
    return Escalation(warn_percent, steps)


def _step(entry: Table, known: KnownTargets) -> EscalationStep:
    entry.only("notify", "percent", "after", "repeat", "at_most")
    if ("percent" in entry.values) == ("after" in entry.values):
        raise entry.wrong("percent", "write either percent or after")
    percent = entry.number("percent") if "percent" in entry.values else None
    after: timedelta | None = entry.read("after", parse_span) if "after" in entry.values else None
    repeat, at_most = _repeats(entry)
    return EscalationStep(
        notify=_notify(entry, known), percent=percent, after=after, repeat=repeat, at_most=at_most
    )


def _repeats(entry: Table) -> tuple[timedelta | None, int]:
    if "repeat" not in entry.values:
        if "at_most" in entry.values:
            raise entry.wrong("at_most", "needs a repeat, like repeat = '15m'")
        return None, 0
    repeat, at_most = entry.read("repeat", parse_span), entry.number("at_most", AT_MOST)
    if repeat < SHORTEST_REPEAT:
        raise entry.wrong("repeat", "is less than a minute")
    if at_most > MOST_REPEATS:
        raise entry.wrong("at_most", f"{at_most} is more than {MOST_REPEATS}")
    return repeat, at_most


def _notify(entry: Table, known: KnownTargets) -> str | tuple[str, ...]:
    if isinstance(entry.values.get("notify"), list):
        targets = tuple(entry.texts("notify"))
        if not targets:
            raise entry.wrong("notify", "names nobody")
    else:
        targets = (entry.text("notify"),)
    for target in targets:
        _check(entry, target, known)
    return targets[0] if len(targets) == 1 else targets


def _check(entry: Table, target: str, known: KnownTargets) -> None:
    if target == CSM or target in known.destinations:
        return
    kind, colon, name = target.partition(":")
    if target.startswith(CHANNEL):
        # Who reads there reads about every customer that this policy is for.
        if entry.look_up("notify", name, known.rooms, "channels.toml").kind is not RoomKind.INTERNAL:
            raise entry.wrong("notify", f"{name!r} is no internal room; escalations are told among ourselves")
    elif target.startswith(GROUP):
        if not _GROUP_ID.fullmatch(name):
            raise entry.wrong("notify", f"{name!r} is not the id of a user group, like S0123ABCD")
    elif colon and kind in {each.value for each in Kind}:
        raise entry.wrong(
            "notify", f"{target!r} is not in {DESTINATIONS}{did_you_mean(target, known.destinations)}"
        )
    elif colon:
        kinds = [CHANNEL, GROUP, *(f"{each.value}:" for each in Kind)]
        raise entry.wrong("notify", f"{target!r} is no kind of target{did_you_mean(f'{kind}:', kinds)}")
    elif target not in known.roles:
        near = did_you_mean(target, (*known.roles, CSM, *known.destinations))
        raise entry.wrong("notify", f"{target!r} is not in oncall.toml{near}")
