"""Status cards as they stand in a room, and when what one shows has become wrong. Pure.

A card says how much of a promise is left, rounded up to a step that grows with it: "within 3 h" stays true
until 2 h 30 min are left. That instant is the card's `stale_at`; nights and pauses do not age it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from bot.core import calendars, sla
from bot.core.model import Address, Clock, ClockState, ConversationId
from bot.core.policies import Calendar

#: Up to so much left, it is told in steps of so much. A bound is a multiple of the steps on both sides.
STEPS = (
    (timedelta(minutes=10), timedelta(minutes=1)),
    (timedelta(minutes=30), timedelta(minutes=5)),
    (timedelta(hours=2), timedelta(minutes=10)),
    (timedelta(hours=8), timedelta(minutes=30)),
    (timedelta(hours=24), timedelta(hours=1)),
)
LONGEST_STEP = timedelta(hours=4)
SHORTEST = timedelta(minutes=1)  #: nothing is told in smaller units


@dataclass(frozen=True, slots=True, kw_only=True)
class Staleness:
    """When a card begins to be wrong, and what it says then."""

    at: datetime
    left: timedelta  #: what is left at that instant
    step: timedelta  #: by how much more the card says
    calendar: str  #: whose hours make it worse


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """A message of ours that is edited in place."""

    conversation: ConversationId
    is_internal: bool  #: the version for our own people
    address: Address
    card: str  #: the door's id for it
    shown_at: datetime  #: what it says was true then
    staleness: Staleness | None = None  #: None: it stays true until something happens


def step_of(left: timedelta) -> timedelta:
    """In which steps so much is told."""
    return next((step for bound, step in STEPS if left <= bound), LONGEST_STEP)


def told(left: timedelta) -> timedelta:
    """What the card says is left: rounded up, never below zero."""
    if left <= timedelta(0):
        return timedelta(0)
    step = step_of(left)
    return -(-left // step) * step


def calendar_of(clock: Clock) -> Calendar:
    """In whose hours it counts now."""
    return clock.segments[-1].terms.calendar


def left(clock: Clock, now: datetime) -> timedelta:
    """Open time until the promise is broken; below zero afterwards."""
    return clock.target - sla.elapsed(clock, now)


def staleness(clocks: Iterable[Clock], shown_at: datetime) -> Staleness | None:
    """The first instant at which one of the promises is told wrongly."""
    found = (_staleness(clock, shown_at) for clock in clocks)
    return min((one for one in found if one is not None), key=lambda one: one.at, default=None)


def _staleness(clock: Clock, shown_at: datetime) -> Staleness | None:
    if clock.state is not ClockState.RUNNING:
        return None  # paused or over: it stands still
    remaining = left(clock, shown_at)
    if remaining <= timedelta(0):
        return None  # since when it is overdue does not change
    step = step_of(remaining)
    then = told(remaining) - step
    return Staleness(
        at=calendars.due_at(calendar_of(clock), max(shown_at, clock.started_at), remaining - then),
        left=then,
        step=step,
        calendar=clock.calendar,
    )


def wrongness(card: Card, calendars_by_name: Mapping[str, Calendar], now: datetime) -> float:
    """How much too much the card says, as a share of what is left; zero while it is right.

    Half an hour matters to whoever has one left, and not to whoever has ten. Closed hours make nothing worse.
    """
    stale = card.staleness
    if stale is None or now < stale.at:
        return 0.0
    calendar = calendars_by_name.get(stale.calendar)
    if calendar is None:  # no longer configured: it is looked at anew
        return 1.0
    since = calendars.open_time_between(calendar, stale.at, now)
    return (stale.step + since) / max(stale.left - since, SHORTEST)
