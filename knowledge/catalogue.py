"""What is indexed: articles, their chunks and the words they are found by, in one SQLite file."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

from bot.core.model import Audience
from knowledge.articles import Article
from knowledge.chunking import Chunk
from knowledge.geometry import Cloud
from knowledge.languages import Language
from knowledge.postings import Changes, CountedWords, count_words
from knowledge.reading import Partition, Reading

# Numbers of chunks are never used again: lists of who has a word stay in order by appending.
_SCHEMA = """
CREATE TABLE IF NOT EXISTS meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS partitions (
    id INTEGER PRIMARY KEY, audience TEXT NOT NULL, language TEXT NOT NULL, cloud BLOB,
    UNIQUE (audience, language)
) STRICT;
CREATE TABLE IF NOT EXISTS articles (
    id INTEGER PRIMARY KEY AUTOINCREMENT, folder TEXT NOT NULL, path TEXT NOT NULL,
    fingerprint TEXT NOT NULL, title TEXT NOT NULL, url TEXT NOT NULL, audience TEXT NOT NULL,
    source TEXT NOT NULL, revision TEXT NOT NULL, updated TEXT NOT NULL,
    sketch BLOB NOT NULL, family INTEGER NOT NULL DEFAULT 0,
    UNIQUE (folder, path)
) STRICT;
CREATE TABLE IF NOT EXISTS chunks (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    article INTEGER NOT NULL REFERENCES articles (id) ON DELETE CASCADE,
    partition INTEGER NOT NULL REFERENCES partitions (id), digest TEXT NOT NULL, number INTEGER NOT NULL,
    length INTEGER NOT NULL, headings TEXT NOT NULL, anchor TEXT NOT NULL, text TEXT NOT NULL
) STRICT;
CREATE INDEX IF NOT EXISTS chunks_by_partition ON chunks (partition, digest);
CREATE INDEX IF NOT EXISTS chunks_by_article ON chunks (article);
CREATE TABLE IF NOT EXISTS postings (
    partition INTEGER NOT NULL, term TEXT NOT NULL, entries BLOB NOT NULL, UNIQUE (partition, term)
) STRICT;
"""


class Catalogue:
    """Each call opens the file anew: threads share nothing, and see what another process has committed."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def create(self) -> None:
        """Make the file and its tables where they are missing."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        with closing(sqlite3.connect(self._path)) as database:
            database.execute("PRAGMA journal_mode = WAL")
            database.executescript(_SCHEMA)

    @contextmanager
    def reading(self) -> Iterator[Reading]:
        """A consistent view."""
        with closing(self.connect()) as database:
            database.execute("BEGIN")
            yield Reading(database)

    @contextmanager
    def writing(self) -> Iterator[Writing]:
        """One transaction: all of it or nothing."""
        with closing(self.connect()) as database:
            database.execute("BEGIN IMMEDIATE")
            yield Writing(database)
            database.execute("COMMIT")

    def connect(self, *, shared: bool = False) -> sqlite3.Connection:
        """A connection; a `shared` one is used by many threads, one at a time."""
        database = sqlite3.connect(self._path, isolation_level=None, timeout=30, check_same_thread=not shared)
        database.execute("PRAGMA foreign_keys = ON")
        database.execute("PRAGMA synchronous = NORMAL")
        return database


class Writing(Reading):
    """Changes within one transaction."""

    def __init__(self, database: sqlite3.Connection) -> None:
        super().__init__(database)
        self._words = Changes()

    def set_meta(self, key: str, value: str) -> None:
        """Note a fact about the index."""
        self._database.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (key, value))

    def next_generation(self) -> None:
        """Tell those who read that there is something new."""
        self.set_meta("generation", str(int(self.meta("generation") or 0) + 1))

    def partition(self, audience: Audience, language: Language) -> Partition:
        """The partition of an audience and a language, made if need be."""
        key = (str(audience), language.value)
        self._database.execute("INSERT OR IGNORE INTO partitions (audience, language) VALUES (?, ?)", key)
        (number,) = self._database.execute(
            "SELECT id FROM partitions WHERE audience = ? AND language = ?", key
        ).fetchone()
        return Partition(number, audience, language)

    def set_cloud(self, partition: Partition, cloud: Cloud | None) -> None:
        """Note how the vectors of a partition lie."""
        written = cloud.to_bytes() if cloud else None
        self._database.execute("UPDATE partitions SET cloud = ? WHERE id = ?", (written, partition.id))

    def set_families(self, families: Mapping[int, int]) -> None:
        """Note which articles are nearly the same."""
        self._database.executemany(
            "UPDATE articles SET family = ?1 WHERE id = ?2 AND family <> ?1",
            [(family, article) for article, family in families.items()],
        )

    def remove_article(self, folder: str, path: str) -> None:
        """Forget an article and its chunks."""
        key = (folder, path)
        rows = self._database.execute(
            "SELECT chunks.id, partition, title, headings, text, language FROM chunks"
            " JOIN articles ON articles.id = article JOIN partitions ON partitions.id = partition"
            " WHERE folder = ? AND path = ?",
            key,
        ).fetchall()
        for chunk, partition, title, headings, text, language in rows:
            words = count_words(title, json.loads(headings), text, Language(language))
            self._words.remove(partition, chunk, words)
        self._database.execute("DELETE FROM articles WHERE folder = ? AND path = ?", key)

    def replace_article(
        self, folder: str, article: Article, fingerprint: str, sketch: bytes, chunks: Sequence[Chunk]
    ) -> None:
        """Put an article in the place of its older version. Its words count after `write_words`."""
        self.remove_article(folder, article.path)
        (number,) = self._database.execute(
            "INSERT INTO articles (folder, path, fingerprint, title, url, audience, source, revision,"
            " updated, sketch) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) RETURNING id",
            (
                folder,
                article.path,
                fingerprint,
                article.title,
                article.url,
                str(article.audience),
                article.source,
                article.revision,
                article.updated,
                sketch,
            ),
        ).fetchone()
        for chunk in chunks:
            self._add_chunk(number, article, chunk)

    def _add_chunk(self, article: int, stated: Article, chunk: Chunk) -> None:
        partition = self.partition(stated.audience, chunk.language)
        words = count_words(stated.title, chunk.headings, chunk.text, chunk.language)
        number = self._insert_chunk(article, partition, chunk, words)
        self._words.add(partition.id, number, words)

    def _insert_chunk(self, article: int, partition: Partition, chunk: Chunk, words: CountedWords) -> int:
        (number,) = self._database.execute(
            "INSERT INTO chunks (article, partition, digest, number, length, headings, anchor, text)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?) RETURNING id",
            (
                article,
                partition.id,
                chunk.digest,
                chunk.number,
                words.length,
                json.dumps(chunk.headings),
                chunk.anchor,
                chunk.text,
            ),
        ).fetchone()
        return int(number)

    def write_words(self) -> None:
        """Bring the lists of words to what was added and removed: once, at the end."""
        for partition, term in self._words.lists():
            entries = self._words.applied((partition, term), self.entries(partition, term))
            self._database.execute(
                "INSERT INTO postings VALUES (?, ?, ?)"
                " ON CONFLICT (partition, term) DO UPDATE SET entries = excluded.entries"
                if entries
                else "DELETE FROM postings WHERE partition = ? AND term = ?",
                (partition, term, entries) if entries else (partition, term),
            )
        self._words = Changes()
