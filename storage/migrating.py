"""Bringing a database to the current schema; blocking, for the command line and before a start."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import URL, Connection, Engine, create_engine, event, text
from sqlalchemy.exc import DBAPIError

from bot.core.errors import ConfigError
from storage.opening import (
    BUSY_TIMEOUT,
    WRITES,
    begin_sqlite,
    first_line,
    prepare_sqlite,
    refusal,
    try_sqlite,
)
from storage.urls import blocking_url, is_sqlite, parse_url

#: Any number that nothing else in the same PostgreSQL database uses for an advisory lock.
_LOCK = 0x6465736B


def migrate(url: str) -> None:
    """To the newest revision. All or nothing; two at once take turns, and the second finds nothing to do."""
    config = _config()
    with migrating_connection(url) as connection:
        _revision(connection, ScriptDirectory.from_config(config))
        config.attributes["connection"] = connection
        command.upgrade(config, "head")


def current_revision(url: str) -> str | None:
    """The revision the database is at; None before the first migration."""
    with migrating_connection(url) as connection:
        return MigrationContext.configure(connection).get_current_revision()


def needs_migration(url: str) -> bool:
    """Whether `migrate` has something to do; ConfigError when the database is newer than the program."""
    script = ScriptDirectory.from_config(_config())
    with migrating_connection(url) as connection:
        return _revision(connection, script) != script.get_current_head()


def _revision(connection: Connection, script: ScriptDirectory) -> str | None:
    current = MigrationContext.configure(connection).get_current_revision()
    if current is not None and current not in {known.revision for known in script.walk_revisions()}:
        raise ConfigError(
            f"DATABASE_URL: the database is at revision {current}, made by a later version; install that one"
        )
    return current


def _config() -> Config:
    config = Config()
    # By path, not by the working directory: an installed wheel has its migrations beside this file.
    config.set_main_option("script_location", str(Path(__file__).with_name("migrations")))
    config.set_main_option("path_separator", "os")
    return config


@contextmanager
def migrating_connection(url: str) -> Iterator[Connection]:
    """A transaction that nobody else migrates in; ConfigError when the database cannot be used."""
    parsed = parse_url(url)
    if is_sqlite(parsed):
        try_sqlite(parsed, BUSY_TIMEOUT)
    engine = _engine(blocking_url(parsed))
    try:
        with engine.begin() as connection:
            if not is_sqlite(parsed):
                connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
            yield connection
    except DBAPIError as error:
        raise ConfigError(refusal(parsed, first_line(error.orig))) from error
    finally:
        engine.dispose()


def _engine(url: URL) -> Engine:
    if not is_sqlite(url):
        return create_engine(url, hide_parameters=True, connect_args={"connect_timeout": 10})
    engine = create_engine(url, connect_args={"timeout": BUSY_TIMEOUT.total_seconds()})
    event.listen(engine, "connect", prepare_sqlite)
    event.listen(engine, "begin", begin_sqlite)
    return engine.execution_options(**{WRITES: True})
