"""oncall.toml: who is on call for which role, here or by a rota that is kept elsewhere."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from itertools import pairwise
from pathlib import Path
from urllib.parse import urlsplit

from bot.core.errors import ConfigError, UserFacingError
from bot.core.live_rotas import Directory, Duty
from bot.core.model import PersonRef
from bot.core.opening_hours import zone
from bot.core.policies import Calendar
from bot.core.rotas import HORIZON, WARN_BEFORE, OnCall, Rotation, Shift, wall_clock
from bot.core.spelling import check_nights, parse_hours
from config.icalendar import read_occurrences
from config.tables import Layers, Table

FILE = "oncall.toml"
_FALLBACK, _GAPS = "fallback", "gaps"  # tables that are no roles
_ICAL, _SCHEDULE, _POLICY = "ical", "pagerduty_schedule", "pagerduty_policy"

_SPAN = re.compile(r"([0-9]{1,4})\s*(week|day|hour|w|d|h)s?")
_UNITS = {"w": timedelta(weeks=1), "d": timedelta(days=1), "h": timedelta(hours=1)}
_PAGERDUTY_ID = re.compile(r"[A-Z0-9]{1,40}", re.IGNORECASE)

_ANY_DAY = datetime(2026, 1, 1, tzinfo=UTC)

Accounts = tuple[PersonRef, ...]


class RotaKind(StrEnum):
    """Where a rota may be kept instead."""

    FEED = "feed"  #: iCalendar at an address
    FILE = "file"  #: iCalendar in a file
    SCHEDULE = "schedule"  #: a schedule of PagerDuty
    POLICY = "policy"  #: one level of an escalation policy of PagerDuty


@dataclass(frozen=True, slots=True, kw_only=True)
class RotaSource:
    """One rota that is kept elsewhere."""

    role: str
    kind: RotaKind
    place: str  #: an address, a path or an id; an address may be a secret
    where: str  #: "oncall.toml: [on_call]: ical", for what is wrong with it
    timezone: str = "UTC"  #: whose days all-day events are
    level: int = 1  #: of an escalation policy
    is_private: bool = False  #: the address may lie in our own network

    @property
    def source(self) -> str:
        """Which one it is, without its address."""
        digest = hashlib.sha256(f"{self.kind}\n{self.place}\n{self.timezone}\n{self.level}".encode())
        return f"{self.role}/{self.kind.value}/{digest.hexdigest()[:16]}"


def load_on_call(layers: Layers, people: Mapping[str, Accounts], calendars: Mapping[str, Calendar]) -> OnCall:
    """Who answers for which role, as far as it stands here."""
    tables = layers.tables(FILE)
    fallback, gaps = tables.pop(_FALLBACK, None), tables.pop(_GAPS, None)
    if fallback is not None:
        fallback.only("people")
    for role, table in tables.items():
        _check(table)
        tuple(_sources(role, table, layers.overlay))  # wrong keys are found by every command
    named = {role: table.known("covers", calendars, "calendars.toml") for role, table in _covered(tables)}
    return OnCall(
        standing={role: _named(table, people) for role, table in tables.items()},
        rotations={role: tuple(_rotations(table, people)) for role, table in tables.items()},
        shifts=tuple(shift for role, table in tables.items() for shift in _shifts(role, table, people)),
        overrides=tuple(one for role, table in tables.items() for one in _overrides(role, table, people)),
        fallback=_named(fallback, people) if fallback is not None else (),
        covers=named,
        warn_before=_warn_before(gaps) if gaps is not None else WARN_BEFORE,
        names=_spoken_names(layers, people),
    )


def load_rota_sources(layers: Layers) -> tuple[RotaSource, ...]:
    """Every rota that is kept elsewhere."""
    tables = {role: t for role, t in layers.tables(FILE).items() if role not in (_FALLBACK, _GAPS)}
    found = tuple(one for role, table in tables.items() for one in _sources(role, table, layers.overlay))
    for source in found:
        if source.kind is RotaKind.FILE:
            _check_file(source)
    return found


def read_duties(source: RotaSource, body: bytes, since: datetime, until: datetime) -> tuple[Duty, ...]:
    """What an iCalendar file says; UserFacingError when it cannot be read."""
    occurrences = read_occurrences(body, zone=zone(source.timezone), since=since, until=until)
    return tuple(
        Duty(names=(*one.attendees, one.summary), starts_at=one.starts_at, ends_at=one.ends_at)
        for one in occurrences
        if one.starts_at < one.ends_at
    )


def _check_file(source: RotaSource) -> None:
    """A file that is wrong from the start is refused like any other; one day of it says whether it is."""
    try:
        body = Path(source.place).read_bytes()
        read_duties(source, body, _ANY_DAY, _ANY_DAY + timedelta(days=1))
    except OSError as error:
        raise ConfigError(f"{source.where}: cannot be read: {error.strerror}") from None
    except UserFacingError as error:
        raise ConfigError(f"{source.where}: {error}") from None


def load_people_by_name(layers: Layers, people: Mapping[str, Accounts]) -> Directory:
    """Our people by handle, name, mail address and whatever else a rota calls them."""
    names: dict[str, PersonRef] = {}
    for handle, table in layers.tables("people.toml").items():
        given = [table.text(key) for key in ("name", "email") if key in table.values]
        for name in (handle, *given, *table.texts("also")):
            key, person = name.strip().casefold(), people[handle][0]
            if names.setdefault(key, person) != person:
                raise table.wrong("also", f"somebody else is called {name!r}, too")
    return Directory(names)


def _spoken_names(layers: Layers, people: Mapping[str, Accounts]) -> dict[PersonRef, str]:
    tables = layers.tables("people.toml")
    return {
        account: str(tables[handle].values.get("name", handle))
        for handle, accounts in people.items()
        for account in accounts
    }


def _check(table: Table) -> None:
    table.only(
        "people",
        "timezone",
        "covers",
        "rotations",
        "shifts",
        "overrides",
        _ICAL,
        "private",
        _SCHEDULE,
        _POLICY,
        "level",
    )
    _timezone(table)


def _covered(tables: Mapping[str, Table]) -> Iterator[tuple[str, Table]]:
    return ((role, table) for role, table in tables.items() if "covers" in table.values)


def _warn_before(table: Table) -> timedelta:
    table.only("warn_before")
    span = table.read("warn_before", parse_wall_span)
    if span > HORIZON:
        raise table.wrong("warn_before", f"gaps are looked for {HORIZON.days} days ahead at most")
    return span


def _named(table: Table, people: Mapping[str, Accounts]) -> tuple[PersonRef, ...]:
    return tuple(
        table.look_up("people", handle, people, "people.toml")[0] for handle in table.texts("people")
    )


def _timezone(table: Table, default: str = "UTC") -> str:
    if "timezone" not in table.values:
        return default
    table.read("timezone", zone)
    return table.text("timezone")


def _rotations(table: Table, people: Mapping[str, Accounts]) -> Iterator[Rotation]:
    for entry in table.tables("rotations"):
        entry.only("people", "every", "starts", "timezone", "hours")
        timezone = _timezone(entry, _timezone(table))
        turns = _named(entry, people)
        if not turns:
            raise entry.wrong("people", "is empty; a rotation needs somebody")
        yield Rotation(
            people=turns,
            every=entry.read("every", parse_wall_span),
            starts=_local(entry, "starts"),
            timezone=timezone,
            hours=_hours(entry, timezone) if "hours" in entry.values else None,
        )


def _hours(entry: Table, timezone: str) -> Calendar:
    try:
        hours = check_nights(parse_hours(entry.table("hours").values))
    except UserFacingError as error:
        raise entry.wrong("hours", str(error)) from error
    return Calendar(name=entry.where, timezone=timezone, hours=hours)


def _local(entry: Table, key: str) -> datetime:
    """A wall-clock time, as TOML writes it or as a text without seconds."""
    value = entry.values.get(key)
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value.strip())
        except ValueError:
            value = None
    if not isinstance(value, datetime) or value.tzinfo is not None:
        raise entry.wrong(key, "is not a time of the wall clock, like 2026-11-02T09:00:00, without an offset")
    return value


def _shifts(role: str, table: Table, people: Mapping[str, Accounts], key: str = "shifts") -> Iterator[Shift]:
    timezone = _timezone(table) if "timezone" in table.values else None
    for entry in table.tables(key):
        entry.only("person", "starts_at", "ends_at")
        starts_at, ends_at = _instant(entry, "starts_at", timezone), _instant(entry, "ends_at", timezone)
        if starts_at >= ends_at:
            raise entry.wrong("ends_at", "is not after starts_at")
        yield Shift(
            role=role,
            person=entry.known("person", people, "people.toml")[0],
            starts_at=starts_at,
            ends_at=ends_at,
        )


def _instant(entry: Table, key: str, timezone: str | None) -> datetime:
    """With its offset, or of the role's wall clock."""
    value = entry.values.get(key)
    if isinstance(value, datetime) and value.tzinfo is None and timezone is not None:
        return wall_clock(value, timezone)
    return entry.instant(key).astimezone(UTC)


