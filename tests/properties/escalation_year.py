"""A year of tickets on the core and the ledger: people at random, a worker that dies, destinations that fail.

What is told is watched from outside, in the transactions that were committed and in what was performed.
"""

from __future__ import annotations

import heapq
import random
from collections import Counter, defaultdict
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import count
from typing import Any

from escalation_oracle import NEVER, SECOND, History, Step

from bot.core import promising, sla
from bot.core.alerts import AlertAction, AlertRef, AlertSent, SendAlert
from bot.core.context import Context
from bot.core.effects import Effect, PostReply
from bot.core.errors import NotYet
from bot.core.events import Button, ButtonPressed, Event, ReplyPosted, TimerFired
from bot.core.model import (
    INTERNAL,
    Address,
    AnswerMode,
    ClockId,
    EscalationStep,
    Metric,
    PersonRef,
    Priority,
    Room,
    RoomKind,
    Ticket,
    TicketId,
    Tier,
)
from bot.core.policies import Calendar, Destination, Interval, Policies, SlaTarget
from bot.core.ports import Leased, NewTicket
from bot.core.rotas import OnCall
from bot.core.support import Desk

NEW_YEAR = datetime(2026, 1, 1, tzinfo=UTC)
LEASE = timedelta(minutes=1)
ADA = PersonRef(door="slack", workspace="T", user="U_ADA")
CAROL = PersonRef(door="slack", workspace="T", user="U_CAROL")
TRIAGE = Room(
    door="slack",
    workspace="T",
    room="C_TRIAGE",
    kind=RoomKind.INTERNAL,
    organisation=None,
    tier=Tier.COMMUNITY,
    mode=AnswerMode.OFF,
)
STEPS = (
    EscalationStep(notify="manager", percent=80),
    EscalationStep(notify=("vp", "pagerduty"), percent=100, repeat=timedelta(minutes=15), at_most=4),
    EscalationStep(notify="pagerduty", percent=120, repeat=timedelta(minutes=30), at_most=2),
)
CALENDARS = {
    "24x7": Calendar(name="24x7", timezone="UTC", hours=((),) * 7, is_always_open=True),
    "business": Calendar(
        name="business",
        timezone="America/New_York",
        hours=tuple((Interval(start=9 * 60, end=17 * 60),) if day < 5 else () for day in range(7)),
    ),
}
TARGETS = {
    (Priority.P1, Metric.FIRST_REPLY_TIME): (timedelta(hours=1), "24x7"),
    (Priority.P1, Metric.RESOLUTION_TIME): (timedelta(hours=8), "24x7"),
    (Priority.P3, Metric.FIRST_REPLY_TIME): (timedelta(hours=8), "business"),
    (Priority.P3, Metric.RESOLUTION_TIME): (timedelta(hours=40), "business"),
}
BUTTONS = {
    Button.SNOOZE_SHORT: timedelta(minutes=30),
    Button.SNOOZE_LONG: timedelta(hours=1),
}

Deed = Callable[[datetime], Awaitable[None]]


def policies() -> Policies:
    return Policies(
        organisations={},
        rooms={("slack", "T", "C_TRIAGE"): TRIAGE},
        agents=frozenset({ADA}),
        targets={
            (Tier.ENTERPRISE, priority, metric): SlaTarget(
                policy="year@1",
                tier=Tier.ENTERPRISE,
                priority=priority,
                metric=metric,
                target=target,
                calendar=calendar,
                warn_percent=50,
                steps=STEPS,
            )
            for (priority, metric), (target, calendar) in TARGETS.items()
        },
        calendars=CALENDARS,
        on_call=OnCall(standing={"manager": (ADA,), "vp": (ADA,)}),
        escalation_room=TRIAGE,
        destinations={"pagerduty": Destination(label="PagerDuty", hears_the_rest=True)},
    )


