"""Edits of status cards with many open tickets: python -m tests.benchmarks.bench_countdown [TICKETS …].

Against the plain way as a baseline: cards edited in the order in which they became wrong.
"""

from __future__ import annotations

import asyncio
import random
import sys
import tempfile
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from statistics import mean

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # where tests keep what they share

from countdown_world import MINUTE, SECOND, World, a_world, targets

from bot.core import countdown
from bot.core.cards import Card
from bot.core.policies import Calendar

MINUTES = 10


def main(sizes: list[int]) -> None:
    """One table."""
    say("tickets   order        edits/min, most in a minute   urgent cards too high by: mean, worst minute")
    for size in sizes or [100, 1_000, 10_000]:
        for order in ("worst first", "as they came"):
            asyncio.run(_measure(size, order))


async def _measure(size: int, order: str) -> None:
    rank = countdown.RANK
    if order != "worst first":
        countdown.RANK = _age
    try:
        with tempfile.TemporaryDirectory() as directory:
            async with a_world(Path(directory)) as world:
                await _report(world, size, order)
    finally:
        countdown.RANK = rank


def _age(card: Card, _calendars: Mapping[str, Calendar], now: datetime) -> float:
    return (now - card.staleness.at) / SECOND if card.staleness else 0.0


async def _report(world: World, size: int, order: str) -> None:
    await world.open_tickets(targets(size, random.Random(4)))  # noqa: S311 - cases, not secrets
    wrong = []
    for _ in range(MINUTES):
        await world.run(MINUTE, step=2 * SECOND)
        wrong.append(world.mean_wrongness())
    say(
        f"{size:7d}   {order:12} {len(world.edits) / MINUTES:9.1f} {world.most_edits_within(MINUTE):12d}"
        f" {mean(wrong):30.0%} {max(wrong):12.0%}"
    )


def say(line: str) -> None:
    """To the terminal, at once."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main([int(size) for size in sys.argv[1:]])
