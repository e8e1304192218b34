"""The auditor: it finds every fault that is planted, and nothing in clocks that are as they should be."""

from __future__ import annotations

import os
import random
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from bot.core import auditing, marks, sla
from bot.core.alerts import Alert, AlertRef, AlertState
from bot.core.auditing import Fault, TimerState, Watched
from bot.core.model import (
    Clock,
    ClockId,
    ClockState,
    ConversationId,
    EscalationStep,
    Metric,
    PersonRef,
    Priority,
    Ticket,
    TicketId,
    TicketStatus,
    Tier,
)
from bot.core.policies import Calendar, Interval, Policies, SlaTarget
from bot.core.rotas import OnCall

CASES = int(os.environ.get("AUDIT_CASES", "1000"))
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
START = datetime(2026, 3, 20, 6, 0, tzinfo=UTC)  # the week before the clocks go forward in Lisbon
LISBON = Calendar(
    name="lisbon",
    timezone="Europe/Lisbon",
    hours=tuple(
        (Interval(start=540, end=780), Interval(start=840, end=1080)) if day < 5 else () for day in range(7)
    ),
    holidays={date(2026, 4, 3): "Good Friday"},
)
ALWAYS = Calendar(name="24x7", timezone="UTC", hours=((),) * 7, is_always_open=True)
STEPS = (
    EscalationStep(notify="manager", after=HOUR),
    EscalationStep(notify="manager", percent=80),
    EscalationStep(notify="director", percent=120),
)


def a_target(calendar: Calendar, priority: Priority, span: timedelta) -> SlaTarget:
    return SlaTarget(
        policy="test@1",
        tier=Tier.ENTERPRISE,
        priority=priority,
        metric=Metric.RESOLUTION_TIME,
        target=span,
        calendar=calendar.name,
        warn_percent=70,
        steps=STEPS,
    )


TARGETS = {
    Priority.P1: (a_target(ALWAYS, Priority.P1, 4 * HOUR), ALWAYS),
    Priority.P2: (a_target(LISBON, Priority.P2, 16 * HOUR), LISBON),
    Priority.P3: (a_target(LISBON, Priority.P3, 40 * HOUR), LISBON),
}
POLICIES = Policies(
    organisations={},
    rooms={},
    agents=frozenset(),
    targets={(target.tier, target.priority, target.metric): target for target, _ in TARGETS.values()},
    calendars={calendar.name: calendar for calendar in (LISBON, ALWAYS)},
    on_call=OnCall(standing={}),
    escalation_room=None,
)


def a_history(rng: random.Random) -> tuple[Clock, datetime]:
    """Started, paused, resumed, given another priority, acknowledged, snoozed; and when it is now."""
    target, calendar = TARGETS[rng.choice(list(TARGETS))]
    clock = replace(sla.start_clock(target, calendar, TicketId(7), START), id=ClockId(7))
    now = START
    for _ in range(rng.randrange(6)):
        now += timedelta(seconds=rng.randrange(1, 40 * 3600))
        clock = marks.tell(clock, [mark.name for mark in marks.due_marks(clock, now)])
        match rng.randrange(6):
            case 0 | 1:
                clock = sla.pause(clock, now, "waiting on the customer")
            case 2 | 3:
                clock = sla.resume(clock, now)
            case 4:
                other, hours = TARGETS[rng.choice(list(TARGETS))]
                clock = replace(sla.under(clock, sla.terms_of(other, hours), now, "priority"), told=())
            case _:
                clock = rng.choice(
                    (
                        marks.acknowledge(clock, "Dana", now),
                        marks.snooze(clock, "Dana", now, HOUR),
                    )
                )
    return clock, now + timedelta(seconds=rng.randrange(1, 20 * 3600))


def in_order(clock: Clock, now: datetime) -> Watched:
    """Everything about it as it should be."""
    clock = marks.tell(clock, [mark.name for mark in marks.due_marks(clock, now)])
    due_at = marks.next_check(clock)
    steps = [name for name in clock.told if name.startswith("step:")]
    told = tuple(
        Alert(ref=AlertRef(clock=clock.id, mark=name, destination=""), planned_at=now, state=AlertState.SENT)
        for name in steps
    )
    timer = TimerState(version=clock.version, set_for=due_at) if due_at else None
    return Watched(clock=clock, ticket=TICKET, timer=timer, alerts=told)


