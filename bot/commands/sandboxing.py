"""The program with its real handlers and clients, and the vendors' twins around it, in one process."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from aiohttp import web

from bot.commands.starting import prepare_database
from bot.core.ports import KnowledgeBase, Time
from bot.sandbox import household
from bot.sandbox.movable import MovableTime
from bot.sandbox.slack.building import a_workspace
from bot.sandbox.slack.twin import SlackTwin
from bot.sandbox.zendesk.state import User
from bot.sandbox.zendesk.twin import ZendeskTwin
from bot.wiring import Program, build
from bot.worker import Pace
from config.settings import Settings

LOCAL = "127.0.0.1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sandbox:
    """Everybody, and the time they share."""

    program: Program
    slack: SlackTwin
    zendesk: ZendeskTwin
    agent: User  #: our agent, as Zendesk knows her
    time: MovableTime
    url: str  #: where the program listens

    async def settle(self) -> None:
        """Until nothing is under way anywhere: deliveries, work, and the webhooks that follow from it."""
        while True:
            before = self._seen()
            await self.slack.settled()
            await self.zendesk.settled()
            await self.program.worker.settle()
            if self._seen() == before:
                return

    async def move(self, by: timedelta) -> None:
        """Let time pass, and let everybody notice."""
        self.time.move(by)
        await self.slack.tick()
        await self.zendesk.tick()
        self.program.ledger.ring()

    def _seen(self) -> tuple[int, int]:
        return len(self.slack.journal.entries), len(self.zendesk.journal.entries)


@asynccontextmanager
async def open_sandbox(
    data: Path,
    *,
    base: Time,
    rng: random.Random,
    knowledge: KnowledgeBase,
    pace: Pace | None = None,
) -> AsyncIterator[Sandbox]:
    """Start the twins, then the program pointed at them; subscribe it to both."""
    time = MovableTime(base)
    world = a_workspace(time=time, rng=rng)
    async with SlackTwin(time, rng, world=world) as slack, ZendeskTwin(time, rng) as zendesk:
        acme = zendesk.add_organisation("Acme")
        agent = zendesk.add_agent("Ada Agent", "ada@opendatagov.example")
        household.write_policies(data / "config", world, desk_id=str(acme.id))
        secret = world.code(40)
        variables = household.environment(slack, zendesk, data=data, port=0, webhook_secret=secret)
        settings = Settings.from_environ({**variables, "PORT": "8080"})
        await asyncio.to_thread(prepare_database, settings)
        async with (
            build(
                settings,
                time=time,
                rng=rng,
                knowledge=knowledge,
                new_installation=lambda: f"{rng.getrandbits(32):08x}",
                pace=pace,
            ) as program,
            _listening(program.app) as url,
        ):
            await slack.subscribe(f"{url}/slack/events")
            zendesk.subscribe(f"{url}/zendesk/webhooks", secret)
            yield Sandbox(program=program, slack=slack, zendesk=zendesk, agent=agent, time=time, url=url)


@asynccontextmanager
async def _listening(app: web.Application) -> AsyncIterator[str]:
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
    await runner.setup()
    try:
        await web.TCPSite(runner, LOCAL, 0).start()
        yield f"http://{LOCAL}:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()
