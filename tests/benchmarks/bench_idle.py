"""What an idle desk costs, and how long the command takes to say what it can do.

    python tests/benchmarks/bench_idle.py [--data DIR] [--seconds 60]

`serve` runs with a copy of DIR's index, and is measured once the log says that the knowledge base is loaded.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from shutil import copytree
from statistics import median

from serving import cpu_seconds, free_port, resident_mb, say, serving

HELPS = 10
LOADED_WITHIN = 60.0  #: seconds


def help_seconds() -> float:
    """The median of a few."""
    took = []
    for _ in range(HELPS):
        started = time.perf_counter()
        subprocess.run([sys.executable, "-m", "bot", "--help"], check=True, capture_output=True)
        took.append(time.perf_counter() - started)
    return median(took)


def idle(data: Path, seconds: float) -> None:
    """Start it, let it load, and do nothing."""
    variables = {
        "DESKBELL_DATA": str(data),
        "SLACK_BOT_TOKEN": "xoxb-1-2-bench",
        "SLACK_SIGNING_SECRET": "8f742231b10e8888abcd99yyyzzz85a5",
        "SLACK_API_URL": f"http://127.0.0.1:{free_port()}/api",
    }
    started = time.perf_counter()
    with serving([sys.executable, "-m", "bot", "serve"], variables, ready="/readyz") as served:
        say(f"ready after {time.perf_counter() - started:.2f} s, with {resident_mb(served.pid):.0f} MB")
        if not _is_loaded(served.errors, within=LOADED_WITHIN):
            raise SystemExit(f"the knowledge base was not loaded: {served.errors.read_text()}")
        say(f"index loaded after {time.perf_counter() - started:.2f} s")
        before = cpu_seconds(served.pid)
        time.sleep(seconds)
        share = (cpu_seconds(served.pid) - before) / seconds
        say(f"idle for {seconds:.0f} s: {share:.2%} of a core, RSS {resident_mb(served.pid):.0f} MB")


def _is_loaded(log: Path, *, within: float) -> bool:
    until = time.monotonic() + within
    while time.monotonic() < until:
        if "knowledge_warm" in log.read_text():
            return True
        time.sleep(0.1)
    return False


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, default=Path("data"))
    parser.add_argument("--seconds", type=float, default=60)
    options = parser.parse_args()
    say(f"`python -m bot --help`: {help_seconds():.3f} s, the median of {HELPS}")
    with tempfile.TemporaryDirectory(prefix="bench-idle-") as name:
        for part in ("index", "models"):
            if (options.data / part).is_dir():
                copytree(options.data / part, Path(name, part))
        idle(Path(name), options.seconds)
    return 0


if __name__ == "__main__":
    sys.exit(main())
