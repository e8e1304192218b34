"""Rotas that are kept elsewhere: what was read there last, and whom of ours its names mean."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Protocol

from bot.core.model import PersonRef
from bot.core.rotas import OnCall, Shift

AHEAD = timedelta(days=90)  #: how far a rota is read; PagerDuty computes no further


@dataclass(frozen=True, slots=True, kw_only=True)
class Duty:
    """Somebody is on call, as the other side names them: mail addresses first, then names."""

    names: tuple[str, ...]
    starts_at: datetime
    ends_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """One good look at a rota elsewhere."""

    duties: tuple[Duty, ...]
    until: datetime  #: what lies beyond was not asked for
    tag: str | None = None  #: HTTP's ETag
    modified: str | None = None  #: HTTP's Last-Modified


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveRota:
    """The last good copy of one rota, and how it went since."""

    source: str
    reading: Reading | None = None  #: None: never read yet
    read_at: datetime | None = None  #: when the copy was last known to be true
    tried_at: datetime | None = None
    failures: int = 0  #: in a row
    problem: str | None = None  #: of the last try


class RotaFeed(Protocol):
    """A rota elsewhere. Raises RateLimited, Unavailable or Rejected."""

    @property
    def source(self) -> str:
        """Which one it is: stable, and no secret."""

    @property
    def role(self) -> str:
        """Whose rota it is."""

    async def read(self, known: Reading | None, *, now: datetime) -> Reading:
        """What it says about the days ahead; `known` itself when nothing has changed."""


class LiveRotas(Protocol):
    """Where copies are kept, for all replicas."""

    async def copies(self) -> Mapping[str, LiveRota]:
        """Every copy by its source."""

    async def claim(self, source: str, *, now: datetime, until: datetime) -> bool:
        """Whether it is our turn to read it; nobody else's before `until`."""

    async def keep(self, copy: LiveRota, *, again_at: datetime) -> None:
        """Store it as a whole."""


@dataclass(frozen=True, slots=True)
class Directory:
    """Our own people by every name that others use for them, in lower case."""

    names: Mapping[str, PersonRef] = field(default_factory=dict)

    def find(self, names: Iterable[str]) -> tuple[PersonRef, ...]:
        """Everybody whose mail address is there; else whom the first text that is understood names."""
        given = [name.strip() for name in names]
        known = (self.names.get(name.casefold()) for name in given if "@" in name)
        if people := tuple(dict.fromkeys(person for person in known if person is not None)):
            return people
        return next((found for name in given if (found := self._named_in(name))), ())

    def _named_in(self, text: str) -> tuple[PersonRef, ...]:
        """Whole words only, the longest first: "On call: Dana Cruz" is not about Dan."""
        known = sorted((name for name in self.names if name), key=len, reverse=True)
        if not known:
            return ()
        pattern = r"(?<!\w)(?:" + "|".join(map(re.escape, known)) + r")(?!\w)"
        found = (self.names[match[0]] for match in re.finditer(pattern, text.casefold()))
        return tuple(dict.fromkeys(found))


def shifts_of(
    role: str, duties: Sequence[Duty], directory: Directory
) -> tuple[tuple[Shift, ...], tuple[str, ...]]:
    """The shifts of people who are known, and the names of those who are not."""
    shifts: list[Shift] = []
    unknown: dict[str, None] = {}
    for duty in duties:
        people = directory.find(duty.names)
        if not people and duty.names:
            unknown[duty.names[-1]] = None
        shifts += (
            Shift(role=role, person=person, starts_at=duty.starts_at, ends_at=duty.ends_at)
            for person in people
        )
    return tuple(shifts), tuple(unknown)


def with_live(
    base: OnCall, roles: Mapping[str, str], copies: Mapping[str, LiveRota], directory: Directory
) -> OnCall:
    """What stands in our own files, with the copies of what is kept elsewhere; `roles` by source."""
    live: list[Shift] = []
    unknown: dict[str, tuple[str, ...]] = {}
    for source, role in roles.items():
        copy = copies.get(source)
        if copy is None or copy.reading is None:
            continue
        shifts, strangers = shifts_of(role, copy.reading.duties, directory)
        live += shifts
        if strangers:
            unknown[role] = (*unknown.get(role, ()), *strangers)
    return replace(base, live=tuple(live), unknown=unknown)
