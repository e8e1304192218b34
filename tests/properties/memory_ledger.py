"""As much of the ledger and the records as a year of escalations needs, in memory: for very many tickets.

Transactions are undone as a whole when their block fails, leases outlive a crash until they are released,
and lanes keep their order: what the real one does, without a disk. Small years run on the real one too.
"""

from __future__ import annotations

import heapq
from collections import defaultdict, deque
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

from bot.core.alerts import Alert, AlertRef
from bot.core.effects import Effect
from bot.core.events import TimerFired
from bot.core.model import (
    Clock,
    ClockId,
    Conversation,
    ConversationId,
    Message,
    MessageId,
    Person,
    PersonRef,
    Ticket,
    TicketId,
    TicketStatus,
)
from bot.core.ports import Leased, NewMessage, NewTicket, Timer

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(slots=True)
class Pending:
    id: int
    effect: Effect
    attempts: int = 0


@dataclass(slots=True)
class MemoryLedger:
    """One process, one transaction at a time."""

    tables: defaultdict[str, dict[Any, Any]] = field(default_factory=lambda: defaultdict(dict))
    lanes: defaultdict[str, deque[Pending]] = field(default_factory=lambda: defaultdict(deque))
    serial: count[int] = field(default_factory=lambda: count(1))
    _last: datetime = EPOCH
    _undo: list[Callable[[], None]] = field(default_factory=list)
    _timers: list[tuple[datetime, int, str]] = field(default_factory=list)  #: stale ones are skipped
    _heads: list[tuple[datetime, int, str]] = field(default_factory=list)
    _leased: list[tuple[str, str]] = field(default_factory=list)  #: (queue, key of a timer or lane)

    # -- claims ----------------------------------------------------------------

    async def next_due(self, *, now: datetime) -> datetime | None:
        del now
        while self._timers and not self._is_current(self._timers[0]):
            heapq.heappop(self._timers)
        return min((heap[0][0] for heap in (self._timers, self._heads) if heap), default=None)

    async def claim_timers(
        self, *, now: datetime, limit: int, lease: timedelta
    ) -> Sequence[Leased[TimerFired]]:
        claimed: list[Leased[TimerFired]] = []
        while self._timers and self._timers[0][0] <= now and len(claimed) < limit:
            row = heapq.heappop(self._timers)
            if self._is_current(row):
                timer = self.tables["timers"][row[2]][0]
                self._leased.append(("timers", row[2]))
                fired = TimerFired(key=timer.key, version=timer.version)
                claimed.append(Leased(id=row[1], fence=1, attempts=1, until=now + lease, work=fired))
        return claimed

    async def claim_effects(self, *, now: datetime, limit: int, lease: timedelta) -> Sequence[Leased[Effect]]:
        claimed: list[Leased[Effect]] = []
        while self._heads and self._heads[0][0] <= now and len(claimed) < limit:
            _, id_, lane = heapq.heappop(self._heads)
            row = self.lanes[lane][0]
            row.attempts += 1
            self._leased.append(("effects", lane))
            claimed.append(Leased(id=id_, fence=1, attempts=row.attempts, until=now + lease, work=row.effect))
        return claimed

    async def release_leases(self) -> int:
        """After a crash: everything that was under way is there again at once."""
        for queue, key in self._leased:
            if queue == "effects":
                heapq.heappush(self._heads, (self._last, self.lanes[key][0].id, key))
            elif key in self.tables["timers"]:
                timer, serial = self.tables["timers"][key]
                heapq.heappush(self._timers, (timer.due_at, serial, key))
        released = len(self._leased)
        self._leased.clear()
        return released

    async def retry(self, leased: Leased[Any], *, at: datetime, reason: str, counts: bool = True) -> None:
        del reason, counts
        lane = leased.work.lane
        self._leased.remove(("effects", lane))
        heapq.heappush(self._heads, (at, leased.id, lane))

    async def prune(self, *, before: datetime) -> int:
        del before
        return 0

    # -- transactions ----------------------------------------------------------

    @asynccontextmanager
    async def transaction(self, *, now: datetime, cause: str) -> AsyncIterator[MemoryTransaction]:
        del cause
        self._last, self._undo = now, []
        planned: list[Effect] = []
        try:
            yield MemoryTransaction(self, planned)
        except BaseException:
            for undo in reversed(self._undo):
                undo()
            raise
        for effect in planned:
            self._enqueue(effect, now)

    @asynccontextmanager
    async def finishing(self, leased: Leased[Any], *, now: datetime) -> AsyncIterator[MemoryTransaction]:
        is_timer = isinstance(leased.work, TimerFired)
        async with self.transaction(now=now, cause="") as tx:
            if is_timer and self.tables["timers"].get(leased.work.key, (None, 0))[1] == leased.id:
                self.put("timers", leased.work.key, None)
            yield tx
        self._leased.remove(("timers", leased.work.key) if is_timer else ("effects", leased.work.lane))
        if not is_timer:
            lane = self.lanes[leased.work.lane]
            lane.popleft()
            if lane:
                heapq.heappush(self._heads, (now, lane[0].id, leased.work.lane))
            else:
                del self.lanes[leased.work.lane]

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[MemoryTransaction]:
        yield MemoryTransaction(self, [])

    def put(self, table: str, key: Any, value: Any) -> None:
        """None takes it away; either way it can be undone."""
        rows = self.tables[table]
        before = rows.get(key)
        self._undo.append(
            lambda: rows.__setitem__(key, before) if before is not None else rows.pop(key, None)
        )
        if value is None:
            rows.pop(key, None)
        else:
            rows[key] = value

    def arm(self, timer: Timer) -> None:
        serial = next(self.serial)
        self.put("timers", timer.key, (timer, serial))
        heapq.heappush(self._timers, (timer.due_at, serial, timer.key))

    def _is_current(self, row: tuple[datetime, int, str]) -> bool:
        serial: int = self.tables["timers"].get(row[2], (None, 0))[1]
        return serial == row[1]

    def _enqueue(self, effect: Effect, now: datetime) -> None:
        lane, row = self.lanes[effect.lane], Pending(next(self.serial), effect)
        lane.append(row)
        if len(lane) == 1:
            heapq.heappush(self._heads, (now, row.id, effect.lane))


