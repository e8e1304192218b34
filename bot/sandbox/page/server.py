"""Serves the page: one document, fragments that follow the world, and forms that act in it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlencode, urlsplit

from aiohttp import web
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from bot.core.replies import spoken
from bot.sandbox.page.views import Look, Persona, World

HERE = Path(__file__).parent
LOCAL = frozenset({"localhost", "127.0.0.1", "[::1]"})
# No inline script, nothing from elsewhere: what a message contains can do nothing here.
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
FRAGMENTS = ("clock", "channels", "messages", "thread", "tickets", "ticket", "ledger", "faults")
STATUSES = ("open", "pending", "hold", "solved")
LONGEST_MOVE = timedelta(days=31)
LONGEST_TEXT = 4_000  #: characters in one message
PING = 15.0  #: seconds between comments that keep the stream open


class Changes:
    """Tells every open page that something happened; they fetch what they show."""

    def __init__(self) -> None:
        self._listeners: set[asyncio.Event] = set()

    def ring(self) -> None:
        """Something changed."""
        for listener in self._listeners:
            listener.set()

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[asyncio.Event]:
        """An event that is set with each change."""
        event = asyncio.Event()
        self._listeners.add(event)
        try:
            yield event
        finally:
            self._listeners.discard(event)


class Page:
    """The routes of the sandbox page."""

    def __init__(self, world: World, changes: Changes) -> None:
        self._world = world
        self._changes = changes
        self._is_closing = False
        self._personas = {persona.key: persona for persona in world.personas}
        self._templates = Environment(
            loader=FileSystemLoader(HERE / "templates"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            enable_async=True,
        )
        self._templates.filters["clock"] = lambda at: f"{at:%H:%M}"
        self._templates.filters["day"] = lambda at: f"{at:%a %d %b}"
        self._templates.globals["link"] = _link

    def close(self) -> None:
        """End every stream, so that the server can stop."""
        self._is_closing = True
        self._changes.ring()

    def app(self) -> web.Application:
        """An application of its own: it shares nothing with the program it shows."""
        app = web.Application(middlewares=[_guard])
        app.add_routes(
            [
                web.get("/", self._document),
                web.get("/fragment/{name}", self._fragment),
                web.get("/stream", self._stream),
                web.post("/say", self._say),
                web.post("/press", self._press),
                web.post("/move", self._move),
                web.post("/reply", self._reply),
                web.post("/status", self._status),
                web.post("/switch", self._switch),
                web.static("/static", HERE / "static"),
            ]
        )
        return app

    # -- looking -----------------------------------------------------------------

    async def _document(self, request: web.Request) -> web.Response:
        return await self._rendered("page.html", self._look(request.query))

    async def _fragment(self, request: web.Request) -> web.Response:
        name = request.match_info["name"]
        if name not in FRAGMENTS:
            raise web.HTTPNotFound
        return await self._rendered(f"{name}.html", self._look(request.query))

    async def _rendered(self, template: str, look: Look) -> web.Response:
        html = await self._templates.get_template(template).render_async(
            look=look, world=self._world, spoken=spoken, statuses=STATUSES
        )
        return web.Response(text=html, content_type="text/html")

    async def _stream(self, request: web.Request) -> web.StreamResponse:
        stream = web.StreamResponse(
            headers={"Content-Type": "text/event-stream", "Cache-Control": "no-store"}
        )
        await stream.prepare(request)
        async with self._changes.listening() as changed:
            while not self._is_closing and not _is_gone(request):
                await stream.write(b"event: change\ndata: \n\n" if changed.is_set() else b": ping\n\n")
                changed.clear()
                try:
                    async with asyncio.timeout(PING):
                        await changed.wait()
                except TimeoutError:
                    continue
        return stream

    # -- acting ------------------------------------------------------------------

    async def _say(self, request: web.Request) -> web.Response:
        form = await _form(request)
        look = self._look(form)
        text = form.get("text", "").strip()[:LONGEST_TEXT]
        if not text:
            return _back(look)
        thread = await self._world.say(look.persona, look.channel, text, look.thread or None)
        return _back(Look(persona=look.persona, channel=look.channel, thread=thread, ticket=look.ticket))

    async def _press(self, request: web.Request) -> web.Response:
        form = await _form(request)
        look = self._look(form)
        await self._tried(
            self._world.press(look.persona, look.channel, form.get("ts", ""), form.get("action", ""))
        )
        return _back(look)

    async def _move(self, request: web.Request) -> web.Response:
        form = await _form(request)
        minutes = form.get("minutes", "")
        if not minutes.isdecimal() or timedelta(minutes=int(minutes)) > LONGEST_MOVE:
            raise web.HTTPBadRequest(text="The clock moves forward by 1 minute to 31 days.")
        await self._world.move(timedelta(minutes=int(minutes)))
        return _back(self._look(form))

    async def _reply(self, request: web.Request) -> web.Response:
        form = await _form(request)
        look = self._look(form)
        text = form.get("text", "").strip()[:LONGEST_TEXT]
        if text:
            await self._tried(self._world.reply_in_desk(look.ticket, text, is_public="note" not in form))
        return _back(look)

    async def _status(self, request: web.Request) -> web.Response:
        form = await _form(request)
        look = self._look(form)
        if form.get("status") in STATUSES:
            await self._tried(self._world.set_status(look.ticket, form["status"]))
        return _back(look)

    async def _tried(self, refusal: Awaitable[str]) -> None:
        if sentence := await refusal:
            raise web.HTTPConflict(text=sentence)

    async def _switch(self, request: web.Request) -> web.Response:
        form = await _form(request)
        self._world.switch(form.get("key", ""))
        self._changes.ring()
        return _back(self._look(form))

    def _look(self, asked: Mapping[str, str]) -> Look:
        persona = self._personas.get(asked.get("as", ""), self._world.personas[0])
        ticket = asked.get("ticket", "")
        return Look(
            persona=persona,
            channel=self._channel(persona, asked.get("channel", "")),
            thread=asked.get("thread", ""),
            ticket=int(ticket) if ticket.isdecimal() else 0,
        )

    def _channel(self, persona: Persona, asked: str) -> str:
        seen = [channel.id for channel in self._world.channels(persona)]
        return asked if asked in seen else persona.home


async def _form(request: web.Request) -> dict[str, str]:
    return {key: value for key, value in (await request.post()).items() if isinstance(value, str)}


def _link(look: Look, **changed: object) -> str:
    asked = {
        "as": look.persona.key,
        "channel": look.channel,
        "thread": look.thread,
        "ticket": look.ticket or "",
        **changed,
    }
    return "/?" + urlencode({key: value for key, value in asked.items() if value})


def _back(look: Look) -> web.Response:
    return web.Response(status=303, headers={"Location": _link(look)})


def _is_gone(request: web.Request) -> bool:
    return request.transport is None or request.transport.is_closing()


@web.middleware
async def _guard(
    request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
) -> web.StreamResponse:
    """Only this machine's own pages: no other site may press buttons here, no other name may point here."""
    host = request.host.rsplit(":", 1)[0] if not request.host.endswith("]") else request.host
    origin = request.headers.get("Origin")
    if host not in LOCAL or (origin is not None and urlsplit(origin).netloc != request.host):
        raise web.HTTPForbidden(text="The sandbox answers its own page only.")
    response = await handler(request)
    if not response.prepared:
        response.headers["Content-Security-Policy"] = POLICY
        response.headers["X-Content-Type-Options"] = "nosniff"
        response.headers["Referrer-Policy"] = "no-referrer"
        response.headers.setdefault("Cache-Control", "no-store")
    return response