TICKET = Ticket(
    id=TicketId(7),
    conversation=ConversationId(1),
    subject="Slow",
    requester=PersonRef(door="slack", workspace="T", user="U"),
    organisation=None,
    tier=Tier.ENTERPRISE,
    priority=Priority.P2,
    status=TicketStatus.OPEN,
    opened_at=START,
)


# -- planting ---------------------------------------------------------------
# Each takes what is in order and breaks it; None where this clock cannot have that fault.

Planter = Callable[[Watched, datetime, random.Random], Watched | None]


def no_timer(watched: Watched, _: datetime, __: random.Random) -> Watched | None:
    return replace(watched, timer=None) if watched.timer else None


def old_timer(watched: Watched, _: datetime, rng: random.Random) -> Watched | None:
    timer = watched.timer
    if timer is None:
        return None
    return replace(watched, timer=replace(timer, version=timer.version - rng.randrange(1, 4)))


def late_timer(watched: Watched, _: datetime, rng: random.Random) -> Watched | None:
    timer, clock = watched.timer, watched.clock
    if timer is None or clock.state is not ClockState.RUNNING:
        return None
    return replace(
        watched, timer=replace(timer, set_for=timer.set_for + rng.randrange(2, 10**6) * MINUTE / 60)
    )


def stuck_timer(watched: Watched, now: datetime, rng: random.Random) -> Watched | None:
    timer = watched.timer
    late = auditing.STUCK_AFTER + timedelta(seconds=rng.randrange(1, 10**5))
    return replace(watched, timer=replace(timer, set_for=now - late)) if timer else None


def wrong_due(watched: Watched, _: datetime, rng: random.Random) -> Watched | None:
    off = timedelta(seconds=rng.choice((-1, 1)) * rng.randrange(1, 10**6))
    clock = watched.clock
    if rng.random() < 0.5:
        moved = replace(clock, warning_at=clock.warning_at + off)
    else:
        moved = replace(clock, due_at=clock.due_at + off)
    return replace(watched, clock=moved)


def broken_chain(watched: Watched, _: datetime, rng: random.Random) -> Watched | None:
    clock = watched.clock
    last = clock.segments[-1]
    off = timedelta(seconds=rng.randrange(1, 10**5))
    broken = rng.choice(
        (
            replace(clock, segments=(*clock.segments[:-1], replace(last, started_at=last.started_at + off))),
            replace(clock, segments=(*clock.segments[:-1], replace(last, ended_at=last.started_at + off))),
            replace(clock, segments=()),
            replace(clock, target=clock.target * 2),
            replace(clock, policy="test@0"),
            replace(
                clock,
                state=ClockState.RUNNING if clock.state is ClockState.PAUSED else ClockState.PAUSED,
            ),
        )
    )
    return replace(watched, clock=broken)


def skipped_mark(watched: Watched, now: datetime, rng: random.Random) -> Watched | None:
    clock = watched.clock
    before = [
        mark.name
        for mark in marks.marks(clock)
        if mark.name in clock.told
        and mark.round == 0
        and mark.at < now - 2 * MINUTE
        and not (mark.step and clock.snoozed_until and clock.snoozed_until > now - 2 * MINUTE)
    ]
    if not before:
        return None
    lost = rng.choice(before)
    return replace(watched, clock=replace(clock, told=tuple(name for name in clock.told if name != lost)))


def unsent_mark(watched: Watched, _: datetime, __: random.Random) -> Watched | None:
    steps = [name for name in watched.clock.told if name.startswith("step:")]
    if not steps:
        return None
    is_changed = any(segment.terms != watched.clock.terms for segment in watched.clock.segments)
    left = [one for one in watched.alerts if one.ref.mark != steps[-1] and not is_changed]
    return replace(watched, alerts=tuple(left))


