"""Lets people see an answer while it is being composed: best effort, beside the work that counts."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta

import structlog

from bot.core.effects import DraftAnswer, Stage, WithdrawShown
from bot.core.errors import AudienceViolation, DeskbellError, RateLimited, Rejected
from bot.core.model import Shown, Text
from bot.core.ports import Attempt, LiveRooms

log = structlog.get_logger()

#: After these nothing stands there; after anything else the beginning may.
_REFUSED = (Rejected, RateLimited, AudienceViolation)


@dataclass(frozen=True, slots=True, kw_only=True)
class ShowingPace:
    """How often people see more. Slack takes 20 beginnings and 100 additions a minute."""

    # https://docs.slack.dev/reference/methods/chat.startStream · …/chat.appendStream (tiers 2 and 4)
    before: timedelta = timedelta(seconds=0.6)  #: an answer that is whole by then is posted as any other
    between: timedelta = timedelta(seconds=1)
    goodbye: timedelta = timedelta(seconds=4)  #: for taking it away again when the work fails


class Showing:
    """A `Listener` that shows what it hears, at a pace of its own, for as long as the answer is awaited."""

    def __init__(
        self,
        rooms: LiveRooms,
        stage: Stage,
        is_awaited: Callable[[], Awaitable[bool]],
        pace: ShowingPace,
    ) -> None:
        self._rooms = rooms
        self._stage = stage
        self._is_awaited = is_awaited
        self._pace = pace
        self._heard: list[Text] = []
        self._news = asyncio.Event()
        self._over = asyncio.Event()
        self._message: str | None = None
        self.shown: Shown | None = None  #: what has to be completed or taken away

    def hear(self, piece: Text, confidence: float) -> None:
        """Keep it for the next moment at which something is shown."""
        if confidence >= self._stage.sure:
            self._heard.append(piece)
            self._news.set()

    def end(self) -> None:
        """Show no more; a call under way is waited for by whoever awaits `run`."""
        self._over.set()
        self._news.set()

    async def run(self) -> None:
        """Show until the end, until something is refused, or until nobody waits for it any more."""
        try:
            await self._news.wait()
            await self._rest(self._pace.before)
            while not self._over.is_set() and await self._is_awaited():
                if not await self._show():
                    return
                await self._rest(self._pace.between)
                await self._news.wait()
        except DeskbellError as error:
            log.warning("showing_ended", reason=type(error).__name__, began=self.shown is not None)
        except Exception as error:  # noqa: BLE001 - whatever it is, the answer is posted all the same
            log.warning("showing_ended", reason=type(error).__name__, began=self.shown is not None)

    async def _rest(self, span: timedelta) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(span.total_seconds()):
                await self._over.wait()

    async def _show(self) -> bool:
        """What was heard since; False where this room shows nothing."""
        self._news.clear()
        heard, self._heard = self._heard, []
        text = Text(body="".join(piece.body for piece in heard), audience=heard[0].audience)
        if self._message is not None:
            await self._rooms.show_more(self._stage, self._message, text)
            return True
        self.shown = Shown(message=None, since=self._stage.since)  # until we know better
        try:
            self._message = await self._rooms.begin_showing(self._stage, text)
        except _REFUSED:
            self.shown = None
            raise
        if self._message is None:
            self.shown = None
            return False
        self.shown = Shown(message=self._message, since=self._stage.since)
        return True

    async def withdraw(self, effect: DraftAnswer, attempt: Attempt) -> None:
        """The work failed: what people saw goes at once. A later try looks whether it did."""
        if self.shown is None:
            return
        farewell = WithdrawShown(
            conversation=effect.conversation, address=self._stage.address, shown=self.shown
        )
        with suppress(DeskbellError, TimeoutError):
            async with asyncio.timeout(self._pace.goodbye.total_seconds()):
                await self._rooms.withdraw_shown(farewell, attempt)


@asynccontextmanager
async def showing(
    rooms: LiveRooms,
    effect: DraftAnswer,
    attempt: Attempt,
    *,
    is_awaited: Callable[[], Awaitable[bool]],
    pace: ShowingPace,
) -> AsyncIterator[Showing]:
    """While the block runs people see what is heard in it; should it fail, they no longer do."""
    assert effect.stage is not None, "whoever shows knows where"
    live = Showing(rooms, effect.stage, is_awaited, pace)
    running = asyncio.create_task(live.run())
    try:
        yield live
    except BaseException:
        live.end()
        await asyncio.wait({running}, timeout=pace.goodbye.total_seconds())
        running.cancel()
        await live.withdraw(effect, attempt)
        raise
    live.end()
    try:
        await running
    except asyncio.CancelledError:
        running.cancel()
        await live.withdraw(effect, attempt)
        raise
