"""The packaged policies with an administrator's directory laid over them.

The rule: a table in a file of the directory replaces the packaged table of the same name as a whole; tables
it does not mention stay; `remove = true`, alone in a table, takes the packaged one away.
"""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from bot.core.policies import Policies
from config.contracts import load_targets
from config.destinations import load_destinations
from config.directory import load_organisations, load_people, load_rooms
from config.escalations import KnownTargets, load_escalations
from config.rotas import load_on_call
from config.tables import Layers
from config.timetables import load_calendars


def load_policies(overlay: Path | None, *, now: datetime) -> Policies:
    """Read and check everything; ConfigError names the file, the table and the key that is wrong."""
    layers = Layers(overlay)
    calendars = load_calendars(layers, now=now)
    people = load_people(layers)
    organisations = load_organisations(layers, calendars, people)
    rooms, ours = load_rooms(layers, organisations)
    on_call = load_on_call(layers, people, calendars)
    destinations = load_destinations(layers)
    known = KnownTargets(roles=on_call.standing, rooms=ours.named, destinations=destinations)
    escalations = load_escalations(layers, known)
    return Policies(
        organisations=organisations,
        rooms=rooms,
        agents=frozenset(account for accounts in people.values() for account in accounts),
        targets=load_targets(layers, calendars, escalations),
        calendars=calendars,
        on_call=on_call,
        escalation_room=ours.escalations,
        draft_room=ours.drafts,
        card_room=ours.cards,
        rooms_by_name=ours.named,
        destinations={name: each.destination for name, each in destinations.items()},
    )
