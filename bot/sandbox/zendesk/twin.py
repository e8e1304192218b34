"""The server: who is calling, what goes wrong on purpose, and the answer."""

from __future__ import annotations

import asyncio
import json
import random
from datetime import timedelta
from types import TracebackType
from typing import Self

from aiohttp import web

from bot.core.ports import Time
from bot.sandbox.faults import Fault, FaultKind, Faults, cut
from bot.sandbox.journal import Journal
from bot.sandbox.zendesk.admin_routes import AdminRoutes
from bot.sandbox.zendesk.calls import Answer, Call, Router
from bot.sandbox.zendesk.finding_routes import FindingRoutes
from bot.sandbox.zendesk.idempotency import Idempotency
from bot.sandbox.zendesk.limits import Limits, RateLimiter
from bot.sandbox.zendesk.notices import Notices
from bot.sandbox.zendesk.oauth import Client, OAuth
from bot.sandbox.zendesk.people_routes import PeopleRoutes
from bot.sandbox.zendesk.personas import Personas
from bot.sandbox.zendesk.refusals import Refused, account_limited, no_endpoint, unparsable
from bot.sandbox.zendesk.sending import Sender
from bot.sandbox.zendesk.state import State
from bot.sandbox.zendesk.ticket_routes import TicketRoutes
from bot.sandbox.zendesk.tickets import Tickets

API = "/api/v2/"
TOKENS = "/oauth/tokens"
LARGEST_BODY = 60 * 1024 * 1024
UNSEEN = (FaultKind.TIMEOUT_BEFORE, FaultKind.DROP)  #: the call leaves no trace
HIDDEN = frozenset({"authentication", "client_secret", "custom_headers"})  #: from the journal


