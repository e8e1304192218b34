"""A desk with a promised next reply, and the words of a ticket's life as events."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from core_kit import AGENT, Bench, a_message, a_target, policies

from bot.core.events import CommentReceived, StatusReceived
from bot.core.model import Clock, Metric, Priority, Ticket, TicketId, TicketStatus, Tier
from bot.core.policies import Policies

EMERGENCY = "Production is down, nothing works!"
FIRST, NEXT, RESOLUTION = Metric.FIRST_REPLY_TIME, Metric.NEXT_REPLY_TIME, Metric.RESOLUTION_TIME
MINUTE = timedelta(minutes=1)


def with_next_replies(known: Policies | None = None) -> Policies:
    known = known or policies()
    next_replies = {
        (Tier.ENTERPRISE, priority, NEXT): replace(a_target(priority, NEXT), target=timedelta(hours=2))
        for priority in Priority
    }
    return replace(known, targets={**known.targets, **next_replies})


class Story:
    """One thread; each sentence comes a minute after the one before."""

    def __init__(self, bench: Bench) -> None:
        self.bench = bench
        self._said = 0

    async def customer(self, text: str, **changes: Any) -> datetime:
        return await self._say(a_message(text, **changes))

    async def agent(self, text: str = "We are on it.", **changes: Any) -> datetime:
        return await self._say(a_message(text, author=AGENT, **changes))

    async def desk_comment(self, text: str, *, is_agent: bool, is_public: bool = True) -> datetime:
        self._tick()
        at = self.bench.now
        await self.bench.tell(
            CommentReceived(
                replica="101",
                comment=f"c{self._said}",
                author_name="Ada",
                is_agent=is_agent,
                is_public=is_public,
                text=text,
                written_at=at,
            )
        )
        return at

    async def status(self, status: TicketStatus) -> datetime:
        self._tick()
        at = self.bench.now
        await self.bench.tell(StatusReceived(replica="101", status=status, changed_at=at))
        return at

    async def ticket(self, number: int = 1) -> Ticket:
        async with self.bench.ledger.reading() as records:
            return await records.ticket(TicketId(number))

    async def clocks(self, metric: Metric, number: int = 1) -> Sequence[Clock]:
        async with self.bench.ledger.reading() as records:
            found = await records.clocks(TicketId(number))
        return [clock for clock in found if clock.metric is metric]

    def _tick(self) -> None:
        self._said += 1
        self.bench.now += MINUTE

    async def _say(self, message: Any) -> datetime:
        self._tick()
        at = self.bench.now
        first = {"source": f"slack:{self._said}", "sent_at": at, "starts_thread": self._said == 1}
        told: Mapping[str, Any] = {name: value for name, value in first.items() if name != "sent_at"}
        is_default = message.sent_at == a_message().sent_at
        await self.bench.tell(replace(message, **told, sent_at=at if is_default else message.sent_at))
        return at
