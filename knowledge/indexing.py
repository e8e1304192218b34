"""Folders of articles → the index, again and again: only what has changed is embedded."""

from __future__ import annotations

import hashlib
import shutil
import sqlite3
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from bot.core.errors import UserFacingError
from bot.core.model import PUBLIC, Audience
from knowledge.articles import Article, UnreadableArticle, find_articles, load_article
from knowledge.catalogue import Catalogue
from knowledge.chunking import Chunk, chunk_article
from knowledge.embedding import Embedder
from knowledge.reading import Partition
from knowledge.vectors import VectorStore

_LAYOUT = 1  #: raised when the tables, the chunks or the terms change: everything is built anew
_POINTER = "current"
_BUSY = "Another process is indexing; wait until it has finished."


@dataclass(frozen=True, slots=True, kw_only=True)
class IndexReport:
    """What a refresh did."""

    articles: int  #: in the index now
    chunks: int  #: likewise
    embedded: int  #: chunks that were given to the embedder this time
    removed: int  #: articles that are gone
    errors: tuple[str, ...]  #: one sentence for each article that could not be read
    seconds: float


class Progress(Protocol):
    """Is told how far it is."""

    def __call__(self, done: int, total: int, path: str) -> None:
        """`done` of `total` articles are looked at; `path` is the one at hand."""


def no_progress(done: int, total: int, path: str) -> None:
    """Says nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where one index lies: its catalogue, and its vectors unless it has none."""

    folder: Path

    @property
    def catalogue(self) -> Catalogue:
        """The words."""
        return Catalogue(self.folder / "catalogue.sqlite")

    @property
    def chroma(self) -> Path:
        """The vectors."""
        return self.folder / "chroma"


def place_for(index_dir: Path, embedder: Embedder | None) -> Place:
    """Where the index of an embedder is built: another embedder's lies beside it."""
    made_by = embedder.name if embedder else "words only"
    key = hashlib.sha256(f"{_LAYOUT}\n{made_by}".encode()).hexdigest()[:12]
    return Place(folder=index_dir / key)


def current_place(index_dir: Path) -> Place | None:
    """The index that is searched, whatever made it."""
    try:
        name = (index_dir / _POINTER).read_text("utf-8").strip()
    except FileNotFoundError:
        return None
    place = Place(folder=index_dir / Path(name).name)
    return place if place.folder.is_dir() else None


