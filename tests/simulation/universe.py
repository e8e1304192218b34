"""The vendors, the people and the machines of one seed, and the hour or the day that they have together."""

from __future__ import annotations

import asyncio
import contextvars
import gc
import hashlib
import random
import shutil
import sqlite3
from collections.abc import Sequence
from contextlib import AsyncExitStack, closing
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from pathlib import Path

from little_knowledge import LittleKnowledge
from virtual_loop import MACHINE, Machine, VirtualLoop, VirtualTime, dice
from virtual_network import sever

from bot.commands.starting import serving
from bot.sandbox import household
from bot.sandbox.household import PolicyFiles
from bot.sandbox.slack.building import a_workspace, add_channel, add_team, add_user
from bot.sandbox.slack.limits import Limits
from bot.sandbox.slack.things import ChannelKind
from bot.sandbox.slack.twin import SlackTwin
from bot.sandbox.slack.world import World
from bot.sandbox.zendesk.state import User
from bot.sandbox.zendesk.twin import ZendeskTwin
from bot.wiring import Program, build
from bot.worker import Pace, forget_old_work
from config.settings import Settings

PORT = 8080
#: Machines hear of each other's work no later than `poll`; the rest is as in production, or shorter.
PACE = Pace(poll=timedelta(seconds=45), longest_retry=timedelta(minutes=1))
TICK = 2.0  #: seconds between the looks of Slack and Zendesk at what has come due


@dataclass(slots=True, kw_only=True)
class Universe:
    """Everything of one seed."""

    loop: VirtualLoop
    rng: random.Random  #: of the people and of mischief
    data: Path
    slack: SlackTwin
    zendesk: ZendeskTwin
    agent: User
    settings: Settings
    machines: dict[str, Machine] = field(default_factory=dict)
    programs: dict[str, Program] = field(default_factory=dict)
    outside: contextvars.Context = field(default_factory=contextvars.copy_context)  #: of no machine
    deaths: int = 0
    failures: list[str] = field(default_factory=list)  #: a machine that ended by itself, and why

    def up(self, name: str) -> None:
        """Start a machine; it serves after a moment."""
        machine = Machine(name)
        self.machines[name] = machine
        context = contextvars.copy_context()
        context.run(MACHINE.set, machine)
        machine.last_words.append(partial(sever, self.loop, machine, MACHINE))
        task = self.loop.create_task(self._serve(name, machine), name=name, context=context)
        self.loop.graveyard.append(task)

    def down(self, name: str) -> None:
        """Kill it, if it lives."""
        machine = self.machines[name]
        if not machine.is_dead:
            machine.kill()

    def alive(self) -> list[str]:
        """Machines that run."""
        return [name for name, machine in self.machines.items() if not machine.is_dead]

    async def _serve(self, name: str, machine: Machine) -> None:
        """What `bot serve` does, without signals and without the lock that keeps others from the file."""
        rng = dice(self.loop.rng.random())
        time = VirtualTime(self.loop)
        try:
            async with AsyncExitStack() as stack:
                program = await stack.enter_async_context(
                    build(
                        self.settings,
                        time=time,
                        rng=rng,
                        knowledge=LittleKnowledge(),
                        new_installation=lambda: f"{rng.getrandbits(32):08x}",
                        pace=PACE,
                    )
                )
                if len(self.alive()) == 1:
                    await program.ledger.release_leases()
                await stack.enter_async_context(serving(program))
                self.programs[name] = program
                stop = asyncio.Event()
                async with asyncio.TaskGroup() as group:
                    for part in (
                        program.worker.run,
                        partial(forget_old_work, program.ledger, program.time),
                        program.auditor.run,
                    ):
                        group.create_task(part(stop))
        except BaseException as error:
            if not machine.is_dead:
                self.failures.append(f"{name} ended: {type(error).__name__}: {error}")
            raise

    def is_quiet(self) -> bool:
        """Nothing is on its way: no retry of a vendor's, and no work of ours but timers."""
        vendors = (self.slack.next_retry_at, self.zendesk.sender.next_due)
        with closing(sqlite3.connect(self.data / "deskbell.db", timeout=0)) as connection:
            rows = [
                connection.execute(f"SELECT count(*) FROM {table} WHERE state = 'pending'").fetchone()[0]  # noqa: S608 - ours
                for table in ("deliveries", "effects")
            ]
        return not any(rows) and not any(vendors)

    def journal(self) -> list[str]:
        """Everything that anybody outside has seen, in order: two runs of a seed are alike to the letter."""
        entries = [("Slack", one) for one in self.slack.journal.entries]
        entries += [("Zendesk", one) for one in self.zendesk.journal.entries]
        entries.sort(key=lambda pair: (pair[1].at, pair[0], pair[1].number))
        lines = [
            f"{one.at:%H:%M:%S.%f} {who} {one.operation} {one.outcome} {one.request}" for who, one in entries
        ]
        for channel in self.slack.world.channels.values():
            lines += [str(message) for message in channel.messages.values()]
        return [*lines, *(str(ticket) for ticket in self.zendesk.tickets())]

    def digest(self) -> str:
        """Of the journal."""
        return hashlib.sha256("\n".join(self.journal()).encode()).hexdigest()[:16]


