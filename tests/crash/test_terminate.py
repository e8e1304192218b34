"""SIGTERM: no more traffic, what is under way ends, and nothing is left to repeat."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from pathlib import Path

import aiohttp
import pytest
from household_at_work import a_household

from bot.sandbox import household
from bot.sandbox.faults import FaultKind

TAKES = timedelta(seconds=1.5)


@pytest.mark.slow
async def test_sigterm_lets_an_effect_under_way_end_and_a_restart_has_nothing_to_repeat(
    tmp_path: Path, index: Path
) -> None:
    async with a_household(tmp_path / "data", index, seed=1) as house, aiohttp.ClientSession() as session:
        house.slack.faults.fail_next("chat.postMessage", FaultKind.DELAY, delay=TAKES)
        asked = await house.slack.say(household.CUSTOMER, household.SUPPORT, "How do I connect DataHub?")
        await house.slack.journal.wait_for("chat.postMessage", timeout=30)

        house.desk.tell_to_stop()
        seen = set()
        while house.desk.process.poll() is None:
            ready = await house.desk.status("/readyz", session)
            seen.add((ready, await house.desk.status("/livez", session)))
            await asyncio.sleep(0.02)

        assert house.desk.process.returncode == 0
        assert (503, 200) in seen  # draining: alive, but no place for new traffic
        assert len(house.thread(asked)) == 2
        assert house.file.leased() == 0
        assert house.file.number("SELECT count(*) FROM effects WHERE state = 'pending'") == 0

        await house.come_back()
        await house.quiet()
        assert len(house.thread(asked)) == 2
        assert house.file.number("SELECT max(attempts) FROM effects") == 1
        assert house.file.number("SELECT max(attempts) FROM deliveries") == 1
        assert house.file.parked() == []


@pytest.mark.slow
async def test_sigterm_of_an_idle_desk_ends_it_at_once(tmp_path: Path, index: Path) -> None:
    async with a_household(tmp_path / "data", index, seed=1) as house:
        await house.quiet()

        house.desk.tell_to_stop()

        async with asyncio.timeout(5):
            assert await house.desk.ended() == 0
        assert "Traceback" not in house.desk.log.read_text()
