"""What people do in Zendesk's own interface, for the sandbox's page and for tests."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from bot.sandbox.zendesk.changes import Change
from bot.sandbox.zendesk.envelopes import PREFIX
from bot.sandbox.zendesk.notices import Notices
from bot.sandbox.zendesk.refusals import not_found
from bot.sandbox.zendesk.state import Comment, Json, Organisation, State, Ticket, User
from bot.sandbox.zendesk.tickets import Tickets
from bot.sandbox.zendesk.webhooks import Webhook

FOLLOWED = (
    "ticket.created",
    "ticket.comment_added",
    "ticket.status_changed",
    "ticket.priority_changed",
    "ticket.agent_assignment_changed",
)
WEB = "web"  #: the channel of everything done here


class Personas:
    """Agents and customers at work. Raises Refused where the interface would show an error."""

    def __init__(self, state: State, tickets: Tickets, notices: Notices) -> None:
        self.state = state
        self._tickets = tickets
        self._notices = notices
        self._watchers: list[Callable[[int], None]] = []

    # -- reading --

    def tickets(self) -> Sequence[Ticket]:
        """Copies of all tickets, by number."""
        return [replace(ticket) for ticket in self.state.live_tickets()]

    def ticket(self, ticket_id: int) -> Ticket:
        """A copy of one."""
        return replace(self._found(ticket_id))

    def comments(self, ticket_id: int) -> Sequence[Comment]:
        """Oldest first."""
        return tuple(self._found(ticket_id).comments)

    def user(self, user_id: int) -> User:
        """Who wrote a comment, or asked."""
        return self.state.users[user_id]

    def on_change(self, watcher: Callable[[int], None]) -> Callable[[], None]:
        """Call `watcher` with a ticket's id after each change; the returned function ends that."""
        self._watchers.append(watcher)
        return lambda: self._watchers.remove(watcher)

    # -- people --

    def add_agent(self, name: str, email: str, *, role: str = "agent") -> User:
        """A member of staff; the same one for the same e-mail."""
        return self.state.user_by_email(email) or self.state.add_user(name=name, email=email, role=role)

    def add_customer(
        self, name: str, email: str | None = None, organisation: Organisation | None = None
    ) -> User:
        """An end user; the same one for the same e-mail."""
        known = self.state.user_by_email(email) if email else None
        organisation_id = organisation.id if organisation else None
        return known or self.state.add_user(name=name, email=email, organization_id=organisation_id)

    def add_organisation(self, name: str, *, external_id: str | None = None) -> Organisation:
        """A customer's company."""
        return self.state.add_organisation(name=name, external_id=external_id)

    # -- working on tickets --

    def agent_reply(
        self, ticket_id: int, agent: User, text: str, *, public: bool = True, status: str | None = None
    ) -> Comment:
        """Comment as an agent, who takes the ticket when nobody has it."""
        ticket = self._found(ticket_id)
        fields: Json = {"comment": {"body": text, "public": public, "author_id": agent.id}}
        if public and ticket.assignee_id is None:
            fields["assignee_id"] = agent.id
        if status is not None:
            fields["status"] = status
        return self._commented(self._update(ticket_id, agent, fields))

    def customer_reply(self, ticket_id: int, customer: User, text: str) -> Comment:
        """Comment by mail or on the portal; reopens a ticket that waited."""
        return self._commented(self._update(ticket_id, customer, {"comment": {"body": text}}))

    def create_ticket_as_agent(
        self, agent: User, *, requester: User, subject: str, text: str, **fields: Any
    ) -> Ticket:
        """A ticket that does not come from the API."""
        comment = {"body": text, "author_id": agent.id}
        record = {"subject": subject, "comment": comment, "requester_id": requester.id}
        record |= {"submitter_id": agent.id, **fields}
        return replace(self._tickets.create(record, actor=agent, channel=WEB).ticket)

    def set_status(self, ticket_id: int, status: str, agent: User) -> None:
        """new, open, pending, hold, solved or closed."""
        self._update(ticket_id, agent, {"status": status})

    def set_priority(self, ticket_id: int, priority: str, agent: User) -> None:
        """low, normal, high or urgent."""
        self._update(ticket_id, agent, {"priority": priority})

    def assign(self, ticket_id: int, assignee: User, agent: User | None = None) -> None:
        """Somebody takes it, or is given it; a new ticket becomes open."""
        self._update(ticket_id, agent or assignee, {"assignee_id": assignee.id})

    def make_private(self, ticket_id: int, comment_id: int, agent: User) -> None:
        """Hide a comment from the customer, for good."""
        ticket = self._found(ticket_id)
        comment = next((one for one in ticket.comments if one.id == comment_id), None)
        if comment is None:
            raise not_found()
        self._tickets.make_private(ticket, comment, actor=agent)

    # -- administration --

    def subscribe(self, url: str, secret: str | None = None, *, kinds: Sequence[str] = FOLLOWED) -> Webhook:
        """An event-subscribed webhook; its secret is in `.secret`."""
        more = {"secret": secret} if secret else {}
        subscriptions = [PREFIX + kind for kind in kinds]
        return self._notices.add_webhook(name="Deskbell", endpoint=url, subscriptions=subscriptions, **more)

    def announce(self, change: Change) -> None:
        """Tell webhooks, then whoever watches."""
        self._notices.announce(change)
        for watcher in tuple(self._watchers):
            watcher(change.ticket.id)

    def _update(self, ticket_id: int, actor: User, fields: Json) -> Change:
        return self._tickets.update(self._found(ticket_id), fields, actor=actor, channel=WEB)

    def _found(self, ticket_id: int) -> Ticket:
        ticket = self.state.tickets.get(ticket_id)
        if ticket is None or ticket.is_deleted:
            raise not_found()
        return ticket

    @staticmethod
    def _commented(change: Change) -> Comment:
        assert change.comment is not None, "a comment was asked for"
        return change.comment
