"""Folders of articles → the index, again and again: only what has changed is embedded."""

from __future__ import annotations

import time
from collections.abc import Collection, Iterator, Sequence
from collections.abc import Set as AbstractSet
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from bot.core.errors import UserFacingError
from bot.core.model import PUBLIC, Audience
from knowledge.articles import Article, UnreadableArticle, find_articles, fingerprint, load_article, printable
from knowledge.catalogue import Writing
from knowledge.chunking import Chunk, chunk_article
from knowledge.embedding import Embedder
from knowledge.embeddings import Embeddings
from knowledge.loaded import open_store
from knowledge.reading import Partition
from knowledge.settling import Replicas, Settlement
from knowledge.twins import families, sketch
from knowledge.vectors import ChromaServer
from knowledge.versions import Lease, Place, alone, current_place, embeddings_for, place_for, point_to, sweep

_WINDOW = 256  #: chunks, of many articles, that are embedded in one go


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


@dataclass(slots=True)
class _Window:
    """Changed articles that are embedded together."""

    articles: list[tuple[str, Article, str, list[Chunk]]] = field(default_factory=list)
    chunks: int = 0

    def texts(self, known: AbstractSet[str]) -> dict[str, str]:
        """What is to be embedded, by digest."""
        return {
            chunk.digest: chunk.embedded
            for _, _, _, chunks in self.articles
            for chunk in chunks
            if chunk.digest not in known
        }

    def partitions(self, digests: Collection[str]) -> dict[str, Partition]:
        """Which partition some belong to; the number of it is not known here, nor needed."""
        return {
            chunk.digest: Partition(0, article.audience, chunk.language)
            for _, article, _, chunks in self.articles
            for chunk in chunks
            if chunk.digest in digests
        }

    def add(self, root: str, article: Article, mark: str) -> None:
        """One more."""
        chunks = chunk_article(article)
        self.articles.append((root, article, mark, chunks))
        self.chunks += len(chunks)


class Indexer:
    """Brings the index to what the folders hold. One at a time, over all processes.

    Everything that readers see changes in one transaction at the end. What was embedded before a crash is
    kept beside, where nothing points at it.
    """

    def __init__(
        self, index_dir: Path, embedder: Embedder | None, server: ChromaServer | None = None
    ) -> None:
        self._index_dir = index_dir
        self._embedder = embedder
        self._server = server
        self._place = place_for(index_dir, embedder)
        self._embeddings = embeddings_for(index_dir, embedder) if embedder else None

    def refresh(
        self,
        folders: Sequence[Path],
        *,
        audience: Audience = PUBLIC,
        progress: Progress = no_progress,
    ) -> IndexReport:
        """After this the index holds exactly what could be read in these folders."""
        started = time.monotonic()
        roots = [_checked(folder) for folder in folders]
        with alone(self._index_dir):
            self._place.catalogue.create()
            Lease.prepare(self._place)
            run = _Run(self._place, self._embedder, self._embeddings, self._server)
            run.bring(roots, audience, progress)
            if current_place(self._index_dir) != self._place:
                point_to(self._index_dir, self._place)
            run.tidy()
            self._sweep()
        with self._place.catalogue.reading() as reading:
            articles, chunks = reading.counts()
        return IndexReport(
            articles=articles,
            chunks=chunks,
            embedded=run.embedded,
            removed=run.removed,
            errors=tuple(run.errors),
            seconds=time.monotonic() - started,
        )

    def _sweep(self) -> None:
        for place in sweep(self._index_dir, self._embedder):
            if self._server is not None:
                with closing(open_store(place, self._server)) as store:
                    store.drop()