@dataclass(slots=True)
class MemoryTransaction:
    """The methods of `bot.core.ports.Transaction` that are needed."""

    ledger: MemoryLedger
    planned: list[Effect]

    async def open_conversation(self, **values: Any) -> Conversation:
        conversation = Conversation(id=ConversationId(next(self.ledger.serial)), **values)
        self.ledger.put("conversations", conversation.id, conversation)
        return conversation

    async def conversation(self, id: ConversationId) -> Conversation:
        found: Conversation = self.ledger.tables["conversations"][id]
        return found

    async def open_ticket(self, new: NewTicket) -> Ticket:
        values = {name: getattr(new, name) for name in NewTicket.__slots__}
        ticket = Ticket(id=TicketId(next(self.ledger.serial)), status=TicketStatus.NEW, **values)
        self.ledger.put("tickets", ticket.id, ticket)
        return ticket

    async def ticket(self, id: TicketId) -> Ticket:
        found: Ticket = self.ledger.tables["tickets"][id]
        return found

    async def save_ticket(self, ticket: Ticket) -> None:
        self.ledger.put("tickets", ticket.id, ticket)

    async def start_clock(self, clock: Clock) -> Clock:
        started = replace(clock, id=ClockId(next(self.ledger.serial)))
        known = self.ledger.tables["of_ticket"].get(clock.ticket, ())
        self.ledger.put("of_ticket", clock.ticket, (*known, started.id))
        self.ledger.put("clocks", started.id, started)
        return started

    async def clocks(self, ticket: TicketId) -> Sequence[Clock]:
        return [self.ledger.tables["clocks"][id_] for id_ in self.ledger.tables["of_ticket"].get(ticket, ())]

    async def clock(self, id: ClockId) -> Clock:
        found: Clock = self.ledger.tables["clocks"][id]
        return found

    async def save_clock(self, clock: Clock) -> None:
        self.ledger.put("clocks", clock.id, clock)

    async def alerts(self, clock: ClockId) -> Sequence[Alert]:
        return list(self.ledger.tables["alerts"].get(clock, {}).values())

    async def save_alert(self, alert: Alert) -> None:
        known: dict[AlertRef, Alert] = self.ledger.tables["alerts"].get(alert.ref.clock, {})
        self.ledger.put("alerts", alert.ref.clock, {**known, alert.ref: alert})

    async def messages(self, conversation: ConversationId) -> Sequence[Message]:
        return list(self.ledger.tables["messages"].get(conversation, ()))

    async def record_message(self, new: NewMessage) -> Message:
        values = {name: getattr(new, name) for name in NewMessage.__slots__}
        message = Message(id=MessageId(next(self.ledger.serial)), **values)
        known = self.ledger.tables["messages"].get(new.conversation, ())
        self.ledger.put("messages", new.conversation, (*known, message))
        return message

    async def find_person(self, ref: PersonRef) -> Person | None:
        return Person(ref=ref, name=ref.user)

    async def has_pending(self, lane: str, kind: str) -> bool:
        rows = self.ledger.lanes.get(lane, ())
        return any(type(row.effect).__name__ == kind for row in rows)

    async def plan(self, effect: Effect) -> None:
        self.planned.append(effect)

    async def set_timer(self, timer: Timer) -> None:
        self.ledger.arm(timer)

    async def cancel_timer(self, key: str) -> None:
        self.ledger.put("timers", key, None)
