"""Questions to the catalogue: what is indexed, and which chunks words are found in."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass

from bot.core.model import Audience, AudienceKind, OrganisationId
from knowledge.geometry import Cloud
from knowledge.languages import Language

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
    revision: str  #: the article's


def audience_of(label: str) -> Audience:
    """The inverse of str(audience)."""
    kind, _, organisation = label.partition(":")
    return Audience(AudienceKind(kind), OrganisationId(organisation) if organisation else None)


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

    def count_chunks(self, partitions: Sequence[Partition]) -> int:
        """How many chunks are in these."""
        ids = json.dumps([partition.id for partition in partitions])
        row = self._database.execute(
            "SELECT count(*) FROM chunks WHERE partition IN (SELECT value FROM json_each(?))", (ids,)
        )
        return int(row.fetchone()[0])

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
            " headings, anchor, text, articles.digest FROM chunks JOIN articles ON articles.id = article"
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


def _chunk(row: tuple[int, int, str, str, str, str, str, str, str, str, str, str]) -> StoredChunk:
    number, article, path, title, url, audience, language, digest, headings, anchor, text, version = row
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
        revision=version[:12],
    )
