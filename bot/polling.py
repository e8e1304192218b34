"""Keeps rotas that are kept elsewhere current: who reads them and when, and what holds when nobody can."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

import structlog

from bot.core import watching
from bot.core.errors import DeskbellError, RateLimited, Rejected, Unavailable
from bot.core.live_rotas import Directory, LiveRota, LiveRotas, RotaFeed, with_live
from bot.core.ports import Ledger, Time
from bot.core.rotas import OnCall
from bot.core.statistics import OnCallReport
from bot.core.support import Desk

log = structlog.get_logger()

EVERY = timedelta(minutes=15)  #: a rota is read
FIRST_RETRY = timedelta(minutes=1)  #: doubling up to EVERY
MOST_PATIENT = timedelta(hours=1)  #: whatever a feed asks for
TURN = timedelta(minutes=2)  #: to read one; far beyond every timeout of a feed
LOOK = timedelta(seconds=20)  #: other replicas read too, and what they found is taken over


class Polling:
    """All live rotas of one process. Any number of processes share the copies and take turns at reading."""

    def __init__(
        self,
        *,
        feeds: Sequence[RotaFeed],
        copies: LiveRotas,
        directory: Directory,
        base: OnCall,
        desk: Desk,
        ledger: Ledger,
        time: Time,
    ) -> None:
        self._feeds = feeds
        self._copies = copies
        self._directory = directory
        self._base = base
        self._desk = desk
        self._ledger = ledger
        self._time = time
        self._known: Mapping[str, LiveRota] = {}
        self._reported: set[tuple[str, str]] = set()

    @property
    def copies(self) -> Mapping[str, LiveRota]:
        """Every rota's last good copy, by role and source."""
        return {
            feed.source: self._known.get(feed.source, LiveRota(source=feed.source)) for feed in self._feeds
        }

    async def take_over(self) -> bool:
        """Let the stored copies hold; whether they say something new."""
        known = await self._copies.copies() if self._feeds else {}
        is_news = _readings(known) != _readings(self._known)
        self._known = known
        if is_news:
            roles = {feed.source: feed.role for feed in self._feeds}
            on_call = with_live(self._base, roles, known, self._directory)
            self._report_strangers(on_call)
            self._desk.follow(on_call)
        return is_news

    def report(self, now: datetime) -> OnCallReport:
        """How the rotas stand, for the metrics."""
        policies = self._desk.policies
        called = {role: policies.on_call.called(role, now) for role in policies.on_call.standing}
        gaps = watching.gaps_ahead(policies, now)
        sources = {(feed.role, feed.source): self.copies[feed.source] for feed in self._feeds}
        return OnCallReport(
            people={role: 0 if one.is_gap else len(one.people) for role, one in called.items()},
            gap_in={role: found[0].starts_at - now for role, found in gaps.items() if found},
            age={key: now - copy.read_at for key, copy in sources.items() if copy.read_at is not None},
            failures={key: copy.failures for key, copy in sources.items()},
        )

    async def round(self) -> None:
        """Read whatever is due and ours to read, then look for gaps where anything changed."""
        for feed in self._feeds:
            now = self._time.now()
            if await self._copies.claim(feed.source, now=now, until=now + TURN):
                await self._read(feed)
        if await self.take_over():
            await self.look_for_gaps()

    async def look_for_gaps(self) -> None:
        """At once; the ledger remembers which were told."""
        now = self._time.now()
        async with self._ledger.transaction(now=now, cause="rota") as tx:
            await watching.arm(tx, at=now)

    async def run(self, stop: asyncio.Event) -> None:
        """Until told to stop; somebody else's slow server keeps nobody waiting then."""
        looking = asyncio.create_task(self._keep_looking())
        stopping = asyncio.create_task(stop.wait())
        try:
            await asyncio.wait({looking, stopping}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            stopping.cancel()
            looking.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await looking

    async def _keep_looking(self) -> None:
        is_first = True
        while True:
            try:
                await self.round()
                if is_first:
                    await self.look_for_gaps()
                is_first = False
            except Unavailable as error:
                log.warning("store_unavailable", reason=str(error))
            except Exception:
                log.exception("rotas_not_followed")  # the next look may do better; the desk goes on
            await asyncio.sleep(LOOK.total_seconds())

    async def _read(self, feed: RotaFeed) -> None:
        """A feed that cannot be read leaves the copy as it is."""
        now = self._time.now()
        copy = (await self._copies.copies()).get(feed.source, LiveRota(source=feed.source))
        try:
            async with asyncio.timeout(TURN.total_seconds()):
                reading = await feed.read(copy.reading, now=now)
        except (Unavailable, Rejected) as error:
            return await self._failed(copy, error)
        except TimeoutError:
            return await self._failed(copy, Unavailable("it takes too long"))
        except Exception as error:  # noqa: BLE001 - what somebody else wrote must not stop the desk
            return await self._failed(copy, Unavailable(f"cannot be read ({type(error).__name__})"))
        fresh = LiveRota(source=feed.source, reading=reading, read_at=now, tried_at=now)
        await self._copies.keep(fresh, again_at=now + EVERY)
        log.info("rota_read", source=feed.source, duties=len(reading.duties))
        return None

    async def _failed(self, copy: LiveRota, error: DeskbellError) -> None:
        now, failures = self._time.now(), copy.failures + 1
        asked = error.retry_after if isinstance(error, RateLimited) else None
        pause = min(asked, MOST_PATIENT) if asked else min(FIRST_RETRY * 2 ** min(failures - 1, 10), EVERY)
        failed = replace(copy, tried_at=now, failures=failures, problem=f"{error}"[:300])
        await self._copies.keep(failed, again_at=now + pause)
        age = round((now - copy.read_at).total_seconds()) if copy.read_at else None
        log.warning(
            "rota_not_read", source=copy.source, reason=str(error), failures=failures, age_seconds=age
        )

    def _report_strangers(self, on_call: OnCall) -> None:
        """Each once. The names themselves, which may be anything, are for `oncall` and `check`."""
        for role, names in on_call.unknown.items():
            new = {(role, name) for name in names} - self._reported
            if new:
                self._reported |= new
                log.warning("rota_names_strangers", role=role, strangers=len(new))


def _readings(copies: Mapping[str, LiveRota]) -> dict[str, object]:
    return {source: copy.reading.duties if copy.reading else None for source, copy in copies.items()}
