"""Who says and does what, decided by dice; and a note of it, which is all that the checker is told."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from universe import CUSTOMERS, Universe
from virtual_loop import dice

from bot.sandbox.slack.gestures import NotPossible
from bot.sandbox.zendesk.refusals import Refused
from bot.sandbox.zendesk.state import Ticket

UNTIL = 300.0  #: seconds in which people speak
PAUSE = 28.0  #: between two things that one of them does, on average


class Kind(StrEnum):
    """How something was said."""

    EMERGENCY = "emergency"
    QUESTION = "question"
    RIDDLE = "riddle"
    FOLLOW_UP = "follow-up"
    AGENT_IN_SLACK = "agent in Slack"
    AGENT_IN_ZENDESK = "agent in Zendesk"
    CUSTOMER_BY_MAIL = "customer by mail"
    PRIVATE_NOTE = "private note"


ROOTS = (Kind.EMERGENCY, Kind.QUESTION, Kind.RIDDLE)
IN_SLACK = (*ROOTS, Kind.FOLLOW_UP, Kind.AGENT_IN_SLACK)


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """One utterance; its mark is in no other."""

    mark: str
    kind: Kind
    customer: str
    thread: str  #: ts of the root
    ts: str | None  #: of a message in Slack
    at: datetime


@dataclass(slots=True, kw_only=True)
class Thread:
    """One conversation of one customer."""

    customer: str
    channel: str
    ts: str
    mark: str
    is_silent: bool  #: nobody of ours does anything about it
    is_meddled_with: bool = False  #: its status or its escalation was changed by a person


@dataclass(slots=True, kw_only=True)
class Notebook:
    """Everything that was said and done."""

    said: list[Said] = field(default_factory=list)
    threads: list[Thread] = field(default_factory=list)


@dataclass(slots=True, kw_only=True)
class People:
    """Everybody with a keyboard."""

    universe: Universe
    rng: random.Random
    notebook: Notebook = field(default_factory=Notebook)

    async def live(self) -> None:
        """Several conversations at once, until it is late."""
        async with asyncio.TaskGroup() as group:
            for _ in range(self.rng.randint(2, 5)):
                group.create_task(self._converse(dice(self.rng.random())))

    async def _converse(self, rng: random.Random) -> None:
        await asyncio.sleep(5 + rng.uniform(0, UNTIL / 2))
        customer = rng.choice(sorted(CUSTOMERS))
        kind = rng.choice((Kind.EMERGENCY, Kind.EMERGENCY, Kind.QUESTION, Kind.RIDDLE))
        mark = self._mark(customer)
        channel = CUSTOMERS[customer]
        ts = await self.universe.slack.say(customer, channel, WORDS[kind].format(mark))
        silent = kind is Kind.EMERGENCY and rng.random() < 0.4
        thread = Thread(customer=customer, channel=channel, ts=ts, mark=mark, is_silent=silent)
        self.notebook.threads.append(thread)
        self._note(thread, mark, kind, ts)
        acts = self._silent_acts() if silent else self._acts()
        while self.universe.loop.time() < UNTIL and rng.random() < 0.9:
            await asyncio.sleep(rng.expovariate(1 / PAUSE) if rng.random() < 0.8 else rng.uniform(0, 0.3))
            try:
                await rng.choice(acts)(thread, rng)
            except (NotPossible, Refused):
                continue

    def _silent_acts(self) -> list[Callable[[Thread, random.Random], Awaitable[None]]]:
        return [self._follow_up]

    def _acts(self) -> list[Callable[[Thread, random.Random], Awaitable[None]]]:
        return [
            self._follow_up,
            self._follow_up,
            self._agent_in_slack,
            self._agent_in_zendesk,
            self._agent_in_zendesk,
            self._customer_by_mail,
            self._private_note,
            self._private_note,
            self._status,
            self._press,
            self._press,
            self._acknowledge,
        ]

    # -- in Slack --

    async def _follow_up(self, thread: Thread, _rng: random.Random) -> None:
        await self._say(thread, thread.customer, Kind.FOLLOW_UP)

    async def _agent_in_slack(self, thread: Thread, _rng: random.Random) -> None:
        await self._say(thread, "ada", Kind.AGENT_IN_SLACK)

    async def _say(self, thread: Thread, who: str, kind: Kind) -> None:
        mark = self._mark(thread.customer)
        ts = await self.universe.slack.say(who, thread.channel, WORDS[kind].format(mark), thread.ts)
        self._note(thread, mark, kind, ts)

    async def _press(self, thread: Thread, _rng: random.Random) -> None:
        """Ask for a ticket where that is offered; whoever sees it fail presses again later."""
        for message in self.universe.slack.thread(thread.channel, thread.ts):
            if any(button.action_id == "open_ticket" for button in message.buttons):
                await self.universe.slack.press(thread.customer, thread.channel, message.ts, "open_ticket")
                return

    async def _acknowledge(self, thread: Thread, _rng: random.Random) -> None:
        for message in self.universe.slack.history("triage"):
            if thread.mark in str(message.blocks) and any(
                button.action_id == "acknowledge" for button in message.buttons
            ):
                thread.is_meddled_with = True
                await self.universe.slack.press("otto", "triage", message.ts, "acknowledge")
                return

    # -- in Zendesk --

    def _ticket(self, thread: Thread) -> Ticket | None:
        tickets = self.universe.zendesk.tickets()
        return next((one for one in tickets if thread.mark in one.comments[0].body), None)

    async def _agent_in_zendesk(self, thread: Thread, rng: random.Random) -> None:
        if ticket := self._ticket(thread):
            mark = self._mark(thread.customer)
            self._note(thread, mark, Kind.AGENT_IN_ZENDESK, None)
            status = rng.choice((None, None, None, "pending"))
            thread.is_meddled_with |= status is not None
            words = WORDS[Kind.AGENT_IN_ZENDESK].format(mark)
            self.universe.zendesk.agent_reply(ticket.id, self.universe.agent, words, status=status)

    async def _private_note(self, thread: Thread, _rng: random.Random) -> None:
        if ticket := self._ticket(thread):
            mark = self._mark(thread.customer)
            self._note(thread, mark, Kind.PRIVATE_NOTE, None)
            words = WORDS[Kind.PRIVATE_NOTE].format(mark)
            self.universe.zendesk.agent_reply(ticket.id, self.universe.agent, words, public=False)

    async def _customer_by_mail(self, thread: Thread, _rng: random.Random) -> None:
        if ticket := self._ticket(thread):
            mark = self._mark(thread.customer)
            self._note(thread, mark, Kind.CUSTOMER_BY_MAIL, None)
            requester = self.universe.zendesk.user(ticket.requester_id)
            words = WORDS[Kind.CUSTOMER_BY_MAIL].format(mark)
            self.universe.zendesk.customer_reply(ticket.id, requester, words)

    async def _status(self, thread: Thread, rng: random.Random) -> None:
        if ticket := self._ticket(thread):
            thread.is_meddled_with = True
            status = rng.choice(("open", "pending", "hold", "solved"))
            self.universe.zendesk.set_status(ticket.id, status, self.universe.agent)

    # -- notes --

    def _mark(self, customer: str) -> str:
        return f"zq{customer}{len(self.notebook.said):03d}x"

    def _note(self, thread: Thread, mark: str, kind: Kind, ts: str | None) -> None:
        self.notebook.said.append(
            Said(
                mark=mark,
                kind=kind,
                customer=thread.customer,
                thread=thread.ts,
                ts=ts,
                at=self.universe.slack.time.now(),
            )
        )


WORDS = {
    Kind.EMERGENCY: "Production is down, nothing works! ({})",
    Kind.QUESTION: "How do I connect DataHub? ({})",
    Kind.RIDDLE: "Why is the moon made of cheese? ({})",
    Kind.FOLLOW_UP: "It was so yesterday as well, in the second region. ({})",
    Kind.AGENT_IN_SLACK: "I am looking at the logs of your cluster. ({})",
    Kind.AGENT_IN_ZENDESK: "We found the cause and roll back. ({})",
    Kind.CUSTOMER_BY_MAIL: "I write from the train, the map is empty too. ({})",
    Kind.PRIVATE_NOTE: "Between us: they forgot to renew. ({})",
}
