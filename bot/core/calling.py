"""Who a step calls, as of now: its targets become people, groups, rooms and destinations."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

from bot.core import replies
from bot.core.model import OrganisationId, PersonRef, Room
from bot.core.policies import Policies
from bot.core.rota_replies import fallback_note

CSM = "csm"
CHANNEL = "channel:"
GROUP = "group:"
MANAGER = "manager"  #: the role that stands in where an organisation has no CSM


@dataclass(slots=True)
class Call:
    """Everybody who is told at one moment, each once."""

    people: dict[PersonRef, None] = field(default_factory=dict)
    groups: dict[str, None] = field(default_factory=dict)
    rooms: dict[str, Room] = field(default_factory=dict)  #: by target, "channel:triage"
    destinations: dict[str, None] = field(default_factory=dict)
    notes: dict[str, None] = field(default_factory=dict)  #: sentences about who could not be called
    is_for_people: bool = False  #: somebody or some group is meant, found or not


def called(
    policies: Policies, organisation: OrganisationId | None, targets: Iterable[str], *, now: datetime
) -> Call:
    """Policies may have changed since the steps were taken down: what is gone is said, and stood in for."""
    call = Call()
    for target in targets:
        if target == CSM:
            _add_csm(call, policies, organisation, now)
        elif target.startswith(GROUP):
            call.is_for_people = True
            call.groups[target.removeprefix(GROUP)] = None
        elif target in policies.destinations:
            call.destinations[target] = None
        elif (room := policies.rooms_by_name.get(target.removeprefix(CHANNEL))) and target.startswith(
            CHANNEL
        ):
            call.rooms[target] = room
        else:
            _add_role(call, policies, target, now)
    return call


def _add_csm(call: Call, policies: Policies, organisation: OrganisationId | None, now: datetime) -> None:
    known = policies.organisations.get(organisation) if organisation else None
    if known is not None and known.csm is not None:
        call.is_for_people = True
        call.people[known.csm] = None
        return
    call.notes[replies.without_csm(known.name if known else None)] = None
    _add_role(call, policies, MANAGER, now)


def _add_role(call: Call, policies: Policies, role: str, now: datetime) -> None:
    """A role without anybody has the fallback; so has one that was taken out of oncall.toml meanwhile."""
    call.is_for_people = True
    found = policies.on_call.called(role, now)
    call.people.update(dict.fromkeys(found.people))
    if role not in policies.on_call.standing:
        call.notes[replies.gone(role)] = None
    elif found.is_gap:
        call.notes[fallback_note({role: found})] = None
