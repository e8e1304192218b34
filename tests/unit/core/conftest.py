from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from core_kit import Bench, a_bench, migrated


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return migrated(tmp_path_factory.mktemp("core"))


@pytest.fixture
async def bench(template: Path, tmp_path: Path) -> AsyncIterator[Bench]:
    async with a_bench(template, tmp_path / "desk.db") as opened:
        yield opened