def told_early(watched: Watched, now: datetime, rng: random.Random) -> Watched | None:
    clock = watched.clock
    counted = sla.elapsed(clock, now)
    spans = {"breach": clock.target, "step:2": clock.target * 6 // 5}
    ahead = [name for name, span in spans.items() if name not in clock.told and counted < span]
    if not ahead:
        return None
    name = rng.choice(ahead)
    ref = AlertRef(clock=clock.id, mark=name, destination="")
    alert = Alert(ref=ref, planned_at=now, state=AlertState.SENT)
    told = replace(clock, told=(*clock.told, name))
    return replace(watched, clock=told, alerts=(*watched.alerts, alert))


def stuck_alert(watched: Watched, now: datetime, rng: random.Random) -> Watched | None:
    planned_at = now - auditing.UNSENT_AFTER - timedelta(seconds=rng.randrange(1, 10**5))
    ref = AlertRef(clock=watched.clock.id, mark="step:0", destination="pagerduty")
    return replace(watched, alerts=(*watched.alerts, Alert(ref=ref, planned_at=planned_at)))


def wrong_steps(watched: Watched, _: datetime, rng: random.Random) -> Watched | None:
    clock = watched.clock
    at = rng.randrange(len(clock.steps))
    steps = rng.choice((clock.steps[:at], clock.steps[at + 1 :], tuple(reversed(clock.steps))))
    return replace(watched, clock=replace(clock, steps=steps))


def outlived(watched: Watched, _: datetime, rng: random.Random) -> Watched | None:
    status = rng.choice((TicketStatus.SOLVED, TicketStatus.CLOSED))
    return replace(watched, ticket=replace(watched.ticket, status=status))


#: What is wrong with a ticket's clocks together, or with how they are stored.
OF_TICKETS = {Fault.WRONG_STATE, Fault.ENDED_EARLY, Fault.NO_CLOCK, Fault.UNREADABLE}
PLANTERS: dict[Fault, Planter] = {
    Fault.NO_TIMER: no_timer,
    Fault.OLD_TIMER: old_timer,
    Fault.LATE_TIMER: late_timer,
    Fault.STUCK_TIMER: stuck_timer,
    Fault.WRONG_DUE: wrong_due,
    Fault.BROKEN_CHAIN: broken_chain,
    Fault.SKIPPED_MARK: skipped_mark,
    Fault.UNSENT_MARK: unsent_mark,
    Fault.TOLD_EARLY: told_early,
    Fault.STUCK_ALERT: stuck_alert,
    Fault.WRONG_STEPS: wrong_steps,
    Fault.OUTLIVED: outlived,
}


def test_every_fault_can_be_planted() -> None:
    assert set(PLANTERS) == set(Fault) - OF_TICKETS


def test_nothing_is_found_where_nothing_is_wrong() -> None:
    rng = random.Random(2026)  # noqa: S311 - cases, not secrets
    for case in range(CASES):
        clock, now = a_history(rng)
        watched = in_order(clock, now)
        assert auditing.examine(watched, POLICIES, now) == [], f"case {case}: {watched}"


def test_every_planted_fault_is_found() -> None:
    rng = random.Random(7)  # noqa: S311 - cases, not secrets
    planted: Counter[Fault] = Counter()
    missed = []
    while planted.total() < CASES:
        fault = list(PLANTERS)[planted.total() % len(PLANTERS)]
        clock, now = a_history(rng)
        broken = PLANTERS[fault](in_order(clock, now), now, rng)
        if broken is None:
            continue
        planted[fault] += 1
        if fault not in {flaw.fault for flaw in auditing.examine(broken, POLICIES, now)}:
            missed.append((fault, broken, now))

    assert missed == [], f"{len(missed)} of {planted.total()}: {Counter(fault for fault, _, _ in missed)}"
    assert min(planted.values()) >= CASES // len(PLANTERS)


@pytest.mark.parametrize("fault", PLANTERS)
def test_what_is_found_has_a_name_that_stays_the_same(fault: Fault) -> None:
    rng = random.Random(fault.value)  # noqa: S311 - cases, not secrets
    broken = None
    while broken is None:
        clock, now = a_history(rng)
        broken = PLANTERS[fault](in_order(clock, now), now, rng)

    first, second = (auditing.examine(broken, POLICIES, now) for _ in range(2))

    assert [flaw.key for flaw in first] == [flaw.key for flaw in second]
