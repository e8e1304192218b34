"""What a desk does with its index, or without one, when it starts."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from household_at_work import Household, a_household, tell_main_job

from knowledge.versions import POINTER


def logged(house: Household, event: str) -> list[dict[str, Any]]:
    """The lines with this event."""
    lines = [json.loads(line) for line in house.desk.log.read_text().splitlines() if line.startswith("{")]
    return [line for line in lines if line["event"] == event]


@pytest.mark.slow
async def test_without_an_index_it_starts_warns_once_and_abstains(tmp_path: Path) -> None:
    nothing = tmp_path / "nothing"
    nothing.mkdir()
    async with a_household(tmp_path / "data", nothing, seed=1) as house:
        await house.until(lambda: bool(logged(house, "nothing_indexed")), "the warning is in the log")
        story = await tell_main_job(house, "How do I connect DataHub?")  # the ticket is opened all the same
        await house.quiet()

        (warning,) = logged(house, "nothing_indexed")
        assert warning["level"] == "warning"
        assert "kb index" in warning["reason"]
        answer = house.thread(story.asked)[1]
        assert "DataHub" not in str(answer.blocks)
        assert house.file.parked() == []
        assert house.desk.process.poll() is None


@pytest.mark.slow
async def test_an_index_is_loaded_before_anybody_asks(tmp_path: Path, index: Path) -> None:
    async with a_household(tmp_path / "data", index, seed=1) as house:
        await house.until(lambda: bool(logged(house, "knowledge_warm")), "the model is loaded")

        assert logged(house, "nothing_indexed") == []


@pytest.mark.slow
async def test_a_broken_index_keeps_nobody_from_starting(tmp_path: Path) -> None:
    broken = tmp_path / "broken"
    (broken / "index" / POINTER).mkdir(parents=True)  # a folder where a file is expected
    async with a_household(tmp_path / "data", broken, seed=1) as house:
        await house.until(lambda: bool(logged(house, "knowledge_not_warm")), "the warning is in the log")

        assert house.desk.process.poll() is None
