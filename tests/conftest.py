"""What holds for every test."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import pytest
import structlog

from bot.system import pin_time_zones

pin_time_zones()  # as every command does


@pytest.fixture(autouse=True)
def logs_as_they_were() -> Iterator[None]:
    """A command sets logging up for its process; here the process goes on with the next test."""
    configured, root = structlog.get_config(), logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    structlog.configure(**configured)
    root.handlers[:] = handlers
    root.setLevel(level)
