"""The program with its real handlers and clients, and the vendors' twins around it, in one process."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from types import MappingProxyType

from aiohttp import web

from bot.commands.starting import prepare_database
from bot.core.ports import KnowledgeBase, Time
from bot.sandbox import household
from bot.sandbox.household import PolicyFiles
from bot.sandbox.movable import MovableTime
from bot.sandbox.slack.building import a_workspace
from bot.sandbox.slack.twin import SlackTwin
from bot.sandbox.slack.world import World
from bot.sandbox.zendesk.state import User
from bot.sandbox.zendesk.twin import ZendeskTwin
from bot.wiring import Program, build
from bot.worker import Pace
from config.settings import Settings

LOCAL = "127.0.0.1"
MOMENT = timedelta(seconds=5)
LEAST_STEP = timedelta(milliseconds=100)  #: so that time passes even for what was due a while ago

Arrange = Callable[[World, PolicyFiles], None]  #: changes the people, the rooms and the policy files at will


@dataclass(frozen=True, slots=True, kw_only=True)
class Sandbox:
    """Everybody, and the time they share."""

    slack: SlackTwin
    zendesk: ZendeskTwin
    agent: User  #: our agent, as Zendesk knows her
    time: MovableTime
    running: Running

    @property
    def program(self) -> Program:
        """The desk itself; another one after a restart."""
        return self.running.program

    @property
    def url(self) -> str:
        """Where the program listens."""
        return self.running.url

    async def settle(self, *, within: timedelta = MOMENT) -> None:
        """Until nothing is under way anywhere: deliveries, work, and the webhooks that follow from it.

        As much as `within` passes for what only waits for its moment, a rate limit or a second try; the
        clocks of tickets run meanwhile, and what is due later stays due.
        """
        until = self.time.now() + within
        while True:
            await self._quiet()
            due_at = await self._next_due()
            if due_at is None or due_at > until:
                return
            await self.move(max(due_at - self.time.now(), LEAST_STEP))

    async def move(self, by: timedelta) -> None:
        """Let time pass, and let everybody notice."""
        self.time.move(by)
        await self.slack.tick()
        await self.zendesk.tick()
        self.program.ledger.ring()

    async def restart(self) -> None:
        """The program stops and comes up again: a new process on the same database and the same port."""
        await self.running.stop()
        await self.running.start()

    async def _quiet(self) -> None:
        while True:
            before = self._seen()
            await self.slack.settled()
            await self.zendesk.settled()
            await self.program.worker.settle()
            if self._seen() == before:
                return

    def _seen(self) -> tuple[int, int]:
        return len(self.slack.journal.entries), len(self.zendesk.journal.entries)

    async def _next_due(self) -> datetime | None:
        instants = (
            await self.program.ledger.next_due(now=self.time.now()),
            self.slack.next_retry_at,
            self.zendesk.sender.next_due,
        )
        return min((instant for instant in instants if instant is not None), default=None)


@dataclass(slots=True, kw_only=True)
class Running:
    """The program and its web server, which can go away and come back."""

    settings: Settings
    time: Time
    rng: random.Random
    knowledge: KnowledgeBase
    pace: Pace | None
    program: Program = field(init=False)
    url: str = field(init=False)
    _port: int = 0
    _stack: AsyncExitStack = field(default_factory=AsyncExitStack)

    async def start(self) -> None:
        """Open everything; the second time on the port of the first."""
        self.program = await self._stack.enter_async_context(
            build(
                self.settings,
                time=self.time,
                rng=self.rng,
                knowledge=self.knowledge,
                new_installation=lambda: f"{self.rng.getrandbits(32):08x}",
                pace=self.pace,
            )
        )
        self._port = await self._stack.enter_async_context(_listening(self.program.app, self._port))
        self.url = f"http://{LOCAL}:{self._port}"

    async def stop(self) -> None:
        """Close everything, in the opposite order."""
        await self._stack.aclose()


@asynccontextmanager
async def open_sandbox(
    data: Path,
    *,
    base: Time,
    rng: random.Random,
    knowledge: KnowledgeBase,
    pace: Pace | None = None,
    arrange: Arrange = lambda _world, _files: None,
    database_url: str | None = None,
    variables: Mapping[str, str] = MappingProxyType({}),
) -> AsyncIterator[Sandbox]:
    """Start the twins, then the program pointed at them; subscribe it to both.

    With `database_url`, whose schema must be there, the embedded database is not used. `variables` are
    settings besides those that point at the twins.
    """
    time = MovableTime(base)
    world = a_workspace(time=time, rng=rng)
    async with SlackTwin(time, rng, world=world) as slack, ZendeskTwin(time, rng) as zendesk:
        acme = zendesk.add_organisation("Acme")
        agent = zendesk.add_agent("Ada Agent", "ada@opendatagov.example")
        files = household.policy_files(world, desk_id=str(acme.id))
        arrange(world, files)
        household.write_policies(data / "config", files)
        secret = world.code(40)
        usual = household.environment(slack, zendesk, data=data, port=0, webhook_secret=secret)
        given = {"DATABASE_URL": database_url} if database_url else {}
        settings = Settings.from_environ({**usual, **given, **variables, "PORT": "8080"})
        await asyncio.to_thread(prepare_database, settings)
        running = Running(settings=settings, time=time, rng=rng, knowledge=knowledge, pace=pace)
        await running.start()
        try:
            await slack.subscribe(f"{running.url}/slack/events")
            zendesk.subscribe(f"{running.url}/zendesk/webhooks", secret)
            yield Sandbox(slack=slack, zendesk=zendesk, agent=agent, time=time, running=running)
        finally:
            await running.stop()


@asynccontextmanager
async def _listening(app: web.Application, port: int) -> AsyncIterator[int]:
    runner = web.AppRunner(app, access_log=None, auto_decompress=False, shutdown_timeout=1.0)
    await runner.setup()
    try:
        await web.TCPSite(runner, LOCAL, port).start()
        yield int(runner.addresses[0][1])
    finally:
        await runner.cleanup()
