"""How fast a destination may be used, and when it is left alone; arithmetic only."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class Rate:
    """One use per `every`, with up to `burst` at once after a pause."""

    every: timedelta
    burst: int = 1

    def __post_init__(self) -> None:
        if self.every < timedelta(0) or self.burst < 1:
            raise ValueError("a rate has a span of at least zero and a burst of at least one")


@dataclass(frozen=True, slots=True, kw_only=True)
class BreakerPolicy:
    """Open after `failures` in a row; after `open_for`, one probe decides."""

    failures: int = 5
    open_for: timedelta = timedelta(seconds=30)


@dataclass(slots=True, kw_only=True)
class Bucket:
    """The slots of one bucket while a claim is being decided.

    The arithmetic is the generic cell rate algorithm (ITU-T I.371): `next_at` is the theoretical arrival
    time. `queued_to` is the last slot handed to somebody who has to wait, so that a thousand waiting rows
    get a thousand different slots and each is touched once, not once per slot.
    """

    name: str
    rate: Rate | None
    next_at: datetime
    queued_to: datetime
    blocked_until: datetime
    is_changed: bool = field(default=False, init=False)

    @property
    def every(self) -> timedelta:
        """The span between two uses; zero without a rate."""
        return self.rate.every if self.rate else timedelta(0)

    def free_at(self) -> datetime:
        """The earliest instant at which one more use is allowed."""
        slack = self.every * (self.rate.burst - 1) if self.rate else timedelta(0)
        return max(self.next_at - slack, self.blocked_until)

    def take(self, now: datetime, *, slot_at: datetime | None) -> datetime | None:
        """Spend a use now (None), or say when to come back.

        `slot_at` is the slot an earlier claim gave: its holder, when it comes on time, waits for the next
        free instant and not at the end of the queue.
        """
        free_at = self.free_at()
        if self.rate is None:
            return None if free_at <= now else free_at
        self.is_changed = True
        if free_at <= now:
            self.next_at = max(self.next_at, now) + self.every
            return None
        if slot_at is not None and now - slot_at <= 2 * self.every:
            return free_at
        self.queued_to = max(free_at, self.queued_to + self.every)
        return self.queued_to
