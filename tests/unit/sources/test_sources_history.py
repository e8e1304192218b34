"""What is remembered of the tries at each source."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bot.core.errors import ConfigError
from config.sources import load_sources
from config.tables import Layers
from knowledge.sources.history import History, Tries

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)


def test_a_failure_counts_and_leaves_the_last_good_time(tmp_path: Path) -> None:
    history = History(tmp_path / "sources")
    history.note({"help": "", "wiki": "wiki: no answer."}, now=NOON)
    history.note({"help": "help: no answer."}, now=NOON + timedelta(hours=1))

    assert history.read() == {
        "help": Tries(
            tried_at=NOON + timedelta(hours=1), good_at=NOON, failures=1, problem="help: no answer."
        ),
        "wiki": Tries(tried_at=NOON, failures=1, problem="wiki: no answer."),
    }


def test_a_source_that_is_not_configured_any_more_is_forgotten(tmp_path: Path) -> None:
    history = History(tmp_path)
    history.note({"help": "", "wiki": ""}, now=NOON)
    history.note({"help": ""}, now=NOON, configured=["help"])
    assert set(history.read()) == {"help"}


@pytest.mark.parametrize("written", ["", "[]", '{"help": 1}', '{"help": {"tried_at": "noon"}}', "\0"])
def test_a_damaged_file_is_as_good_as_none(tmp_path: Path, written: str) -> None:
    (tmp_path / "history.json").write_text(written, "utf-8")
    assert History(tmp_path).read() == {}


@pytest.mark.parametrize(
    ("line", "every"),
    [("", timedelta(minutes=15)), ('every = "1h 30m"', timedelta(minutes=90)), ('every = "never"', None)],
)
def test_how_often_a_source_is_read_is_its_own(tmp_path: Path, line: str, every: timedelta | None) -> None:
    (tmp_path / "sources.toml").write_text(
        f'[docs]\nkind = "git"\nrepository = "https://x.example/y"\n{line}\n', "utf-8"
    )
    (source,) = load_sources(Layers(tmp_path), {})
    assert source.every == every


def test_a_minute_is_the_shortest_pause(tmp_path: Path) -> None:
    (tmp_path / "sources.toml").write_text(
        '[docs]\nkind = "git"\nrepository = "https://x.example/y"\nevery = "0m"\n', "utf-8"
    )
    with pytest.raises(ConfigError, match=r"\[docs\]: every"):
        load_sources(Layers(tmp_path), {})