class Indexer:
    """Brings the index to what the folders hold. One at a time, over all processes."""

    def __init__(self, index_dir: Path, embedder: Embedder | None) -> None:
        self._index_dir = index_dir
        self._embedder = embedder
        self._place = place_for(index_dir, embedder)
        self._catalogue = self._place.catalogue
        self._embedded = 0

    def refresh(
        self,
        folders: Sequence[Path],
        *,
        audience: Audience = PUBLIC,
        progress: Progress = no_progress,
    ) -> IndexReport:
        """After this the index holds exactly what could be read in these folders.

        Every article is one transaction: when this is interrupted, what was done stays done.
        """
        started = time.monotonic()
        self._embedded = 0
        roots = [_checked(folder) for folder in folders]
        self._index_dir.mkdir(parents=True, exist_ok=True)
        with _alone(self._index_dir):
            self._catalogue.create()
            if current_place(self._index_dir) is None:
                self._point()  # better a part of an index than none
            store = VectorStore(self._place.chroma) if self._embedder else None
            try:
                removed, errors = self._bring(roots, audience, store, progress)
            finally:
                if store is not None:
                    store.close()
            self._point()
            self._sweep()
        with self._catalogue.reading() as reading:
            articles, chunks = reading.counts()
        return IndexReport(
            articles=articles,
            chunks=chunks,
            embedded=self._embedded,
            removed=removed,
            errors=tuple(errors),
            seconds=time.monotonic() - started,
        )

    def _bring(
        self, roots: Sequence[Path], audience: Audience, store: VectorStore | None, progress: Progress
    ) -> tuple[int, list[str]]:
        if store is not None:
            self._reconcile(store)
        with self._catalogue.reading() as reading:
            before = reading.articles()
        files = [(root, path) for root in roots for path in find_articles(root)]
        seen: set[tuple[str, str]] = set()
        errors: list[str] = []
        for number, (root, path) in enumerate(files):
            try:
                article = load_article(path, root, audience=audience)
            except UnreadableArticle as error:
                errors.append(str(error))
                continue
            progress(number, len(files), article.path)
            key = (str(root), article.path)
            seen.add(key)
            if before.get(key) != _digest(article):
                self._index(str(root), article, store)
        gone = before.keys() - seen
        self._finish(gone, store)
        progress(len(files), len(files), "")
        return len(gone), errors

    def _index(self, root: str, article: Article, store: VectorStore | None) -> None:
        chunks = chunk_article(article)
        known = self._embed(article, chunks, store) if store is not None else []
        with self._catalogue.writing() as writing:
            for partition, digests in known:
                writing.add_vectors(partition, digests)
            writing.replace_article(root, article, _digest(article), chunks)

    def _embed(
        self, article: Article, chunks: Sequence[Chunk], store: VectorStore
    ) -> list[tuple[Partition, list[str]]]:
        """Vectors are stored before the words that point at them: a crash leaves none dangling."""
        assert self._embedder is not None
        known: list[tuple[Partition, list[str]]] = []
        for language in dict.fromkeys(chunk.language for chunk in chunks):
            texts = {chunk.digest: chunk.embedded for chunk in chunks if chunk.language is language}
            with self._catalogue.writing() as writing:
                partition = writing.partition(article.audience, language)
                missing = [digest for digest in texts if digest not in writing.vectors(partition)]
            if missing:
                vectors = self._embedder.embed_passages([texts[digest] for digest in missing])
                store.upsert(partition.id, missing, vectors)
                self._embedded += len(missing)
                known.append((partition, missing))
        return known

    def _reconcile(self, store: VectorStore) -> None:
        """Settle what a crash or a lost folder has left: the catalogue and the store agree afterwards."""
        with self._catalogue.writing() as writing:
            for partition in writing.partitions():
                noted, stored = writing.vectors(partition), store.digests(partition.id)
                if noted - stored:
                    writing.forget_vectors(partition, sorted(noted - stored))
                if stored - noted:
                    store.delete(partition.id, sorted(stored - noted))

    def _finish(self, gone: set[tuple[str, str]], store: VectorStore | None) -> None:
        with self._catalogue.writing() as writing:
            for root, path in gone:
                writing.remove_article(root, path)
            for partition in writing.partitions() if store is not None else ():
                assert store is not None
                orphans = writing.orphans(partition)
                if orphans:
                    store.delete(partition.id, orphans)
                    writing.remove_vectors(partition, orphans)
                writing.set_cloud(partition, store.cloud(partition.id))
            writing.set_meta("embedder", self._embedder.name if self._embedder else "")
            writing.set_meta("generation", str(int(writing.meta("generation") or 0) + 1))

    def _point(self) -> None:
        part = self._index_dir / f"{_POINTER}.part"
        part.write_text(self._place.folder.name, "utf-8")
        part.replace(self._index_dir / _POINTER)

    def _sweep(self) -> None:
        """Indexes of other embedders are of no use any more."""
        for folder in self._index_dir.iterdir():
            if folder.is_dir() and folder != self._place.folder:
                shutil.rmtree(folder, ignore_errors=True)


def _checked(folder: Path) -> Path:
    if not folder.is_dir():
        raise UserFacingError(f"{folder} is not a folder.")
    return folder.resolve()


def _digest(article: Article) -> str:
    parts = (
        article.title,
        article.description,
        article.url,
        str(article.audience),
        str(article.language),
        article.body,
    )
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()


@contextmanager
def _alone(index_dir: Path) -> Iterator[None]:
    """An exclusive transaction is a lock that a crashed process cannot leave behind."""
    with ExitStack() as held:
        try:
            lock = sqlite3.connect(index_dir / "lock.sqlite", isolation_level=None, timeout=0)
            held.enter_context(closing(lock)).execute("BEGIN EXCLUSIVE")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode == sqlite3.SQLITE_BUSY:
                raise UserFacingError(_BUSY) from error
            raise UserFacingError(f"{index_dir} cannot be written ({error}).") from error
        yield
