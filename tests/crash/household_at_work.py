"""The twins in this process, the desk in its own, and the people who use them: one main job, told."""

from __future__ import annotations

import asyncio
import json
import random
import shutil
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from desk_file import DeskFile
from serving_process import ServingProcess, free_port

from bot.sandbox import household
from bot.sandbox.slack.building import a_workspace
from bot.sandbox.slack.things import TwinMessage
from bot.sandbox.slack.twin import SlackTwin
from bot.sandbox.zendesk.state import Comment, Ticket, User
from bot.sandbox.zendesk.twin import ZendeskTwin
from bot.system import SystemTime

PATIENCE = 45.0  #: real seconds until a person gives up
LOOK_EVERY = 0.01
LOST = ("failed", "circuit_broken", "dropped")


@dataclass(slots=True, kw_only=True)
class Household:
    """Everybody, with the machine's own clock."""

    slack: SlackTwin
    zendesk: ZendeskTwin
    agent: User
    desk: ServingProcess
    file: DeskFile

    async def until(self, holds: Callable[[], bool], what: str) -> None:
        """Wait for it; a wait that takes too long says what for, and what the desk logged."""
        try:
            async with asyncio.timeout(PATIENCE):
                while not holds():  # noqa: ASYNC110 - another process changes what is looked at
                    await asyncio.sleep(LOOK_EVERY)
        except TimeoutError:
            raise AssertionError(f"{what}: not within {PATIENCE:.0f} s; {self.desk.tail()}") from None

    async def quiet(self) -> None:
        """Nothing is under way at the twins, and the desk has nothing left to do."""
        await self.until(lambda: self.file.unfinished() == 0, "the desk's work is done")
        await self.slack.settled()
        await self.zendesk.settled()
        await self.until(lambda: self.file.unfinished() == 0, "the work that followed is done")

    async def come_back(self) -> None:
        """The desk starts again, and Slack's later retries arrive.

        Slack waits one minute and five with them. Here they are started at once, on the machine's own clock:
        moving the twin's would make every signature stale.
        """
        await self.desk.start()
        self.slack.deliveries.hurry()

    def thread(self, asked: str) -> list[TwinMessage]:
        return self.slack.thread(household.SUPPORT, asked)

    def tickets(self, subject: str) -> list[Ticket]:
        return [ticket for ticket in self.zendesk.tickets() if ticket.subject == subject]

    def is_lost(self, comment: Comment) -> bool:
        """Zendesk told us while nobody listened, and does not tell twice: only 409, 429, 503 and timeouts
        are repeated (https://developer.zendesk.com/api-reference/webhooks/introduction/)."""
        about = [
            invocation
            for invocation in self.zendesk.sender.invocations
            if invocation.operation == "deliver:ticket.comment_added"
            and str(comment.id).encode() in invocation.body
        ]
        return bool(about) and all(
            invocation.status in LOST and not self.file.stored(f"event:{json.loads(invocation.body)['id']}")
            for invocation in about
        )


@dataclass(slots=True, kw_only=True)
class Story:
    """What was said in one run of the main job."""

    question: str
    asked: str  #: the root of the thread
    replies: list[str]  #: of the agent, in Zendesk
    unheard: int = 0  #: of them, those that Zendesk told a desk that was not there


async def tell_main_job(house: Household, question: str) -> Story:
    """Question, answer, ticket, Zendesk, reply, in the thread; people repeat what visibly failed."""
    slack = house.slack
    asked = await slack.say(household.CUSTOMER, household.SUPPORT, question)
    story = Story(question=question, asked=asked, replies=[])
    await house.until(lambda: len(house.thread(asked)) > 1, "the answer is in the thread")
    await _open_ticket(house, asked)
    await house.until(lambda: bool(house.tickets(question)), "the ticket is in Zendesk")
    await house.until(lambda: len(house.thread(asked)) > 2, "the card is in the thread")
    (ticket,) = house.tickets(question)
    while len(story.replies) == story.unheard:
        reply = f"Reply {len(story.replies) + 1} to: {question}"
        comment = house.zendesk.agent_reply(ticket.id, house.agent, reply)
        story.replies.append(reply)
        await house.until(
            lambda: _is_relayed(house, asked, reply) or house.is_lost(comment),  # noqa: B023 - used before the next round
            "the agent's reply is in the thread",
        )
        if not _is_relayed(house, asked, reply):
            story.unheard += 1
            await house.until(lambda: house.desk.process.poll() is None, "the desk is back")
            await house.quiet()
    return story


async def _open_ticket(house: Household, asked: str) -> None:
    """Press the button; whoever sees it fail looks whether it did not work after all, and presses again."""
    while True:
        answer = house.thread(asked)[1]
        if not any(button.action_id == "open_ticket" for button in answer.buttons):
            return
        receipt = await house.slack.press(household.CUSTOMER, household.SUPPORT, answer.ts, "open_ticket")
        if receipt.ok:
            return
        await house.until(lambda: house.desk.process.poll() is None, "the desk is back")
        await house.quiet()


def _is_relayed(house: Household, asked: str, reply: str) -> bool:
    return any(reply in str(message.blocks) for message in house.thread(asked)[1:])


@asynccontextmanager
async def a_household(
    data: Path,
    index: Path,
    *,
    seed: int,
    more: Mapping[str, str] | None = None,
    files: Mapping[str, str] | None = None,
) -> AsyncIterator[Household]:
    """Twins and policies as in the sandbox; the desk is started, subscribed and ready.

    `more` are variables of the desk's environment besides those that point at the twins; `files` are policy
    files in the place of the sandbox's own.
    """
    time, rng = SystemTime(), random.Random(seed)  # noqa: S311 - repeatable, not secret
    world = a_workspace(time=time, rng=rng)
    shutil.copytree(index, data)
    async with SlackTwin(time, rng, world=world) as slack, ZendeskTwin(time, rng) as zendesk:
        acme = zendesk.add_organisation("Acme")
        agent = zendesk.add_agent("Ada Agent", "ada@opendatagov.example")
        policies = household.policy_files(world, desk_id=str(acme.id))
        household.write_policies(data / "config", {**policies, **(files or {})})
        secret = world.code(40)
        variables = household.environment(slack, zendesk, data=data, port=free_port(), webhook_secret=secret)
        desk = ServingProcess({**variables, **(more or {})}, data / "desk.log")
        try:
            await desk.start()
            await slack.subscribe(f"{desk.url}/slack/events")
            zendesk.subscribe(f"{desk.url}/zendesk/webhooks", secret)
            yield Household(
                slack=slack, zendesk=zendesk, agent=agent, desk=desk, file=DeskFile(data / "deskbell.db")
            )
        finally:
            desk.close()
