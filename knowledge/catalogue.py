"""What is indexed: articles, their chunks and the words they are found by, in one SQLite file."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from bot.core.model import Audience, AudienceKind, OrganisationId
from knowledge.articles import Article
from knowledge.chunking import Chunk
from knowledge.geometry import Cloud
from knowledge.languages import Language, terms

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
# How much a term counts in the title, in the headings and in the text.
_WEIGHTS = "4.0, 2.0, 1.0"


@dataclass(frozen=True, slots=True)
class Partition:
    """Chunks that are searched together: of one audience and in one language."""

    id: int
    audience: Audience
    language: Language


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredChunk:
    """A chunk as it is found again, with its article's part."""

    id: int
    article: int
    path: str
    title: str
    url: str
    audience: Audience
    language: Language
    digest: str
    headings: tuple[str, ...]
    anchor: str
    text: str


def audience_of(label: str) -> Audience:
    """The inverse of str(audience)."""
    kind, _, organisation = label.partition(":")
    return Audience(AudienceKind(kind), OrganisationId(organisation) if organisation else None)


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


class Reading:
    """Questions to the catalogue within one transaction."""

    def __init__(self, database: sqlite3.Connection) -> None:
        self._database = database

    def meta(self, key: str) -> str | None:
        """A fact about the index."""
        row = self._database.execute("SELECT value FROM meta WHERE key = ?", (key,)).fetchone()
        return row[0] if row else None

    def partitions(self) -> list[Partition]:
        """All of them."""
        rows = self._database.execute("SELECT id, audience, language FROM partitions ORDER BY id")
        return [Partition(key, audience_of(audience), Language(language)) for key, audience, language in rows]

    def cloud(self, partition: Partition) -> Cloud | None:
        """How the vectors of a partition lie, once that was computed."""
        row = self._database.execute("SELECT cloud FROM partitions WHERE id = ?", (partition.id,)).fetchone()
        return Cloud.from_bytes(row[0]) if row and row[0] else None

    def articles(self) -> dict[tuple[str, str], str]:
        """(folder, path) → digest of what was indexed."""
        rows = self._database.execute("SELECT folder, path, digest FROM articles")
        return {(folder, path): digest for folder, path, digest in rows}

    def counts(self) -> tuple[int, int]:
        """The numbers of articles and of chunks."""
        row = self._database.execute("SELECT (SELECT count(*) FROM articles), (SELECT count(*) FROM chunks)")
        articles, chunks = row.fetchone()
        return articles, chunks

    def lexical(self, partition: Partition, words: Sequence[str], *, limit: int) -> dict[int, float]:
        """BM25 by chunk id, higher is better, of the best chunks with any of the words."""
        if not words:
            return {}
        query = " OR ".join(f'"{word}"' for word in dict.fromkeys(words))  # terms hold no quotation marks
        table = f"words_{partition.id}"
        rows = self._database.execute(
            f"SELECT rowid, bm25({table}, {_WEIGHTS}) AS score FROM {table}"  # noqa: S608 - our own number
            f" WHERE {table} MATCH ? ORDER BY score LIMIT ?",
            (query, limit),
        )
        return {chunk: -score for chunk, score in rows}

    def by_digest(self, partition: Partition, digests: Sequence[str]) -> dict[str, list[int]]:
        """The chunks that share a vector; a vector without a chunk is missing."""
        rows = self._database.execute(
            "SELECT digest, id FROM chunks WHERE partition = ?"
            " AND digest IN (SELECT value FROM json_each(?))",
            (partition.id, json.dumps(list(digests))),
        )
        found: dict[str, list[int]] = {}
        for digest, chunk in rows:
            found.setdefault(digest, []).append(chunk)
        return found

    def digests(self, chunks: Sequence[int]) -> dict[int, str]:
        """Which vectors belong to chunks."""
        rows = self._database.execute(
            "SELECT id, digest FROM chunks WHERE id IN (SELECT value FROM json_each(?))",
            (json.dumps(list(chunks)),),
        )
        return dict(rows.fetchall())

    def chunks(self, ids: Sequence[int]) -> dict[int, StoredChunk]:
        """Chunks with what is known of their articles."""
        rows = self._database.execute(
            "SELECT chunks.id, article, path, title, url, articles.audience, language, chunks.digest,"
            " headings, anchor, text FROM chunks JOIN articles ON articles.id = article"
            " JOIN partitions ON partitions.id = partition"
            " WHERE chunks.id IN (SELECT value FROM json_each(?))",
            (json.dumps(list(ids)),),
        )
        return {row[0]: _chunk(row) for row in rows}

    def sizes(self, articles: Sequence[int]) -> dict[int, int]:
        """How many chunks articles have."""
        rows = self._database.execute(
            "SELECT article, count(*) FROM chunks WHERE article IN (SELECT value FROM json_each(?))"
            " GROUP BY article",
            (json.dumps(list(articles)),),
        )
        return dict(rows.fetchall())

    def articles_with(self, partition: Partition, words: Sequence[str]) -> set[int]:
        """The articles that have a chunk with all of the words."""
        if not words:
            return set()
        query = " AND ".join(f'"{word}"' for word in words)
        table = f"words_{partition.id}"
        rows = self._database.execute(
            f"SELECT DISTINCT article FROM {table} JOIN chunks ON chunks.id = {table}.rowid"  # noqa: S608 - our own number
            f" WHERE {table} MATCH ?",
            (query,),
        )
        return {article for (article,) in rows}

    def vectors(self, partition: Partition) -> set[str]:
        """Digests of the vectors that the vector store is known to hold."""
        rows = self._database.execute("SELECT digest FROM vectors WHERE partition = ?", (partition.id,))
        return {digest for (digest,) in rows}

    def orphans(self, partition: Partition) -> list[str]:
        """Digests of vectors that no chunk needs any more."""
        rows = self._database.execute(
            "SELECT digest FROM vectors WHERE partition = ?1 EXCEPT"
            " SELECT digest FROM chunks WHERE partition = ?1",
            (partition.id,),
        )
        return [digest for (digest,) in rows]


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


def _chunk(row: tuple[int, int, str, str, str, str, str, str, str, str, str]) -> StoredChunk:
    number, article, path, title, url, audience, language, digest, headings, anchor, text = row
    return StoredChunk(
        id=number,
        article=article,
        path=path,
        title=title,
        url=url,
        audience=audience_of(audience),
        language=Language(language),
        digest=digest,
        headings=tuple(json.loads(headings)),
        anchor=anchor,
        text=text,
    )
