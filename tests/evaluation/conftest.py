"""The sample articles, indexed with the real embedder, once for all tests of this folder."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from bot.commands.demo import SAMPLE
from knowledge.opening import KnowledgeIndex, open_index


@pytest.fixture(scope="session")
def sample_data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    data = tmp_path_factory.mktemp("sample")
    with_model = open_index(data)
    try:
        report = with_model.refresh([SAMPLE])
    finally:
        with_model.close()
    assert report.errors == ()
    return data


@pytest.fixture(scope="session")
def sample_index(sample_data: Path) -> Iterator[KnowledgeIndex]:
    index = open_index(sample_data)
    yield index
    index.close()
