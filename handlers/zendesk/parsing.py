"""Zendesk's webhook payloads turned into events of ours: comments and statuses of the replica."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final

from bot.core.errors import MalformedDelivery
from bot.core.events import CommentReceived, Event, StatusReceived
from bot.core.model import TicketStatus
from bot.core.ports import Delivery
from handlers.zendesk.wire import DOOR, as_id, decode, ticket_id

# https://developer.zendesk.com/api-reference/webhooks/event-types/ticket-events/
COMMENT_ADDED: Final = "zen:event-type:ticket.comment_added"
STATUS_CHANGED: Final = "zen:event-type:ticket.status_changed"
SUBSCRIPTIONS: Final = (COMMENT_ADDED, STATUS_CHANGED)  #: what the webhook subscribes to

# A webhook is subscribed to events *or* connected to a trigger, for good:
# https://developer.zendesk.com/documentation/webhooks/creating-and-monitoring-webhooks/
# The first is the better one. Where an account has no ticket events, a trigger "ticket is updated" notifies
# the webhook with this body: https://support.zendesk.com/hc/en-us/articles/4408886858138
# `current_user` is whoever updates the ticket; a comment written in another person's name is none of theirs.
TRIGGER_TEMPLATE: Final = """\
{
  "deskbell": "trigger",
  "ticket_id": "{{ticket.id}}",
  "external_id": "{{ticket.external_id}}",
  "status": "{{ticket.status}}",
  "updated_at": "{{ticket.updated_at_with_timestamp}}",
  "requester_id": "{{ticket.requester.id}}",
  "updater_id": "{{current_user.id}}",
  "updater_role": "{{current_user.role}}",
  "comment": {
    "id": "{{ticket.latest_comment.id}}",
    "is_public": "{{ticket.latest_comment.is_public}}",
    "author_id": "{{ticket.latest_comment.author.id}}",
    "author_name": "{{ticket.latest_comment.author.name}}",
    "body": "{{ticket.latest_comment.value}}"
  },
  "description": "{{ticket.description}}"
}
"""
_STAFF_ROLES: Final = {"agent", "admin", "administrator", "owner"}
_OURS: Final = "deskbell-"  #: how the external ids of our replicas begin


class ZendeskDoor:
    """The ticket desk's inward side."""

    name = DOOR

    def parse(self, delivery: Delivery) -> Sequence[Event]:
        """No event for what we do not follow; MalformedDelivery for what breaks Zendesk's promise."""
        payload = decode(delivery.body)
        match payload.get("type"):
            case kind if kind == COMMENT_ADDED:
                return _comment_added(payload, delivery.received_at)
            case kind if kind == STATUS_CHANGED:
                return _status_changed(payload, delivery.received_at)
            case None if payload.get("deskbell") == "trigger":
                return _triggered(payload, delivery.received_at)
            case _:
                return []


def _comment_added(payload: Mapping[str, Any], received_at: datetime) -> Sequence[Event]:
    comment = _object(_object(payload, "event"), "comment")
    detail = _object(payload, "detail")
    author = comment.get("author")
    author = author if isinstance(author, dict) else {}
    text = _text(comment.get("body"))
    if _is_our_transcript(detail, text):
        return []
    return [
        CommentReceived(
            replica=_required(ticket_id(payload), "a ticket id"),
            comment=_required(as_id(comment.get("id")), "a comment id"),
            author_name=_name(author.get("name")),
            is_agent=author.get("is_staff") is True,
            is_public=comment.get("is_public") is True,  # what is not surely public stays inside
            text=text,
            written_at=_instant(payload.get("time"), received_at),
            external_id=_external_id(detail),
        ),
    ]


def _status_changed(payload: Mapping[str, Any], received_at: datetime) -> Sequence[Event]:
    status = _status(_object(payload, "event").get("current"))
    if status is None:
        return []
    replica = _required(ticket_id(payload), "a ticket id")
    changed_at = _instant(payload.get("time"), received_at)
    external_id = _external_id(_object(payload, "detail"))
    return [StatusReceived(replica=replica, status=status, changed_at=changed_at, external_id=external_id)]


def _triggered(payload: Mapping[str, Any], received_at: datetime) -> Sequence[Event]:
    """Both facts at every update: the core knows a comment by its id and a status by its value."""
    replica = _required(ticket_id(payload), "a ticket id")
    at = _instant(payload.get("updated_at"), received_at)
    external_id = _external_id(payload)
    comment = payload.get("comment")
    events: list[Event] = []
    if isinstance(comment, dict) and (number := as_id(comment.get("id"))):
        text = _text(comment.get("body"))
        if not _is_our_transcript(payload, text):
            events.append(
                CommentReceived(
                    replica=replica,
                    comment=number,
                    author_name=_name(comment.get("author_name")),
                    is_agent=_is_staff(payload, as_id(comment.get("author_id"))),
                    is_public=str(comment.get("is_public")).lower() == "true",
                    text=text,
                    written_at=at,
                    external_id=external_id,
                ),
            )
    if status := _status(payload.get("status")):
        events.append(
            StatusReceived(replica=replica, status=status, changed_at=at, external_id=external_id),
        )
    return events


def _is_staff(payload: Mapping[str, Any], author: str | None) -> bool:
    """Placeholders tell the updater's role only, so it counts when the updater is the author."""
    if author is None or author == as_id(payload.get("requester_id")):
        return False
    role = str(payload.get("updater_role")).strip().lower()
    return author == as_id(payload.get("updater_id")) and role in _STAFF_ROLES


def _is_our_transcript(ticket: Mapping[str, Any], text: str) -> bool:
    """A ticket that we created begins with our transcript, whose comment id nobody told us."""
    is_ours = (_external_id(ticket) or "").startswith(_OURS)
    description = ticket.get("description")
    return is_ours and isinstance(description, str) and description.split() == text.split()


def _external_id(ticket: Mapping[str, Any]) -> str | None:
    return _text(ticket.get("external_id")) or None


def _status(value: object) -> TicketStatus | None:
    """Events say OPEN, placeholders say Open; DELETED, ARCHIVED and SCRUBBED are none of ours."""
    try:
        return TicketStatus(str(value).strip().lower())
    except ValueError:
        return None


def _object(payload: Mapping[str, Any], key: str) -> dict[str, Any]:
    value = payload.get(key)
    if not isinstance(value, dict):
        raise MalformedDelivery(f"no object {key!r} in the payload")
    return value


def _required(value: str | None, what: str) -> str:
    if value is None:
        raise MalformedDelivery(f"{what} is missing from the payload")
    return value


def _name(value: object) -> str:
    return " ".join(_text(value).split()) or "Support"


def _text(value: object) -> str:
    """Text that every database stores: no lone surrogates, no NUL."""
    if not isinstance(value, str):
        return ""
    return value.encode("utf-8", "replace").decode("utf-8").replace("\x00", "")


def _instant(value: object, otherwise: datetime) -> datetime:
    """Zendesk's instants have up to nine decimals; what cannot be read is the time of arrival."""
    if not isinstance(value, str):
        return otherwise
    try:
        instant = datetime.fromisoformat(value)
        return instant.astimezone(UTC) if instant.tzinfo else otherwise
    except (ValueError, OverflowError):
        return otherwise
