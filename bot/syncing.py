"""The part of `serve` that keeps the index at what the sources have, and what Prometheus reads of it."""

from __future__ import annotations

import asyncio
import contextlib
import json
import random
import sys
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from bot.core.ports import Time
from config.settings import Settings
from config.sources import SourceSettings
from knowledge.sources.history import BUSY, History, Tries

COMMAND = (sys.executable, "-m", "bot", "kb", "sync", "--background", "--json")
_JITTER = 0.1  #: of a pause, up and down: many installations do not ask one vendor in the same second
_JUST_NOW = timedelta(minutes=1)  #: a source that another process has asked so recently is left alone
_GRACE = timedelta(seconds=5)  #: for the command to end when we do
_REASONS = 5  #: that are logged of one source
_OURS = b"deskbell: "  #: what a sentence of ours begins with; other words may quote a secret

log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Outcome:
    """What became of the command."""

    status: int
    complaint: str  #: what is wrong when it did not get to the sources
    problems: Mapping[str, Sequence[str]]  #: by source
    is_indexed: bool  #: whether there was anything to index

    @property
    def is_busy(self) -> bool:
        """Whether another process was at it."""
        return self.status == BUSY


class Syncing:
    """Runs `kb sync` when a source is due. Another process of low priority does the work.

    Neither reading a thousand pages nor embedding them takes anything from the questions that come meanwhile;
    whatever goes wrong goes wrong over there; and it can be stopped at once: a sync that was killed leaves
    the index as it was. Processes that share a data folder take turns, by the lock that `kb sync` takes.
    """

    def __init__(
        self,
        sources: Sequence[SourceSettings],
        history: History,
        refreshed: Callable[[], Awaitable[None]],
        *,
        time: Time,
        rng: random.Random,
        command: Sequence[str] = COMMAND,
    ) -> None:
        self._every = {source.name: source.every for source in sources if source.every is not None}
        self._history = history
        self._refreshed = refreshed
        self._time = time
        self._rng = rng
        self._command = command
        now = time.now()
        self._due = dict.fromkeys(self._every, now)
        self._seen = dict.fromkeys(self._every, now - _JUST_NOW)  #: tries that we know of
        self._told: dict[str, Sequence[str]] = {}

    async def run(self, stop: asyncio.Event) -> None:
        """At once and then again and again, until `stop` is set."""
        if not self._every:
            await stop.wait()
        while not stop.is_set():
            due = self._due_now()
            try:
                if due:
                    await self._sync(due, stop)
            except Exception as error:  # noqa: BLE001 - whatever it is, the desk goes on
                log.warning("sources_not_synced", error=type(error).__name__)
                for name in due:
                    self._note(name, self._time.now())
            pause = min(self._due.values()) - self._time.now()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(max(pause.total_seconds(), 0.05)):
                    await stop.wait()

    def _due_now(self) -> list[str]:
        """Those whose time has come, but for what another process has tried since we looked."""
        now, known = self._time.now(), self._history.read()
        for name, due_at in self._due.items():
            tries = known.get(name)
            if due_at <= now and tries is not None and tries.tried_at > self._seen[name]:
                self._note(name, tries.tried_at)
        return [name for name, due_at in self._due.items() if due_at <= now]

    def _note(self, name: str, tried_at: datetime) -> None:
        self._seen[name] = tried_at
        self._due[name] = tried_at + self._every[name] * self._rng.uniform(1 - _JITTER, 1 + _JITTER)

    async def _sync(self, names: Sequence[str], stop: asyncio.Event) -> None:
        outcome = await self._outcome(names, stop)
        if stop.is_set():
            return
        now, known = self._time.now(), self._history.read()
        if outcome.is_busy:
            self._due.update(dict.fromkeys(names, now + _JUST_NOW))
            return
        problems = dict(outcome.problems)
        for name in names:
            tries = known.get(name)
            if tries is None or tries.tried_at <= self._seen[name]:  # it did not get so far
                problems[name] = [outcome.complaint]
                self._history.note({name: outcome.complaint}, now=now)
            self._note(name, now)
        self._tell({name: problems.get(name, ()) for name in names})
        if outcome.is_indexed:
            log.info("sources_indexed", sources=list(names))
            await self._refreshed()

    async def _outcome(self, names: Sequence[str], stop: asyncio.Event) -> _Outcome:
        pipe, nothing = asyncio.subprocess.PIPE, asyncio.subprocess.DEVNULL
        process = await asyncio.create_subprocess_exec(
            *self._command, *names, stdin=nothing, stdout=pipe, stderr=pipe, start_new_session=True
        )
        talking, stopping = asyncio.create_task(process.communicate()), asyncio.create_task(stop.wait())
        try:
            await asyncio.wait({talking, stopping}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            stopping.cancel()
            await _end(process)
        out, told = await talking
        return _understood(process.returncode or 0, out, told)

    def _tell(self, problems: Mapping[str, Sequence[str]]) -> None:
        """Each thing once, and once more when it has changed."""
        for name, reasons in problems.items():
            if list(reasons) == list(self._told.get(name, ())):
                continue
            self._told[name] = reasons
            if reasons:
                log.warning("source_has_problems", source=name, reasons=list(reasons)[:_REASONS])
            else:
                log.info("source_is_well_again", source=name)


async def _end(process: asyncio.subprocess.Process) -> None:
    with contextlib.suppress(ProcessLookupError):  # it has ended
        if process.returncode is None:
            process.terminate()
        try:
            async with asyncio.timeout(_GRACE.total_seconds()):
                await process.wait()
        except TimeoutError:
            process.kill()


def _understood(status: int, out: bytes, told: bytes) -> _Outcome:
    try:
        said = json.loads(out)
        problems = {report["name"]: report["problems"] for report in said["sources"]}
        is_indexed = said["index"] is not None
    except (ValueError, KeyError, TypeError):
        problems, is_indexed = {}, False
    ours = [line.removeprefix(_OURS) for line in told.splitlines() if line.startswith(_OURS)]
    complaint = ours[-1].decode("utf-8", "replace") if ours else f"kb sync ended with status {status}."
    return _Outcome(status=status, complaint=complaint, problems=problems, is_indexed=is_indexed)


# -- what Prometheus reads ------------------------------------------------------


def beside(
    metrics: Callable[[], Awaitable[bytes]], settings: Settings, time: Time
) -> Callable[[], Awaitable[bytes]]:
    """The metrics of the records with those of the sources behind them."""

    async def both() -> bytes:
        return await metrics() + exposition(History.of(settings.data_dir).read(), now=time.now())

    return both


def exposition(known: Mapping[str, Tries], *, now: datetime) -> bytes:
    """The text that a scrape receives of sources; it survives restarts, as the file does."""
    registry = CollectorRegistry()
    registry.register(_Sources(known, now))
    return generate_latest(registry)


class _Sources(Collector):
    """One look at the history."""

    def __init__(self, known: Mapping[str, Tries], now: datetime) -> None:
        self._known = known
        self._now = now

    def collect(self) -> Iterable[Metric]:
        """The age of what we have of each source, and how often it could not be had."""
        age = GaugeMetricFamily(
            "deskbell_source_age_seconds", "Since the last good sync of a source", labels=["source"]
        )
        failures = CounterMetricFamily(
            "deskbell_source_failures", "Syncs of a source that failed", labels=["source"]
        )
        for name, tries in sorted(self._known.items()):
            if tries.good_at is not None:
                age.add_metric([name], max((self._now - tries.good_at).total_seconds(), 0.0))
            failures.add_metric([name], tries.failures)
        yield age
        yield failures
