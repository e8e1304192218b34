"""Migrations: the schema they make is the one the program uses, on both databases."""

from __future__ import annotations

import sqlite3
import threading
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from desk_data import T0, a_delivery

from bot.core.errors import ConfigError
from storage.answer_tables import metadata  # all tables are declared by then
from storage.database import Database
from storage.ledger import SqlLedger
from storage.migrating import current_revision, migrate, migrating_connection, needs_migration


def test_an_empty_database_is_brought_to_the_current_schema(empty_url: str) -> None:
    assert (current_revision(empty_url), needs_migration(empty_url)) == (None, True)
    migrate(empty_url)
    assert current_revision(empty_url) is not None
    assert not needs_migration(empty_url)
    migrate(empty_url)


def test_the_migrated_schema_is_the_one_in_the_code(url: str) -> None:
    with migrating_connection(url) as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, metadata) == []


def test_partial_indexes_have_the_conditions_of_the_code(url: str) -> None:
    """Alembic does not compare these, and without them every claim is a full scan."""
    with migrating_connection(url) as connection:
        queries = {
            "sqlite": "SELECT name, sql FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL",
            "postgresql": "SELECT indexname, indexdef FROM pg_indexes WHERE schemaname = 'public'",
        }
        rows = connection.exec_driver_sql(queries[connection.dialect.name]).all()
        stored = {row[0]: row[1] for row in rows}
    for table in metadata.tables.values():
        for index in table.indexes:
            condition = index.dialect_options["sqlite"]["where"]
            assert (" WHERE " in stored[str(index.name)]) == (condition is not None)
            if condition is not None:
                assert str(condition).split(" ")[0] in stored[str(index.name)].rsplit(" WHERE ")[1]


def test_two_migrators_at_once_take_turns(empty_url: str) -> None:
    failures: list[BaseException] = []

    def run() -> None:
        try:
            migrate(empty_url)
        except BaseException as error:  # noqa: BLE001 - a thread's failure must reach the assertion
            failures.append(error)

    threads = [threading.Thread(target=run) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    assert failures == []
    assert not needs_migration(empty_url)


async def test_a_migrated_database_works_at_once(empty_url: str) -> None:
    migrate(empty_url)
    async with Database.open(empty_url) as database:
        assert await SqlLedger(database).accept(a_delivery(received_at=T0))


def test_a_database_from_the_future_is_refused(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'future.db'}"
    migrate(url)
    with sqlite3.connect(tmp_path / "future.db") as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    connection.close()
    with pytest.raises(ConfigError, match="revision 9999"):
        needs_migration(url)
    with pytest.raises(ConfigError, match="revision 9999"):
        migrate(url)