@dataclass(slots=True)
class Year:
    """The whole of it."""

    ledger: Any  #: SqlLedger or MemoryLedger
    rng: random.Random
    death: float = 0.001  #: of the worker, at each row
    now: datetime = NEW_YEAR
    histories: dict[int, History] = field(default_factory=dict)  #: by clock
    due: dict[int, dict[str, datetime]] = field(default_factory=dict)  #: as the oracle has it
    told: dict[int, dict[str, datetime]] = field(default_factory=lambda: defaultdict(dict))
    doubled: list[tuple[int, str]] = field(default_factory=list)
    sent: dict[AlertRef, set[str]] = field(default_factory=lambda: defaultdict(set))  #: keys of effects
    sent_at: dict[AlertRef, datetime] = field(default_factory=dict)
    planned: dict[AlertRef, datetime] = field(default_factory=dict)
    dropped: set[AlertRef] = field(default_factory=set)
    restarts: list[tuple[datetime, datetime]] = field(default_factory=list)  #: when nobody worked
    happened: Counter[str] = field(default_factory=Counter)
    _deeds: list[tuple[datetime, int, Deed]] = field(default_factory=list)
    _serial: count[int] = field(default_factory=count)
    _desk: Desk = field(default_factory=lambda: Desk(policies(), has_desk=False, installation="year"))

    # -- people ----------------------------------------------------------------

    def arrange(self, tickets: int) -> None:
        """Tickets come at random over the year; what follows is decided when they are there."""
        for number in range(tickets):
            at = NEW_YEAR + timedelta(seconds=self.rng.randrange(350 * 86_400))
            self._later(at, partial(self._open, number))

    async def run(self) -> None:
        """Until everything that was to happen has happened, and every timer has rung."""
        steps = 0
        while True:
            due = await self.ledger.next_due(now=self.now)
            instants = [at for at in (self._deeds[0][0] if self._deeds else None, due) if at is not None]
            if not instants:
                return
            self.now = max(self.now, min(instants))
            while self._deeds and self._deeds[0][0] <= self.now:
                _, _, deed = heapq.heappop(self._deeds)
                await deed(self.now)
            await self._work()
            steps += 1
            if steps % 5_000 == 0:
                await self.ledger.prune(before=self.now)

    def _later(self, at: datetime, deed: Deed) -> None:
        heapq.heappush(self._deeds, (at, next(self._serial), deed))

    async def _open(self, number: int, now: datetime) -> None:
        priority = self.rng.choice([Priority.P1, Priority.P3])
        address = Address(door="slack", workspace="T", room="C_ACME", thread=str(number))
        async with self.ledger.transaction(now=now, cause=f"open-{number}") as tx:
            conversation = await tx.open_conversation(
                address=address, audience=INTERNAL, organisation=None, tier=Tier.ENTERPRISE, opened_at=now
            )
            ticket = await tx.open_ticket(
                NewTicket(
                    conversation=conversation.id,
                    subject=f"Ticket {number}",
                    requester=CAROL,
                    organisation=None,
                    tier=Tier.ENTERPRISE,
                    priority=priority,
                    opened_at=now,
                )
            )
            await promising.start_clocks(self._context(tx, now), ticket)
            for clock in await tx.clocks(ticket.id):
                self.histories[clock.id] = _history(clock.started_at, clock.target, clock.calendar)
                self._foresee(ticket, clock.id, clock.metric, clock.target, clock.calendar)

    def _foresee(
        self, ticket: Ticket, clock: ClockId, metric: Metric, target: timedelta, calendar: str
    ) -> None:
        """What people will do about this promise, each at a random moment around it."""
        stretch = target * (4.2 if calendar == "business" else 1.0)  # a week has 168 hours, 40 of them open
        if metric is Metric.FIRST_REPLY_TIME and self.rng.random() < 0.5:
            end = stretch * self.rng.uniform(0.0, 0.8)  # most tickets are answered in time
        else:
            end = stretch * self.rng.uniform(0.5, 2.5) + timedelta(hours=3)
        at = self.now
        for name, chance, deed in (
            ("acknowledge", 0.25, lambda now: self._press(clock, Button.ACKNOWLEDGE, now)),
            ("snooze", 0.3, lambda now: self._press(clock, Button.SNOOZE_SHORT, now)),
            ("snooze more", 0.3, lambda now: self._press(clock, Button.SNOOZE_LONG, now)),
            (
                "pause",
                0.3 if metric is Metric.RESOLUTION_TIME else 0.0,
                lambda now: self._pause(ticket.id, now),
            ),
        ):
            if self.rng.random() < chance:
                self.happened[name] += 1
                self._later(self._whole(at + stretch * self.rng.uniform(0.3, 2.0)), deed)
        self._later(self._whole(at + end), lambda now: self._end(ticket.id, metric, now))

    def _whole(self, at: datetime) -> datetime:
        """As clocks keep instants."""
        return at.replace(microsecond=0)

    async def _end(self, ticket: TicketId, metric: Metric, now: datetime) -> None:
        async with self._acting(now) as tx:
            context = self._context(tx, now)
            await promising.keep(context, await tx.ticket(ticket), metric, now)
            for clock in await tx.clocks(ticket):
                if clock.metric is metric:
                    self.histories[clock.id].ended_at = min(self.histories[clock.id].ended_at, now)

    async def _pause(self, ticket: TicketId, now: datetime) -> None:
        """And some hours later the customer answers."""
        async with self._acting(now) as tx:
            clocks = [clock for clock in await tx.clocks(ticket) if clock.metric is Metric.RESOLUTION_TIME]
            if not all(clock.is_live for clock in clocks):
                return
            for clock in clocks:
                await promising.save(self._context(tx, now), sla.pause(clock, now, "waiting"))
                self.histories[clock.id].pauses.append((self._whole(now), NEVER))
        at = self._whole(now + timedelta(hours=self.rng.uniform(0.1, 30)))
        self._later(at, lambda now: self._resume(ticket, now))

    async def _resume(self, ticket: TicketId, now: datetime) -> None:
        async with self._acting(now) as tx:
            for clock in await tx.clocks(ticket):
                if clock.metric is Metric.RESOLUTION_TIME and clock.is_live:
                    await promising.save(self._context(tx, now), sla.resume(clock, now))
                    pauses = self.histories[clock.id].pauses
                    pauses[-1] = (pauses[-1][0], self._whole(now))

    async def _press(self, id: ClockId, button: Button, now: datetime) -> None:
        history = self.histories[id]
        pressed = ButtonPressed(
            button=button,
            address=Address(door="slack", workspace="T", room="C_TRIAGE", thread="1"),
            presser=ADA,
            value=str(id),
            message="1",
            pressed_at=now,
        )
        try:
            async with self._acting(now) as tx:
                before = await tx.clock(id)
                await self._desk.handle(pressed, tx, now=now)
        except NotYet:
            self._later(now + SECOND, lambda now: self._press(id, button, now))
            return
        if not before.is_live or before.acknowledged_by is not None:
            return
        if button is Button.ACKNOWLEDGE:
            history.acknowledged_at = now
        else:
            history.snoozes.append((self._whole(now), self._whole(now) + BUTTONS[button]))

    def _acting(self, now: datetime) -> Any:
        return self.ledger.transaction(now=now, cause=f"deed-{next(self._serial)}")

    def _context(self, tx: Any, now: datetime) -> Context:
        return Context(tx=tx, policies=self._desk.policies, now=now, has_desk=False, installation="year")

    # -- the worker ------------------------------------------------------------

    async def _work(self) -> None:
        while True:
            timers = await self.ledger.claim_timers(now=self.now, limit=64, lease=LEASE)
            for leased in timers:
                if await self._dies("before a timer") or not await self._ring(leased):
                    return
            effects = await self.ledger.claim_effects(now=self.now, limit=64, lease=LEASE)
            for leased in effects:
                if await self._dies("before an effect") or not await self._perform(leased):
                    return
            if not timers and not effects:
                return

    async def _dies(self, moment: str, *, surely: bool = False) -> bool:
        """The process is gone, and back after some seconds, or after hours."""
        if not surely and self.rng.random() >= self.death:
            return False
        self.happened[f"died {moment}"] += 1
        is_long = self.rng.random() < 0.05
        gone = (
            timedelta(hours=self.rng.uniform(0.1, 5))
            if is_long
            else timedelta(seconds=self.rng.uniform(1, 30))
        )
        self.restarts.append((self.now, self.now + gone))
        self._later(self.now + gone, self._come_back)
        self.now += gone
        await self.ledger.release_leases()
        return True

    async def _come_back(self, _now: datetime) -> None:
        """Wakes the loop."""

    async def _ring(self, leased: Leased[TimerFired]) -> bool:
        """False: it died in the middle, and nothing of it was kept."""
        clock = int(leased.work.key.split(":")[1])
        is_clock = leased.work.key.startswith("clock:")
        dies = self.rng.random() < 2 * self.death
        try:
            async with self.ledger.finishing(leased, now=self.now) as tx:
                before = (await tx.clock(ClockId(clock))).told
                await self._desk.handle(leased.work, tx, now=self.now)
                after = await tx.clock(ClockId(clock))
                alerts = {alert.ref for alert in await tx.alerts(ClockId(clock))}
                if dies:
                    _kill()
        except _Killed:
            await self._dies("in a timer", surely=True)
            return False
        if is_clock:
            self._note(clock, before, after.told)
            for ref in alerts:
                self.planned.setdefault(ref, self.now)
        return True

    def _note(self, clock: int, before: Sequence[str], after: Sequence[str]) -> None:
        for name in after:
            if name in before:
                continue
            if name in self.told[clock]:
                self.doubled.append((clock, name))
            self.told[clock][name] = self.now

    async def _perform(self, leased: Leased[Effect]) -> bool:
        effect, key = leased.work, f"year-effect-{leased.id}"
        async with self.ledger.reading() as records:
            wanted = await self._desk.prepare(effect, records, now=self.now)
        outcome: Event | None = None
        ref = (
            effect.alert
            if isinstance(effect, PostReply)
            else effect.ref
            if isinstance(effect, SendAlert)
            else None
        )
        if isinstance(effect, SendAlert) and effect.action is not AlertAction.TRIGGER:
            ref = None
        if ref is not None and wanted is None:
            self.dropped.add(ref)
        if ref is not None and wanted is not None:
            if isinstance(effect, SendAlert) and self.rng.random() < 0.02:
                self.happened["PagerDuty was down"] += 1
                at = self.now + timedelta(seconds=self.rng.uniform(1, 3))
                await self.ledger.retry(leased, at=at, reason="down")
                return True
            self.sent[ref].add(key)
            self.sent_at.setdefault(ref, self.now)
            outcome = _outcome(effect, ref, self.now, key)
            if await self._dies("between telling and saving"):
                return False
        async with self.ledger.finishing(leased, now=self.now) as tx:
            if outcome is not None:
                await self._desk.handle(outcome, tx, now=self.now)
        return True


def _kill() -> None:
    raise _Killed


class _Killed(Exception):
    pass


def _outcome(effect: Effect, ref: AlertRef, now: datetime, key: str) -> Event:
    if isinstance(effect, PostReply):
        return ReplyPosted(
            conversation=effect.conversation,
            source=f"slack:{key}",
            text=effect.text,
            posted_at=now,
            alert=ref,
        )
    return AlertSent(ref=ref, at=now)


def _history(started_at: datetime, target: timedelta, calendar: str) -> History:
    return History(
        started_at=started_at,
        target=target,
        warn_after=target / 2,
        steps=[
            Step(
                after=target * (step.percent or 0) / 100,
                repeat=step.repeat or timedelta(0),
                at_most=step.at_most,
            )
            for step in STEPS
        ],
        is_business=calendar == "business",
    )
