"""Zones are those of the pinned package, whatever the machine has, and it is told which edition they are."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from importlib.resources import files
from pathlib import Path

import tzdata

ROOT = Path(__file__).resolve().parents[3]

#: Runs a command while listening to every file that Python opens; prints those that hold zones.
LISTENING = """
import sys
opened = []
sys.addaudithook(lambda event, args: opened.append(str(args[0])) if event == "open" else None)
from bot.__main__ import main
code = main(sys.argv[1:])
zones = {path for path in opened if "zoneinfo" in path and not path.endswith((".py", ".pyc"))}
print(*sorted(zones), sep="\\n")
sys.exit(code)
"""
DUE = ("sla", "due", "--tier", "Enterprise", "--priority", "P2", "--start", "2026-11-27T15:00:00Z")


def run(*arguments: str, **environment: str) -> list[str]:
    kept = {key: value for key, value in os.environ.items() if key not in ("PYTHONTZPATH", "DESKBELL_CONFIG")}
    done = subprocess.run(
        [sys.executable, *arguments],
        cwd=ROOT,
        env=kept | environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def test_zones_of_the_machine_are_not_opened() -> None:
    lines = run("-c", LISTENING, *DUE)

    assert lines[0] == "due      2026-11-30T15:00:00Z"
    read = [Path(line) for line in lines[2:]]
    assert [path.name for path in read] == ["New_York"]
    assert read[0].is_relative_to(Path(tzdata.__file__).parent)


def test_other_files_are_read_where_somebody_names_them(tmp_path: Path) -> None:
    """New York with the hours of Tokyo: another answer shows which was read."""
    (tmp_path / "America").mkdir()
    tokyo = files("tzdata").joinpath("zoneinfo", "Asia", "Tokyo")
    with tokyo.open("rb") as source, (tmp_path / "America" / "New_York").open("wb") as target:
        shutil.copyfileobj(source, target)

    usual = json.loads("".join(run("-m", "bot", *DUE, "--json")))
    other = json.loads("".join(run("-m", "bot", *DUE, "--json", PYTHONTZPATH=str(tmp_path))))

    assert usual["due_at"] != other["due_at"]


def test_the_edition_is_told() -> None:
    ask = "from bot.system import *; pin_time_zones(); print(time_zones_of())"

    assert run("-c", ask) == [f"tzdata {tzdata.IANA_VERSION}"]
    assert run("-c", ask, PYTHONTZPATH="/somewhere") == ["files in /somewhere, then the tzdata package"]