class ZendeskTwin(Personas):
    """One Zendesk account on the loopback.

    The account starts with one administrator, `bot`, as whom the OAuth client acts.
    """

    def __init__(
        self,
        time: Time,
        rng: random.Random,
        *,
        subdomain: str = "opendatagov",
        client_id: str = "deskbell",
        client_secret: str = "twin-client-secret",  # noqa: S107 - a twin's secret guards nothing
        scopes: tuple[str, ...] = ("read", "write"),
        limits: Limits | None = None,
        closes_after: timedelta | None = timedelta(days=28),
        webhook_timeout: float = 10.0,
        announces_first_comment: bool = True,
        faults: Faults | None = None,
        journal: Journal | None = None,
    ) -> None:
        state = State(time, rng, subdomain=subdomain, account_id=10_000_000 + rng.randrange(1_000_000))
        self.faults = faults or Faults(random.Random(rng.random()))  # noqa: S311 - repeatable on purpose
        self.journal = journal or Journal(time)
        self._sender = Sender(state, self.faults, self.journal, timeout=webhook_timeout)
        notices = Notices(state, self._sender, first_comment=announces_first_comment)
        tickets = Tickets(state, self.announce, closes_after=closes_after)
        super().__init__(state, tickets, notices)
        self.bot = state.add_user(name="Deskbell", email=f"bot@{subdomain}.example", role="admin")
        self.client_id, self.client_secret = client_id, client_secret
        self.oauth = OAuth(state)
        self.oauth.clients[client_id] = Client(
            identifier=client_id, secret=client_secret, user=self.bot, scopes=scopes
        )
        self._limiter = RateLimiter(limits or Limits())
        self._router = Router(
            TicketRoutes(state, tickets, self._limiter, Idempotency(time)).table(),
            FindingRoutes(state, self._limiter).table(),
            PeopleRoutes(state).table(),
            AdminRoutes(state, notices).table(),
        )
        self._runner: web.AppRunner | None = None
        self._stopping = asyncio.Event()
        self._port = 0

    @property
    def url(self) -> str:
        """Where the twin listens: what https://SUBDOMAIN.zendesk.com is to the real one."""
        return f"http://127.0.0.1:{self._port}"

    async def start(self, port: int = 0) -> None:
        """Listen on the loopback."""
        application = web.Application(client_max_size=LARGEST_BODY)
        application.router.add_route("*", "/{path:.*}", self._serve)
        self._runner = web.AppRunner(application, access_log=None, shutdown_timeout=1.0)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", port)
        await site.start()
        self._port = self._runner.addresses[0][1]
        await self._sender.start()

    async def stop(self) -> None:
        """Close every connection; the state stays readable."""
        self._stopping.set()
        await self._sender.stop()
        if self._runner is not None:
            await self._runner.cleanup()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    async def tick(self) -> None:
        """Close tickets and send webhooks that have come due; to be called after the clock was moved."""
        self._tickets.close_overdue()
        await self._sender.tick()

    async def settled(self) -> None:
        """Return when every webhook that was due has been sent and answered."""
        await self._sender.settled()

    @property
    def sender(self) -> Sender:
        """Invocations, their attempts and the breakers."""
        return self._sender

    async def _serve(self, request: web.Request) -> web.StreamResponse:
        path = request.path.removesuffix("/").removesuffix(".json")
        operation = f"{request.method} {path}"
        body = await request.read()
        fault = self.faults.draw(operation)
        if fault is not None and fault.kind is FaultKind.DELAY:
            await asyncio.sleep(fault.delay.total_seconds())
        if fault is not None and fault.kind in UNSEEN:
            self.journal.record(operation, outcome=fault.kind.value)
            return await self._silence(request, fault)
        refusal = _refusal(fault)
        answer = self._refused(refusal) if refusal else self._answer(request, path, body)
        self._write_down(operation, request, body, answer, fault)
        if fault is not None and fault.kind is FaultKind.TIMEOUT_AFTER:
            return await self._silence(request, fault)
        return self._response(answer, is_cut=fault is not None and fault.kind is FaultKind.MALFORMED_BODY)

    def _answer(self, request: web.Request, path: str, body: bytes) -> Answer:
        try:
            if path == TOKENS and request.method == "POST":
                return Answer(body=self.oauth.issue(_form(request, body)))
            if not path.startswith(API):
                raise no_endpoint()
            actor = self.oauth.authenticate(request.headers.get("Authorization"), request.method, path)
            self._limiter.count_request(self.state.time.now())
            self._tickets.close_overdue()
            call = Call(
                method=request.method,
                path=path,
                query=dict(request.query),
                headers=request.headers,
                body=body,
                actor=actor,
            )
            return self._router.answer(call)
        except Refused as refusal:
            return self._refused(refusal)

    @staticmethod
    def _refused(refusal: Refused) -> Answer:
        return Answer(status=refusal.status, body=refusal.body, headers=dict(refusal.headers))

    def _response(self, answer: Answer, *, is_cut: bool) -> web.Response:
        headers = {
            **self._limiter.headers(self.state.time.now()),
            "X-Request-Id": self.state.rng.randbytes(8).hex(),
            "X-Zendesk-API-Version": "v2",
            **answer.headers,
        }
        if answer.body is None:
            return web.Response(status=answer.status, headers=headers)
        if isinstance(answer.body, str):
            return web.Response(
                status=answer.status, text=answer.body, content_type="text/html", headers=headers
            )
        text = json.dumps(answer.body)
        text = text[: len(text) // 2] if is_cut else text
        return web.Response(status=answer.status, text=text, content_type="application/json", headers=headers)

    async def _silence(self, request: web.Request, fault: Fault) -> web.Response:
        """No answer: the connection is cut, or held until the twin stops."""
        if fault.hang:
            await self._stopping.wait()
        return cut(request)

    def _write_down(
        self, operation: str, request: web.Request, body: bytes, answer: Answer, fault: Fault | None
    ) -> None:
        summary: dict[str, object] = dict(request.query)
        if key := request.headers.get("Idempotency-Key"):
            summary["idempotency_key"] = key
        if request.content_type == "application/json":
            summary["body"] = _shown(body)
        outcome = "ok" if answer.status < 400 else str(answer.status)  # noqa: PLR2004 - HTTP's own figure
        if fault is not None:
            outcome = fault.kind.value
        self.journal.record(operation, request=summary, effects=answer.effects, outcome=outcome)


def _refusal(fault: Fault | None) -> Refused | None:
    """The answer of a fault that does nothing else."""
    if fault is not None and fault.kind is FaultKind.RATE_LIMITED:
        return account_limited(max(1, int(fault.retry_after.total_seconds())))
    if fault is not None and fault.kind is FaultKind.SERVER_ERROR:
        return Refused(fault.status, "<html><body>Please try again in a moment.</body></html>")
    return None


def _form(request: web.Request, body: bytes) -> dict[str, object]:
    """The token endpoint takes JSON."""
    try:
        parsed = json.loads(body)
    except ValueError:
        raise unparsable() from None
    if request.content_type != "application/json" or not isinstance(parsed, dict):
        raise unparsable()
    return parsed


def _shown(body: bytes) -> object:
    """A body for the journal: without what is secret."""
    try:
        parsed = json.loads(body or b"{}")
    except ValueError:
        return "not JSON"
    if not isinstance(parsed, dict):
        return parsed
    shown = {name: value for name, value in parsed.items() if name not in HIDDEN}
    for name, value in shown.items():
        if isinstance(value, dict):
            shown[name] = {key: one for key, one in value.items() if key not in HIDDEN}
    return shown
