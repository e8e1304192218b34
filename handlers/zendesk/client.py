"""The only module that imports zenpy: a dozen calls to Zendesk, plain dictionaries in and out.

zenpy is GPLv3, so it is loaded only where a Zendesk is configured; see docs/decisions/0006. Its objects stay
in here: they share state between calls, make hidden requests when an attribute is read, and write instants as
dates. Every call therefore builds a new object out of plain values and hands back plain values.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from functools import wraps
from typing import Any, Concatenate, ParamSpec, TypeVar

import requests
from zenpy import Zenpy
from zenpy.lib.api_objects import Ticket, User
from zenpy.lib.exception import APIException, ZenpyException

from bot.core.errors import Unavailable
from bot.core.ports import Time
from handlers.zendesk.oauth import TokenSource
from handlers.zendesk.transport import CONNECT_SECONDS, READ_SECONDS, Transport, open_session

AUDITS_PER_PAGE = 50  #: parsing a page holds up the event loop, a page of long comments more

Params = ParamSpec("Params")
Result = TypeVar("Result")


def _translated(
    method: Callable[Concatenate[ZendeskClient, Params], Result],
) -> Callable[Concatenate[ZendeskClient, Params], Result]:
    """Every error of the libraries as one of ours, without its text: it can quote a ticket."""

    @wraps(method)
    def call(self: ZendeskClient, /, *args: Params.args, **kwargs: Params.kwargs) -> Result:
        try:
            return method(self, *args, **kwargs)
        except (requests.RequestException, APIException, ZenpyException) as error:
            # APIException is no ZenpyException. Neither should happen after the session's own check.
            raise Unavailable(f"no usable answer from Zendesk ({type(error).__name__})") from None
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise Unavailable(f"an unreadable answer from Zendesk ({type(error).__name__})") from None

    return call


class ZendeskClient:
    """Not thread-safe, like zenpy: made, used and closed in one thread."""

    def __init__(
        self,
        *,
        subdomain: str,
        base_url: str | None,
        client_id: str,
        client_secret: str,
        time: Time,
    ) -> None:
        for name in ("zenpy", "urllib3.connectionpool"):
            logging.getLogger(name).setLevel(logging.INFO)  # they log bodies and addresses at DEBUG
        self._home = f"https://{subdomain}.zendesk.com"
        address = (base_url or self._home).rstrip("/")
        self.tokens = TokenSource(
            base_url=address,
            client_id=client_id,
            client_secret=client_secret,
            time=time,
        )
        self._transport = Transport(subdomain=subdomain, base_url=address, tokens=self.tokens)
        self._session = open_session(self._transport, time)
        self._zenpy = Zenpy(
            subdomain=subdomain,
            session=self._session,
            anonymous=True,  # the transport puts the token on
            timeout=(CONNECT_SECONDS, READ_SECONDS),
            disable_cache=True,
        )

    def operation(self, seconds: float) -> AbstractContextManager[None]:
        """The requests made inside share this much time."""
        return self._transport.operation(seconds)

    def close(self) -> None:
        """Close the connections."""
        self._session.close()

    @_translated
    def find_ticket(self, external_id: str) -> int | None:
        """The oldest ticket with this external id. Zendesk does not keep them unique."""
        found = self._zenpy.tickets(external_id=external_id, cursor_pagination=False)
        numbers = [int(ticket.id) for ticket in found if ticket.external_id == external_id]
        return min(numbers, default=None)

    @_translated
    def create_ticket(self, ticket: Mapping[str, Any], key: str) -> int:
        """The id of the new ticket, or of the one that this key has created before."""
        with self._transport.idempotent(key):
            created = self._zenpy.tickets.create(Ticket(**ticket))
        return int(getattr(created, "ticket", created).id)  # a replayed answer may come without its audit

    @_translated
    def update_ticket(self, number: int, changes: Mapping[str, Any]) -> dict[str, Any]:
        """The audit of the update; empty when nothing changed."""
        updated = self._zenpy.tickets.update(Ticket(id=number, **changes))
        audit = getattr(updated, "audit", None)
        return _plain(audit) if audit is not None else {}

    @_translated
    def insiders_of(self, number: int) -> frozenset[int]:
        """The requester and the CCs of a ticket: whose comments the customer sees."""
        ticket = _plain(self._zenpy.tickets(id=number))
        copied = [*(ticket.get("collaborator_ids") or []), *(ticket.get("email_cc_ids") or [])]
        return frozenset(map(int, [ticket["requester_id"], *copied]))

    @_translated
    def find_audit(self, number: int, is_wanted: Callable[[dict[str, Any]], bool]) -> dict[str, Any] | None:
        """The first audit of a ticket that is wanted."""
        return next(filter(is_wanted, self._audits(number)), None)

    @_translated
    def users_with_external_id(self, external_id: str) -> list[dict[str, Any]]:
        """At most one, since Zendesk keeps these unique."""
        users = self._zenpy.users(external_ids=[external_id], cursor_pagination=False)
        return [user for user in map(_plain, users) if user.get("external_id") == external_id]

    @_translated
    def users_with_email(self, email: str) -> list[dict[str, Any]]:
        """Everybody who has this address, as their first or as another one."""
        return [_plain(user) for user in self._zenpy.users.search(query=f'email:"{email}"')]

    @_translated
    def save_user(self, user: Mapping[str, Any]) -> dict[str, Any]:
        """Create the user, or update the one with the same external id or address."""
        return _plain(self._zenpy.users.create_or_update(User(**user)))

    @_translated
    def me(self) -> dict[str, Any]:
        """Who the token acts as."""
        return _plain(self._zenpy.users.me())

    def _audits(self, number: int) -> Iterator[dict[str, Any]]:
        """Not through zenpy, which parses each answer eight times and then builds thousands of objects."""
        # https://developer.zendesk.com/api-reference/ticketing/tickets/ticket_audits/
        url: str | None = f"{self._home}/api/v2/tickets/{number}/audits.json?page[size]={AUDITS_PER_PAGE}"
        while url:
            page = self._session.get(url).json()
            yield from page["audits"]
            url = page["links"]["next"] if page["meta"]["has_more"] else None


def _plain(zenpy_object: Any) -> dict[str, Any]:
    plain: dict[str, Any] = zenpy_object.to_dict()
    return plain
