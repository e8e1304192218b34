"""What every use case is given: the transaction, the policies and the present."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from bot.core.policies import Policies
from bot.core.ports import Transaction


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """One event's surroundings."""

    tx: Transaction
    policies: Policies
    now: datetime
    has_desk: bool  #: whether tickets have a replica
    installation: str  #: sets our external ids apart from another installation's in the same account

    def at(self, told: datetime) -> datetime:
        """When something happened by its sender's clock, which may be ahead of ours."""
        return min(told, self.now)
