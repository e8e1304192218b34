"""HTTP in: every door's routes, health and metrics. Doors verify and store; nothing else happens here."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass

import structlog
from aiohttp import web

log = structlog.get_logger()

MAX_BODY = 1_048_576  #: bytes; no vendor sends more
TEXT = "text/plain; version=0.0.4; charset=utf-8"


@dataclass(slots=True)
class Readiness:
    """Whether to send us traffic. Liveness asks nobody; readiness asks the store."""

    probe: Callable[[], Awaitable[str | None]]  #: a sentence when something is wrong
    is_draining: bool = False

    async def problem(self) -> str | None:
        """Why not, or None."""
        return "draining" if self.is_draining else await self.probe()


@web.middleware
async def no_surprises(
    request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
) -> web.StreamResponse:
    """An unforeseen failure is a 503 that the sender repeats, logged without the body."""
    try:
        return await handler(request)
    except web.HTTPException:
        raise
    except Exception as error:  # noqa: BLE001 - the edge of the program: the sender must get an answer
        log.error("request_failed", path=request.path, reason=type(error).__name__)  # noqa: TRY400 - no body
        return web.json_response({"error": "try again"}, status=503)


def build_app(
    *,
    routes: Iterable[web.RouteDef],
    readiness: Readiness,
    metrics: Callable[[], Awaitable[bytes]],
) -> web.Application:
    """The application; who serves it decides about sockets and signals."""

    async def livez(_: web.Request) -> web.Response:
        return web.json_response({"status": "alive"})

    async def readyz(_: web.Request) -> web.Response:
        problem = await readiness.problem()
        if problem:
            return web.json_response({"status": "not ready", "reason": problem}, status=503)
        return web.json_response({"status": "ready"})

    async def measured(_: web.Request) -> web.Response:
        return web.Response(body=await metrics(), headers={"Content-Type": TEXT})

    app = web.Application(middlewares=[no_surprises], client_max_size=MAX_BODY)
    app.add_routes(
        [
            web.get("/livez", livez),
            web.get("/readyz", readyz),
            web.get("/metrics", measured),
            *routes,
        ]
    )
    return app
