"""What is indexed: articles, their chunks and the words they are found by, in one SQLite file."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

from bot.core.model import Audience
from knowledge.articles import Article
from knowledge.chunking import Chunk
from knowledge.geometry import Cloud
from knowledge.languages import Language, terms
from knowledge.reading import Partition, Reading

_SCHEMA = """
CREATE TABLE IF NOT EXISTS meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS partitions (
    id INTEGER PRIMARY KEY, audience TEXT NOT NULL, language TEXT NOT NULL, cloud BLOB,
    UNIQUE (audience, language)
) STRICT;
CREATE TABLE IF NOT EXISTS articles (
    id INTEGER PRIMARY KEY, folder TEXT NOT NULL, path TEXT NOT NULL, digest TEXT NOT NULL,
    title TEXT NOT NULL, url TEXT NOT NULL, audience TEXT NOT NULL,
    UNIQUE (folder, path)
) STRICT;
CREATE TABLE IF NOT EXISTS chunks (
    id INTEGER PRIMARY KEY, article INTEGER NOT NULL REFERENCES articles (id) ON DELETE CASCADE,
    partition INTEGER NOT NULL REFERENCES partitions (id), digest TEXT NOT NULL, number INTEGER NOT NULL,
    headings TEXT NOT NULL, anchor TEXT NOT NULL, text TEXT NOT NULL
) STRICT;
CREATE INDEX IF NOT EXISTS chunks_by_digest ON chunks (partition, digest);
CREATE INDEX IF NOT EXISTS chunks_by_article ON chunks (article);
CREATE TABLE IF NOT EXISTS vectors (
    partition INTEGER NOT NULL, digest TEXT NOT NULL, PRIMARY KEY (partition, digest)
) STRICT, WITHOUT ROWID;
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
        with closing(self._connect()) as database:
            database.execute("BEGIN")
            yield Reading(database)

    @contextmanager
    def writing(self) -> Iterator[Writing]:
        """One transaction: all of it or nothing."""
        with closing(self._connect()) as database:
            database.execute("BEGIN IMMEDIATE")
            yield Writing(database)
            database.execute("COMMIT")

    def _connect(self) -> sqlite3.Connection:
        database = sqlite3.connect(self._path, isolation_level=None, timeout=30)
        database.execute("PRAGMA foreign_keys = ON")
        database.execute("PRAGMA synchronous = NORMAL")
        return database


class Writing(Reading):
    """Changes within one transaction."""

    def forget_vectors(self, partition: Partition, digests: Sequence[str]) -> None:
        """The vector store has lost these: their articles will be taken for changed ones."""
        self.remove_vectors(partition, digests)
        self._database.execute(
            "UPDATE articles SET digest = '' WHERE id IN (SELECT article FROM chunks WHERE partition = ?"
            " AND digest IN (SELECT value FROM json_each(?)))",
            (partition.id, json.dumps(list(digests))),
        )

    def set_meta(self, key: str, value: str) -> None:
        """Note a fact about the index."""
        self._database.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (key, value))

    def partition(self, audience: Audience, language: Language) -> Partition:
        """The partition of an audience and a language, made if need be."""
        key = (str(audience), language.value)
        self._database.execute("INSERT OR IGNORE INTO partitions (audience, language) VALUES (?, ?)", key)
        (number,) = self._database.execute(
            "SELECT id FROM partitions WHERE audience = ? AND language = ?", key
        ).fetchone()
        self._database.execute(
            f"CREATE VIRTUAL TABLE IF NOT EXISTS words_{number} USING fts5 (title, headings, text,"
            " tokenize = \"unicode61 remove_diacritics 0 tokenchars '_'\")"
        )
        return Partition(number, audience, language)

    def set_cloud(self, partition: Partition, cloud: Cloud | None) -> None:
        """Note how the vectors of a partition lie."""
        written = cloud.to_bytes() if cloud else None
        self._database.execute("UPDATE partitions SET cloud = ? WHERE id = ?", (written, partition.id))

    def add_vectors(self, partition: Partition, digests: Sequence[str]) -> None:
        """Note that the vector store holds these."""
        self._database.executemany(
            "INSERT OR IGNORE INTO vectors VALUES (?, ?)", [(partition.id, digest) for digest in digests]
        )

    def remove_vectors(self, partition: Partition, digests: Sequence[str]) -> None:
        """Note that the vector store holds these no more."""
        self._database.executemany(
            "DELETE FROM vectors WHERE partition = ? AND digest = ?",
            [(partition.id, digest) for digest in digests],
        )

    def remove_article(self, folder: str, path: str) -> None:
        """Forget an article and its chunks; its vectors become orphans."""
        key = (folder, path)
        rows = self._database.execute(
            "SELECT chunks.id, partition FROM chunks JOIN articles ON articles.id = article"
            " WHERE folder = ? AND path = ?",
            key,
        ).fetchall()
        for chunk, partition in rows:
            self._database.execute(f"DELETE FROM words_{partition} WHERE rowid = ?", (chunk,))  # noqa: S608 - our own number
        self._database.execute("DELETE FROM articles WHERE folder = ? AND path = ?", key)

    def replace_article(self, folder: str, article: Article, digest: str, chunks: Sequence[Chunk]) -> None:
        """Put an article in the place of its older version."""
        self.remove_article(folder, article.path)
        (number,) = self._database.execute(
            "INSERT INTO articles (folder, path, digest, title, url, audience) VALUES (?, ?, ?, ?, ?, ?)"
            " RETURNING id",
            (folder, article.path, digest, article.title, article.url, str(article.audience)),
        ).fetchone()
        for chunk in chunks:
            self._add_chunk(number, article, chunk)

    def _add_chunk(self, article: int, stated: Article, chunk: Chunk) -> None:
        partition = self.partition(stated.audience, chunk.language)
        (number,) = self._database.execute(
            "INSERT INTO chunks (article, partition, digest, number, headings, anchor, text)"
            " VALUES (?, ?, ?, ?, ?, ?, ?) RETURNING id",
            (
                article,
                partition.id,
                chunk.digest,
                chunk.number,
                json.dumps(chunk.headings),
                chunk.anchor,
                chunk.text,
            ),
        ).fetchone()
        self._database.execute(
            f"INSERT INTO words_{partition.id} (rowid, title, headings, text) VALUES (?, ?, ?, ?)",  # noqa: S608 - our own number
            (
                number,
                *(
                    " ".join(terms(part, chunk.language))
                    for part in (stated.title, " ".join(chunk.headings), chunk.text)
                ),
            ),
        )
