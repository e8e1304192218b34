"""However many tickets are open, a workspace's edits stay below Tier 3, and are used."""

from __future__ import annotations

import random
from datetime import timedelta
from pathlib import Path

from countdown_world import MINUTE, a_world, targets

TICKETS = 200  # bench_countdown.py does it with ten thousand
TIER_3 = 50  # a minute: https://docs.slack.dev/apis/web-api/rate-limits


async def test_edits_stay_below_the_limit_and_are_spent(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        await world.open_tickets(targets(TICKETS, random.Random(4)))  # noqa: S311 - cases, not secrets
        await world.run(4 * MINUTE, step=timedelta(seconds=2))

        assert 0 < world.most_edits_within(MINUTE) <= TIER_3
        assert len(world.edits) > 4 * 15, "what is left of the budget is spent"


async def test_a_few_tickets_are_always_told_right(tmp_path: Path) -> None:
    """With less to do than the budget allows, no card is ever more than a step and a moment behind."""
    async with a_world(tmp_path) as world:
        await world.open_tickets(targets(20, random.Random(7)))  # noqa: S311 - cases, not secrets
        for _ in range(15):
            await world.run(MINUTE, step=timedelta(seconds=5))
            for conversation, clock in world.clocks.items():
                assert world.is_right(conversation, clock, within=timedelta(seconds=20))
