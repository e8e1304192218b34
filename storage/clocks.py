"""The part of a transaction that is about clocks and their segments."""

from __future__ import annotations

from dataclasses import replace

from sqlalchemy import select, update

from bot.core.model import Clock, ClockId, Segment
from storage.cards import SqlCards
from storage.pinned import pin
from storage.rows import clock_columns, segment_columns
from storage.tables import clocks, segments


class SqlClocks(SqlCards):
    """Writes; reading is `SqlRecords`."""

    async def start_clock(self, clock: Clock) -> Clock:
        given = await self._insert(clocks, **clock_columns(clock))
        started = replace(clock, id=ClockId(given))
        await self._append_segments(started, known=0)
        return started

    async def save_clock(self, clock: Clock) -> None:
        """ValueError when a closed segment would be altered: a clock's history is what `explain` prints."""
        rows = await self._all(
            select(segments).where(segments.c.clock == clock.id).order_by(segments.c.ordinal)
        )
        for ordinal, stored in enumerate(await self._segments(rows)):
            given = clock.segments[ordinal] if ordinal < len(clock.segments) else None
            if given is not None and stored == given:
                continue
            if given is None or not _is_end_of(stored, given):
                raise ValueError(f"clock {clock.id}: segment {ordinal} is already history")
            await self._connection.execute(
                update(segments)
                .where(segments.c.clock == clock.id, segments.c.ordinal == ordinal)
                .values(ended_at=given.ended_at)
            )
        await self._append_segments(clock, known=len(rows))
        await self._update(clocks, clock.id, **clock_columns(clock))

    async def _append_segments(self, clock: Clock, *, known: int) -> None:
        fresh = clock.segments[known:]
        if not fresh:
            return
        await pin(self._connection, self._database, [segment.terms.calendar for segment in fresh])
        await self._connection.execute(
            self._database.insert(segments),
            [
                {"clock": clock.id, "ordinal": ordinal, **segment_columns(segment)}
                for ordinal, segment in enumerate(fresh, start=known)
            ],
        )


def _is_end_of(stored: Segment, given: Segment) -> bool:
    """Whether nothing but the end of an open segment is new."""
    return stored.ended_at is None and replace(given, ended_at=None) == stored
