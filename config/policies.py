"""The packaged policies with an administrator's directory laid over them.

The rule: a table in a file of the directory replaces the packaged table of the same name as a whole; tables
it does not mention stay; `remove = true`, alone in a table, takes the packaged one away.
"""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from bot.core.policies import Policies
from config.contracts import load_escalations, load_targets
from config.directory import load_organisations, load_people, load_rooms
from config.rotas import load_on_call
from config.tables import Layers
from config.timetables import load_calendars


def load_policies(overlay: Path | None, *, now: datetime) -> Policies:
    """Read and check everything; ConfigError names the file, the table and the key that is wrong."""
    layers = Layers(overlay)
    calendars = load_calendars(layers, now=now)
    organisations = load_organisations(layers, calendars)
    rooms, ours = load_rooms(layers, organisations)
    people = load_people(layers)
    on_call = load_on_call(layers, people, calendars)
    escalations = load_escalations(layers, on_call.standing)
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
    )
