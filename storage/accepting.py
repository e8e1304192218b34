"""Accepting deliveries in groups: whoever waits shares one transaction and its one fsync."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

from bot.core.errors import Unavailable
from bot.core.ports import Delivery
from storage.columns import storable
from storage.database import Database, Outage
from storage.tables import PENDING, deliveries

_LARGEST_GROUP = 200

_Waiting = tuple[Delivery, "asyncio.Future[bool]"]


class GroupCommit:
    """One commit at a time; what arrives meanwhile forms the next group. Nobody is answered before it."""

    def __init__(self, database: Database, committed: Callable[[], None]) -> None:
        self._database = database
        self._committed = committed
        self._waiting: list[_Waiting] = []
        self._writer: asyncio.Task[None] | None = None
        self._statement = (
            database.insert(deliveries)
            .on_conflict_do_nothing(index_elements=[deliveries.c.door, deliveries.c.external_id])
            .returning(deliveries.c.door, deliveries.c.external_id)
        )

    async def accept(self, delivery: Delivery) -> bool:
        """True once it is on disk, False when it already was. Whoever gives up waiting stops nobody else."""
        answer: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self._waiting.append((delivery, answer))
        if self._writer is None:
            self._writer = asyncio.create_task(self._write())
        return await answer

    async def _write(self) -> None:
        try:
            while self._waiting:
                group, self._waiting = self._waiting[:_LARGEST_GROUP], self._waiting[_LARGEST_GROUP:]
                await self._commit(group)
        finally:
            self._writer = None
            for _, answer in self._waiting:  # only when the loop is shutting down under us
                answer.cancel()

    async def _commit(self, group: Sequence[_Waiting]) -> None:
        try:
            new = await self._insert([delivery for delivery, _ in group])
        except Unavailable as error:
            if len(group) > 1 and not isinstance(error, Outage):
                # One delivery with impossible values must not refuse the others.
                for one in group:
                    await self._commit([one])
            else:
                _answer(group, error)
        except Exception as error:  # noqa: BLE001 - whatever it is, each waiting request has to be told
            _answer(group, error)
        else:
            self._committed()
            for delivery, answer in group:
                key = (delivery.door, storable(delivery.id))
                is_new = key in new
                new.discard(key)  # its twin in the same group is a duplicate
                if not answer.done():
                    answer.set_result(is_new)

    async def _insert(self, group: Sequence[Delivery]) -> set[tuple[str, str]]:
        async with self._database.writing() as connection:
            result = await connection.execute(self._statement, [_row(delivery) for delivery in group])
            return {(row.door, row.external_id) for row in result.all()}


def _answer(group: Sequence[_Waiting], error: Exception) -> None:
    for _, answer in group:
        if not answer.done():
            answer.set_exception(error)


def _row(delivery: Delivery) -> dict[str, object]:
    return {
        "door": delivery.door,
        "external_id": delivery.id,
        "lane": delivery.lane,
        "headers": dict(delivery.headers),
        "body": delivery.body,
        "received_at": delivery.received_at,
        "due_at": delivery.received_at,
        "state": PENDING,
    }
