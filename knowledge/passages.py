"""What a search is asked and what it gives: a question, and the passages found for it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from bot.core.model import Audience
from knowledge.circumstances import NOTHING_KNOWN, Circumstances
from knowledge.embedding import Vectors
from knowledge.languages import Language
from knowledge.reading import StoredChunk


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What is asked, read once."""

    text: str
    language: Language | None  #: None: nothing tells
    vector: Vectors | None  #: None without an embedder
    circumstances: Circumstances = NOTHING_KNOWN  #: of who asks


@dataclass(frozen=True, slots=True, kw_only=True)
class Passage:
    """A section of an article that was found: its best chunk."""

    article: int
    path: str
    title: str
    heading: str
    anchor: str
    url: str  #: with the anchor; empty when the article is published nowhere
    score: float  #: of its article, less for a further section; comparable between questions to one index
    text: str
    language: Language
    audience: Audience
    revision: str = ""  #: of the article, as an answer that cites it will remember
    also_at: tuple[str, ...] = ()  #: paths of articles that are nearly the same, left out for this one


def passage_of(chunk: StoredChunk, score: float, also_at: tuple[str, ...]) -> Passage:
    """A chunk as it was found."""
    return Passage(
        article=chunk.article,
        path=chunk.path,
        title=chunk.title,
        heading=chunk.headings[-1] if chunk.headings else chunk.title,
        anchor=chunk.anchor,
        url=f"{chunk.url}#{chunk.anchor}" if chunk.url and chunk.anchor else chunk.url,
        score=score,
        text=chunk.text,
        language=chunk.language,
        audience=chunk.audience,
        revision=chunk.revision,
        also_at=also_at,
    )


def in_their_case(passages: Sequence[Passage], question: Question) -> list[Passage]:
    """Of passages that are as good, the one about the asker's own version, environment or contract first."""
    if question.circumstances == NOTHING_KNOWN:
        return list(passages)
    favoured = [
        replace(
            one,
            score=one.score
            + question.circumstances.favour(question.text, f"{one.path}\n{one.title}\n{one.heading}"),
        )
        for one in passages
    ]
    return sorted(favoured, key=lambda one: one.score, reverse=True)
