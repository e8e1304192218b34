"""The ticket desk on Zendesk: an asynchronous port over a blocking client in a thread of its own."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from types import TracebackType
from typing import TYPE_CHECKING, Final, Self, TypeVar

import structlog

from bot.core.effects import CommentOnReplica, CreateReplica, UpdateReplica
from bot.core.errors import ConfigError, Unavailable
from bot.core.model import OrganisationId
from bot.core.ports import Attempt, Time
from handlers.zendesk.performing import Performer

if TYPE_CHECKING:
    from handlers.zendesk.client import ZendeskClient

OPERATION_SECONDS: Final = 30.0  #: for all the requests of one effect together
GRACE_SECONDS: Final = 5.0  #: after that a thread is given up

Result = TypeVar("Result")
log = structlog.get_logger()


class ZendeskDesk:
    """A TicketDesk. zenpy is loaded and used in one worker thread; only plain values cross over.

    Effects take turns, since zenpy's objects are not thread-safe. When an operation outlives its time in
    spite of the sockets' own timeouts, its thread is left behind and the next effect gets a new one.
    """

    def __init__(
        self,
        *,
        subdomain: str,
        client_id: str,
        client_secret: str,
        time: Time,
        base_url: str | None = None,
        organisations: Mapping[OrganisationId, str] | None = None,
        custom_fields: Mapping[str, int] | None = None,
        operation_seconds: float = OPERATION_SECONDS,
        grace_seconds: float = GRACE_SECONDS,
    ) -> None:
        for organisation, desk_id in (organisations or {}).items():
            if not (desk_id.isascii() and desk_id.isdecimal()):
                reason = (
                    f"organisations.toml: [{organisation}]: desk_id: {desk_id!r} is not a number of Zendesk's"
                )
                raise ConfigError(reason)
        self._operation_seconds = operation_seconds
        self._grace_seconds = grace_seconds
        self._turn = asyncio.Lock()
        self._line: _Line | None = None

        def connect() -> tuple[ZendeskClient, Performer]:
            try:
                from handlers.zendesk.client import ZendeskClient  # noqa: PLC0415 - GPLv3 and heavy
            except ModuleNotFoundError as error:
                reason = f"ZENDESK_SUBDOMAIN is set, but the package {error.name} is not installed."
                raise ConfigError(reason) from None
            client = ZendeskClient(
                subdomain=subdomain,
                base_url=base_url,
                client_id=client_id,
                client_secret=client_secret,
                time=time,
            )
            performer = Performer(
                client,
                organisations=organisations or {},
                custom_fields=custom_fields or {},
            )
            return client, performer

        self._connect = connect

    def __repr__(self) -> str:
        return "ZendeskDesk()"

    async def __aenter__(self) -> Self:
        await self._perform(lambda _: None)  # load zenpy now: it holds up the loop for some 30 ms, once
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        async with self._turn:
            line, self._line = self._line, None
        if line is not None:
            await line.close(self._grace_seconds)

    async def create(self, effect: CreateReplica, attempt: Attempt) -> str:
        return await self._perform(lambda performer: performer.create(effect, attempt))

    async def comment(self, effect: CommentOnReplica, attempt: Attempt) -> str:
        return await self._perform(lambda performer: performer.comment(effect, attempt))

    async def update(self, effect: UpdateReplica, attempt: Attempt) -> None:
        await self._perform(lambda performer: performer.update(effect, attempt))

    async def check(self) -> list[str]:
        """What `check --live` has to say about Zendesk; empty when all is well."""
        return await self._perform(lambda performer: performer.check())

    async def _perform(self, act: Callable[[Performer], Result]) -> Result:
        async with self._turn:
            if self._line is None:
                self._line = _Line(self._connect)
            line = self._line
            try:
                async with asyncio.timeout(self._operation_seconds + self._grace_seconds):
                    return await line.run(act, self._operation_seconds)
            except TimeoutError:
                self._line = None
                line.abandon()
                log.warning("zendesk_thread_abandoned")
                raise Unavailable("Zendesk did not answer in time") from None


class _Line:
    """One worker thread and the client that lives in it."""

    def __init__(self, connect: Callable[[], tuple[ZendeskClient, Performer]]) -> None:
        self._connect = connect
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="zendesk")
        self._connected: tuple[ZendeskClient, Performer] | None = None  # touched in the thread only

    async def run(self, act: Callable[[Performer], Result], seconds: float) -> Result:
        def work() -> Result:
            if self._connected is None:
                self._connected = self._connect()
            client, performer = self._connected
            with client.operation(seconds):
                return act(performer)

        return await asyncio.get_running_loop().run_in_executor(self._thread, work)

    async def close(self, seconds: float) -> None:
        def close() -> None:
            if self._connected is not None:
                self._connected[0].close()

        try:
            async with asyncio.timeout(seconds):
                await asyncio.get_running_loop().run_in_executor(self._thread, close)
        except TimeoutError:
            log.warning("zendesk_thread_abandoned")
        self._thread.shutdown(wait=False, cancel_futures=True)

    def abandon(self) -> None:
        """The thread ends when its socket does."""
        self._thread.shutdown(wait=False, cancel_futures=True)
