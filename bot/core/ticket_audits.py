"""Auditing what a ticket was promised: clocks missing, over too early, or out of step with it. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from bot.core.auditing import NOT_PROMISED, Fault, Flaw
from bot.core.model import Clock, ClockId, ClockState, Metric, Ticket, TicketStatus
from bot.core.policies import Policies

_BY_ITSELF = (Metric.FIRST_REPLY_TIME, Metric.RESOLUTION_TIME)  #: promised when a ticket is opened
_STANDS = (TicketStatus.PENDING, TicketStatus.HOLD)


def examine_ticket(ticket: Ticket, clocks: Sequence[Clock], policies: Policies) -> Sequence[Flaw]:
    """What is wrong with the clocks of an open ticket, those that are over included."""
    last = {clock.metric: clock for clock in clocks}  # oldest first, so that the newest stays
    found = [
        *_of_the_living(ticket, clocks),
        *_of_the_ended(ticket, last),
        *_of_the_missing(ticket, last, policies),
    ]
    return [Flaw(clock=clock, ticket=ticket.id, fault=fault, detail=detail) for clock, fault, detail in found]


def _of_the_living(ticket: Ticket, clocks: Sequence[Clock]) -> Iterator[tuple[ClockId, Fault, str]]:
    """A resolution waits with its ticket; a reply is owed all the time."""
    state = ClockState.PAUSED if ticket.status in _STANDS else ClockState.RUNNING
    for clock in clocks:
        if clock.is_live and clock.metric is Metric.RESOLUTION_TIME and clock.state is not state:
            yield clock.id, Fault.WRONG_STATE, clock.state.value


def _of_the_ended(ticket: Ticket, last: Mapping[Metric, Clock]) -> Iterator[tuple[ClockId, Fault, str]]:
    for clock in last.values():
        if clock.is_live or clock.ended_because == NOT_PROMISED:
            continue
        was_kept = clock.metric is not Metric.RESOLUTION_TIME and ticket.last_replied_at is not None
        if clock.metric in _BY_ITSELF and not was_kept:
            yield clock.id, Fault.ENDED_EARLY, clock.state.value


def _of_the_missing(
    ticket: Ticket, last: Mapping[Metric, Clock], policies: Policies
) -> Iterator[tuple[ClockId, Fault, str]]:
    """Only where what there is was promised under the same policy: an older ticket may know less."""
    for metric in _BY_ITSELF:
        promised = policies.target(ticket.organisation, ticket.tier, ticket.priority, metric)
        alike = [clock for clock in last.values() if promised and clock.policy == promised.policy]
        if metric not in last and alike:
            yield alike[0].id, Fault.NO_CLOCK, metric.value
