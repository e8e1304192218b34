"""Versions of the index on disk: each in a folder of its own, one of them pointed at, old ones swept."""

from __future__ import annotations

import hashlib
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from bot.core.errors import UserFacingError
from knowledge.catalogue import Catalogue
from knowledge.embedding import Embedder
from knowledge.embeddings import Embeddings

LAYOUT = 4  #: raised when the tables, the chunks or the terms change: everything is built anew
# A release that knows another layout has a pointer of its own, and goes on with what it can read.
POINTER = f"current-{LAYOUT}"
_LEASE = "readers.sqlite"
_LOCK = "lock.sqlite"
_VECTORS = "vectors-"
_BUSY = "Another process is indexing; wait until it has finished."


class Busy(UserFacingError):
    """Another process is at it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where one version lies: its catalogue, and its vectors unless it has none."""

    folder: Path

    @property
    def catalogue(self) -> Catalogue:
        """The words."""
        return Catalogue(self.folder / "catalogue.sqlite")

    @property
    def chroma(self) -> Path:
        """The vectors' neighbours."""
        return self.folder / "chroma"

    @property
    def name(self) -> str:
        """Of the version; a Chroma server's collections carry it."""
        return self.folder.name


def place_for(index_dir: Path, embedder: Embedder | None) -> Place:
    """Where the index of an embedder is built: another embedder's lies beside it."""
    return Place(folder=index_dir / _key(f"{LAYOUT}\n{_made_by(embedder)}"))


def embeddings_for(index_dir: Path, embedder: Embedder) -> Embeddings:
    """What this embedder has made, whatever the layout."""
    return Embeddings(index_dir / f"{_VECTORS}{_key(embedder.name)}.sqlite")


def examples_for(index_dir: Path, embedder: Embedder) -> Embeddings:
    """Where it keeps its vectors of the sentences that kinds of questions are told by."""
    return Embeddings(index_dir / f"examples-{_key(embedder.name)}.sqlite")


def current_place(index_dir: Path) -> Place | None:
    """The version that is searched, whatever made it."""
    try:
        name = (index_dir / POINTER).read_text("utf-8").strip()
    except FileNotFoundError:
        return None
    place = Place(folder=index_dir / Path(name).name)
    return place if place.folder.is_dir() else None


def pointer_state(index_dir: Path) -> tuple[int, int] | None:
    """Changes whenever another version is pointed at: every pointer is a new file."""
    try:
        state = (index_dir / POINTER).stat()
    except FileNotFoundError:
        return None
    return state.st_ino, state.st_mtime_ns


def point_to(index_dir: Path, place: Place) -> None:
    """From now on this version is searched."""
    part = index_dir / f"{POINTER}.part"
    part.write_text(place.name, "utf-8")
    part.replace(index_dir / POINTER)


def _made_by(embedder: Embedder | None) -> str:
    return embedder.name if embedder else "words only"


def _key(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:12]


class Lease:
    """Keeps a version from being swept while it is read; a process that dies lets go of it."""

    def __init__(self, place: Place) -> None:
        # Whoever reads shares a lock on this file; whoever sweeps needs it alone.
        self._database = sqlite3.connect(
            f"{(place.folder / _LEASE).resolve().as_uri()}?mode=ro",
            uri=True,
            isolation_level=None,
            timeout=0,
            check_same_thread=False,
        )
        try:
            self._database.execute("BEGIN")
            self._database.execute("SELECT count(*) FROM sqlite_schema").fetchone()
        except BaseException:
            self._database.close()
            raise

    @staticmethod
    def prepare(place: Place) -> None:
        """Make the file that leases are taken on."""
        (place.folder / _LEASE).touch()

    def release(self) -> None:
        """It is not read any more."""
        self._database.close()


def leased_place(index_dir: Path) -> tuple[Place, Lease] | None:
    """The current version, held; None when there is none."""
    while (place := current_place(index_dir)) is not None:
        try:
            lease = Lease(place)
        except sqlite3.OperationalError:  # it is being swept, so there is another one
            if current_place(index_dir) == place:
                raise
            continue
        if current_place(index_dir) == place:
            return place, lease
        lease.release()
    return None


@contextmanager
def alone(index_dir: Path) -> Iterator[None]:
    """One writer over all processes: a crash does not leave an exclusive transaction behind."""
    index_dir.mkdir(parents=True, exist_ok=True)
    with ExitStack() as held:
        try:
            lock = sqlite3.connect(index_dir / _LOCK, isolation_level=None, timeout=0)
            held.enter_context(closing(lock)).execute("BEGIN EXCLUSIVE")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode == sqlite3.SQLITE_BUSY:
                raise Busy(_BUSY) from error
            raise UserFacingError(f"{index_dir} cannot be written ({error}).") from error
        yield


def sweep(index_dir: Path, embedder: Embedder | None) -> list[Place]:
    """Remove what no reader needs: other versions that nobody holds, and other embedders' vectors.

    What is still held is left to the next refresh. Words alone take nobody's vectors away: they were dear.
    """
    kept = current_place(index_dir)
    others = (Place(folder=folder) for folder in index_dir.iterdir() if folder.is_dir())
    removed = [place for place in others if place != kept and _remove(place.folder)]
    if embedder is not None:
        held = embeddings_for(index_dir, embedder).path.name
        for file in index_dir.glob(f"{_VECTORS}*"):
            if not file.name.startswith(held):
                file.unlink(missing_ok=True)
    for pointer in index_dir.glob("current*"):
        if pointer.is_file() and not (index_dir / Path(pointer.read_text("utf-8", "replace")).name).is_dir():
            pointer.unlink()  # of a release that knew another layout
    return removed


def _remove(folder: Path) -> bool:
    with ExitStack() as held:
        if (folder / _LEASE).exists():
            lease = sqlite3.connect(folder / _LEASE, isolation_level=None, timeout=0)
            held.enter_context(closing(lease))
            try:
                lease.execute("BEGIN EXCLUSIVE")
            except sqlite3.OperationalError:
                return False
        shutil.rmtree(folder, ignore_errors=True)
    return True
