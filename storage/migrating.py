"""Bringing a database to the current schema; blocking, for the command line and before a start."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import URL, Connection, Engine, create_engine, event, text
from sqlalchemy.exc import DBAPIError

from bot.core.errors import ConfigError
from storage.database import BUSY_TIMEOUT, prepare_sqlite, refusal
from storage.urls import blocking_url, is_sqlite, parse_url

#: Any number that nothing else in the same PostgreSQL database uses for an advisory lock.
_LOCK = 0x6465736B


def migrate(url: str) -> None:
    """To the newest revision. All or nothing; two at once take turns, and the second finds nothing to do."""
    with _connected(url) as connection:
        config = _config()
        config.attributes["connection"] = connection
        command.upgrade(config, "head")


def current_revision(url: str) -> str | None:
    """The revision the database is at; None before the first migration."""
    with _connected(url) as connection:
        return MigrationContext.configure(connection).get_current_revision()


def needs_migration(url: str) -> bool:
    """Whether `migrate` has something to do; ConfigError when the database is newer than the program."""
    current, script = current_revision(url), ScriptDirectory.from_config(_config())
    if current is not None and current not in {revision.revision for revision in script.walk_revisions()}:
        raise ConfigError(
            f"DATABASE_URL: the database is at revision {current}, which this version does not know; upgrade"
        )
    return current != script.get_current_head()


def _config() -> Config:
    config = Config()
    # By path, not by the working directory: an installed wheel has its migrations beside this file.
    config.set_main_option("script_location", str(Path(__file__).with_name("migrations")))
    config.set_main_option("path_separator", "os")
    return config


@contextmanager
def _connected(url: str) -> Iterator[Connection]:
    parsed = parse_url(url)
    engine = _engine(blocking_url(parsed), BUSY_TIMEOUT)
    try:
        with engine.begin() as connection:
            if not is_sqlite(parsed):
                connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
            yield connection
    except DBAPIError as error:
        raise ConfigError(refusal(parsed, error)) from error
    finally:
        engine.dispose()


def _engine(url: URL, busy_timeout: timedelta) -> Engine:
    if not is_sqlite(url):
        return create_engine(url, hide_parameters=True, connect_args={"connect_timeout": 10})
    engine = create_engine(url, connect_args={"timeout": busy_timeout.total_seconds()})
    event.listen(engine, "connect", prepare_sqlite)
    event.listen(engine, "begin", _begin)
    return engine


def _begin(connection: Connection) -> None:
    connection.exec_driver_sql("BEGIN IMMEDIATE")
