"""`python tests/simulation/simulate.py SEED…`: one universe for each seed, and what is wrong with it."""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import os
import random
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import traceback
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from functools import cache
from importlib import import_module
from pathlib import Path
from time import process_time
from typing import NoReturn

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE.parent.parent)]  # a program of its own, and the tests' modules

import inline_driver  # noqa: E402 - found by the line above, as are the others
import planted  # noqa: E402 - likewise
import structlog  # noqa: E402 - likewise
from checker import LATE, STEPS, Checker  # noqa: E402 - likewise
from mischief import Mischief  # noqa: E402 - likewise
from people import Kind, People  # noqa: E402 - likewise
from universe import Universe, create, run, tick  # noqa: E402 - likewise
from virtual_loop import EPOCH, Deadlock, VirtualLoop, dice  # noqa: E402 - likewise

from config.policies import load_policies  # noqa: E402 - likewise
from storage.migrating import migrate  # noqa: E402 - likewise

#: By the program only where it needs them; here once, before the forks.
LOADED_LATE = (
    "handlers.zendesk.client",
    "handlers.slack.front",
    "handlers.slack.rooms",
    "handlers.zendesk.front",
)
DRAIN = 900.0  #: seconds without any mischief, after which nothing may be missing
LOOK = 30.0  #: whether all is quiet already
START = 3.0
CALM = 0.15  #: of the universes have no mischief at all


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
    cpu: float  #: seconds


def simulate(seed: int, place: Path, template: Path, *, is_told: bool = False) -> Outcome:
    """The same seed is the same universe. Where `is_told`, all that happened in it is printed."""
    data, began = place / f"seed-{seed}", process_time()
    data.mkdir(exist_ok=True)
    loop = VirtualLoop(dice(f"loop {seed}"))
    story = Story(dice(f"people {seed}"))
    stuck: list[str] = []
    try:
        run(loop, story.tell(loop, data, template))
    except Deadlock as error:
        stuck.append(f"stuck: {error}")
    checker = Checker(universe=story.universe, notebook=story.people.notebook, was_calm=story.is_calm)
    outcome = Outcome(
        seed=seed,
        complaints=stuck + checker.complaints(),
        digest=story.universe.digest(),
        steps=loop.steps,
        virtual=loop.time(),
        deaths=story.universe.deaths,
        said=len(story.people.notebook.said),
        cpu=process_time() - began,
    )
    if is_told:
        _say("\n".join(story.universe.journal()))
    shutil.rmtree(data, ignore_errors=True)
    return outcome


class Story:
    """What happens in one universe."""

    universe: Universe
    people: People

    def __init__(self, rng: random.Random) -> None:
        self._rng = rng
        self.is_calm = rng.random() < CALM

    async def tell(self, loop: VirtualLoop, data: Path, template: Path) -> None:
        """People and mischief at once; then a while in which everything must come to rest."""
        rng = self._rng
        self.universe = await create(loop, rng, data, template)
        self.people = People(universe=self.universe, rng=dice(rng.random()))
        mischief = Mischief(self.universe, dice(rng.random()))
        for name in ("one", "two")[: rng.choice((1, 1, 2))]:
            self.universe.up(name)
        ticking = asyncio.create_task(tick(self.universe))
        await asyncio.sleep(START)
        parts = [self.people.live(), *([] if self.is_calm else [mischief.live()])]
        await asyncio.gather(*parts)
        await drained(self.universe, self.people)
        ticking.cancel()


async def drained(universe: Universe, people: People) -> None:
    """Until nothing is on its way and the last promise was broken or kept, or for much too long."""
    began = universe.loop.time()
    while universe.loop.time() < began + DRAIN:
        await asyncio.sleep(LOOK)
        if universe.is_quiet() and universe.loop.time() > last_promise(universe, people):
            return


def last_promise(universe: Universe, people: People) -> float:
    """When everybody has been called about the last emergency, in the seconds of this universe."""
    said = [one.at for one in people.notebook.said if one.kind is Kind.EMERGENCY]
    heard_late = [
        one.at
        for one in universe.slack.journal.of("deliver:message", outcome="ok")
        if one.request["attempt"] and any(said)
    ]
    last = max([*said, *heard_late], default=EPOCH)
    return (last - EPOCH + STEPS[-1] + LATE).total_seconds()


@contextmanager
def prepared() -> Iterator[tuple[Path, Path]]:
    """A place in memory where there is one, and a database with its schema."""
    shared = Path("/dev/shm")
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
        for module in LOADED_LATE:
            import_module(module)
        load_policies(None, now=EPOCH)  # it loads the holidays of all countries
        yield place, template


def outcomes(seeds: Iterable[int], *, is_told: bool = False) -> Iterator[Outcome]:
    """One after the other, each in a fork: what was killed stays in memory, or it would clean up."""
    with prepared() as (place, template):
        for seed in seeds:
            ours, theirs = os.pipe()
            child = os.fork()
            if not child:
                _simulate_into(theirs, seed, place, template, is_told=is_told)
            os.close(theirs)
            with os.fdopen(ours, "rb") as pipe:
                found = pipe.read()
            os.waitpid(child, 0)
            yield Outcome(**json.loads(found))


def _simulate_into(pipe: int, seed: int, place: Path, template: Path, *, is_told: bool) -> NoReturn:
    """In the child, which ends without any farewell."""
    try:
        found = simulate(seed, place, template, is_told=is_told)
        with os.fdopen(pipe, "wb") as file:
            file.write(json.dumps(asdict(found)).encode())
    except BaseException:  # noqa: BLE001 - whatever it is, nothing of the parent may run here
        traceback.print_exc()
        os._exit(1)
    os._exit(0)


def main() -> int:
    """The number of seeds with complaints is the exit status, up to 100."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("seeds", help="7, or 0-499, or 3,5,8")
    parser.add_argument("--bug", choices=sorted(planted.BUGS), help="put this into the program first")
    parser.add_argument("--json", action="store_true", help="one document for each seed")
    parser.add_argument("--journal", action="store_true", help="tell all that happened, too")
    parser.add_argument("--stop", action="store_true", help="at the first seed with complaints")
    options = parser.parse_args()
    if options.bug:
        planted.BUGS[options.bug]()
    seen: list[Outcome] = []
    for outcome in outcomes(_seeds(options.seeds), is_told=options.journal):
        seen.append(outcome)
        _say(json.dumps(asdict(outcome)) if options.json else _line(outcome))
        if outcome.complaints and options.stop:
            break
    bad = sum(bool(outcome.complaints) for outcome in seen)
    if not options.json:
        pace = len(seen) / sum(outcome.cpu for outcome in seen)
        _say(f"{len(seen)} seeds, {bad} bad, {pace:.2f} seeds per processor second")
    return min(bad, 100)


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


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


@cache
def commit() -> str:
    """What was simulated."""
    git = shutil.which("git")
    if git is None:
        return "unknown"
    named = subprocess.run(
        [git, "describe", "--always", "--dirty"], cwd=HERE, capture_output=True, text=True, check=False
    )
    return named.stdout.strip() or "unknown"


if __name__ == "__main__":
    status = main()
    os._exit(status)  # what was killed must not clean up after itself at the end either
