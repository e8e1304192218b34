"""Who is on call: a role's people at every instant, from overrides, shifts, rotations and live rotas."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum

from bot.core import calendars
from bot.core.model import PersonRef
from bot.core.opening_hours import zone
from bot.core.policies import Calendar

WARN_BEFORE = timedelta(days=3)  #: of a gap, where nothing else is configured
HORIZON = timedelta(days=30)  #: how far ahead gaps are looked for
SECOND = timedelta(seconds=1)

People = tuple[PersonRef, ...]


class Why(StrEnum):
    """Which part of a rota decided."""

    OVERRIDE = "override"  #: somebody stands in
    ROTA = "rota"  #: a shift, a rotation or a live rota
    STANDING = "standing"  #: nothing covers the instant, so the role's standing people
    FALLBACK = "fallback"  #: nor are there any: a gap
    NOBODY = "nobody"  #: a gap, and no fallback either


@dataclass(frozen=True, slots=True, kw_only=True)
class Shift:
    """Somebody is on call for a role from `starts_at` (inclusive) to `ends_at` (exclusive)."""

    role: str
    person: PersonRef
    starts_at: datetime
    ends_at: datetime

    def covers(self, at: datetime) -> bool:
        """Whether it is theirs at this instant."""
        return self.starts_at <= at < self.ends_at


@dataclass(frozen=True, slots=True, kw_only=True)
class Rotation:
    """People taking turns, handed over at one wall-clock time whatever the clocks do meanwhile."""

    people: People
    every: timedelta  #: of the wall clock: a week that begins at 09:00 ends at 09:00
    starts: datetime  #: naive, of the wall clock in `timezone`
    timezone: str
    hours: Calendar | None = None  #: only then; None: always

    def on(self, at: datetime) -> PersonRef | None:
        """Whose turn it is; None before the first one and outside the hours."""
        turn = self._turn(at)
        if turn < 0 or (self.hours is not None and not calendars.is_open(self.hours, at)):
            return None
        return self.people[turn % len(self.people)]

    def changes(self, a: datetime, b: datetime) -> Iterator[datetime]:
        """Every instant in (a, b) at which `on` may change."""
        turn = max(self._turn(a) + 1, 0)
        while (at := self._handoff(turn)) < b:
            yield at
            turn += 1
        if self.hours is not None:
            for span in calendars.open_spans(self.hours, a, b):
                yield from span

    def _turn(self, at: datetime) -> int:
        """Its number: whole turns on the wall clock. An hour that comes again does not take a turn back."""
        local = at.astimezone(zone(self.timezone)).replace(tzinfo=None)
        turn = (local - self.starts) // self.every
        while self._handoff(turn + 1) <= at:
            turn += 1
        return turn

    def _handoff(self, turn: int) -> datetime:
        return wall_clock(self.starts + turn * self.every, self.timezone)


@dataclass(frozen=True, slots=True, kw_only=True)
class Called:
    """Who answers for a role, and what decided it."""

    people: People
    why: Why

    @property
    def is_gap(self) -> bool:
        """Nobody is on call: whoever is called is so for want of anybody else."""
        return self.why in (Why.FALLBACK, Why.NOBODY)


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """One stretch of a rota, during which the same people answer for the same reason."""

    role: str
    called: Called
    starts_at: datetime
    ends_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ToldGap:
    """A gap that people were warned of."""

    role: str
    starts_at: datetime
    ends_at: datetime

    def is_part_of(self, gap: Turn) -> bool:
        """Whether it is this gap, which may have begun, grown or shrunk since."""
        return self.role == gap.role and self.starts_at <= gap.ends_at and gap.starts_at <= self.ends_at


@dataclass(frozen=True, slots=True, kw_only=True)
class OnCall:
    """Who answers for a role: overrides, else what is scheduled, else its standing people, else the fallback.

    Everything that is scheduled for an instant counts: two rotations at once mean two people on call.
    """

    standing: Mapping[str, People]  #: every role is here, if only with nobody
    shifts: tuple[Shift, ...] = ()
    fallback: People = ()  #: when a role has nobody
    rotations: Mapping[str, tuple[Rotation, ...]] = field(default_factory=dict)
    overrides: tuple[Shift, ...] = ()
    live: tuple[Shift, ...] = ()  #: as the feeds had it when they were last read
    covers: Mapping[str, Calendar] = field(
        default_factory=dict
    )  #: when a role must have somebody; else always
    warn_before: timedelta = WARN_BEFORE
    unknown: Mapping[str, tuple[str, ...]] = field(
        default_factory=dict
    )  #: names in feeds that nobody of ours has
    names: Mapping[PersonRef, str] = field(default_factory=dict)

    def everybody(self) -> frozenset[PersonRef]:
        """All who may be called, now or later: they may acknowledge."""
        listed = (person for people in self.standing.values() for person in people)
        shifts = (shift.person for shift in (*self.shifts, *self.overrides, *self.live))
        turns = (person for many in self.rotations.values() for one in many for person in one.people)
        return frozenset((*listed, *shifts, *turns, *self.fallback))

    def who(self, role: str, now: datetime) -> People:
        """Never empty unless nobody at all is configured."""
        return self.called(role, now).people

    def called(self, role: str, now: datetime) -> Called:
        """Likewise, with the reason."""
        if people := _on_shift(self.overrides, role, now):
            return Called(people=people, why=Why.OVERRIDE)
        turns = (rotation.on(now) for rotation in self.rotations.get(role, ()))
        scheduled = _each_once(
            (
                *(person for person in turns if person is not None),
                *_on_shift(self.shifts, role, now),
                *_on_shift(self.live, role, now),
            )
        )
        if scheduled:
            return Called(people=scheduled, why=Why.ROTA)
        if people := self.standing.get(role, ()):
            return Called(people=people, why=Why.STANDING)
        return Called(people=self.fallback, why=Why.FALLBACK if self.fallback else Why.NOBODY)

    def turns(self, role: str, a: datetime, b: datetime) -> tuple[Turn, ...]:
        """[a, b) without a hole, each stretch with whoever `called` names in it."""
        edges = sorted({a.astimezone(UTC), *self._changes(role, a, b)})
        found: list[Turn] = []
        for start, end, current in self._stretches(role, edges, b.astimezone(UTC)):
            called = current.called(role, start)
            if found and found[-1].called == called:
                found[-1] = replace(found[-1], ends_at=end)
            elif start < end:
                found.append(Turn(role=role, called=called, starts_at=start, ends_at=end))
        return tuple(found)

    def gaps(self, role: str, a: datetime, b: datetime) -> tuple[Turn, ...]:
        """The parts of [a, b) that must be covered and have nobody; neighbours are one."""
        found: list[Turn] = []
        for turn in self.turns(role, a, b):
            if not turn.called.is_gap:
                continue
            for starts_at, ends_at in self._needed(role, turn):
                if found and found[-1].ends_at == starts_at:
                    found[-1] = replace(found[-1], ends_at=ends_at)
                else:
                    found.append(replace(turn, starts_at=starts_at, ends_at=ends_at))
        return tuple(found)

    def _needed(self, role: str, turn: Turn) -> Iterable[tuple[datetime, datetime]]:
        needed = self.covers.get(role)
        if needed is None:
            return ((turn.starts_at, turn.ends_at),)
        return calendars.open_spans(needed, turn.starts_at, turn.ends_at)

    def _stretches(
        self, role: str, edges: Sequence[datetime], last: datetime
    ) -> Iterator[tuple[datetime, datetime, OnCall]]:
        """From edge to edge, with only the shifts that cover it: a long list is walked once."""
        listed = (self.overrides, self.shifts, self.live)
        waiting = [
            (shift.starts_at, part, place, shift)
            for part, shifts in enumerate(listed)
            for place, shift in enumerate(shifts)
            if shift.role == role
        ]
        waiting.sort(key=lambda one: one[:3], reverse=True)
        active: list[tuple[int, int, Shift]] = []
        for start, end in zip(edges, (*edges[1:], last), strict=True):
            active = [one for one in active if one[2].ends_at > start]
            while waiting and waiting[-1][0] <= start:
                active.append(waiting.pop()[1:])
            active.sort(key=lambda one: one[:2])
            overrides, shifts, live = (tuple(one[2] for one in active if one[0] == part) for part in range(3))
            yield start, end, replace(self, overrides=overrides, shifts=shifts, live=live)

    def _changes(self, role: str, a: datetime, b: datetime) -> Iterator[datetime]:
        for shift in (*self.overrides, *self.shifts, *self.live):
            if shift.role == role:
                yield from (at.astimezone(UTC) for at in (shift.starts_at, shift.ends_at) if a < at < b)
        for rotation in self.rotations.get(role, ()):
            yield from (at for at in rotation.changes(a, b) if a < at < b)


def wall_clock(local: datetime, timezone: str) -> datetime:
    """The first instant at which the clocks there show this time or, where it is skipped, a later one."""
    where = zone(timezone)
    first, second = (local.replace(tzinfo=where, fold=fold).astimezone(UTC) for fold in (0, 1))
    if first <= second:  # equal, or the earlier of a time that comes twice
        return first
    low, high = (
        second,
        first,
    )  # a skipped time: the offsets before and after it give instants around the change
    while high - low > SECOND:
        middle = low + (high - low) // (2 * SECOND) * SECOND
        if middle.astimezone(where).replace(tzinfo=None) < local:
            low = middle
        else:
            high = middle
    return high


def _on_shift(shifts: Iterable[Shift], role: str, now: datetime) -> People:
    return _each_once(shift.person for shift in shifts if shift.role == role and shift.covers(now))


def _each_once(people: Iterable[PersonRef]) -> People:
    return tuple(dict.fromkeys(people))