def _overrides(role: str, table: Table, people: Mapping[str, Accounts]) -> tuple[Shift, ...]:
    found = tuple(_shifts(role, table, people, "overrides"))
    for earlier, later in pairwise(sorted(found, key=lambda shift: shift.starts_at)):
        if later.starts_at < earlier.ends_at:
            raise table.wrong("overrides", f"two of them overlap at {later.starts_at:%Y-%m-%dT%H:%M:%SZ}")
    return found


def _sources(role: str, table: Table, directory: Path | None) -> Iterator[RotaSource]:
    timezone = _timezone(table)
    if _ICAL in table.values:
        kind, place = _feed(table, directory)
        yield RotaSource(
            role=role,
            kind=kind,
            place=place,
            where=f"{table.where}: {_ICAL}",
            timezone=timezone,
            is_private=table.flag("private"),
        )
    for key, kind in ((_SCHEDULE, RotaKind.SCHEDULE), (_POLICY, RotaKind.POLICY)):
        if key in table.values:
            place = table.text(key)
            if not _PAGERDUTY_ID.fullmatch(place):
                raise table.wrong(key, f"{place!r} is not an id like PI7DH85, as the page's address ends")
            where = f"{table.where}: {key}"
            level = table.number("level", 1)
            yield RotaSource(role=role, kind=kind, place=place, where=where, timezone=timezone, level=level)


def _feed(table: Table, directory: Path | None) -> tuple[RotaKind, str]:
    """https:// and webcal:// are addresses; anything else is a file beside oncall.toml. Never repeated."""
    place = table.text(_ICAL)
    if "://" not in place:
        path = (directory or Path()) / place
        if not path.is_file():
            raise table.wrong(_ICAL, f"there is no file {path}")
        return RotaKind.FILE, str(path)
    parts = urlsplit(place)
    if parts.scheme not in ("http", "https", "webcal") or not parts.hostname:
        raise table.wrong(_ICAL, "is not an address like https://host/oncall.ics")
    return RotaKind.FEED, place.replace("webcal://", "https://", 1)


def parse_wall_span(text: str) -> timedelta:
    """Such as "1 week", "3d" or "12 hours", on the wall clock; above zero."""
    found = _SPAN.fullmatch(text.strip().lower())
    span = int(found[1]) * _UNITS[found[2][0]] if found else timedelta(0)
    if not span:
        raise UserFacingError(f"{text!r} is not a span like '1 week', '3d' or '12 hours'")
    return span
