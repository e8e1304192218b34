from __future__ import annotations

import random
from collections.abc import AsyncIterator, Iterator
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

import pytest
from private_postgres import PrivatePostgres, find_binaries, running_postgres
from scenario_kit import FixedTime, Open, SmallKnowledge

from bot.commands.sandboxing import Sandbox, open_sandbox
from storage.migrating import migrate


@pytest.fixture
def opened(tmp_path: Path) -> Open:
    """A sandbox with something about it: `async with opened(knowledge=…) as sandbox`."""

    def open_(**options: Any) -> AbstractAsyncContextManager[Sandbox]:
        rng = random.Random(7)  # noqa: S311 - a fixed seed is wanted
        defaults = {"base": FixedTime(), "rng": rng, "knowledge": SmallKnowledge()}
        return open_sandbox(tmp_path, **{**defaults, **options})

    return open_


@pytest.fixture
def database_url(request: pytest.FixtureRequest) -> Iterator[str | None]:
    """The embedded database; a module that uses `ON_BOTH` is told again on PostgreSQL."""
    if getattr(request, "param", "sqlite") == "sqlite":
        yield None
        return
    server: PrivatePostgres = request.getfixturevalue("postgres")
    yield server.create("scenario", template=request.getfixturevalue("migrated_database"))
    server.drop("scenario")


@pytest.fixture
async def sandbox(opened: Open, database_url: str | None) -> AsyncIterator[Sandbox]:
    async with opened(database_url=database_url) as one:
        yield one


@pytest.fixture(scope="session")
def postgres() -> Iterator[PrivatePostgres]:
    binaries = find_binaries()
    if binaries is None:
        pytest.skip("no PostgreSQL here: neither /usr/lib/postgresql, nor PATH, nor a wheel has initdb")
    with running_postgres(binaries) as server:
        yield server


@pytest.fixture(scope="session")
def migrated_database(postgres: PrivatePostgres) -> str:
    migrate(postgres.create("scenario_template"))
    return "scenario_template"
