"""The part of a transaction that is about answers, gaps and corrections."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import Table, update
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.core.model import AnswerId, Correction, Gap, GivenAnswer, TicketId
from storage.answer_tables import answers, corrections, gaps
from storage.database import Database
from storage.records import SqlRecords
from storage.rows import answer_columns, citations_document


class SqlAnswers(SqlRecords):
    """Reads with locks, and writes."""

    def __init__(self, connection: AsyncConnection, database: Database) -> None:
        super().__init__(connection, is_locking=True)
        self._database = database

    async def record_answer(self, answer: GivenAnswer) -> GivenAnswer:
        given = await self._insert(answers, **answer_columns(answer))
        return replace(answer, id=AnswerId(given))

    async def save_answer(self, answer: GivenAnswer) -> None:
        await self._update(answers, answer.id, **answer_columns(answer))

    async def record_gap(self, gap: Gap) -> None:
        statement = self._database.insert(gaps).values(
            question=gap.question,
            conversation=gap.conversation,
            reason=gap.reason,
            nearest=citations_document(gap.nearest),
            asked_at=gap.asked_at,
        )
        await self._connection.execute(
            statement.on_conflict_do_update(
                index_elements=[gaps.c.question],
                set_={"reason": statement.excluded.reason, "nearest": statement.excluded.nearest},
            )
        )

    async def record_correction(self, ticket: TicketId, correction: Correction, *, at: datetime) -> None:
        said = {
            "product_area": correction.product_area.value if correction.product_area else None,
            "priority": correction.priority.value if correction.priority else None,
        }
        statement = self._database.insert(corrections).values(
            ticket=ticket, body=correction.text, said_at=at, **said
        )
        anew = {key: value for key, value in said.items() if value is not None}
        await self._connection.execute(
            statement.on_conflict_do_update(
                index_elements=[corrections.c.ticket],
                set_={"body": statement.excluded.body, "said_at": statement.excluded.said_at, **anew},
            )
        )

    async def _insert(self, table: Table, **values: Any) -> int:
        result = await self._connection.execute(self._database.insert(table).values(**values))
        assert result.inserted_primary_key is not None, "one row was inserted"
        return int(result.inserted_primary_key[0])

    async def _update(self, table: Table, id: int, **values: Any) -> None:
        result = await self._connection.execute(update(table).where(table.c.id == id).values(**values))
        if result.rowcount != 1:
            raise KeyError(f"no row {id} in {table.name}")
