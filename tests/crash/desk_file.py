"""What is on the disk: the desk's own SQLite file, read beside the running process."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

WORK = ("deliveries", "effects", "timers")


class DeskFile:
    """Every question opens the file anew; WAL readers hinder nobody."""

    def __init__(self, path: Path) -> None:
        self._path = path

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        with closing(sqlite3.connect(f"file:{self._path}?mode=ro", uri=True)) as connection:
            yield connection

    def rows(self, question: str, *values: object) -> list[tuple[Any, ...]]:
        with self.reading() as connection:
            return connection.execute(question, values).fetchall()

    def number(self, question: str, *values: object) -> int:
        ((number,),) = self.rows(question, *values)
        return int(number)

    def unfinished(self) -> int:
        """Deliveries and effects that are still to be done."""
        return sum(
            self.number(f"SELECT count(*) FROM {table} WHERE state = 'pending'")  # noqa: S608 - our own names
            for table in ("deliveries", "effects")
        )

    def parked(self) -> list[tuple[Any, ...]]:
        return [
            row
            for table in ("deliveries", "effects")
            for row in self.rows(f"SELECT id, error FROM {table} WHERE state = 'parked'")  # noqa: S608 - likewise
        ]

    def leased(self) -> int:
        return sum(
            self.number(f"SELECT count(*) FROM {table} WHERE leased_until IS NOT NULL")  # noqa: S608 - likewise
            for table in WORK
        )

    def stored(self, external_id: str) -> bool:
        """Whether a delivery with the sender's id arrived."""
        return self.number("SELECT count(*) FROM deliveries WHERE external_id = ?", external_id) > 0

    def clock_states(self, subject: str) -> dict[str, str]:
        """The promises of the tickets with this subject."""
        return dict(
            self.rows(
                "SELECT metric, state FROM clocks JOIN tickets ON tickets.id = clocks.ticket"
                " WHERE subject = ?",
                subject,
            )
        )

    def integrity(self) -> str:
        ((words,),) = self.rows("PRAGMA integrity_check")
        return str(words)
