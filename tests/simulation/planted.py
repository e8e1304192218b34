"""Faults of ours, put into the running program on purpose: each must be found, or the simulation is blind.

Each is a patch of the imported program and lasts as long as the process.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from itertools import count
from typing import Any

from bot.core import escalating, marks, promising, ticketing
from bot.core.effects import CommentOnReplica
from bot.core.errors import Unavailable
from bot.core.model import ClockId
from handlers.slack.rooms import SlackRooms
from handlers.zendesk import parsing
from handlers.zendesk.client import ZendeskClient
from handlers.zendesk.performing import Performer
from storage import ledger as ledgers
from storage.accepting import GroupCommit
from storage.ledger import SqlLedger
from storage.records import SqlRecords
from storage.transactions import SqlTransaction

BUGS: dict[str, Callable[[], None]] = {}
YEARS = timedelta(days=3650)


def _bug(plant: Callable[[], None]) -> Callable[[], None]:
    BUGS[plant.__name__] = plant
    return plant


def _patch(owner: Any, name: str, make: Callable[[Any], Any]) -> None:
    setattr(owner, name, make(getattr(owner, name)))


# -- what comes in --


@_bug
def no_dedupe() -> None:
    """Every delivery is new, and so is every message in it."""
    number = count()

    def accept(original: Any) -> Any:
        return lambda self, one: original(self, replace(one, id=f"{one.id}#{next(number)}"))

    def record(original: Any) -> Any:
        return lambda self, one: original(self, replace(one, source=f"{one.source}#{next(number)}"))

    _patch(GroupCommit, "accept", accept)
    _patch(SqlTransaction, "record_message", record)


@_bug
def acknowledged_before_commit() -> None:
    """The sender hears 2xx, and a moment later it is stored."""

    def accept(original: Any) -> Any:
        async def later(self: GroupCommit, delivery: Any) -> bool:
            async def store() -> None:
                await asyncio.sleep(0.2)
                await original(self, delivery)

            tasks.add(asyncio.create_task(store()))
            return True

        return later

    tasks: set[object] = set()
    _patch(GroupCommit, "accept", accept)


@_bug
def done_before_it_is_understood() -> None:
    """A delivery is marked done in a transaction of its own, before its events are handled."""

    def finishing(original: Any) -> Any:
        @asynccontextmanager
        async def two(self: SqlLedger, leased: Any, *, now: Any) -> AsyncIterator[SqlTransaction]:
            async with original(self, leased, now=now):
                pass
            async with self.transaction(now=now, cause=f"{type(leased.work).__name__}-{leased.id}") as tx:
                yield tx

        return two

    _patch(SqlLedger, "finishing", finishing)


@_bug
def trouble_is_forgotten() -> None:
    """What cannot be done now is not done at all."""

    def retry(_original: Any) -> Any:
        async def forget(self: SqlLedger, leased: Any, *, at: Any, **_more: Any) -> None:
            async with self.finishing(leased, now=at):
                pass

        return forget

    _patch(SqlLedger, "retry", retry)


@_bug
def leases_never_end() -> None:
    """What a dead machine was doing is its own for ever."""
    for name in ("claim_deliveries", "claim_effects", "claim_timers"):

        def claim(original: Any) -> Any:
            return lambda self, *, now, limit, lease: original(
                self, now=now, limit=limit, lease=lease + YEARS
            )

        _patch(SqlLedger, name, claim)

    async def nothing(self: SqlLedger) -> int:
        del self
        return 0

    _patch(SqlLedger, "release_leases", lambda _original: nothing)


@_bug
def leases_end_at_once() -> None:
    """Two do the same, and the fence is not looked at."""

    def claim(original: Any) -> Any:
        return lambda self, *, now, limit, lease: original(self, now=now, limit=limit, lease=lease / 1000)

    def complete(original: Any) -> Any:
        async def anyhow(connection: Any, leased: Any, *, now: Any) -> None:
            try:
                await original(connection, leased, now=now)
            except ledgers_lost:
                return

        return anyhow

    ledgers_lost = Exception
    _patch(SqlLedger, "claim_effects", claim)
    _patch(ledgers, "complete", complete)


@_bug
def no_lanes() -> None:
    """Comments of one ticket do not wait for each other."""
    number = count()
    CommentOnReplica.lane = property(lambda _self: f"lane-{next(number)}")  # type: ignore[assignment,method-assign]  # planted


# -- what goes out --


@_bug
def no_look_before_a_second_post() -> None:
    """A post that was not answered is posted again."""

    async def nothing(self: SlackRooms, address: Any, attempt: Any) -> None:
        del self, address, attempt

    _patch(SlackRooms, "_posted_before", lambda _original: nothing)


@_bug
def no_look_before_a_second_comment() -> None:
    """Likewise a comment."""
    _patch(Performer, "comment", _first)


@_bug
def no_look_before_a_second_ticket() -> None:
    """Likewise a ticket, whose key is another one each time."""
    number = count()

    def create(original: Any) -> Any:
        return lambda self, ticket, key: original(self, ticket, f"{key}-{next(number)}")

    _patch(ZendeskClient, "create_ticket", create)
    _patch(Performer, "create", _first)


def _first(original: Any) -> Any:
    return lambda self, effect, attempt: original(self, effect, replace(attempt, number=1))


@_bug
def an_error_is_an_answer() -> None:
    """A post that Slack refused with a 5xx is taken for done."""

    def post(original: Any) -> Any:
        async def anyhow(self: SlackRooms, arguments: Any) -> str:
            try:
                return str(await original(self, arguments))
            except Unavailable:
                return "1795532405.000001"

        return anyhow

    _patch(SlackRooms, "_post", post)


@_bug
def private_is_public() -> None:
    """A note among agents is relayed to the customer."""

    def added(original: Any) -> Any:
        return lambda payload, at: [replace(event, is_public=True) for event in original(payload, at)]

    _patch(parsing, "_comment_added", added)


@_bug
def own_comments_are_news() -> None:
    """What we wrote to the ticket comes back and is said in the thread."""

    async def unknown(self: SqlRecords, *_: object) -> bool:
        del self
        return False

    def remember(original: Any) -> Any:
        async def always(self: SqlTransaction, *arguments: Any) -> bool:
            await original(self, *arguments)
            return True

        return always

    _patch(SqlRecords, "knows_comment", lambda _original: unknown)
    _patch(SqlTransaction, "remember_comment", remember)


@_bug
def any_ticket_will_do() -> None:
    """A comment from Zendesk goes to whichever conversation has a ticket first."""

    def find(original: Any) -> Any:
        async def first(context: Any, replica: str, external_id: Any) -> Any:
            return await context.tx.find_replicated("1") or await original(context, replica, external_id)

        return first

    _patch(ticketing, "find_ticket", find)


@_bug
def threads_are_mixed_up() -> None:
    """Whoever writes into a channel writes into its first conversation."""

    def find(original: Any) -> Any:
        async def first(self: SqlRecords, address: Any) -> Any:
            key = (address.door, address.workspace, address.room)
            first_seen = known.setdefault(key, address)
            return await original(self, first_seen) or await original(self, address)

        return first

    known: dict[object, Any] = {}
    _patch(SqlRecords, "find_conversation", find)


# -- time --


@_bug
def told_is_not_remembered() -> None:
    """The same step is told at every look."""

    def look(original: Any) -> Any:
        async def forgetful(context: Any, event: Any) -> None:
            await original(context, event)
            clock = await context.tx.clock(ClockId(int(event.key.removeprefix(promising.CLOCK))))
            if clock.is_live and clock.told:
                await context.tx.save_clock(replace(clock, told=clock.told[:-1]))

        return forgetful

    _patch(escalating, "look_at_clock", look)


@_bug
def steps_are_told_early() -> None:
    """A minute before they are due."""
    _patch(
        marks, "due_marks", lambda original: lambda clock, now: original(clock, now + timedelta(minutes=1))
    )
    early = timedelta(minutes=1)

    def set_timer(original: Any) -> Any:
        return lambda self, timer: original(self, replace(timer, due_at=timer.due_at - early))

    _patch(SqlTransaction, "set_timer", set_timer)


@_bug
def a_reply_stops_no_clock() -> None:
    """Somebody answered, and people are called all the same."""

    async def nothing(*_: object) -> None:
        """The promise counts as open."""

    _patch(promising, "keep", lambda _original: nothing)
