"""What goes wrong, by dice: deliveries, answers, the network, the machines."""

from __future__ import annotations

import asyncio
import fnmatch
import random
from dataclasses import dataclass
from datetime import timedelta

from people import UNTIL
from universe import PORT, Universe
from virtual_loop import Machine, dice

from bot.sandbox.faults import FaultKind
from bot.sandbox.journal import Entry

#: A call that is done after its caller has given up is repeated too early: known, see docs/simulation.md.
SLOW = 8.0  #: seconds; our clients wait for ten
ENDS = UNTIL + 60.0  #: seconds; afterwards nothing goes wrong any more
OPERATIONS = {
    "slack": ("chat.postMessage", "chat.update", "conversations.replies", "users.info", "chat.*", "*"),
    "zendesk": ("POST /api/v2/tickets", "PUT /api/v2/tickets/*", "GET *", "POST *", "*"),
}
ANSWERS = (
    FaultKind.RATE_LIMITED,
    FaultKind.SERVER_ERROR,
    FaultKind.TIMEOUT_BEFORE,
    FaultKind.TIMEOUT_AFTER,
    FaultKind.TIMEOUT_AFTER,
    FaultKind.MALFORMED_BODY,
    FaultKind.DELAY,
)
DELIVERIES = (
    FaultKind.DUPLICATE,
    FaultKind.DUPLICATE,
    FaultKind.REORDER,
    FaultKind.DELAY,
    FaultKind.TIMEOUT_BEFORE,
    FaultKind.TIMEOUT_AFTER,
    FaultKind.MALFORMED_BODY,
)
KILL_AT = (
    "chat.postMessage",
    "chat.update",
    "users.info",
    "POST /api/v2/tickets",
    "PUT /api/v2/tickets/*",
    "POST /api/v2/users/*",
    "deliver:message",
    "deliver:message",
    "deliver:block_actions",
    "deliver:ticket.*",
)


@dataclass(slots=True)
class Mischief:
    """One seed's misfortunes."""

    universe: Universe
    rng: random.Random
    is_over: bool = False

    async def live(self) -> None:
        """Until it is late; then everything is mended and every machine is up."""
        universe = self.universe
        universe.loop.killed = self._killed
        async with asyncio.TaskGroup() as group:
            for _ in range(self.rng.choice((0, 2, 4, 6, 8, 12))):
                group.create_task(self._one(dice(self.rng.random())))
        await asyncio.sleep(max(0.0, ENDS - universe.loop.time()))
        self.is_over = True
        universe.loop.kill_at.clear()
        universe.loop.kill_behind_commit.clear()
        universe.slack.faults.clear()
        universe.zendesk.faults.clear()
        for port in self._ports():
            universe.loop.network.heal(port)
        for name in universe.machines:
            if name not in universe.alive():
                universe.up(name)

    async def _one(self, rng: random.Random) -> None:
        await asyncio.sleep(rng.uniform(8, UNTIL))
        await rng.choice(
            (self._answer, self._answer, self._delivery, self._delivery, self._cut, self._kill, self._kill)
        )(rng)

    async def _answer(self, rng: random.Random) -> None:
        vendor = rng.choice(("slack", "zendesk"))
        twin = self.universe.slack if vendor == "slack" else self.universe.zendesk
        twin.faults.fail_next(
            rng.choice(OPERATIONS[vendor]),
            rng.choice(ANSWERS),
            times=rng.choice((1, 1, 2, 3, 6)),
            chance=rng.choice((1.0, 0.5)),
            retry_after=timedelta(seconds=rng.randint(1, 40)),
            status=rng.choice((500, 502, 503)),
            hang=rng.random() < 0.3,
            delay=timedelta(seconds=rng.uniform(0, SLOW)),
        )

    async def _delivery(self, rng: random.Random) -> None:
        vendor, operation = rng.choice(
            (("slack", "deliver:message"), ("slack", "deliver:*"), ("zendesk", "deliver:*"))
        )
        twin = self.universe.slack if vendor == "slack" else self.universe.zendesk
        twin.faults.fail_next(
            operation,
            rng.choice(DELIVERIES),
            times=rng.choice((1, 2, 5)),
            chance=rng.choice((1.0, 0.5)),
            delay=timedelta(seconds=rng.uniform(0, 60)),
        )

    async def _cut(self, rng: random.Random) -> None:
        port = rng.choice(self._ports())
        self.universe.loop.network.partition(port)
        await asyncio.sleep(rng.uniform(5, 120))
        self.universe.loop.network.heal(port)

    def _ports(self) -> list[int]:
        slack = int(self.universe.slack.base_url.rpartition(":")[2])
        zendesk = int(self.universe.zendesk.url.rpartition(":")[2])
        return [PORT, slack, zendesk]

    # -- machines --

    async def _kill(self, rng: random.Random) -> None:
        alive = self.universe.alive()
        if not alive:
            return
        name = rng.choice(alive)
        loop = self.universe.loop
        match rng.choice(("now", "step", "commit", "vendor", "vendor")):
            case "now":
                self.universe.down(name)
                self._killed(self.universe.machines[name])
            case "step":
                loop.kill_at[name] = loop.machine_steps[name] + rng.randint(1, 400)
            case "commit":
                loop.kill_behind_commit[name] = rng.randint(1, 6)
            case _:
                self._kill_at(rng.choice(KILL_AT), name)

    def _kill_at(self, operation: str, name: str) -> None:
        """The vendor has done it, and the machine dies before it hears so."""

        def watch(entry: Entry) -> None:
            if not fnmatch.fnmatchcase(entry.operation, operation):
                return
            for end in ends:
                end()
            machine = self.universe.machines[name]
            if not machine.is_dead and not self.is_over:
                self.universe.down(name)
                self._killed(machine)

        journals = (self.universe.slack.journal, self.universe.zendesk.journal)
        ends = [journal.subscribe(watch) for journal in journals]

    def _killed(self, machine: Machine) -> None:
        """Somebody starts it again."""
        self.universe.deaths += 1
        pause = self.universe.rng.choice((0.5, 3.0, 20.0, 75.0))
        self.universe.loop.call_later(pause, self._start, machine, context=self.universe.outside)

    def _start(self, machine: Machine) -> None:
        if self.universe.machines[machine.name] is machine:
            self.universe.up(machine.name)
