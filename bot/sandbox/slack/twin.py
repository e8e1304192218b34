"""The Slack twin: the server, and the hands of everybody who uses Slack."""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime, timedelta
from types import TracebackType
from typing import Self

from aiohttp import web

from bot.core.ports import Time
from bot.sandbox.faults import Faults
from bot.sandbox.journal import Journal
from bot.sandbox.slack.building import a_workspace
from bot.sandbox.slack.calls import Method
from bot.sandbox.slack.delivering import Deliveries
from bot.sandbox.slack.events import events_of
from bot.sandbox.slack.gestures import Gestures, NotPossible
from bot.sandbox.slack.limits import Limits, Tier
from bot.sandbox.slack.personas import Change, Personas
from bot.sandbox.slack.socket_mode import Sockets
from bot.sandbox.slack.things import Happening
from bot.sandbox.slack.web_api import WebApi
from bot.sandbox.slack.world import World

ACK_WITHIN = timedelta(seconds=3)


class SlackTwin(Personas):
    """Start it, point a client at `api_url`, and be everybody.

    People and channels are given by id or by name. `ack_within` is real time; retries are due in the
    twin's time and are started by `tick`.
    """

    def __init__(
        self,
        time: Time,
        rng: random.Random,
        *,
        world: World | None = None,
        faults: Faults | None = None,
        journal: Journal | None = None,
        limits: Limits | None = None,
        ack_within: timedelta = ACK_WITHIN,
    ) -> None:
        self.time = time
        self.world = world or a_workspace(time=time, rng=rng)
        self._listeners: list[Callable[[Change], None]] = []
        self.faults = faults or Faults(rng)
        self.journal = journal or Journal(time)
        self.limits = limits or Limits(time)
        self.sockets = Sockets(world=self.world, journal=self.journal, ack_within=ack_within)
        self.deliveries = Deliveries(
            world=self.world,
            faults=self.faults,
            journal=self.journal,
            sockets=self.sockets,
            ack_within=ack_within,
        )
        self.sockets.connected = self.deliveries.hurry
        self.gestures = Gestures(world=self.world, deliveries=self.deliveries, journal=self.journal)
        self.web_api = WebApi(world=self.world, limits=self.limits, faults=self.faults, journal=self.journal)
        self.web_api.methods |= self._own_methods()
        self.world.watchers.append(self._happened)
        self._runner: web.AppRunner | None = None
        self._ticking: asyncio.Task[None] | None = None

    # -- the server --

    async def start(
        self, host: str = "127.0.0.1", port: int = 0, *, tick_every: timedelta | None = None
    ) -> None:
        """Listen; with `tick_every`, look for due retries that often in real time."""
        self.web_api.closing.clear()
        self._runner = web.AppRunner(self._application(), handler_cancellation=True, shutdown_timeout=1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, host, port)
        await site.start()
        self.base_url = f"http://{host}:{self._runner.addresses[0][1]}"
        self.web_api.base = self.gestures.base = self.base_url
        await self.deliveries.start()
        if tick_every:
            self._ticking = asyncio.create_task(self._tick_every(tick_every))

    async def stop(self) -> None:
        """Hang up on everybody; the world stays, and `start` opens it again."""
        if self._ticking:
            self._ticking.cancel()
            with suppress(asyncio.CancelledError):
                await self._ticking
            self._ticking = None
        self.web_api.closing.set()
        await self.sockets.close()
        await self.deliveries.stop()
        if self._runner:
            await self._runner.cleanup()
            self._runner = None

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.stop()

    @property
    def api_url(self) -> str:
        """What `AsyncWebClient(base_url=…)` wants."""
        return f"{self.base_url}/api/"

    async def tick(self) -> int:
        """Start everything whose time has come; how many deliveries that were."""
        return await self.deliveries.tick()

    async def settled(self) -> None:
        """Return when no delivery is under way. Retries of the future are not waited for."""
        await self.deliveries.settled()

    @property
    def next_retry_at(self) -> datetime | None:
        """When `tick` has something to do; None when nothing waits."""
        return self.deliveries.next_retry_at

    # -- the app's configuration --

    async def subscribe(self, url: str) -> None:
        """Set the request URL, after Slack's challenge. Ends Socket Mode: it is one or the other."""
        app, challenge = self.world.installation, self.world.code(50)
        body = {"token": app.verification_token, "challenge": challenge, "type": "url_verification"}
        receipt = await self.deliveries.post(
            url, json.dumps(body).encode(), {"Content-Type": "application/json"}
        )
        self.journal.record("deliver:url_verification", outcome=receipt.failure or "ok")
        if not receipt.ok or challenge not in str(receipt.body):
            raise NotPossible("Your URL didn't respond with the value of the challenge parameter.")
        app.request_url, app.socket_mode = url, False

    def use_socket_mode(self) -> None:
        """From now on, payloads go to connected sockets and to no request URL."""
        self.world.installation.socket_mode = True

    # -- within --

    def _own_methods(self) -> dict[str, Method]:
        return {
            "apps.connections.open": Method(
                run=self.sockets.open, tier=Tier.ONE, reads_json=True, app_token=True
            ),
            "views.open": Method(run=self.gestures.open_view, tier=Tier.FOUR, reads_json=True),
        }

    def _application(self) -> web.Application:
        application = web.Application(client_max_size=4 * 1024 * 1024)
        application.router.add_route("*", "/api/{method}", self.web_api.call)
        application.router.add_get("/link/", self.sockets.connect)
        application.router.add_get("/files-pri/{key}/{name:.*}", self.web_api.download)
        application.router.add_post("/actions/{rest:.*}", self.gestures.respond)
        application.router.add_post("/commands/{rest:.*}", self.gestures.respond)
        return application

    async def _tick_every(self, span: timedelta) -> None:
        while True:
            await asyncio.sleep(span.total_seconds())
            await self.tick()

    def _happened(self, happening: Happening) -> None:
        for event in events_of(self.world, happening, base=self.web_api.base):
            self.deliveries.send_event(event)
        self._announce(happening)
