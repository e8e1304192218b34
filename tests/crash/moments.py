"""When to kill: after a while, at a call the moment a vendor has done it, or right behind a commit."""

from __future__ import annotations

import asyncio
import fnmatch
from collections.abc import Awaitable, Callable

from household_at_work import PATIENCE, Household

from bot.sandbox.journal import Entry

Moment = Callable[[Household], Awaitable[None]]  #: returns when the desk has been killed

LOOK_EVERY = 0.0005  #: seconds; far less than a fsync takes


def after(seconds: float) -> Moment:
    """So long after the customer's question."""

    async def kill(house: Household) -> None:
        await asyncio.sleep(seconds)
        house.desk.kill()

    return kill


def at_vendor(operation: str) -> Moment:
    """The vendor has done it, and the desk dies before the answer: what was done is not written down.

    For a delivery to the desk (`deliver:…`): it was acknowledged, and that was all.
    """

    async def kill(house: Household) -> None:
        happened = asyncio.Event()

        def watch(entry: Entry) -> None:
            if not happened.is_set() and fnmatch.fnmatchcase(entry.operation, operation):
                house.desk.kill()  # before the twin has written its answer: watchers are called first
                happened.set()

        ends = [journal.subscribe(watch) for journal in (house.slack.journal, house.zendesk.journal)]
        try:
            async with asyncio.timeout(PATIENCE):
                await happened.wait()
        finally:
            for end in ends:
                end()

    return kill


def behind_commit(question: str) -> Moment:
    """As soon as this count on the disk has grown: the transaction is in, and nothing that follows is."""

    async def kill(house: Household) -> None:
        with house.file.reading() as connection:

            def count() -> int:
                return int(connection.execute(question).fetchone()[0])

            before = count()
            async with asyncio.timeout(PATIENCE):
                while count() <= before:  # noqa: ASYNC110 - another process commits
                    await asyncio.sleep(LOOK_EVERY)
            house.desk.kill()

    return kill


#: Every commit of the main job, and every call behind which one follows.
COMMIT_POINTS: dict[str, Moment] = {
    "the question was acknowledged": at_vendor("deliver:message"),
    "the question was stored": behind_commit("SELECT count(*) FROM deliveries"),
    "the question was understood": behind_commit("SELECT count(*) FROM messages"),
    "the answer was planned": behind_commit("SELECT count(*) FROM effects WHERE kind = 'PostReply'"),
    "the answer was posted": at_vendor("chat.postMessage"),
    "the button was acknowledged": at_vendor("deliver:block_actions"),
    "the ticket was opened": behind_commit("SELECT count(*) FROM tickets"),
    "the answer was edited": at_vendor("chat.update"),
    "the ticket was created in Zendesk": at_vendor("POST /api/v2/tickets"),
    "the replica was noted": behind_commit("SELECT count(*) FROM tickets WHERE replica IS NOT NULL"),
    "the webhook was acknowledged": at_vendor("deliver:ticket.comment_added"),
    "the agent's reply was taken over": behind_commit(
        "SELECT count(*) FROM messages WHERE source LIKE 'desk:%' AND role = 'agent'"
    ),
    "the clock was met": behind_commit("SELECT count(*) FROM clocks WHERE state = 'met'"),
}
