from __future__ import annotations

from pathlib import Path

import pytest
from serving_process import ROOT, run_bot


@pytest.fixture(scope="session")
def index(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data directory with the sample articles about integrations in its index, made by the real command."""
    data = tmp_path_factory.mktemp("index") / "data"
    done = run_bot(
        "kb",
        "index",
        str(ROOT / "bot" / "sandbox" / "kb" / "integration-guides"),
        variables={"DESKBELL_DATA": str(data)},
    )
    assert done.returncode == 0, done.stderr
    return data
