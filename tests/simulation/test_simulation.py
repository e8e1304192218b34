"""Seeds that anybody can play again: nothing is lost, doubled, out of order, late, or told to others.

`python tests/simulation/simulate.py SEED` plays one and says what was wrong with it.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

HERE = Path(__file__).parent
SEEDS = int(os.environ.get("DESKBELL_SIMULATION_SEEDS", "10"))
FIRST = int(os.environ.get("DESKBELL_SIMULATION_FIRST", "0"))
PLAYERS = 2
pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="each seed is played in a fork")
IS_SHORT = "DESKBELL_SIMULATION_SEEDS" not in os.environ
SMALL = 53  #: a short one, with deaths in it
QUICK = ("trouble_is_forgotten",)  #: found within the first seeds
MOST = 500  #: seeds in which a planted bug must be found
BUGS = re.findall(r"^@_bug\ndef (\w+)", (HERE / "planted.py").read_text(encoding="utf-8"), re.MULTILINE)


def test_nothing_is_wrong_with_any_seed() -> None:
    seeds = [*_corpus(), *range(FIRST, FIRST + SEEDS)]
    outcomes = _side_by_side(seeds[turn::PLAYERS] for turn in range(PLAYERS))

    assert len(outcomes) == len(seeds)
    assert [one for one in outcomes if one["complaints"]] == []
    assert sum(one["deaths"] for one in outcomes) > 0, "somebody should have been killed"


def test_a_seed_is_the_same_universe_every_time() -> None:
    """Whatever the machine, the addresses in memory and the order of sets."""
    with ThreadPoolExecutor(PLAYERS) as pool:
        plays = [pool.submit(_play, [SMALL], PYTHONHASHSEED=one) for one in ("1", "2")]
    (one,), (other,) = (play.result() for play in plays)

    assert one["digest"] == other["digest"]
    assert one["deaths"] > 0


def test_there_are_a_dozen_planted_bugs() -> None:
    assert len(BUGS) >= 12
    assert set(QUICK) <= set(BUGS)


@pytest.mark.parametrize("bug", QUICK if IS_SHORT else BUGS)
def test_a_planted_bug_is_found(bug: str) -> None:
    """Otherwise the simulation would be blind to it, and its silence worth nothing."""
    outcomes = _play(range(MOST), "--stop", "--bug", bug)

    assert outcomes[-1]["complaints"]


def _corpus() -> list[int]:
    """Seeds with which something was wrong once; the word behind a seed says what."""
    lines = (HERE / "corpus.txt").read_text(encoding="utf-8").splitlines()
    return [int(line.split()[0]) for line in lines if line.strip() and not line.startswith("#")]


def _side_by_side(shares: Iterable[list[int]]) -> list[dict[str, Any]]:
    with ThreadPoolExecutor(PLAYERS) as pool:
        return [outcome for played in pool.map(_play, shares) for outcome in played]


def _play(seeds: Iterable[int], *options: str, **environment: str) -> list[dict[str, Any]]:
    """In a process of its own: what is patched for the simulation must not reach other tests."""
    command = [sys.executable, str(HERE / "simulate.py"), "--json", *options, ",".join(map(str, seeds))]
    played = subprocess.run(
        command, stdout=subprocess.PIPE, text=True, check=False, env={**os.environ, **environment}
    )
    return [json.loads(line) for line in played.stdout.splitlines() if line.startswith("{")]
