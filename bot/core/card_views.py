"""What a status card says: to everybody in the thread, and to our own people in a room of theirs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from bot.core import calendars, cards, marks
from bot.core.effects import ClockView, InsideView, ShowStatus, StatusView
from bot.core.errors import AudienceViolation
from bot.core.model import Clock, ClockState, Ticket
from bot.core.naming import NAMED_WITHIN, named
from bot.core.policies import Policies
from bot.core.ports import Records

NEXT_STEPS = 2  #: of an escalation, on the internal version


async def filled(
    effect: ShowStatus, records: Records, policies: Policies, *, now: datetime
) -> ShowStatus | None:
    """The effect with what it shows; None when there is nothing to show any more."""
    conversation = await records.conversation(effect.conversation)
    if conversation.ticket is None or (effect.is_internal and policies.card_room is None):
        return None
    room = policies.room_of(effect.address).audience
    if not conversation.audience.may_reach(room):  # a card is no Text, so that nobody else would see to it
        raise AudienceViolation(f"{conversation.audience} may not be shown to {room}")
    ticket = await records.ticket(conversation.ticket)
    clocks = await records.clocks(ticket.id)
    view = _view(ticket, clocks, now)
    if effect.is_internal:
        view = replace(view, inside=await _inside(ticket, clocks, records, policies, now))
    card = await records.card(effect.conversation, is_internal=effect.is_internal)
    about = conversation.address if effect.is_internal else None
    return replace(effect, room=room, about=about, card=card, view=view)


def _view(ticket: Ticket, clocks: Sequence[Clock], now: datetime) -> StatusView:
    return StatusView(
        ticket=ticket.id,
        subject=ticket.subject,
        status=ticket.status,
        priority=ticket.priority,
        tier=ticket.tier,
        assignee=ticket.assignee,
        has_replica=ticket.replica is not None,
        clocks=tuple(_clock(clock, now) for clock in clocks),
    )


def _clock(clock: Clock, now: datetime) -> ClockView:
    calendar = cards.calendar_of(clock)
    return ClockView(
        metric=clock.metric,
        state=clock.state,
        due_at=clock.due_at,
        ended_at=clock.ended_at,
        left=cards.told(cards.left(clock, now)),
        is_warned=clock.state is ClockState.RUNNING and clock.warning_at <= now,
        is_open=calendars.is_open(calendar, now),
        is_always_open=calendar.is_always_open,
    )


async def _inside(
    ticket: Ticket,
    clocks: Sequence[Clock],
    records: Records,
    policies: Policies,
    now: datetime,
) -> InsideView:
    is_patient = now < ticket.opened_at + NAMED_WITHIN
    person = await named(ticket.requester, records, is_patient=is_patient)
    organisation = policies.organisations.get(ticket.organisation) if ticket.organisation else None
    return InsideView(
        organisation=organisation.name if organisation else None,
        requester=person.name if person else ticket.requester.user,
        product_area=ticket.product_area.value if ticket.product_area else None,
        next_steps=_next_steps(clocks, now),
        acknowledged_by=next((clock.acknowledged_by for clock in clocks if clock.acknowledged_by), None),
    )


def _next_steps(clocks: Sequence[Clock], now: datetime) -> tuple[tuple[datetime, tuple[str, ...]], ...]:
    ahead = [
        (mark.at, mark.step.targets)
        for clock in clocks
        for mark in marks.marks(clock)
        if mark.step is not None and mark.name not in clock.told and mark.at > now
    ]
    return tuple(sorted(ahead)[:NEXT_STEPS])
