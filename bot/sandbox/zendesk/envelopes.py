"""Changes to the JSON that event-subscribed webhooks carry."""

from __future__ import annotations

import uuid
from datetime import UTC

from bot.sandbox.zendesk.changes import SYSTEM, Change
from bot.sandbox.zendesk.rendering import stamp
from bot.sandbox.zendesk.state import Json, State, Ticket

PREFIX = "zen:event-type:"
VERSION = "2022-11-06"
CHANGED = {
    "status": "ticket.status_changed",
    "priority": "ticket.priority_changed",
    "assignee_id": "ticket.agent_assignment_changed",
    "subject": "ticket.subject_changed",
    "external_id": "ticket.external_id_changed",
    "requester_id": "ticket.requester_changed",
}
TYPES = frozenset(
    {"ticket.created", "ticket.comment_added", "ticket.comment_made_private", *CHANGED.values()}
)


def envelopes(state: State, change: Change, *, first_comment: bool) -> list[tuple[str, Json]]:
    """The events of one change, each with its type.

    https://developer.zendesk.com/api-reference/webhooks/event-types/ticket-events/
    """
    events: list[tuple[str, Json]] = []
    if change.is_new:
        events.append(("ticket.created", {}))
    if change.comment is not None and (first_comment or not change.is_new):
        events.append(("ticket.comment_added", {"comment": _comment(state, change)}))
    if change.made_private is not None:
        private = {"id": str(change.made_private.id), "is_public": False}
        events.append(("ticket.comment_made_private", {"comment": private}))
    if not change.is_new:
        for name, (previous, current) in change.fields.items():
            if name in CHANGED:
                event = {"current": _value(name, current), "previous": _value(name, previous)}
                events.append((CHANGED[name], event))
    sequence = _hex(state)
    return [
        (kind, _envelope(state, change, kind, event, (sequence, place, len(events))))
        for place, (kind, event) in enumerate(events, start=1)
    ]


def _envelope(state: State, change: Change, kind: str, event: Json, sequence: tuple[str, int, int]) -> Json:
    action, place, total = sequence
    meta = {"sequence": {"id": action, "position": place, "total": total}}
    actor = change.actor.id if change.actor else SYSTEM
    return {
        "account_id": state.account_id,
        "detail": _detail(change.ticket, actor),
        "event": {**event, "meta": meta},
        "id": str(uuid.UUID(int=state.rng.getrandbits(128), version=4)),
        "subject": f"zen:ticket:{change.ticket.id}",
        "time": change.audit.created_at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
        "type": PREFIX + kind,
        "zendesk_event_version": VERSION,
    }


def _detail(ticket: Ticket, actor: int) -> Json:
    """Ids are strings here, and words of a list are in capitals."""
    return {
        "actor_id": str(actor),
        "assignee_id": _id(ticket.assignee_id),
        "brand_id": None,
        "created_at": stamp(ticket.created_at),
        "custom_status": None,
        "description": ticket.comments[0].body if ticket.comments else None,
        "external_id": ticket.external_id,
        "form_id": None,
        "group_id": _id(ticket.group_id),
        "id": str(ticket.id),
        "is_public": ticket.is_public,
        "organization_id": _id(ticket.organization_id),
        "priority": _capitals(ticket.priority),
        "requester_id": str(ticket.requester_id),
        "status": _capitals(ticket.status),
        "subject": ticket.subject,
        "submitter_id": str(ticket.submitter_id),
        "tags": sorted(ticket.tags),
        "type": _capitals(ticket.type),
        "updated_at": stamp(ticket.updated_at),
        "via": {"channel": ticket.channel},
    }


def _comment(state: State, change: Change) -> Json:
    comment = change.comment
    assert comment is not None, "only changes with a comment get here"
    author = state.users[comment.author_id]
    return {
        "id": str(comment.id),
        "body": comment.body,
        "is_public": comment.public,
        "author": {"id": str(author.id), "is_staff": author.is_staff, "name": author.name},
    }


def _value(name: str, value: object) -> object:
    if name in ("status", "priority"):
        return _capitals(value)
    return _id(value) if name.endswith("_id") else value


def _id(value: object) -> str | None:
    return None if value is None else str(value)


def _capitals(value: object) -> str | None:
    return None if value is None else str(value).upper()


def _hex(state: State) -> str:
    return state.rng.randbytes(16).hex().upper()
