"""The sandbox as its page sees it: twins, records and ledger as plain values, gestures as calls."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from datetime import datetime, timedelta
from pathlib import Path

from bot.commands.demo_desk import ZendeskDesk
from bot.commands.demo_ledger import LedgerWork
from bot.commands.demo_mischief import Switches
from bot.commands.demo_slack import SlackChat
from bot.commands.sandboxing import Sandbox
from bot.sandbox import household
from bot.sandbox.page.articles import FolderOfArticles
from bot.sandbox.page.streaming import Changes
from bot.sandbox.page.views import Persona, World

PATIENCE = 3.0  #: real seconds to let work finish before the clock moves


class MovedTime:
    """Implements `bot.sandbox.page.views.TimeMachine`."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox

    def now(self) -> datetime:
        return self._sandbox.time.now()

    def ahead(self) -> timedelta:
        return self._sandbox.time.ahead

    async def move(self, by: timedelta) -> None:
        # What is being retried has time passing for it too.
        with suppress(TimeoutError):
            async with asyncio.timeout(PATIENCE):
                await self._sandbox.settle()
        await self._sandbox.move(by)


def demo_world(sandbox: Sandbox, articles: Path, changes: Changes) -> World:
    """Everything the page shows, telling `changes` when the twins change."""
    personas = _personas(sandbox)
    mischief = Switches(sandbox.slack, sandbox.zendesk)
    library = FolderOfArticles(articles)
    users = dict(zip((one.key for one in personas), household.PEOPLE, strict=True))
    sandbox.slack.on_change(lambda _: changes.ring())
    sandbox.zendesk.on_change(lambda _: changes.ring())
    return World(
        personas=personas,
        chat=SlackChat(sandbox.slack, users, library.page),
        desk=ZendeskDesk(sandbox, lambda: mischief.is_zendesk_down),
        work=LedgerWork(sandbox),
        mischief=mischief,
        library=library,
        time=MovedTime(sandbox),
    )


def _personas(sandbox: Sandbox) -> tuple[Persona, ...]:
    support, community, triage = (sandbox.slack.world.channel(name).id for name in household.CHANNELS)
    return (
        Persona(key="customer", name="Carol", words="customer at Acme, Enterprise", home=support),
        Persona(key="community", name="Mia", words="community member", home=community),
        Persona(key="agent", name="Ada", words="support agent", home=support),
        Persona(key="oncall", name="Otto", words="on-call engineer", home=triage),
    )
