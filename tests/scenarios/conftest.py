from __future__ import annotations

import random
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from bot.commands.sandboxing import Sandbox, open_sandbox
from bot.core.model import Answer, Audience, Citation, Text, Tier

TUESDAY = datetime(2026, 11, 24, 15, 0, tzinfo=UTC)  # 10:00 in New York


class FixedTime:
    """Stands still; the sandbox moves it."""

    def now(self) -> datetime:
        return TUESDAY


class SmallKnowledge:
    """A knowledge base of one article: it knows about DataHub and nothing else."""

    async def answer(self, question: str, *, reader: Audience, tier: Tier) -> Answer | None:
        if "datahub" not in question.lower():
            return None
        return Answer(
            text=Text(body="> Set `DATAHUB_GMS_URL` and restart the connector.", audience=reader),
            citations=(
                Citation(
                    path="integration-guides/datahub.md",
                    heading="Connect DataHub",
                    url="https://docs.opendatagov.io/integrations/datahub",
                ),
            ),
            confidence=0.9,
        )


@pytest.fixture
async def sandbox(tmp_path: Path) -> AsyncIterator[Sandbox]:
    async with open_sandbox(
        tmp_path, base=FixedTime(), rng=random.Random(7), knowledge=SmallKnowledge()
    ) as opened:
        yield opened
