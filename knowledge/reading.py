"""Questions to the catalogue: what is indexed, and what it looks like."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache

from bot.core.model import Audience, AudienceKind, OrganisationId
from knowledge.geometry import Cloud
from knowledge.languages import Language


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
    source: str  #: likewise
    updated: str  #: likewise


@cache
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
        """(folder, path) → fingerprint of what was indexed."""
        rows = self._database.execute("SELECT folder, path, fingerprint FROM articles")
        return {(folder, path): fingerprint for folder, path, fingerprint in rows}

    def articles_with(self, digests: Iterable[str]) -> list[tuple[str, str]]:
        """(folder, path) of the articles that have a chunk embedded so."""
        rows = self._database.execute(
            "SELECT DISTINCT folder, path FROM chunks JOIN articles ON articles.id = article"
            " WHERE chunks.digest IN (SELECT value FROM json_each(?))",
            (json.dumps(list(digests)),),
        )
        return rows.fetchall()

    def sketches(self) -> list[tuple[int, str, bytes]]:
        """Of each article its number, its audience and what it looks like, in the order of paths."""
        rows = self._database.execute("SELECT id, audience, sketch FROM articles ORDER BY path, folder")
        return rows.fetchall()

    def revisions(self) -> dict[str, set[str]]:
        """Path → revision; more than one where folders hold articles of the same path."""
        found: dict[str, set[str]] = {}
        for path, revision in self._database.execute("SELECT path, revision FROM articles"):
            found.setdefault(path, set()).add(revision)
        return found

    def texts(self, partitions: Sequence[Partition]) -> Iterator[tuple[str, str, str, str]]:
        """(path, title, headings as JSON, text) of every chunk in these."""
        ids = json.dumps([partition.id for partition in partitions])
        yield from self._database.execute(
            "SELECT path, title, headings, text FROM chunks JOIN articles ON articles.id = article"
            " WHERE partition IN (SELECT value FROM json_each(?))",
            (ids,),
        )

    def articles_at(self, path: str) -> list[int]:
        """The articles of this path, one for each folder that has one."""
        return [row[0] for row in self._database.execute("SELECT id FROM articles WHERE path = ?", (path,))]

    def titles(self, articles: Sequence[int]) -> dict[int, tuple[str, str, str]]:
        """Path, title and address by article."""
        rows = self._database.execute(
            "SELECT id, path, title, url FROM articles WHERE id IN (SELECT value FROM json_each(?))",
            (json.dumps(list(articles)),),
        )
        return {number: (path, title, url) for number, path, title, url in rows}

    def counts(self) -> tuple[int, int]:
        """The numbers of articles and of chunks."""
        row = self._database.execute("SELECT (SELECT count(*) FROM articles), (SELECT count(*) FROM chunks)")
        articles, chunks = row.fetchone()
        return articles, chunks

    def rows(self, partition: Partition) -> list[tuple[int, int, int, int, str, str]]:
        """Of each chunk its number, article, family, length, digest and section, in the order of numbers."""
        found = self._database.execute(
            "SELECT chunks.id, article, family, length, chunks.digest, headings || anchor FROM chunks"
            " JOIN articles ON articles.id = article WHERE partition = ? ORDER BY chunks.id",
            (partition.id,),
        )
        return found.fetchall()

    def entries(self, partition: int, term: str) -> bytes:
        """The list of chunks that have a term; nothing when none has."""
        row = self._database.execute(
            "SELECT entries FROM postings WHERE partition = ? AND term = ?", (partition, term)
        ).fetchone()
        return row[0] if row else b""

    def digests(self, partition: Partition) -> set[str]:
        """What the chunks of a partition are embedded as."""
        rows = self._database.execute(
            "SELECT DISTINCT digest FROM chunks WHERE partition = ?", (partition.id,)
        )
        return {digest for (digest,) in rows}

    def holding(self, ids: Sequence[int], phrase: str) -> list[int]:
        """Those chunks whose text has a phrase in it, whatever the case and the spaces."""
        rows = self._database.execute(
            "SELECT id, text FROM chunks WHERE id IN (SELECT value FROM json_each(?))", (json.dumps(ids),)
        )
        wanted = _plain(phrase)
        return [chunk for chunk, text in rows if wanted in _plain(text)]

    def chunks(self, ids: Sequence[int]) -> dict[int, StoredChunk]:
        """Chunks with what is known of their articles."""
        found = self._database.execute(
            "SELECT chunks.id, article, path, title, url, articles.audience, language, chunks.digest,"
            " headings, anchor, text, revision, source, updated"
            " FROM chunks JOIN articles ON articles.id = article"
            " JOIN partitions ON partitions.id = partition"
            " WHERE chunks.id IN (SELECT value FROM json_each(?))",
            (json.dumps([int(one) for one in ids]),),
        )
        return {row[0]: _chunk(*row) for row in found}


def _plain(text: str) -> str:
    return " ".join(text.split()).casefold()


def _chunk(id: int, article: int, path: str, title: str, url: str, *rest: str) -> StoredChunk:
    audience, language, digest, headings, anchor, text, revision, source, updated = rest
    return StoredChunk(
        id=id,
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
        revision=revision,
        source=source,
        updated=updated,
    )
