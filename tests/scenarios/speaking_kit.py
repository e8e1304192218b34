"""A knowledge base whose words come from a model that speaks when it is told to."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from typing import Any

from injections import passage
from scenario_kit import SUPPORT, SmallKnowledge, until, words
from test_worker import a_worker

from bot.commands.sandboxing import Sandbox
from bot.core.model import Answer, Citation, Finding, Inquiry, Text
from bot.core.ports import Listener
from bot.sandbox.openai import ChatRequest, OpenAITwin
from bot.sandbox.slack.things import TwinMessage
from bot.showing import ShowingPace
from bot.worker import Pace
from knowledge.answering import Consideration, Reason
from knowledge.base import worded
from knowledge.composing import Composer
from knowledge.models.openai_client import ModelAccess, Patience

FIRST = "Set `DATAHUB_GMS_URL` and restart the connector [1]."
SECOND = "The connector reads the metadata every hour [1]."
MADE_UP = "It also mines bitcoin on Mars for everybody [1]."
QUOTED = "> Set `DATAHUB_GMS_URL`"
QUICK = ShowingPace(before=timedelta(milliseconds=20), between=timedelta(milliseconds=20))
PATIENT = 20.0  #: real seconds; a busy machine takes its time
PATIENCE = Patience(
    connect=timedelta(seconds=2),
    first=timedelta(seconds=10),
    between=timedelta(seconds=10),
    whole=timedelta(seconds=20),
)
PASSAGE = passage(
    1,
    path="integration-guides/datahub.md",
    heading="Connect DataHub",
    url="https://docs.opendatagov.io/integrations/datahub",
    text="Set `DATAHUB_GMS_URL` and restart the connector. The connector reads the metadata every hour.",
)


class Speaker:
    """A model that says each of its parts when it is told to; `DIES` breaks the connection."""

    DIES = "DIES"

    def __init__(self) -> None:
        self._parts: asyncio.Queue[str | None] = asyncio.Queue()

    def say(self, *parts: str) -> None:
        for part in parts:
            self._parts.put_nowait(f"{part}\n\n")

    def finish(self) -> None:
        self._parts.put_nowait(None)

    def die(self) -> None:
        self._parts.put_nowait(self.DIES)

    async def __call__(self, _: ChatRequest) -> AsyncIterator[str]:
        while (part := await self._parts.get()) is not None:
            if part == self.DIES:
                raise ConnectionResetError("the model is gone")
            yield part


class SpeakingDataHub(SmallKnowledge):
    """Finds its one article, and has a model put it into words."""

    def __init__(self, twin: OpenAITwin, *, confidence: float = 0.9) -> None:
        access = ModelAccess(base_url=twin.url, model="gpt-twin", api_key=twin.api_key, patience=PATIENCE)
        self._composer = Composer(access)
        self._confidence = confidence

    async def warm_up(self) -> None:
        await self._composer.warm_up()

    async def answer(self, inquiry: Inquiry) -> Finding:
        return await self._answer(inquiry, None)

    async def answer_aloud(self, inquiry: Inquiry, listener: Listener) -> Finding:
        return await self._answer(inquiry, listener)

    async def _answer(self, inquiry: Inquiry, listener: Listener | None) -> Finding:
        if "datahub" not in inquiry.text.lower():
            return Finding(answer=None)
        return (await worded(self._consider(inquiry), inquiry, self._composer, listener)).finding

    def _consider(self, inquiry: Inquiry) -> Consideration:
        cited = Citation(path=PASSAGE.path, heading=PASSAGE.heading, url=PASSAGE.url)
        quoted = Answer(
            text=Text(body=f"{QUOTED} and restart the connector.", audience=inquiry.reader),
            citations=(cited,),
            confidence=self._confidence,
        )
        return Consideration(
            answer=quoted, confidence=self._confidence, passages=(PASSAGE,), reason=Reason.ANSWERED
        )


@asynccontextmanager
async def speaking(sandbox: Sandbox, *, ledger: Any = None) -> AsyncIterator[asyncio.Task[None]]:
    """A worker that shows what it hears almost at once; it is stopped when the block ends."""
    own, stop = sandbox.program.worker, asyncio.Event()
    worker = a_worker(
        sandbox,
        performers=replace(own._performers, showing=QUICK),
        ledger=ledger or own._ledger,
        pace=Pace(drain=timedelta(milliseconds=100)),
    )
    running = asyncio.create_task(worker.run(stop))
    try:
        yield running
    finally:
        stop.set()
        await asyncio.wait({running})


def seen(sandbox: Sandbox, thread: str, channel: str = SUPPORT) -> list[TwinMessage]:
    """What the bot says in a thread, half of it or all."""
    return [message for message in sandbox.slack.thread(channel, thread) if message.bot_id]


async def until_seen(sandbox: Sandbox, thread: str, text: str) -> None:
    async def is_seen() -> bool:
        return any(text in words(message) for message in seen(sandbox, thread))

    await until(is_seen, timeout=PATIENT)


def called(sandbox: Sandbox, *methods: str) -> list[str]:
    """The calls of these methods, in order, that Slack heard."""
    return [entry.operation for entry in sandbox.slack.journal.entries if entry.operation in methods]