#: Promises so short that the people of one seed live to see them broken.
SLA = """
[enterprise.P1]
calendar = "24x7"
first_reply_time = "4m"
resolution_time = "24h"
escalation = "simulated"
"""
ESCALATION = """
[simulated]
warn_percent = 80
first_reply_time = [
    { after = "2m", notify = "vp_engineering" },
    { percent = 80, notify = "manager" },
    { percent = 100, notify = "vp_engineering" },
]
resolution_time = [{ percent = 100, notify = "vp_engineering" }]
"""
CUSTOMERS = {"carol": "acme-support", "gus": "globex-support"}


def _second_customer(world: World) -> None:
    globex = add_team(world, "Globex")
    gus = add_user(world, "gus", team=globex, real_name="Gus Guest")
    add_channel(
        world,
        "globex-support",
        members=[world.user("ada"), world.user("otto"), gus],
        kind=ChannelKind.PRIVATE,
        connected=(globex,),
    )


def _policies(world: World, acme: str, globex: str) -> PolicyFiles:
    files = household.policy_files(world, desk_id=acme)
    files["organisations.toml"] += f'\n[globex]\nname = "Globex"\ntier = "Enterprise"\ndesk_id = "{globex}"\n'
    files |= {"sla.toml": SLA, "escalation.toml": ESCALATION}
    files["channels.toml"] += (
        f'\n[globex]\ndoor = "slack"\nworkspace = "{world.home.id}"\n'
        f'room = "{world.channel("globex-support").id}"\nkind = "customer"\norganisation = "globex"\n'
    )
    return files


async def create(loop: VirtualLoop, rng: random.Random, data: Path, database: Path) -> Universe:
    """Vendors that listen, and files as an administrator would write them; no machine is up yet."""
    time = VirtualTime(loop)
    vendors = dice(rng.random())
    world = a_workspace(time=time, rng=vendors)
    _second_customer(world)
    slack = SlackTwin(time, vendors, world=world, limits=Limits(time))
    zendesk = ZendeskTwin(time, vendors)
    await slack.start()
    await zendesk.start()
    acme, globex = zendesk.add_organisation("Acme"), zendesk.add_organisation("Globex")
    agent = zendesk.add_agent("Ada Agent", "ada@opendatagov.example")
    household.write_policies(data / "config", _policies(world, str(acme.id), str(globex.id)))
    shutil.copyfile(database, data / "deskbell.db")
    secret = world.code(40)
    variables = household.environment(slack, zendesk, data=data, port=PORT, webhook_secret=secret)
    world.installation.request_url = f"http://127.0.0.1:{PORT}/slack/events"
    zendesk.subscribe(f"http://127.0.0.1:{PORT}/zendesk/webhooks", secret)
    return Universe(
        loop=loop,
        rng=rng,
        data=data,
        slack=slack,
        zendesk=zendesk,
        agent=agent,
        settings=Settings.from_environ(variables),
    )


async def tick(universe: Universe) -> None:
    """Slack and Zendesk look after what is due: retries, delayed deliveries, closing tickets."""
    while True:
        await asyncio.sleep(TICK)
        await universe.slack.tick()
        await universe.zendesk.tick()


def run(loop: VirtualLoop, main: object) -> None:
    """Until `main` is over; garbage is not collected meanwhile, for when it is depends on everything."""
    asyncio.set_event_loop(loop)
    gc.disable()
    try:
        loop.run_until_complete(main)  # type: ignore[arg-type]  # a coroutine
    finally:
        asyncio.set_event_loop(None)
        gc.enable()


__all__: Sequence[str] = ("CUSTOMERS", "Universe", "create", "run", "tick")
