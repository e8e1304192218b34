"""What can be counted about the desk."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol

from bot.core.auditing import AuditRecord

TierPriority = tuple[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class DurationCount:
    """How long something took, for one tier and priority."""

    tier: str
    priority: str
    count: int
    seconds: float  #: all together
    at_most: Sequence[tuple[int, int]]  #: (bound in seconds, how many took no longer)


@dataclass(frozen=True, slots=True, kw_only=True)
class Statistics:
    """One consistent count."""

    created: Mapping[TierPriority, int]
    resolved: Mapping[TierPriority, int]
    kept: Mapping[TierPriority, int]  #: ended promises that were kept
    ended: Mapping[TierPriority, int]  #: ended promises, kept or broken
    by_age: Mapping[tuple[str, str], int]  #: (status, "0-24h" | "24-72h" | ">72h")
    first_replies: Sequence[DurationCount]
    resolutions: Sequence[DurationCount]
    depth: Mapping[tuple[str, str], int]  #: (queue, state)
    oldest_due: Mapping[str, datetime]  #: by queue
    alerts: Mapping[tuple[str, str], int] = field(default_factory=dict)  #: (destination, what became of it)
    audit: AuditRecord = field(default_factory=AuditRecord)

    @property
    def promises(self) -> Mapping[TierPriority, tuple[int, int]]:
        """Kept and ended, where anything ended."""
        return {key: (self.kept.get(key, 0), ended) for key, ended in self.ended.items() if ended}


@dataclass(frozen=True, slots=True, kw_only=True)
class OnCallReport:
    """How the rotas stand."""

    people: Mapping[str, int]  #: on call by role, the fallback not counted
    gap_in: Mapping[str, timedelta]  #: until a role's next gap, zero within one; no entry where none is near
    age: Mapping[tuple[str, str], timedelta]  #: of the copy of a live rota, by role and source
    failures: Mapping[tuple[str, str], int]  #: in a row


class Counting(Protocol):
    """Whoever keeps the records can count them."""

    async def statistics(
        self, *, now: datetime, reply_bounds: Sequence[int], resolution_bounds: Sequence[int]
    ) -> Statistics:
        """Count now; bounds in seconds, rising."""
