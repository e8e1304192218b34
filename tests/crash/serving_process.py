"""`python -m bot …` as a process of its own: started, killed, told to stop, started again."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import aiohttp

ROOT = Path(__file__).resolve().parents[2]
READY_WITHIN = 60.0  #: seconds; a busy machine takes long to import everything
LOOK_EVERY = 0.02


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
        return port


def environment(variables: Mapping[str, str]) -> dict[str, str]:
    """Nothing of the tester's own but what Python needs."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    return {**kept, "PYTHONPATH": str(ROOT), **variables}


def run_bot(*arguments: str, variables: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    """One command to its end."""
    return subprocess.run(
        [sys.executable, "-m", "bot", *arguments],
        env=environment(variables),
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


class ServingProcess:
    """The desk, in the role that a single machine runs."""

    def __init__(self, variables: Mapping[str, str], log: Path, *, role: str = "serve") -> None:
        self._variables = environment(variables)
        self._role = role
        self.log = log
        self.url = f"http://127.0.0.1:{variables['PORT']}"
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def process(self) -> subprocess.Popen[bytes]:
        assert self._process is not None, "it was never started"
        return self._process

    async def start(self) -> None:
        """Return when it is ready for traffic."""
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(  # noqa: ASYNC220 - it only forks
                [sys.executable, "-m", "bot", self._role], env=self._variables, cwd=ROOT, stderr=log
            )
        async with asyncio.timeout(READY_WITHIN), aiohttp.ClientSession() as session:
            while await self.status("/readyz", session) != 200:
                if self._process.poll() is not None:
                    raise AssertionError(f"it ended with {self._process.returncode}: {self.tail()}")
                await asyncio.sleep(LOOK_EVERY)

    async def status(self, path: str, session: aiohttp.ClientSession) -> int | None:
        """What it answers; None when nobody listens."""
        try:
            async with session.get(self.url + path) as response:
                return response.status
        except aiohttp.ClientError:
            return None

    def kill(self) -> None:
        """As the kernel does it: nothing is flushed, nothing is said."""
        self.process.send_signal(signal.SIGKILL)

    def tell_to_stop(self) -> None:
        self.process.send_signal(signal.SIGTERM)

    async def ended(self) -> int:
        """The exit code."""
        return await asyncio.to_thread(self.process.wait, 30)

    def tail(self) -> str:
        """The end of what it logged, for whoever has to find out."""
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-15:])

    def close(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
