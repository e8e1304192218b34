"""kill -9 of the serving process, anywhere in the main job: nothing is lost and nothing is doubled.

DESKBELL_CRASH_KILLS says at how many random moments: five unless told otherwise, twenty or more before a
release. When it is set, the desk is killed at every commit too. DESKBELL_CRASH_SEED says which moments.

Zendesk does not repeat a webhook whose connection was refused, and the twin does not either: an agent's
comment that came to nobody is counted as unheard, and the agent writes again.
"""

from __future__ import annotations

import asyncio
import os
import random
import sys
import time
from collections import Counter
from pathlib import Path

import pytest
from household_at_work import Household, Story, a_household, tell_main_job
from moments import COMMIT_POINTS, Moment, after

KILLS = int(os.environ.get("DESKBELL_CRASH_KILLS", "5"))
SEED = int(os.environ.get("DESKBELL_CRASH_SEED", "20261124"))


async def interrupted(house: Household, moment: Moment, question: str) -> Story:
    """The main job, with the desk killed in it and started again."""
    told = asyncio.create_task(tell_main_job(house, question))
    try:
        await moment(house)
        assert await house.desk.ended() == -9
        await house.come_back()
        return await told
    finally:
        told.cancel()


async def assert_once(house: Household, story: Story) -> None:
    await house.quiet()
    question, answer, card, *relayed = house.thread(story.asked)
    heard = story.replies[story.unheard :]
    assert question.text == story.question
    assert answer.bot_id
    assert answer.buttons == ()
    assert "DB-" in str(card.blocks)
    assert [[reply in str(message.blocks) for message in relayed] for reply in heard] == [[True]]
    (ticket,) = house.tickets(story.question)
    bodies = Counter(comment.body for comment in house.zendesk.comments(ticket.id))
    assert max(bodies.values()) == 1
    assert set(story.replies) < set(bodies)
    assert house.file.clock_states(story.question)["first_reply_time"] == "met"
    assert house.file.number("SELECT count(*) FROM tickets WHERE subject = ?", story.question) == 1
    assert house.file.parked() == []
    # A timer, such as the look for gaps on call after a start, may just be under way.
    await house.until(lambda: house.file.leased() == 0, "nothing is left leased")
    assert house.file.integrity() == "ok"


def report(line: str) -> None:
    """For whoever runs this with -s: what the assertions do not say."""
    sys.stdout.write(f"{line}\n")


@pytest.mark.slow
async def test_after_a_kill_at_a_random_moment_there_is_one_of_everything(
    tmp_path: Path, index: Path
) -> None:
    rng = random.Random(SEED)  # noqa: S311 - repeatable, not secret
    async with a_household(tmp_path / "data", index, seed=SEED) as house:
        started = time.perf_counter()
        undisturbed = await tell_main_job(house, "How do I connect DataHub? Before the kills")
        await house.quiet()
        duration = time.perf_counter() - started
        await assert_once(house, undisturbed)
        unheard = 0
        for number in range(KILLS):
            at = duration * (number + rng.random()) / KILLS  # one in each part of the job's duration
            question = f"How do I connect DataHub? Kill {number} at {at:.3f} s"
            story = await interrupted(house, after(at), question)
            await assert_once(house, story)
            unheard += story.unheard
    report(f"{KILLS} kills over {duration:.2f} s of the job; {unheard} webhooks came to nobody")


@pytest.mark.slow
@pytest.mark.skipif("DESKBELL_CRASH_KILLS" not in os.environ, reason="a minute; set DESKBELL_CRASH_KILLS")
async def test_after_a_kill_at_each_commit_there_is_one_of_everything(tmp_path: Path, index: Path) -> None:
    unheard = []
    async with a_household(tmp_path / "data", index, seed=SEED) as house:
        for name, moment in COMMIT_POINTS.items():
            story = await interrupted(house, moment, f"How do I connect DataHub? Killed when {name}")
            await assert_once(house, story)
            unheard += [name] * story.unheard
    names = ", ".join(unheard) or "none"
    report(f"{len(COMMIT_POINTS)} kills at commits; webhooks that came to nobody: {names}")
