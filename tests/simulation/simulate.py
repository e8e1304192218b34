"""`python tests/simulation/simulate.py SEED…`: one universe for each seed, and what is wrong with it."""

from __future__ import annotations

import argparse
import asyncio
import logging
import os
import random
import shutil
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE.parent.parent)]

import inline_driver  # noqa: E402 - found by the line above
import planted  # noqa: E402
import structlog  # noqa: E402
from checker import Checker  # noqa: E402
from mischief import Mischief  # noqa: E402
from people import Notebook, People  # noqa: E402
from universe import Universe, create, run, tick  # noqa: E402
from virtual_loop import Deadlock, VirtualLoop  # noqa: E402

from storage.migrating import migrate  # noqa: E402

DRAIN = 780.0  #: seconds without any mischief, after which nothing may be missing


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of one seed."""

    seed: int
    complaints: list[str]
    digest: str
    steps: int
    virtual: float
    deaths: int
    said: int


def simulate(seed: int, place: Path, template: Path) -> Outcome:
    """The same seed is the same universe."""
    data = place / f"seed-{seed}"
    data.mkdir()
    loop = VirtualLoop(random.Random(f"loop {seed}"))
    found: list[tuple[Universe, Notebook, bool]] = []

    async def main() -> None:
        rng = random.Random(f"people {seed}")
        universe = await create(loop, rng, data, template)
        mischief = Mischief(universe, random.Random(rng.random()))
        people = People(universe=universe, rng=random.Random(rng.random()))
        is_calm = rng.random() < 0.15
        found.append((universe, people.notebook, is_calm))
        for name in ("one", "two")[: rng.choice((1, 1, 2))]:
            universe.up(name)
        ticking = asyncio.create_task(tick(universe))
        await asyncio.sleep(3)
        if is_calm:
            await people.live()
        else:
            await asyncio.gather(people.live(), mischief.live())
        await asyncio.sleep(DRAIN)
        ticking.cancel()

    try:
        run(loop, main())
        stuck = []
    except Deadlock as error:
        stuck = [f"stuck: {error}"]
    universe, notebook, is_calm = found[0]
    complaints = stuck + Checker(universe=universe, notebook=notebook, was_calm=is_calm).complaints()
    outcome = Outcome(
        seed=seed,
        complaints=complaints,
        digest=universe.digest(),
        steps=loop.steps,
        virtual=loop.time(),
        deaths=universe.deaths,
        said=len(notebook.said),
    )
    shutil.rmtree(data, ignore_errors=True)
    return outcome


@contextmanager
def prepared() -> Iterator[tuple[Path, Path]]:
    """A place in memory where there is one, and a database with its schema."""
    shared = Path("/dev/shm")  # noqa: S108 - only for speed; a directory of our own is made in it
    inline_driver.install()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    logging.disable(logging.CRITICAL)
    with tempfile.TemporaryDirectory(dir=shared if shared.is_dir() else None) as directory:
        place = Path(directory)
        template = place / "template.db"
        migrate(f"sqlite+aiosqlite:///{template}")
        with sqlite3.connect(template) as connection:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        connection.close()
        yield place, template


def outcomes(seeds: Iterable[int]) -> Iterator[Outcome]:
    """One after the other."""
    with prepared() as (place, template):
        for seed in seeds:
            yield simulate(seed, place, template)


def main() -> int:
    """The number of seeds with complaints is the exit status, up to 100."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("seeds", help="7, or 0-499, or 3,5,8")
    parser.add_argument("--bug", choices=sorted(planted.BUGS), help="put this into the program first")
    parser.add_argument("--stop", action="store_true", help="at the first seed with complaints")
    options = parser.parse_args()
    if options.bug:
        planted.BUGS[options.bug]()
    bad, began, count = 0, perf_counter(), 0
    for outcome in outcomes(_seeds(options.seeds)):
        count += 1
        bad += bool(outcome.complaints)
        print(_line(outcome), flush=True)
        if outcome.complaints and options.stop:
            break
    print(f"{count} seeds, {bad} bad, {count / (perf_counter() - began):.2f} seeds/s")
    sys.stdout.flush()
    return min(bad, 100)


def _seeds(text: str) -> list[int]:
    seeds: list[int] = []
    for part in text.split(","):
        first, _, last = part.partition("-")
        seeds += range(int(first), int(last or first) + 1)
    return seeds


def _line(outcome: Outcome) -> str:
    facts = (
        f"SEED={outcome.seed} COMMIT={commit()} {outcome.digest} said={outcome.said} deaths={outcome.deaths} "
        f"steps={outcome.steps} virtual={outcome.virtual:.0f}s"
    )
    return "\n    ".join([facts, *outcome.complaints])


def commit() -> str:
    """What was simulated."""
    git = shutil.which("git")
    if git is None:
        return "unknown"
    named = subprocess.run(  # noqa: S603 - git, found on the path
        [git, "describe", "--always", "--dirty"], cwd=HERE, capture_output=True, text=True, check=False
    )
    return named.stdout.strip() or "unknown"


if __name__ == "__main__":
    status = main()
    os._exit(status)  # what was killed must not clean up after itself at the end either
