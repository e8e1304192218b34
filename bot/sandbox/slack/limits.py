"""How often Slack lets an app call, in the twin's time."""

# https://docs.slack.dev/apis/web-api/rate-limits

from __future__ import annotations

import math
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import IntEnum

from bot.core.ports import Time

PER_CHANNEL_BURST = 5  #: "short bursts >1 allowed": not promised, and not more than this
PER_WORKSPACE = 300  #: "several hundred messages per minute"
LEAST_BURST = 5  #: tier 1 tolerates a small amount of bursts: a socket may reconnect


class Tier(IntEnum):
    """Calls per minute."""

    ONE = 1
    TWO = 20
    THREE = 50
    FOUR = 100
    SPECIAL = 600  #: "hundreds of requests per minute"


@dataclass(slots=True)
class _Bucket:
    tokens: float
    at: datetime


@dataclass(slots=True)
class Limits:
    """Token buckets per method, and one per channel for posting."""

    time: Time
    on: bool = True
    scale: float = 1.0  #: above 1 is more generous
    _buckets: dict[str, _Bucket] = field(default_factory=dict)

    def wait_for(self, method: str, tier: Tier) -> timedelta | None:
        """None and one call used up, or how long to wait."""
        return self._take(method, per_minute=tier, burst=max(LEAST_BURST, tier))

    def wait_for_post(self, channel: str) -> timedelta | None:
        """Likewise for one more message in a channel."""
        wait = self._take(f"post to {channel}", per_minute=60, burst=PER_CHANNEL_BURST)
        return wait or self._take("post", per_minute=PER_WORKSPACE, burst=PER_WORKSPACE)

    def _take(self, key: str, *, per_minute: float, burst: float) -> timedelta | None:
        if not self.on:
            return None
        now, most, per_second = self.time.now(), max(1.0, burst * self.scale), per_minute * self.scale / 60
        bucket = self._buckets.setdefault(key, _Bucket(most, now))
        elapsed = max(0.0, (now - bucket.at).total_seconds())
        bucket.tokens, bucket.at = min(most, bucket.tokens + elapsed * per_second), now
        if bucket.tokens < 1:
            return timedelta(seconds=max(1, math.ceil((1 - bucket.tokens) / per_second)))
        bucket.tokens -= 1
        return None
