"""kill -9 while an answer is seen growing: afterwards there is one, and it is whole.

DESKBELL_CRASH_KILLS, when it is set, adds the moments that a restart notices least.
"""

from __future__ import annotations

import asyncio
import os
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from household_at_work import Household, a_household
from moments import Moment, at_vendor, behind_commit

from bot.sandbox import household
from bot.sandbox.openai import ChatRequest, OpenAITwin
from bot.sandbox.slack.things import TwinMessage
from bot.system import SystemTime

SEED = 20261124
QUESTION = "How do I connect DataHub? Killed when {}"
MOMENTS: dict[str, Moment] = {
    "it was begun": at_vendor("chat.startStream"),
    "it had grown": at_vendor("chat.appendStream"),
    "it was planned": behind_commit("SELECT count(*) FROM effects WHERE kind = 'PostReply'"),
    "it was stopped": at_vendor("chat.stopStream"),
    "it was completed": at_vendor("chat.update"),
}
FEW = ("it had grown",)
CHOSEN = tuple(MOMENTS) if "DESKBELL_CRASH_KILLS" in os.environ else FEW


async def hesitating(request: ChatRequest) -> AsyncIterator[str]:
    """A model that quotes the first passage, sentence after sentence, with time to be seen between them."""
    passage = (
        request.text.partition('<passage number="1"')[2].partition(">\n")[2].partition("\n</passage>")[0]
    )
    sentences = [one.strip() for one in passage.replace("\n", " ").split(". ") if len(one.strip()) > 20]
    for sentence in sentences[:3]:
        yield f"{sentence.rstrip('.')} [1].\n\n"
        await asyncio.sleep(1.2)


@asynccontextmanager
async def a_speaking_household(data: Path, index: Path) -> AsyncIterator[Household]:
    rng = random.Random(SEED)  # noqa: S311 - repeatable, not secret
    async with OpenAITwin(SystemTime(), rng, model=hesitating) as twin:
        more = {
            "OPENAI_API_KEY": twin.api_key,
            "OPENAI_BASE_URL": twin.url,
            "OPENAI_MODEL": "gpt-twin",
        }
        async with a_household(data, index, seed=SEED, more=more) as house:
            yield house


def said(house: Household, asked: str) -> list[TwinMessage]:
    return [message for message in house.thread(asked) if message.bot_id]


def is_whole(house: Household, asked: str) -> bool:
    return any(message.buttons for message in said(house, asked))


@pytest.mark.slow
async def test_after_a_kill_there_is_one_whole_answer(tmp_path: Path, index: Path) -> None:
    async with a_speaking_household(tmp_path / "data", index) as house:
        for name in CHOSEN:
            killed = asyncio.ensure_future(MOMENTS[name](house))
            await asyncio.sleep(0)  # it watches from here on
            asked = await house.slack.say(household.CUSTOMER, household.SUPPORT, QUESTION.format(name))
            await killed
            assert await house.desk.ended() == -9
            await house.come_back()
            await house.until(lambda: is_whole(house, asked), f"the answer is whole after {name}")  # noqa: B023 - used at once
            await house.quiet()

            (answer,) = said(house, asked)
            assert not answer.is_streaming, name
            assert "Sources" in str(answer.blocks), name
            assert [button.action_id for button in answer.buttons] == ["helped", "not_helped", "open_ticket"]
        assert house.file.parked() == []
        await house.until(lambda: house.file.leased() == 0, "nothing is left leased")
        states = house.file.rows("SELECT state, source IS NOT NULL FROM answers")
        assert states == [("posted", 1)] * len(CHOSEN)
