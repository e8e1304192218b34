"""Another priority, tier, policy or calendar: what a change does to a clock that runs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import date, datetime, timedelta

from bot.core import marks, sla
from bot.core.model import Clock, EscalationStep, Terms
from bot.core.policies import Calendar, SlaTarget

CALENDAR_CHANGED = "calendar changed"
_BEFORE, _AHEAD = timedelta(days=2), timedelta(days=366 * 20)


def retarget(clock: Clock, target: SlaTarget, calendar: Calendar, now: datetime, change: str) -> Clock:
    """The same history under the promise that holds from `now` on; itself when that is the same.

    What was told stays told as far as it would not come due again; an acknowledgement stands.
    """
    terms = sla.terms_of(target, calendar)
    if has_same_hours(clock.counts_in, calendar, now):
        terms = replace(terms, calendar=clock.counts_in)
    rest = (target.warn_percent, target.steps)
    if not clock.is_live or (clock.terms, clock.warn_percent, clock.steps) == (terms, *rest):
        return clock
    moved = replace(clock, warn_percent=target.warn_percent, steps=target.steps)
    return _told_anew(clock, sla.under(moved, terms, now, change or _differences(clock.terms, terms)))


def recount(clock: Clock, calendar: Calendar, now: datetime) -> Clock:
    """The calendar was edited: what is left counts in the hours it has now."""
    if not clock.is_live or has_same_hours(clock.counts_in, calendar, now):
        return clock
    terms = replace(clock.terms, calendar=calendar)
    return _told_anew(clock, sla.under(clock, terms, now, CALENDAR_CHANGED))


def has_same_hours(one: Calendar, other: Calendar, now: datetime) -> bool:
    """Whether time counts alike from now on.

    Holidays are loaded for the years around the load, so that the same calendar lists others every New Year;
    those of the past and of the far future say nothing about a promise that runs now.
    """
    if one is other:
        return True
    bare = replace(one, holidays={}), replace(other, holidays={})
    return bare[0] == bare[1] and _coming(one, now) == _coming(other, now)


def _coming(calendar: Calendar, now: datetime) -> Mapping[date, str]:
    first, last = (now - _BEFORE).date(), (now + _AHEAD).date()
    return {day: name for day, name in calendar.holidays.items() if first <= day <= last}


def _differences(before: Terms, after: Terms) -> str:
    """In words, what is another than before."""
    named = (
        ("tier", before.tier.value, after.tier.value),
        ("priority", before.priority.value, after.priority.value),
        ("calendar", before.calendar.name, after.calendar.name),
        ("policy", before.policy, after.policy),
    )
    found = [f"{what} {now} instead of {was}" for what, was, now in named if was != now]
    if not found and before.calendar != after.calendar:
        return CALENDAR_CHANGED
    return ", ".join(found) or "policy edited"


def _told_anew(before: Clock, after: Clock) -> Clock:
    """Without the marks that come due again; a step is the same when it calls the same at the same time."""
    changed_at = after.segments[-1].started_at
    # Marks are asked for as if nobody had acknowledged: then there would be no steps to compare.
    instants = {mark.name: mark.at for mark in marks.marks(replace(after, acknowledged_by=None))}
    told = (_renamed(name, before.steps, after.steps) for name in before.told)
    kept = tuple(name for name in told if name in instants and instants[name] <= changed_at)
    return replace(after, told=tuple(dict.fromkeys(kept)))


def _renamed(name: str, before: tuple[EscalationStep, ...], after: tuple[EscalationStep, ...]) -> str:
    """A told mark under its new name; "" when nothing like it is left."""
    if not name.startswith(marks.STEP):
        return name
    number, separator, rest = name.removeprefix(marks.STEP).partition(":")
    place = int(number)
    step = before[place] if place < len(before) else None
    found = next(_places(step, after), None)
    return "" if found is None else f"{marks.STEP}{found}{separator}{rest}"


def _places(step: EscalationStep | None, steps: tuple[EscalationStep, ...]) -> Iterator[int]:
    return (place for place, other in enumerate(steps) if other == step)
