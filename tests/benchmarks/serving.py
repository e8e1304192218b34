"""A server as a process of its own, for the measurements: started, ready, looked at, stopped."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
READY_WITHIN = 60.0  #: seconds


@dataclass(frozen=True, slots=True, kw_only=True)
class Served:
    """A running server."""

    pid: int
    port: int
    errors: Path  #: what it writes to stderr, its log


def say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
        return port


def cpu_seconds(pid: int) -> float:
    """User and system time so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def resident_mb(pid: int) -> float:
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


@contextmanager
def serving(command: Sequence[str], variables: Mapping[str, str], *, ready: str) -> Iterator[Served]:
    """Started on a free port with nothing else in its environment, and answering at `ready`."""
    port = free_port()
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), **variables, "PORT": str(port)}
    with (
        tempfile.NamedTemporaryFile("w+") as errors,
        subprocess.Popen(command, env=environment, cwd=ROOT, stderr=errors) as process,
    ):
        try:
            _wait(process, f"http://127.0.0.1:{port}{ready}")
            yield Served(pid=process.pid, port=port, errors=Path(errors.name))
        except TimeoutError:
            errors.seek(0)
            raise SystemExit(f"{' '.join(command)} did not start: {errors.read()}") from None
        finally:
            process.terminate()


def _wait(process: subprocess.Popen[bytes], url: str) -> None:
    until = time.monotonic() + READY_WITHIN
    while time.monotonic() < until and process.poll() is None:
        try:
            with urllib.request.urlopen(url, timeout=1):  # noqa: S310 - our own address
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.05)
    raise TimeoutError
