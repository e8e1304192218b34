"""DATABASE_URL in all the spellings people use, and what each needs from its driver."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError

from bot.core.errors import ConfigError

_POSTGRESQL = {"postgresql", "postgres", "postgresql+psycopg"}
_SQLITE = {"sqlite", "sqlite+aiosqlite"}


def parse_url(text: str) -> URL:
    """The URL with its async driver; ConfigError says what is accepted. Never repeats the password."""
    try:
        url = make_url(text)
    except ArgumentError:
        raise ConfigError(
            "DATABASE_URL: not a URL; write sqlite:///path/to/file.db or postgresql+psycopg://user@host/name"
        ) from None
    if url.drivername in _POSTGRESQL:
        return url.set(drivername="postgresql+psycopg")
    if url.drivername not in _SQLITE:
        raise ConfigError(
            f"DATABASE_URL: {url.drivername}:// is not supported; use sqlite:/// or postgresql+psycopg://"
        )
    if url.database is None or url.database in ("", ":memory:") or url.database.startswith("file:"):
        raise ConfigError("DATABASE_URL: SQLite needs a file, such as sqlite:///data/deskbell.db")
    return url.set(drivername="sqlite+aiosqlite")


def blocking_url(url: URL) -> URL:
    """The same database for the synchronous driver that migrations use."""
    return url.set(drivername="sqlite" if is_sqlite(url) else "postgresql+psycopg")


def is_sqlite(url: URL) -> bool:
    """Whether this is the embedded database."""
    return url.get_backend_name() == "sqlite"


def file_of(url: URL) -> Path:
    """Where the embedded database lives."""
    return Path(url.database or "")
