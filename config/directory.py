"""organisations.toml, channels.toml and people.toml: who is who, and which room is whose."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from bot.core.model import AnswerMode, OrganisationId, PersonRef, Room, RoomKind, Tier
from bot.core.policies import Calendar, Organisation
from bot.core.spelling import parse_tier
from config.tables import Layers, Table

_ESCALATIONS = "escalations"
_DRAFTS = "drafts"
_CARDS = "cards"
_PURPOSES = (_ESCALATIONS, _DRAFTS, _CARDS)

Accounts = tuple[PersonRef, ...]
RoomKey = tuple[str, str, str]


class DoorName(StrEnum):
    """The channels that exist."""

    SLACK = "slack"
    GITHUB = "github"
    DISCORD = "discord"
    CONSOLE = "console"


def load_organisations(
    layers: Layers, calendars: Mapping[str, Calendar], people: Mapping[str, Accounts]
) -> dict[OrganisationId, Organisation]:
    """Every customer by id."""
    return {
        OrganisationId(name): _organisation(OrganisationId(name), table, calendars, people)
        for name, table in layers.tables("organisations.toml").items()
    }


@dataclass(frozen=True, slots=True)
class OurRooms:
    """Where our own people are told things; each may be missing."""

    escalations: Room | None
    drafts: Room | None
    cards: Room | None
    named: Mapping[str, Room]  #: every room by the name of its table


def load_rooms(
    layers: Layers, organisations: Mapping[OrganisationId, Organisation]
) -> tuple[dict[RoomKey, Room], OurRooms]:
    """Every room, and those of our own people."""
    known: dict[str, Organisation] = dict(organisations.items())
    rooms: dict[RoomKey, Room] = {}
    ours: dict[str, Room] = {}
    drafting: Table | None = None
    named: dict[str, Room] = {}
    for name, table in layers.tables("channels.toml").items():
        room = _room(table, known)
        key = (room.door, room.workspace, room.room)
        if key in rooms:
            raise table.wrong("room", f"{room.room!r} of {room.workspace!r} is there twice")
        rooms[key] = named[name] = room
        for purpose in _PURPOSES:
            if table.flag(purpose):
                if room.kind is not RoomKind.INTERNAL or purpose in ours:
                    raise table.wrong(purpose, "one internal room at most")
                ours[purpose] = room
        drafting = table if room.mode is AnswerMode.DRAFT else drafting
    drafts = ours.get(_DRAFTS) or ours.get(_ESCALATIONS)
    if drafting is not None and drafts is None:
        raise drafting.wrong("answers", "drafts need an internal room with drafts = true, to be looked at in")
    return rooms, OurRooms(ours.get(_ESCALATIONS), drafts, ours.get(_CARDS), named)


def load_people(layers: Layers) -> dict[str, Accounts]:
    """Our own people by handle, each with their accounts."""
    people: dict[str, Accounts] = {}
    owners: dict[PersonRef, str] = {}
    for handle, table in layers.tables("people.toml").items():
        table.only("name", "email", "also", "accounts")
        if "name" in table.values:
            table.text("name")
        accounts = tuple(_account(entry) for entry in table.tables("accounts"))
        if not accounts:
            raise table.wrong("accounts", "needs at least one { door, workspace, user }")
        for account in accounts:
            if account in owners:
                raise table.wrong("accounts", f"{account.user!r} already is {owners[account]!r}")
            owners[account] = handle
        people[handle] = accounts
    return people


def _organisation(
    id: OrganisationId, table: Table, calendars: Mapping[str, Calendar], people: Mapping[str, Accounts]
) -> Organisation:
    table.only("name", "tier", "desk_id", "version", "environment", "csm", "calendars")
    return Organisation(
        id=id,
        name=table.text("name"),
        tier=table.read("tier", parse_tier),
        calendars=_agreed_calendars(table, calendars),
        csm=table.known("csm", people, "people.toml")[0] if "csm" in table.values else None,
        **{key: table.text(key) for key in ("desk_id", "version", "environment") if key in table.values},
    )


def _agreed_calendars(table: Table, calendars: Mapping[str, Calendar]) -> dict[str, str]:
    """The calendar of a promise, and the one that this customer has in its place."""
    agreed = table.table("calendars")
    for name in agreed.values:
        table.look_up("calendars", name, calendars, "calendars.toml")
        agreed.known(name, calendars, "calendars.toml")
    return {name: agreed.text(name) for name in agreed.values}


def _room(table: Table, organisations: Mapping[str, Organisation]) -> Room:
    table.only(
        *("door", "workspace", "room", "kind", "organisation", "answers", "sure", "stream"),
        *(_ESCALATIONS, _DRAFTS, _CARDS),
    )
    kind = table.choice("kind", RoomKind)
    organisation: Organisation | None = None
    if kind is RoomKind.CUSTOMER:
        organisation = table.known("organisation", organisations, "organisations.toml")
    elif "organisation" in table.values:
        raise table.wrong("organisation", f"a room of kind {kind.value!r} belongs to nobody")
    usual = AnswerMode.EVERY if kind is RoomKind.CUSTOMER else AnswerMode.MENTION
    return Room(
        door=table.choice("door", DoorName).value,
        workspace=table.text("workspace"),
        room=table.text("room"),
        kind=kind,
        organisation=organisation.id if organisation else None,
        tier=organisation.tier if organisation else Tier.COMMUNITY,
        mode=table.choice("answers", AnswerMode, usual),
        sure=_part(table, "sure"),
        is_live=table.flag("stream") if "stream" in table.values else True,
    )


def _part(table: Table, key: str) -> float:
    """Per cent as a part of one; 0 when left out."""
    value = table.number(key, 0)
    if value > 100:  # noqa: PLR2004 - per cent
        raise table.wrong(key, f"{value} is more than 100 per cent")
    return value / 100


def _account(entry: Table) -> PersonRef:
    entry.only("door", "workspace", "user")
    return PersonRef(
        door=entry.choice("door", DoorName).value,
        workspace=entry.text("workspace"),
        user=entry.text("user"),
    )
