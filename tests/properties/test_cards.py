"""Cards: what they say is left stays true until `staleness.at`, and no longer."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from bot.core import cards, sla
from bot.core.model import Metric, Priority, TicketId, Tier
from bot.core.policies import Calendar, Interval, SlaTarget

SECOND = timedelta(seconds=1)
START = datetime(2026, 3, 27, 6, 0, tzinfo=UTC)  # the Friday before summer time begins in Lisbon
LISBON = Calendar(
    name="lisbon",
    timezone="Europe/Lisbon",
    hours=tuple((Interval(start=9 * 60, end=17 * 60),) if day < 5 else () for day in range(7)),
    holidays={date(2026, 4, 3): "Good Friday"},
)
ALWAYS = Calendar(name="24x7", timezone="UTC", hours=((),) * 7, is_always_open=True)
CALENDARS = {calendar.name: calendar for calendar in (LISBON, ALWAYS)}


def a_target(calendar: Calendar, target: timedelta) -> SlaTarget:
    return SlaTarget(
        policy="test@1",
        tier=Tier.ENTERPRISE,
        priority=Priority.P2,
        metric=Metric.FIRST_REPLY_TIME,
        target=target,
        calendar=calendar.name,
        warn_percent=80,
        steps=(),
    )


@given(left=st.integers(1, 40 * 86_400))
def test_what_is_told_is_never_too_little_and_less_than_a_step_too_much(left: int) -> None:
    real = timedelta(seconds=left)

    told = cards.told(real)

    assert real <= told < real + cards.step_of(real)
    assert cards.told(told) == told, "what is told is itself a round number"


@given(more=st.integers(1, 40 * 86_400), less=st.integers(0, 40 * 86_400))
def test_more_that_is_left_is_never_told_as_less(more: int, less: int) -> None:
    small, large = sorted((timedelta(seconds=more), timedelta(seconds=less)))

    assert cards.told(small) <= cards.told(large)


@given(
    calendar=st.sampled_from((LISBON, ALWAYS)),
    target=st.integers(60, 20 * 8 * 3_600),
    later=st.integers(0, 20 * 86_400),
)
def test_a_card_is_right_until_it_is_stale_and_wrong_a_moment_later(
    calendar: Calendar, target: int, later: int
) -> None:
    clock = sla.start_clock(a_target(calendar, timedelta(seconds=target)), calendar, TicketId(1), START)
    shown_at = START + timedelta(seconds=later)

    stale = cards.staleness([clock], shown_at)

    said = cards.told(cards.left(clock, shown_at))
    if stale is None:
        assert said == timedelta(0), "only what is overdue stands still"
        return
    assert stale.at > shown_at
    assert cards.told(cards.left(clock, stale.at - SECOND)) == said
    assert cards.told(cards.left(clock, stale.at)) < said


@given(hours=st.integers(0, 500))
def test_closed_hours_make_no_card_more_wrong(hours: int) -> None:
    clock = sla.start_clock(a_target(LISBON, timedelta(hours=4)), LISBON, TicketId(1), START)
    stale = cards.staleness([clock], START)
    assert stale is not None
    card = cards.Card(
        conversation=clock.ticket,  # type: ignore[arg-type]  # any number will do
        is_internal=False,
        address=None,  # type: ignore[arg-type]  # it stands nowhere
        card="1.0",
        shown_at=START,
        staleness=stale,
    )
    at = START + timedelta(hours=hours)

    now, in_an_hour = (cards.wrongness(card, CALENDARS, when) for when in (at, at + timedelta(hours=1)))

    assert in_an_hour >= now >= 0
    if at + timedelta(hours=1) <= datetime(2026, 3, 27, 9, 0, tzinfo=UTC):
        assert in_an_hour <= 1.0, "before opening nothing has run"


def test_a_paused_clock_ages_no_card() -> None:
    clock = sla.start_clock(a_target(ALWAYS, timedelta(hours=4)), ALWAYS, TicketId(1), START)

    paused = sla.pause(clock, START + timedelta(hours=1), "on hold")

    assert cards.staleness([paused], START + timedelta(hours=2)) is None
    assert cards.told(cards.left(paused, START + timedelta(hours=9))) == timedelta(hours=3)
