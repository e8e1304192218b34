"""What every use case is given: the transaction, the policies and the present."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from bot.core.model import Conversation
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

    def of_its_readers(self, conversation: Conversation | None) -> Conversation | None:
        """None when the room was given to others since: they may not go on with what was said before."""
        if (
            conversation is None
            or self.policies.room_of(conversation.address).audience != conversation.audience
        ):
            return None
        return conversation
