"""Desk effects performed against a Zendesk client, in the client's thread, each once."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from typing import Any, Final, Protocol

from bot.core.effects import CommentOnReplica, CreateReplica, UpdateReplica
from bot.core.errors import DeskbellError, NotYet, Rejected, Unavailable
from bot.core.model import OrganisationId, Person, Role
from bot.core.ports import Attempt
from handlers.zendesk.oauth import SCOPES
from handlers.zendesk.refusals import BadRequest
from handlers.zendesk.rendering import (
    comment_in,
    external_id_of,
    is_public,
    marked_with,
    render_comment,
    render_copy,
    render_person,
    render_ticket,
    render_update,
)

END_USER: Final = "end-user"
MOST_PEOPLE: Final = 10_000


class Client(Protocol):
    """What is used of `ZendeskClient`; naming it keeps zenpy out of this module's imports."""

    tokens: Any

    def find_ticket(self, external_id: str) -> int | None: ...
    def create_ticket(self, ticket: Mapping[str, Any], key: str) -> int: ...
    def update_ticket(self, number: int, changes: Mapping[str, Any]) -> dict[str, Any]: ...
    def insiders_of(self, number: int) -> frozenset[int]: ...
    def find_audit(self, number: int, is_wanted: Any) -> dict[str, Any] | None: ...
    def users_with_external_id(self, external_id: str) -> list[dict[str, Any]]: ...
    def users_with_email(self, email: str) -> list[dict[str, Any]]: ...
    def save_user(self, user: Mapping[str, Any]) -> dict[str, Any]: ...
    def me(self) -> dict[str, Any]: ...


class Performer:
    """Blocking. People found once are remembered, for their ids do not change."""

    def __init__(
        self,
        client: Client,
        *,
        organisations: Mapping[OrganisationId, str],
        custom_fields: Mapping[str, int],
    ) -> None:
        self._client = client
        self._organisations = organisations
        self._custom_fields = custom_fields
        self._people: OrderedDict[str, int] = OrderedDict()

    def create(self, effect: CreateReplica, attempt: Attempt) -> str:
        """One ticket whatever was tried before: by its key within two hours, by its external id for ever."""
        # https://developer.zendesk.com/api-reference/ticketing/introduction/#idempotency
        if attempt.number > 1 and (found := self._client.find_ticket(effect.external_id)):
            return str(found)
        ticket = render_ticket(
            effect,
            requester=self._person(effect.requester),
            organisations=self._organisations,
            custom_fields=self._custom_fields,
        )
        try:
            return str(self._client.create_ticket(ticket, attempt.key))
        except BadRequest:
            # The key is known with another body: our records changed since a try that did succeed.
            if found := self._client.find_ticket(effect.external_id):
                return str(found)
            raise
        except Rejected:
            self._forget(effect.requester)
            raise

    def comment(self, effect: CommentOnReplica, attempt: Attempt) -> str:
        """One comment whatever was tried before: an update has no key, so its audit carries our mark."""
        number = _number(effect.replica)
        if attempt.number > 1:
            audit = self._client.find_audit(number, lambda audit: marked_with(audit, attempt.key))
            if audit and (found := comment_in(audit)):
                return found
        changes = render_comment(effect, attempt.key, author=self._author(effect, number))
        try:
            audit = self._client.update_ticket(number, changes)
        except Rejected:
            self._forget(effect.author)
            raise
        if not (comment := comment_in(audit)):
            raise Unavailable("Zendesk answered without the comment's id")
        return comment

    def update(self, effect: UpdateReplica, attempt: Attempt) -> None:  # noqa: ARG002 - repeating it changes nothing
        """Status and priority, as often as you like."""
        if (changes := render_update(effect)) is not None:
            self._client.update_ticket(_number(effect.replica), changes)

    def check(self) -> list[str]:
        """What is wrong with the credentials, one sentence each."""
        try:
            me = self._client.me()
        except DeskbellError as error:
            return [f"Zendesk: {error}."]
        problems = []
        if me.get("role") not in ("agent", "admin"):
            problems.append("Zendesk: the OAuth client does not act as an agent or an admin.")
        missing = [scope for scope in SCOPES if scope not in self._client.tokens.scopes]
        if missing:
            problems.append(f"Zendesk: the token lacks the scope {' and '.join(missing)}.")
        return problems

    def _author(self, effect: CommentOnReplica, number: int) -> int | None:
        """In whose name a comment is written; None for ours.

        Zendesk hides a comment from the customer when its author is neither the requester nor a CC. So
        whoever is new becomes a CC first, when they have an address, and is quoted by us when not.
        """
        if effect.author_role != Role.REQUESTER.value or not is_public(effect.text.audience):
            return None
        author = self._person(effect.author)
        if author in self._client.insiders_of(number):
            return author
        if effect.author.email is None:
            return None
        try:
            self._client.update_ticket(number, render_copy(author))
        except Rejected:
            return None  # the account has no CCs, or does not want this one
        return author if author in self._client.insiders_of(number) else None

    def _person(self, person: Person) -> int:
        """The end user that stands for somebody; never an agent, whatever e-mail address they claim."""
        name = external_id_of(person)
        if name not in self._people:
            self._people[name] = self._find_person(person)
            if len(self._people) > MOST_PEOPLE:
                self._people.popitem(last=False)
        return self._people[name]

    def _forget(self, person: Person) -> None:
        """They may have been merged or deleted over there: look again next time."""
        self._people.pop(external_id_of(person), None)

    def _find_person(self, person: Person) -> int:
        known = self._client.users_with_external_id(external_id_of(person))
        email = None if known else person.email
        if email and (owners := self._client.users_with_email(email)):
            known = [owner for owner in owners if _is_customer(owner, email)]
            email = None  # an agent's: a guest's address is set by their own company and proves nothing
        user = known[0] if known else self._client.save_user(render_person(person, email))
        if user.get("role") != END_USER:
            raise Rejected(f"{external_id_of(person)} is an agent in Zendesk and cannot be a requester")
        if user.get("id") is None:
            raise Unavailable("Zendesk answered without the user's id")
        return int(user["id"])


def _is_customer(user: Mapping[str, Any], email: str) -> bool:
    return user.get("role") == END_USER and str(user.get("email")).lower() == email.lower()


def _number(replica: str | None) -> int:
    if replica is None:
        raise NotYet("the ticket has no replica yet")
    if not (replica.isascii() and replica.isdecimal()):
        raise Rejected("the replica's id is not one of Zendesk's")
    return int(replica)
