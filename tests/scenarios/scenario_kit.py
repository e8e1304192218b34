"""What the stories share: knowledge that knows little, and eyes for what people see."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import pytest

from bot.commands.sandboxing import Sandbox
from bot.core.model import (
    Answer,
    Citation,
    Clock,
    ConversationId,
    Correction,
    Finding,
    Inquiry,
    Metric,
    Text,
    Ticket,
    TicketId,
    Verdict,
)
from bot.core.triage import triage
from bot.sandbox.slack.things import TwinMessage

TUESDAY = datetime(2026, 11, 24, 15, 0, tzinfo=UTC)  # 10:00 in New York

SUPPORT, COMMUNITY, TRIAGE = "acme-support", "community", "triage"
KNOWN, UNKNOWN = "How do I connect DataHub?", "Why is the moon made of cheese?"
EMERGENCY = "Production is down, nothing works!"
BOT = "@Deskbell"

#: Assigned to `pytestmark` by a module whose stories are told on both databases.
ON_BOTH = pytest.mark.parametrize(
    "database_url", ["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)], indirect=True
)

Open = Callable[..., AbstractAsyncContextManager[Sandbox]]  #: `open_sandbox`, with boring defaults


class FixedTime:
    """Stands still; the sandbox moves it."""

    def now(self) -> datetime:
        return TUESDAY


class SmallKnowledge:
    """A knowledge base of one article: it knows about DataHub and nothing else."""

    async def classify(self, text: str, corrections: Sequence[Correction]) -> Verdict:
        del corrections
        return triage(text)

    async def answer(self, inquiry: Inquiry) -> Finding:
        if "datahub" not in inquiry.text.lower():
            return Finding(answer=None)
        answer = Answer(
            text=Text(body="> Set `DATAHUB_GMS_URL` and restart the connector.", audience=inquiry.reader),
            citations=(
                Citation(
                    path="integration-guides/datahub.md",
                    heading="Connect DataHub",
                    url="https://docs.opendatagov.io/integrations/datahub",
                ),
            ),
            confidence=0.9,
        )
        return Finding(answer=answer, confidence=0.9)


class SlowKnowledge(SmallKnowledge):
    """Thinks until it is told to speak."""

    def __init__(self) -> None:
        self.asked = asyncio.Event()
        self.may_answer = asyncio.Event()

    async def answer(self, inquiry: Inquiry) -> Finding:
        self.asked.set()
        await self.may_answer.wait()
        return await super().answer(inquiry)


# -- work --------------------------------------------------------------------


@asynccontextmanager
async def working(sandbox: Sandbox) -> AsyncIterator[None]:
    """The worker runs as it does in production, until the block ends."""
    stop = asyncio.Event()
    running = asyncio.create_task(sandbox.program.worker.run(stop))
    try:
        yield
    finally:
        stop.set()
        await running


async def until(condition: Callable[[], Awaitable[bool]], *, timeout: float = 5.0) -> None:
    """Return once it holds; TimeoutError after that many real seconds."""
    async with asyncio.timeout(timeout):
        while not await condition():  # noqa: ASYNC110 - records ring no bell for tests
            await asyncio.sleep(0.005)


async def heard(sandbox: Sandbox, text: str) -> bool:
    """Whether somebody's words are in the records of the first conversation."""
    async with sandbox.program.ledger.reading() as records:
        return any(message.text.body == text for message in await records.messages(ConversationId(1)))


# -- Slack -------------------------------------------------------------------


async def ask(sandbox: Sandbox, text: str, *, who: str = "carol", channel: str = SUPPORT) -> str:
    """Say something at the top level and let everybody react; the thread."""
    thread = await sandbox.slack.say(who, channel, text)
    await sandbox.settle()
    return thread


async def add(sandbox: Sandbox, thread: str, text: str, *, who: str = "carol", channel: str = SUPPORT) -> str:
    """Say something more in a thread, and let everybody react."""
    ts = await sandbox.slack.say(who, channel, text, thread)
    await sandbox.settle()
    return ts


async def press(
    sandbox: Sandbox, message: TwinMessage, button: str, *, who: str = "carol", channel: str = SUPPORT
) -> None:
    """Press a button, and let everybody react."""
    await sandbox.slack.press(who, channel, message.ts, button)
    await sandbox.settle()


def words(message: TwinMessage) -> str:
    """Everything a reader sees of a message."""
    return "\n".join(_texts(message.blocks))


def _texts(node: Any) -> Iterator[str]:
    if isinstance(node, Mapping):
        if isinstance(node.get("text"), str):
            yield node["text"]
        if node.get("type") == "user":
            yield f"<@{node['user_id']}>"
        for name, child in node.items():
            if name != "text" or not isinstance(child, str):
                yield from _texts(child)
    elif isinstance(node, list | tuple):
        for child in node:
            yield from _texts(child)


def buttons(message: TwinMessage) -> list[str]:
    return [button.action_id for button in message.buttons]


def is_card(message: TwinMessage) -> bool:
    return bool(message.blocks) and message.blocks[0]["type"] == "header"


def replies_in(sandbox: Sandbox, thread: str, channel: str = SUPPORT) -> list[TwinMessage]:
    """What the bot said in a thread, without the status card."""
    return [
        message
        for message in sandbox.slack.thread(channel, thread)
        if message.bot_id and not is_card(message)
    ]


def said_in(sandbox: Sandbox, thread: str, channel: str = SUPPORT) -> list[str]:
    return [words(message) for message in replies_in(sandbox, thread, channel)]


def cards_in(sandbox: Sandbox, thread: str, channel: str = SUPPORT) -> list[str]:
    return [words(message) for message in sandbox.slack.thread(channel, thread) if is_card(message)]


def mention(sandbox: Sandbox, who: str) -> str:
    return f"<@{sandbox.slack.world.user(who).id}>"


# -- Zendesk -----------------------------------------------------------------


def public_comments(sandbox: Sandbox, replica: int = 1) -> list[str]:
    return [comment.body for comment in sandbox.zendesk.comments(replica) if comment.public]


# -- records -----------------------------------------------------------------


async def ticket(sandbox: Sandbox, number: int = 1) -> Ticket:
    async with sandbox.program.ledger.reading() as records:
        return await records.ticket(TicketId(number))


async def clocks(sandbox: Sandbox, number: int = 1) -> dict[Metric, Clock]:
    async with sandbox.program.ledger.reading() as records:
        return {clock.metric: clock for clock in await records.clocks(TicketId(number))}


async def tickets(sandbox: Sandbox) -> Sequence[Ticket]:
    return list(reversed(await sandbox.program.ledger.tickets()))


async def parked(sandbox: Sandbox) -> list[str]:
    return [f"{one.kind} {one.reason}" for one in await sandbox.program.ledger.parked()]
