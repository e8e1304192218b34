"""Other policies tried on what is there: due times that move, promises that would have been kept. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from bot.core import promising, retargeting, sla
from bot.core.following import tier_of
from bot.core.model import (
    Clock,
    ClockState,
    Metric,
    OrganisationId,
    Priority,
    SegmentKind,
    Ticket,
    TicketId,
    Tier,
)
from bot.core.policies import Calendar, Policies


class Outcome(StrEnum):
    """What a moved due time means at this moment."""

    LATER = "later"
    EARLIER = "earlier"
    BREACHED = "breached by it"
    SAVED = "saved by it"
    DROPPED = "no longer promised"


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """One promise that runs and would come due at another time."""

    ticket: TicketId
    organisation: OrganisationId | None
    tier: Tier
    priority: Priority
    metric: Metric
    state: ClockState
    due_at: datetime
    counts_in: Calendar
    would_be_due_at: datetime | None
    would_count_in: Calendar | None
    outcome: Outcome
    is_at_start: bool  #: it moves when the program starts with these files; else only by `sla apply`


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """One promise of the past: whether it was kept, and whether it would have been; None: not promised."""

    tier: Tier
    priority: Priority
    metric: Metric
    was_kept: bool
    would_be_kept: bool | None


def moves(ticket: Ticket, clocks: Sequence[Clock], policies: Policies, now: datetime) -> Iterator[Move]:
    """Every promise of an open ticket that would move if these policies held from `now` on."""
    wanted = replace(ticket, tier=tier_of(policies, ticket))
    for clock in clocks:
        if not clock.is_live:
            continue
        after = _under(clock, wanted, policies, now)
        if after is not None and after.due_at == clock.due_at:
            continue
        yield Move(
            ticket=ticket.id,
            organisation=ticket.organisation,
            tier=wanted.tier,
            priority=ticket.priority,
            metric=clock.metric,
            state=clock.state,
            due_at=clock.due_at,
            counts_in=clock.counts_in,
            would_be_due_at=after.due_at if after else None,
            would_count_in=after.counts_in if after else None,
            outcome=_outcome(clock, after, now),
            is_at_start=wanted.tier is not ticket.tier or _is_recounted(clock, after, policies, now),
        )


def verdict(ticket: Ticket, clock: Clock, policies: Policies) -> Verdict:
    """The same history, replayed as if these policies had held all the time."""
    again = _replayed(clock, replace(ticket, tier=tier_of(policies, ticket)), policies)
    return Verdict(
        tier=clock.terms.tier,
        priority=clock.terms.priority,
        metric=clock.metric,
        was_kept=clock.state is ClockState.MET,
        would_be_kept=None if again is None else _is_kept(again),
    )


def _under(clock: Clock, ticket: Ticket, policies: Policies, now: datetime) -> Clock | None:
    promised = promising.promised_of(policies, ticket, clock.metric)
    return None if promised is None else retargeting.retarget(clock, *promised, now, "")


def _outcome(before: Clock, after: Clock | None, now: datetime) -> Outcome:
    if after is None:
        return Outcome.DROPPED
    if after.due_at <= now < before.due_at:
        return Outcome.BREACHED
    if before.due_at <= now < after.due_at:
        return Outcome.SAVED
    return Outcome.LATER if after.due_at > before.due_at else Outcome.EARLIER


def _is_recounted(clock: Clock, after: Clock | None, policies: Policies, now: datetime) -> bool:
    """Whether the edited calendar alone moves it there."""
    calendar = policies.calendars.get(clock.counts_in.name)
    counted = retargeting.recount(clock, calendar, now) if calendar else clock
    return after is not None and counted.due_at == after.due_at


def _replayed(clock: Clock, ticket: Ticket, policies: Policies) -> Clock | None:
    segments = []
    for segment in clock.segments:
        then = replace(ticket, priority=segment.terms.priority)
        promised = promising.promised_of(policies, then, clock.metric)
        if promised is None:
            return None
        segments.append(replace(segment, terms=sla.terms_of(*promised)))
    return sla.retimed(replace(clock, segments=tuple(segments), target=segments[-1].terms.target))


def _is_kept(clock: Clock) -> bool:
    """As `sla.fulfil` decides: a paused clock had stopped when it was paused."""
    last = clock.segments[-1]
    until = last.started_at if last.kind is SegmentKind.PAUSED else last.ended_at
    return until is not None and until < clock.due_at
