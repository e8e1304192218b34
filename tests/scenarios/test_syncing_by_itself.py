"""`serve` keeps up with its sources: what is written there is cited here, without a restart."""

from __future__ import annotations

import asyncio
import random
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from bot.core.model import PUBLIC, Inquiry, Tier
from bot.sandbox.helpcenter import HelpCenterTwin
from bot.sandbox.refusals import Refusal, listening
from bot.syncing import COMMAND, Syncing, exposition
from bot.system import SystemTime
from bot.wiring import open_knowledge
from config.settings import EmbedderSettings
from config.sources import SourceSettings, load_sources
from config.tables import Layers
from knowledge.base import LocalKnowledgeBase
from knowledge.sources.history import BUSY, History, Tries
from knowledge.versions import alone

WORDS_ALONE = EmbedderSettings(name="none", url="", api_key=None)
PATIENCE = 300.0  #: seconds; each sync is a process of low priority


class WatchedHistory(History):
    """Tells when it is looked at, as the part does before and after each sync."""

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self.looked_at = asyncio.Event()

    def read(self) -> dict[str, Tries]:
        self.looked_at.set()
        return super().read()


class World:
    """A Help Center, the part of `serve` that reads it, and the knowledge base beside it."""

    def __init__(self, data: Path, help_center: HelpCenterTwin, sources: Sequence[SourceSettings]) -> None:
        self.data = data
        self.help_center = help_center
        self.sources = sources
        self.history = WatchedHistory(data / "sources")
        self.indexed = 0
        self.fresh = asyncio.Event()

    async def refreshed(self) -> None:
        self.indexed += 1
        self.fresh.set()

    async def news(self) -> None:
        """Until something has been indexed since it was asked for last."""
        async with asyncio.timeout(PATIENCE):
            await self.fresh.wait()
        self.fresh.clear()

    @asynccontextmanager
    async def syncing(self, every: timedelta = timedelta(seconds=1)) -> AsyncIterator[None]:
        part = Syncing(
            [replace(source, every=every) for source in self.sources],
            self.history,
            self.refreshed,
            time=SystemTime(),
            rng=random.Random(5),  # noqa: S311 - repeatable on purpose
        )
        stop = asyncio.Event()
        running = asyncio.create_task(part.run(stop))
        try:
            yield
        finally:
            stop.set()
            await running

    async def tries(self, count: int) -> None:
        """Until the source was tried so often."""
        seen: set[datetime] = set()
        async with asyncio.timeout(PATIENCE):
            while len(seen) < count:
                await self.history.looked_at.wait()
                self.history.looked_at.clear()
                seen |= {one.tried_at for one in History.read(self.history).values()}


@pytest.fixture
async def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[World]:
    help_center, config, data = HelpCenterTwin(), tmp_path / "config", tmp_path / "data"
    config.mkdir()
    help_center.write(1, "Rotating tokens", "<p>Rotate every token in the vault.</p>")
    async with listening(help_center.app()) as url:
        table = f'[help]\nkind = "helpcenter"\nurl = "{url}"\nlocales = ["en-us"]\n'
        (config / "sources.toml").write_text(table, "utf-8")
        for name, value in {
            "DESKBELL_DATA": str(data),
            "DESKBELL_CONFIG": str(config),
            "DESKBELL_EMBEDDER": "none",
        }.items():
            monkeypatch.setenv(name, value)
        yield World(data, help_center, load_sources(Layers(config), {}))


async def cited(base: LocalKnowledgeBase, question: str) -> set[str]:
    finding = await base.answer(Inquiry(text=question, reader=PUBLIC, tier=Tier.COMMUNITY))
    return {one.path for one in finding.answer.citations} if finding.answer else set()


async def test_an_article_that_appears_in_the_source_is_cited_without_a_restart(world: World) -> None:
    with open_knowledge(world.data, embedder=WORDS_ALONE) as base:
        assert await cited(base, "How do I rotate a token?") == set()
        async with world.syncing():
            await world.news()
            (tokens,) = await cited(base, "How do I rotate a token in the vault?")
            world.help_center.write(2, "Feeding the platypus", "<p>Feed the platypus shrimps at dawn.</p>")
            await world.news()
            (platypus,) = await cited(base, "When do I feed the platypus shrimps?")
    assert tokens.startswith("rotating-tokens--")
    assert platypus.startswith("feeding-the-platypus--")


async def test_a_source_without_news_is_listed_and_nothing_is_indexed(world: World) -> None:
    async with world.syncing():
        await world.tries(3)
    assert world.indexed == 1


async def test_a_source_that_fails_is_logged_once_counted_each_time_and_keeps_what_there_is(
    world: World,
) -> None:
    async with world.syncing():
        await world.tries(1)
    before = world.history.read()["help"]
    world.help_center.refusals.order(*[Refusal(status=403)] * 100)
    with capture_logs() as logs:
        async with world.syncing():
            await world.tries(3)
    after = world.history.read()["help"]

    told = [entry for entry in logs if entry["event"] == "source_has_problems"]
    assert len(told) == 1
    assert told[0]["source"] == "help"
    assert after.failures >= 2
    assert after.good_at == before.good_at
    metrics = exposition(world.history.read(), now=after.tried_at).decode()
    assert f'deskbell_source_failures_total{{source="help"}} {after.failures}.0' in metrics
    assert 'deskbell_source_age_seconds{source="help"}' in metrics
    with open_knowledge(world.data, embedder=WORDS_ALONE) as base:
        assert await cited(base, "How do I rotate a token in the vault?")


async def test_while_another_process_syncs_this_one_leaves_it_to_that_one(world: World) -> None:
    with alone(world.data / "sources"):
        process = await asyncio.create_subprocess_exec(*COMMAND, stderr=asyncio.subprocess.DEVNULL)
        assert await process.wait() == BUSY
    assert world.history.read() == {}


async def test_it_stops_at_once_while_a_source_keeps_it_waiting(world: World) -> None:
    stop = asyncio.Event()
    sleeping = (sys.executable, "-c", "import time; time.sleep(600)")
    part = Syncing(
        world.sources,
        world.history,
        world.refreshed,
        time=SystemTime(),
        rng=random.Random(5),  # noqa: S311 - repeatable on purpose
        command=sleeping,
    )
    running = asyncio.create_task(part.run(stop))
    await asyncio.sleep(0)
    stop.set()
    async with asyncio.timeout(10):
        await running
    assert world.history.read() == {}


async def test_a_command_that_breaks_off_is_a_failure_of_its_sources(world: World) -> None:
    part = Syncing(
        world.sources,
        world.history,
        world.refreshed,
        time=SystemTime(),
        rng=random.Random(5),  # noqa: S311 - repeatable on purpose
        command=(sys.executable, "-c", "raise SystemExit(9)"),
    )
    stop = asyncio.Event()
    running = asyncio.create_task(part.run(stop))
    await world.tries(1)
    stop.set()
    await running
    assert world.history.read()["help"].problem == "kb sync ended with status 9."
