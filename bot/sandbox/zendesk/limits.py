"""Rate limits: the account's, and those of single endpoints."""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from bot.sandbox.zendesk.refusals import account_limited, endpoint_limited

MINUTE = timedelta(minutes=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How much is allowed.

    https://developer.zendesk.com/api-reference/introduction/rate-limits/
    """

    account: int = 700  #: requests a minute; Team 200, Professional 400, Enterprise 700
    ticket_updates: int = 100  #: a minute for the account
    updates_of_one_ticket: int = 30  #: in ten minutes by one user
    incremental: int = 10  #: export requests a minute


@dataclass(slots=True)
class Window:
    """At most `limit` uses in any `span`."""

    limit: int
    span: timedelta
    _used: deque[datetime] = field(default_factory=deque)

    def use(self, now: datetime) -> int:
        """0 when there was room and it is taken; otherwise the seconds to wait."""
        self._forget(now)
        if len(self._used) >= self.limit:
            return self.resets_in(now)
        self._used.append(now)
        return 0

    def remaining(self, now: datetime) -> int:
        """What is left at the moment."""
        self._forget(now)
        return max(0, self.limit - len(self._used))

    def resets_in(self, now: datetime) -> int:
        """Whole seconds until the oldest use is forgotten; at least one."""
        if not self._used:
            return math.ceil(self.span.total_seconds())
        return max(1, math.ceil((self._used[0] + self.span - now).total_seconds()))

    def _forget(self, now: datetime) -> None:
        while self._used and self._used[0] + self.span <= now:
            self._used.popleft()


@dataclass(slots=True)
class RateLimiter:
    """All windows of one account."""

    limits: Limits
    _account: Window = field(init=False)
    _updates: Window = field(init=False)
    _incremental: Window = field(init=False)
    _tickets: dict[tuple[int, int], Window] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._account = Window(self.limits.account, MINUTE)
        self._updates = Window(self.limits.ticket_updates, MINUTE)
        self._incremental = Window(self.limits.incremental, MINUTE)

    def count_request(self, now: datetime) -> None:
        """Any request to /api/v2."""
        if wait := self._account.use(now):
            raise account_limited(wait)

    def count_update(self, now: datetime, *, user: int, ticket: int) -> None:
        """A ticket update by the API."""
        if wait := self._updates.use(now):
            raise endpoint_limited("ticket updates per minute", wait)
        key = (user, ticket)
        window = self._tickets.setdefault(
            key, Window(self.limits.updates_of_one_ticket, timedelta(minutes=10))
        )
        if wait := window.use(now):
            raise endpoint_limited("updates of one ticket per 10 minutes", wait)

    def count_export(self, now: datetime) -> None:
        """A page of an incremental export."""
        if wait := self._incremental.use(now):
            raise endpoint_limited("incremental export requests per minute", wait)

    def headers(self, now: datetime) -> dict[str, str]:
        """What every answer says about the account's limit."""
        limit, left = str(self._account.limit), str(self._account.remaining(now))
        return {
            "X-Rate-Limit": limit,
            "X-Rate-Limit-Remaining": left,
            "ratelimit-limit": limit,
            "ratelimit-remaining": left,
            "ratelimit-reset": str(self._account.resets_in(now)),
        }
