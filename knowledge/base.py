"""The core's port to the knowledge base: questions leave the event loop here."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import structlog

from bot.core.model import PUBLIC, Answer, Citation, Correction, Finding, Inquiry, Role, Text, Verdict
from bot.core.ports import Listener
from knowledge.answering import Answerer, Consideration, Reason, widest
from knowledge.assisting import ModelClassifier, advised
from knowledge.circumstances import Circumstances
from knowledge.composing import PASSAGES, Composed, Composer
from knowledge.quoting import neutral
from knowledge.retrieval import IndexMissing, Passage
from knowledge.triaging import ExampleClassifier

THREADS = 2  #: more do not answer faster: embedding is the cost, and it has its own threads

NOT_COVERED = "not_covered"  #: a `Finding.reason`

log = structlog.get_logger()


class LocalKnowledgeBase:
    """The core's port. Loads the model and the index at the first question, or when warmed up.

    Whether to answer is decided by the passages alone. A composer, where there is one, may then say it in
    better words, or say that the passages do not answer; it can never make an answer where there was none.
    """

    def __init__(
        self,
        open_answerer: Callable[[], Answerer],
        composer: Composer | None = None,
        *,
        cache_dir: Path | None = None,
        adviser: ModelClassifier | None = None,
    ) -> None:
        self._open = open_answerer
        self._adviser = adviser
        self._composer = composer
        self._opening = threading.Lock()
        self._answerer: Answerer | None = None
        self._classifier: ExampleClassifier | None = None
        self._cache_dir = cache_dir
        self._threads = ThreadPoolExecutor(max_workers=THREADS, thread_name_prefix="knowledge")

    def close(self) -> None:
        """Let the threads end; what is under way is finished first."""
        self._threads.shutdown(wait=True)

    async def warm_up(self) -> None:
        """Load everything now, so that the first question does not wait for it."""
        await asyncio.get_running_loop().run_in_executor(self._threads, self._warm)
        if self._composer is not None:
            await self._composer.warm_up()

    async def answer(self, inquiry: Inquiry) -> Finding:
        """Look it up, in a thread of our own, and have it put into words."""
        return await self._answer(inquiry, None)

    async def answer_aloud(self, inquiry: Inquiry, listener: Listener) -> Finding:
        """The same; whoever listens hears the words of a model, each piece as soon as it has been checked."""
        return await self._answer(inquiry, listener)

    async def _answer(self, inquiry: Inquiry, listener: Listener | None) -> Finding:
        considered = await asyncio.get_running_loop().run_in_executor(self._threads, self._consider, inquiry)
        if considered is None:
            return Finding(answer=None)
        if self._composer is None:
            return considered.finding
        return (await worded(considered, inquiry, self._composer, listener)).finding

    async def classify(self, text: str, corrections: Sequence[Correction]) -> Verdict:
        """By the shipped examples and those of our own people; where they are unsure, by a model, if any."""
        local = await asyncio.get_running_loop().run_in_executor(
            self._threads, self._classify, text, tuple(corrections)
        )
        if self._adviser is None or not text.strip():
            return local
        return advised(local, await self._adviser.judge(text), text)

    def _classify(self, text: str, corrections: Sequence[Correction]) -> Verdict:
        with self._opening:
            if self._classifier is None:
                if self._answerer is None:
                    self._answerer = self._open()
                self._classifier = ExampleClassifier(self._answerer.embedder, self._cache_dir)
            classifier = self._classifier
        return classifier.classify(text, corrections)

    def _consider(self, inquiry: Inquiry) -> Consideration | None:
        try:
            return self._opened().consider(
                inquiry.text,
                reader=inquiry.reader,
                earlier=[turn.text for turn in inquiry.earlier if turn.role is Role.REQUESTER],
                circumstances=Circumstances(
                    version=inquiry.version, environment=inquiry.environment, tier=inquiry.tier
                ),
            )
        except IndexMissing:
            log.warning("index_missing")
            return None

    def _warm(self) -> None:
        """One question opens the vectors too, which loading the model alone does not."""
        try:
            self._opened().consider("warm up", reader=PUBLIC)
        except IndexMissing:
            return  # said where it matters: when somebody asks, and by `check`

    def _opened(self) -> Answerer:
        with self._opening:
            if self._answerer is None:
                self._answerer = self._open()
            return self._answerer


async def worded(
    considered: Consideration, inquiry: Inquiry, composer: Composer, listener: Listener | None = None
) -> Consideration:
    """The same in a model's words, where there is an answer and the model does well."""
    quoted = considered.answer
    if quoted is None:
        return considered
    given = considered.passages[:PASSAGES]
    readers = widest([passage.audience for passage in given])

    def hear(piece: str) -> None:
        if listener is not None:
            listener.hear(Text(body=piece, audience=readers), quoted.confidence)

    composed = await composer.compose(inquiry, given, hear)
    if composed is None:
        return considered
    if not composed.is_found:
        return replace(considered, answer=None, reason=Reason.NOT_COVERED)
    return replace(considered, answer=_answer(composed, given, quoted))


def _answer(composed: Composed, given: Sequence[Passage], quoted: Answer) -> Answer:
    """The model has read all that was given: who may not read one passage may not read these words."""
    return Answer(
        text=Text(body=composed.text, audience=widest([passage.audience for passage in given])),
        citations=tuple(
            Citation(
                path=passage.path,
                heading=neutral(passage.heading),
                url=passage.url,
                revision=passage.revision,
            )
            for passage in composed.passages
        ),
        confidence=quoted.confidence,
    )
