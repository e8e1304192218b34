"""Every contract test runs on a SQLite file and on PostgreSQL."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator, Callable, Iterator
from itertools import count
from pathlib import Path

import pytest
from private_postgres import PrivatePostgres, find_binaries, running_postgres

from storage.database import Database
from storage.ledger import SqlLedger
from storage.migrating import migrate

_numbers = count(1)


@pytest.fixture(scope="session")
def postgres() -> Iterator[PrivatePostgres]:
    binaries = find_binaries()
    if binaries is None:
        pytest.skip("no PostgreSQL here: neither /usr/lib/postgresql, nor PATH, nor a wheel has initdb")
    with running_postgres(binaries) as server:
        yield server


@pytest.fixture(scope="session")
def migrated_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("template") / "template.db"
    migrate(f"sqlite:///{path}")
    return path


@pytest.fixture(scope="session")
def migrated_database(postgres: PrivatePostgres) -> str:
    migrate(postgres.create("template_deskbell"))
    return "template_deskbell"


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def backend(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def empty_url(backend: str, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """A database without a schema."""
    if backend == "sqlite":
        yield f"sqlite:///{tmp_path / 'empty.db'}"
        return
    server: PrivatePostgres = request.getfixturevalue("postgres")
    name = f"empty_{next(_numbers)}"
    yield server.create(name)
    server.drop(name)


@pytest.fixture
def url(backend: str, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """A database at the current schema, copied from a template."""
    if backend == "sqlite":
        path = tmp_path / "deskbell.db"
        shutil.copy(request.getfixturevalue("migrated_file"), path)
        yield f"sqlite:///{path}"
        return
    server: PrivatePostgres = request.getfixturevalue("postgres")
    name = f"test_{next(_numbers)}"
    yield server.create(name, template=request.getfixturevalue("migrated_database"))
    server.drop(name)


@pytest.fixture
async def database(url: str) -> AsyncIterator[Database]:
    async with Database.open(url) as opened:
        yield opened


@pytest.fixture
def ledger(database: Database) -> SqlLedger:
    return SqlLedger(database)


@pytest.fixture
def make_ledger(database: Database) -> Callable[..., SqlLedger]:
    def make(**options: object) -> SqlLedger:
        return SqlLedger(database, **options)  # type: ignore[arg-type]  # each test names its own options

    return make
