"""The commands of this room: plain arguments in, an exit status out, words on the terminal."""

from __future__ import annotations

import asyncio
import json
import textwrap
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from bot.core.model import PUBLIC, Audience, Inquiry, Tier
from knowledge.answering import Answerer, Consideration
from knowledge.base import worded
from knowledge.composing import Composer
from knowledge.embedding import EmbedderChoice
from knowledge.lines import read_objects
from knowledge.opening import BUILT_IN
from knowledge.retrieval import Passage
from knowledge.suggesting import Suggester
from knowledge.terminal import complain, opened, progress, say, written
from knowledge.vectors import ChromaServer

_SHORTENED = 200  #: characters of a passage in a list


def kb_index(
    folders: Sequence[Path],
    data_dir: Path,
    *,
    audience: Audience = PUBLIC,
    embedder: str | EmbedderChoice = BUILT_IN,
    threads: int = 2,
    as_json: bool = False,
    chroma: ChromaServer | None = None,
) -> int:
    """Build or refresh the index; 1 when an article could not be read."""
    with opened(data_dir, embedder, threads, chroma) as index, progress() as told:
        report = index.refresh(folders, audience=audience, progress=told)
    for error in report.errors:
        complain(error)
    if as_json:
        say(json.dumps(asdict(report), ensure_ascii=False))
    else:
        say(
            f"{report.articles} articles in {report.chunks} chunks: {report.embedded} embedded,"
            f" {report.removed} articles removed, {len(report.errors)} unreadable,"
            f" in {report.seconds:.1f} s."
        )
    return 1 if report.errors else 0


def kb_search(
    query: str,
    data_dir: Path,
    *,
    limit: int = 10,
    as_json: bool = False,
    reader: Audience = PUBLIC,
    embedder: str | EmbedderChoice = BUILT_IN,
) -> int:
    """The best passages for a query."""
    with opened(data_dir, embedder) as index:
        found = index.search(query, reader, limit=limit)
        meant = None if as_json else Suggester(index.searcher.live).did_you_mean(query, reader)
    if as_json:
        say(json.dumps([_searched(passage) for passage in found], ensure_ascii=False, indent=2))
        return 0
    if meant:
        complain(f"Did you mean: {meant}")
    for number, passage in enumerate(found, 1):
        say(f"{number}. {passage.path} — {passage.heading} ({passage.score:.2f}) {passage.url}".rstrip())
        say(f"   {_shortened(passage.text)}")
    if not found:
        say("Nothing was found.")
    return 0


def ask(
    question: str,
    data_dir: Path,
    *,
    as_json: bool = False,
    reader: Audience = PUBLIC,
    embedder: str | EmbedderChoice = BUILT_IN,
    tier: Tier = Tier.COMMUNITY,
    composer: Composer | None = None,
) -> int:
    """One question; abstaining is a fine outcome, so the status is 0."""
    inquiry = Inquiry(text=question, reader=reader, tier=tier)
    with opened(data_dir, embedder) as index, asyncio.Runner() as loop:
        considered = _answered(index.answerer(), inquiry, composer, loop)
    if as_json:
        say(json.dumps(_considered(None, considered), ensure_ascii=False, indent=2))
        return 0
    if considered.answer is None:
        say("I could not find this in the articles. Nearest:")
        for passage in considered.passages[:3]:
            say(f"- {passage.path} — {passage.heading}")
        return 0
    say(considered.answer.text.body)
    say("")
    for number, citation in enumerate(considered.answer.citations, 1):
        say(f"[{number}] {citation.path} — {citation.heading} {citation.url}".rstrip())
    return 0


def ask_batch(
    source: Path,
    target: Path,
    data_dir: Path,
    *,
    reader: Audience = PUBLIC,
    embedder: str | EmbedderChoice = BUILT_IN,
    tier: Tier = Tier.COMMUNITY,
    composer: Composer | None = None,
) -> int:
    """A file of questions, a line each; 1 when a line could not be read."""
    faults: list[str] = []
    cases = [case for _, case in read_objects(source, ("id", "question"), faults.append)]
    with (
        opened(data_dir, embedder) as index,
        progress() as told,
        written(target) as write,
        asyncio.Runner() as loop,
    ):
        answerer = index.answerer()
        for number, case in enumerate(cases):
            told(number, len(cases), str(case["id"]))
            inquiry = Inquiry(text=str(case["question"]), reader=reader, tier=tier)
            considered = _answered(answerer, inquiry, composer, loop)
            write(json.dumps(_considered(case["id"], considered), ensure_ascii=False))
        told(len(cases), len(cases), "")
    for fault in faults:
        complain(fault)
    return 1 if faults else 0


def _answered(
    answerer: Answerer, inquiry: Inquiry, composer: Composer | None, loop: asyncio.Runner
) -> Consideration:
    considered = answerer.consider(inquiry.text, reader=inquiry.reader)
    return loop.run(worded(considered, inquiry, composer)) if composer else considered


# -- out --------------------------------------------------------------------


def _searched(passage: Passage) -> dict[str, Any]:
    return {
        "path": passage.path,
        "heading": passage.heading,
        "url": passage.url,
        "score": round(passage.score, 4),
        "text": passage.text,
    }


def _considered(id: Any, considered: Consideration) -> dict[str, Any]:
    answer = considered.answer
    return {
        "id": id,
        "answer": answer.text.body if answer else None,
        "abstained": answer is None,
        "confidence": round(considered.confidence, 4),
        "citations": [asdict(citation) for citation in answer.citations] if answer else [],
        "passages": [
            {"path": passage.path, "heading": passage.heading, "score": round(passage.score, 4)}
            for passage in considered.passages
        ],
    }


def _shortened(text: str) -> str:
    return textwrap.shorten(text, _SHORTENED, placeholder=" …")
