from __future__ import annotations

import random
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

import pytest
from scenario_kit import FixedTime, Open, SmallKnowledge

from bot.commands.sandboxing import Sandbox, open_sandbox


@pytest.fixture
def opened(tmp_path: Path) -> Open:
    """A sandbox with something about it: `async with opened(knowledge=…) as sandbox`."""

    def open_(**options: Any) -> AbstractAsyncContextManager[Sandbox]:
        rng = random.Random(7)  # noqa: S311 - a fixed seed is wanted
        defaults = {"base": FixedTime(), "rng": rng, "knowledge": SmallKnowledge()}
        return open_sandbox(tmp_path, **{**defaults, **options})

    return open_


@pytest.fixture
async def sandbox(opened: Open) -> AsyncIterator[Sandbox]:
    async with opened() as one:
        yield one