class _Run:
    """One refresh of one version."""

    def __init__(
        self,
        place: Place,
        embedder: Embedder | None,
        embeddings: Embeddings | None,
        server: ChromaServer | None,
    ) -> None:
        self._place = place
        self._embedder = embedder
        self._embeddings = embeddings
        self._known = embeddings.known() if embeddings else set()
        self._settlement = Settlement(place, embeddings, server) if embeddings else None
        self._replicas = Replicas(place, server) if embeddings and server else None
        self.embedded = 0
        self.removed = 0
        self.errors: list[str] = []

    def bring(self, roots: Sequence[Path], audience: Audience, progress: Progress) -> None:
        """All of it or nothing."""
        with self._place.catalogue.writing() as writing:
            before = writing.articles() | dict.fromkeys(self._lost(writing), "")
            seen: set[tuple[str, str]] = set()
            windows = self._windows(roots, audience, before, seen, progress)
            changed = self._write_all(writing, windows)
            gone = before.keys() - seen
            for root, path in gone:
                writing.remove_article(root, path)
            self.removed = len(gone)
            if changed or gone or writing.meta("generation") is None:
                self._finish(writing)
            if self._settlement is not None:
                self._settlement.before_commit(writing)

    def _lost(self, writing: Writing) -> list[tuple[str, str]]:
        """Articles whose vectors are gone: they are taken for changed ones."""
        if self._embeddings is None:
            return []
        needed = {digest for partition in writing.partitions() for digest in writing.digests(partition)}
        return writing.articles_with(needed - self._known)

    def tidy(self) -> None:
        """What nothing refers to any more goes, now that nobody can see it."""
        if self._settlement is not None:
            self._settlement.after_commit()
        if self._replicas is not None:
            self._replicas.close()

    def _windows(
        self,
        roots: Sequence[Path],
        audience: Audience,
        before: dict[tuple[str, str], str],
        seen: set[tuple[str, str]],
        progress: Progress,
    ) -> Iterator[_Window]:
        """What is new or changed, in portions; everything that can be read is `seen`."""
        window = _Window()
        files = [(root, path) for root in roots for path in find_articles(root)]
        for number, (root, path) in enumerate(files):
            key = (str(root), printable(path.relative_to(root).as_posix()))
            progress(number, len(files), key[1])
            mark = f"{audience} {fingerprint(path)}"
            if before.get(key) == mark:
                seen.add(key)
                continue
            try:
                article = load_article(path, root, audience=audience)
            except UnreadableArticle as error:
                self.errors.append(str(error))
                continue
            seen.add(key)
            window.add(str(root), article, mark)
            if window.chunks >= _WINDOW:
                yield window
                window = _Window()
        yield window
        progress(len(files), len(files), "")

    def _write_all(self, writing: Writing, windows: Iterator[_Window]) -> bool:
        """While one window is embedded the one before it is written, and the next one is read."""
        changed = False
        with ThreadPoolExecutor(max_workers=1, thread_name_prefix="embedding") as aside:
            under_way: tuple[_Window, Future[None]] | None = None
            for window in windows:
                following = (window, aside.submit(self._embed, window))
                changed = changed or bool(window.articles)
                if under_way is not None:
                    _write(writing, *under_way)
                under_way = following
            if under_way is not None:
                _write(writing, *under_way)
        return changed

    def _embed(self, window: _Window) -> None:
        if self._embedder is None or self._embeddings is None:
            return
        texts = window.texts(self._known)
        if self._replicas is not None:
            for digests, vectors in self._replicas.take(window.partitions(texts)):
                self._embeddings.add(digests, vectors)
                self._known.update(digests)
            texts = window.texts(self._known)
        # In the order of length, so that what an embedder reads at a time needs little padding.
        digests = sorted(texts, key=lambda digest: len(texts[digest]))
        if digests:
            vectors = self._embedder.embed_passages([texts[digest] for digest in digests])
            self._embeddings.add(digests, vectors)
            self._known.update(digests)
            self.embedded += len(digests)

    def _finish(self, writing: Writing) -> None:
        writing.set_families(families([(key, written) for key, _, written in writing.sketches()]))
        writing.write_words()
        writing.set_meta("embedder", self._embedder.name if self._embedder else "")
        writing.next_generation()


def _write(writing: Writing, window: _Window, embedded: Future[None]) -> None:
    """Vectors are stored before the words that point at them."""
    embedded.result()
    for root, article, mark, chunks in window.articles:
        writing.replace_article(root, article, mark, sketch(article.body), chunks)


def _checked(folder: Path) -> Path:
    if not folder.is_dir():
        raise UserFacingError(f"{folder} is not a folder.")
    return folder.resolve()
