"""Serves the page: one document that follows the world, and forms that act in it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from aiohttp import web
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from bot.core.errors import UserFacingError
from bot.sandbox.page.guarding import guard
from bot.sandbox.page.looking import Look, look_of, number
from bot.sandbox.page.scenes import scene
from bot.sandbox.page.streaming import Changes
from bot.sandbox.page.views import World
from bot.sandbox.page.wording import STATES

HERE = Path(__file__).parent
STATUSES = {"open": "open", "pending": "pending", "hold": "on hold", "solved": "solved"}
LONGEST_MOVE = timedelta(days=31)
LONGEST_TEXT = 4_000  #: characters in one message
FORM_LIMIT = 64 * 1024  #: bytes

Fields = dict[str, str]
Act = Callable[[Look, Fields], Awaitable[Look]]


class Page:
    """The routes of the sandbox page. Everything works without JavaScript: acts answer with a redirect."""

    def __init__(self, world: World, changes: Changes) -> None:
        self._world = world
        self._changes = changes
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

    def app(self) -> web.Application:
        """An application of its own: it shares nothing with the program it shows."""
        app = web.Application(middlewares=[guard], client_max_size=FORM_LIMIT)
        app.add_routes(
            [
                web.get("/", self._document),
                web.get("/article/{path:.+}", self._article),
                web.get("/stream", self._changes.stream),
                web.static("/static", HERE / "static"),
            ]
        )
        acts: dict[str, Act] = {
            "/say": self._say,
            "/press": self._press,
            "/move": self._move,
            "/reply": self._reply,
            "/status": self._status,
            "/replay": self._replay,
            "/switch": self._switch,
        }
        app.add_routes([web.post(path, self._acting(act)) for path, act in acts.items()])
        return app

    # -- looking -----------------------------------------------------------------

    async def _document(self, request: web.Request) -> web.Response:
        return await self._shown(look_of(request.query, self._world))

    async def _shown(self, look: Look, notice: str = "", status: int = 200) -> web.Response:
        values = {"look": look, "world": self._world, "statuses": STATUSES, "states": STATES}
        values["scene"] = await scene(self._world, look, notice)
        return await self._rendered("page.html", status=status, **values)

    async def _article(self, request: web.Request) -> web.Response:
        article = self._world.library.article(request.match_info["path"])
        if article is None:
            raise web.HTTPNotFound(text="There is no such article.")
        return await self._rendered("article.html", article=article)

    async def _rendered(self, template: str, *, status: int = 200, **values: object) -> web.Response:
        html = await self._templates.get_template(template).render_async(**values)
        return web.Response(text=html, status=status, content_type="text/html")

    # -- acting ------------------------------------------------------------------

    def _acting(self, act: Act) -> Callable[[web.Request], Awaitable[web.Response]]:
        """A form, then the page again; with a sentence when it did not work."""

        async def acting(request: web.Request) -> web.Response:
            given = await request.post()
            fields = {name: value for name, value in given.items() if isinstance(value, str)}
            look = look_of(fields, self._world)
            try:
                look = await act(look, fields)
            except UserFacingError as error:
                return await self._shown(look, notice=str(error), status=409)
            self._changes.ring()
            return web.Response(status=303, headers={"Location": look.link()})

        return acting

    async def _say(self, look: Look, fields: Fields) -> Look:
        text = _written(fields)
        thread = await self._world.chat.say(look.persona, look.channel, text, look.thread)
        return replace(look, thread=thread, ticket=look.ticket if look.thread else 0)

    async def _press(self, look: Look, fields: Fields) -> Look:
        await self._world.chat.press(
            look.persona, look.channel, fields.get("ts", ""), fields.get("press", "")
        )
        return look

    async def _move(self, look: Look, fields: Fields) -> Look:
        span = timedelta(minutes=number(fields.get("minutes", "")))
        if not timedelta(0) < span <= LONGEST_MOVE:
            raise UserFacingError("The clock moves forward, by one minute to 31 days at a time.")
        await self._world.time.move(span)
        return look

    async def _reply(self, look: Look, fields: Fields) -> Look:
        text = _written(fields)
        await self._world.desk.reply(number(fields.get("about", "")), text, is_public="note" not in fields)
        return look

    async def _status(self, look: Look, fields: Fields) -> Look:
        if fields.get("status") not in STATUSES:
            raise UserFacingError(f"A ticket is {', '.join(STATUSES.values())} here; nothing else.")
        await self._world.desk.set_status(number(fields.get("about", "")), fields["status"])
        return look

    async def _replay(self, look: Look, fields: Fields) -> Look:
        await self._world.work.replay(fields.get("queue", ""), number(fields.get("id", "")))
        return look

    async def _switch(self, look: Look, fields: Fields) -> Look:
        self._world.mischief.flip(fields.get("key", ""))
        return look


def _written(fields: Fields) -> str:
    """What somebody wrote; browsers send line breaks as CRLF."""
    text = fields.get("text", "").replace("\r\n", "\n").strip()
    if not text:
        raise UserFacingError("There is nothing to send yet: write something first.")
    if len(text) > LONGEST_TEXT:
        raise UserFacingError(f"That is longer than {LONGEST_TEXT} characters; nothing was sent.")
    return text
