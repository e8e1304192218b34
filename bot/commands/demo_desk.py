"""Tickets as the sandbox's page sees them: ours with their clocks, and the agent at work in Zendesk."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from bot.commands.demo_clocks import clock_view
from bot.commands.sandboxing import Sandbox
from bot.core import replies
from bot.core.errors import UserFacingError
from bot.core.model import Conversation, Ticket, TicketId
from bot.core.ports import Records
from bot.sandbox.page.views import CommentView, TicketView
from bot.sandbox.zendesk.refusals import Refused

TICKETS = 40


class ZendeskDesk:
    """Implements `bot.sandbox.page.views.Desk`."""

    def __init__(self, sandbox: Sandbox, is_down: Callable[[], bool]) -> None:
        self._sandbox = sandbox
        self._zendesk = sandbox.zendesk
        self._is_down = is_down

    async def tickets(self) -> Sequence[TicketView]:
        ledger = self._sandbox.program.ledger
        listed = await ledger.tickets(TICKETS)
        async with ledger.reading() as records:
            return [await self._view(one, records) for one in listed]

    async def ticket(self, id: int) -> TicketView | None:
        async with self._sandbox.program.ledger.reading() as records:
            try:
                found = await records.ticket(TicketId(id))
            except KeyError:
                return None
            return await self._view(found, records, is_whole=True)

    async def _view(self, ticket: Ticket, records: Records, *, is_whole: bool = False) -> TicketView:
        conversation = await records.conversation(ticket.conversation)
        clocks = await records.clocks(ticket.id)
        replica = int(ticket.replica) if ticket.replica else None
        policies, now = self._sandbox.program.policies, self._sandbox.time.now()
        return TicketView(
            id=ticket.id,
            label=replies.ticket_label(ticket.id),
            subject=ticket.subject,
            status=ticket.status.value,
            priority=ticket.priority.value,
            tier=ticket.tier.value,
            customer=str(ticket.organisation or "community"),
            replica=ticket.replica,
            replica_status=self._zendesk.ticket(replica).status if replica else "",
            channel=conversation.address.room,
            channel_name=self._channel_name(conversation),
            thread=conversation.address.thread,
            clocks=[clock_view(one, policies, now, name_of=self._name_of) for one in clocks],
            comments=self._comments(replica) if is_whole and replica else (),
        )

    def _channel_name(self, conversation: Conversation) -> str:
        channel = self._sandbox.slack.world.channels.get(conversation.address.room)
        return channel.name if channel else conversation.address.room

    def _name_of(self, user: str) -> str:
        known = self._sandbox.slack.world.users.get(user)
        return known.real_name if known else user

    def _comments(self, replica: int) -> Sequence[CommentView]:
        return [
            CommentView(
                id=one.id,
                author=self._zendesk.user(one.author_id).name,
                at=one.created_at,
                text=one.body,
                is_public=one.public,
            )
            for one in self._zendesk.comments(replica)
        ]

    async def reply(self, ticket: int, text: str, *, is_public: bool) -> None:
        replica = await self._replica(ticket)
        with _refusals_told():
            self._zendesk.agent_reply(replica, self._sandbox.agent, text, public=is_public)

    async def set_status(self, ticket: int, status: str) -> None:
        replica = await self._replica(ticket)
        with _refusals_told():
            self._zendesk.set_status(replica, status, self._sandbox.agent)

    async def _replica(self, ticket: int) -> int:
        if self._is_down():
            raise UserFacingError("Zendesk is down: nobody can work in it until it is switched on again.")
        async with self._sandbox.program.ledger.reading() as records:
            try:
                replica = (await records.ticket(TicketId(ticket))).replica
            except KeyError:
                raise UserFacingError("There is no such ticket.") from None
        if replica is None:
            raise UserFacingError("This ticket is not in Zendesk yet; it gets there with the next try.")
        return int(replica)


@contextmanager
def _refusals_told() -> Iterator[None]:
    try:
        yield
    except Refused as refusal:
        raise UserFacingError(f"Zendesk refused this ({refusal.status}).") from refusal
