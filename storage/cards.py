"""The part of a transaction that is about status cards."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Select, func, select

from bot.core.cards import Card, Staleness
from bot.core.model import Address
from storage.answers import SqlAnswers
from storage.card_tables import cards
from storage.claiming import Row, is_pending
from storage.tables import effects


class SqlCards(SqlAnswers):
    """Reads with locks, and writes."""

    async def save_card(self, card: Card) -> None:
        values = _columns(card)
        statement = self._database.insert(cards).values(
            conversation=card.conversation, is_internal=card.is_internal, **values
        )
        await self._connection.execute(
            statement.on_conflict_do_update(
                index_elements=[cards.c.conversation, cards.c.is_internal], set_=values
            )
        )

    async def stale_cards(self, door: str, workspace: str, *, now: datetime, limit: int) -> Sequence[Card]:
        # Whoever posts one of them just now holds it, and waits for the timer that we hold.
        stale = _stale(door, workspace, now).with_for_update(skip_locked=True)
        longest = await self._all(stale.order_by(cards.c.stale_at).limit(limit))
        urgent = await self._all(stale.order_by(cards.c.left, cards.c.stale_at).limit(limit))
        return list(dict.fromkeys(_card_of(row) for row in (*longest, *urgent)))

    async def next_stale(self, door: str, workspace: str) -> datetime | None:
        mine = (cards.c.door == door, cards.c.workspace == workspace, cards.c.stale_at.is_not(None))
        found: datetime | None = await self._connection.scalar(
            select(func.min(cards.c.stale_at)).where(*mine)
        )
        return found

    async def count_pending(self, bucket: str, *, at_most: int) -> int:
        some = (
            select(effects.c.id)
            .where(effects.c.bucket == bucket, is_pending(effects))
            .limit(at_most)
            .subquery()
        )
        return int(await self._connection.scalar(select(func.count()).select_from(some)) or 0)


def _stale(door: str, workspace: str, now: datetime) -> Select[tuple[object, ...]]:
    return select(cards).where(cards.c.door == door, cards.c.workspace == workspace, cards.c.stale_at <= now)


def _columns(card: Card) -> dict[str, Any]:
    stale = card.staleness
    return {
        "door": card.address.door,
        "workspace": card.address.workspace,
        "room": card.address.room,
        "thread": card.address.thread,
        "card": card.card,
        "shown_at": card.shown_at,
        "stale_at": stale.at if stale else None,
        "left": stale.left if stale else None,
        "step": stale.step if stale else None,
        "calendar": stale.calendar if stale else None,
    }


def _card_of(row: Row) -> Card:
    return Card(
        conversation=row["conversation"],
        is_internal=row["is_internal"],
        address=Address(door=row["door"], workspace=row["workspace"], room=row["room"], thread=row["thread"]),
        card=row["card"],
        shown_at=row["shown_at"],
        staleness=Staleness(at=row["stale_at"], left=row["left"], step=row["step"], calendar=row["calendar"])
        if row["stale_at"] is not None
        else None,
    )
