"""The core's port to the knowledge base: questions leave the event loop here."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import structlog

from bot.core.model import PUBLIC, Finding, Inquiry
from knowledge.answering import Answerer
from knowledge.retrieval import IndexMissing

THREADS = 2  #: more do not answer faster: embedding is the cost, and it has its own threads

log = structlog.get_logger()


class LocalKnowledgeBase:
    """The core's port. Loads the model and the index at the first question, or when warmed up."""

    def __init__(self, open_answerer: Callable[[], Answerer]) -> None:
        self._open = open_answerer
        self._opening = threading.Lock()
        self._answerer: Answerer | None = None
        self._threads = ThreadPoolExecutor(max_workers=THREADS, thread_name_prefix="knowledge")

    def close(self) -> None:
        """Let the threads end; what is under way is finished first."""
        self._threads.shutdown(wait=True)

    async def warm_up(self) -> None:
        """Load everything now, so that the first question does not wait for it."""
        await asyncio.get_running_loop().run_in_executor(self._threads, self._warm)

    async def answer(self, inquiry: Inquiry) -> Finding:
        """Look it up, in a thread of our own."""
        return await asyncio.get_running_loop().run_in_executor(self._threads, self._answer, inquiry)

    def _answer(self, inquiry: Inquiry) -> Finding:
        try:
            considered = self._opened().consider(inquiry.text, reader=inquiry.reader)
        except IndexMissing:
            log.warning("index_missing")
            return Finding(answer=None)
        return considered.finding

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
