"""Triggers: conditions over an update, and the JSON template that a webhook is sent."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from typing import Any

from bot.sandbox.zendesk.changes import Change
from bot.sandbox.zendesk.rendering import stamp
from bot.sandbox.zendesk.state import Json, State

PLACEHOLDER = re.compile(r"\{\{\s*([a-z_.]+)\s*\}\}")
CONDITIONS = frozenset(
    {"update_type", "comment_is_public", "status", "priority", "assignee_id", "current_tags", "role"}
)


def hits(trigger: Json, change: Change) -> bool:
    """Whether the trigger fires: all of `all`, and one of `any` unless that is empty."""
    conditions = trigger.get("conditions") or {}
    every = [_holds(one, change) for one in conditions.get("all") or []]
    some = [_holds(one, change) for one in conditions.get("any") or []]
    return bool(trigger.get("active", True)) and all(every) and (any(some) or not some)


def unknown_conditions(trigger: Json) -> list[str]:
    """Fields that this twin cannot judge: refused rather than guessed."""
    conditions = trigger.get("conditions") or {}
    asked = [*(conditions.get("all") or []), *(conditions.get("any") or [])]
    return [str(one.get("field")) for one in asked if one.get("field") not in CONDITIONS]


def render(state: State, template: str, change: Change) -> bytes:
    """Fill in the placeholders; values are escaped for use inside JSON strings.

    https://support.zendesk.com/hc/en-us/articles/4408886858138
    """
    values = placeholders(state, change)

    def fill(match: re.Match[str]) -> str:
        value = values.get(match.group(1), "")
        return json.dumps("" if value is None else str(value))[1:-1]

    return PLACEHOLDER.sub(fill, template).encode()


def placeholders(state: State, change: Change) -> Mapping[str, Any]:
    """The values that templates may use."""
    ticket = change.ticket
    requester = state.users[ticket.requester_id]
    assignee = state.users.get(ticket.assignee_id or 0)
    latest = ticket.comments[-1]
    public = next((one for one in reversed(ticket.comments) if one.public), None)
    return {
        "ticket.id": ticket.id,
        "ticket.title": ticket.subject,
        "ticket.external_id": ticket.external_id,
        "ticket.status": ticket.status.title(),
        "ticket.priority": (ticket.priority or "").title(),
        "ticket.url": f"{state.subdomain}.zendesk.com/agent/tickets/{ticket.id}",
        "ticket.tags": " ".join(sorted(ticket.tags)),
        "ticket.description": ticket.comments[0].body,
        "ticket.requester.name": requester.name,
        "ticket.requester.email": requester.email,
        "ticket.assignee.name": assignee.name if assignee else None,
        "ticket.latest_comment": latest.body,
        "ticket.latest_comment.id": latest.id,
        "ticket.latest_comment.value": latest.body,
        "ticket.latest_comment.is_public": str(latest.public).lower(),
        "ticket.latest_comment.author.name": state.users[latest.author_id].name,
        "ticket.latest_public_comment": public.body if public else None,
        "ticket.updated_at_with_timestamp": stamp(ticket.updated_at),
        "current_user.id": change.actor.id if change.actor else None,
        "current_user.name": change.actor.name if change.actor else None,
    }


def _holds(condition: Json, change: Change) -> bool:
    name, operator = str(condition.get("field")), str(condition.get("operator", "is"))
    value = condition.get("value")
    if name == "comment_is_public":
        return _comment_matches(change, value)
    if name == "current_tags":
        shared = set(str(value).split()) & set(change.ticket.tags)
        return bool(shared) == (operator == "includes")
    if operator == "changed":
        return name in change.fields or change.is_new
    current = _current(name, change)
    compare: dict[str, Callable[[], bool]] = {
        "is": lambda: current == str(value),
        "is_not": lambda: current != str(value),
        "value": lambda: name in change.fields and current == str(value),
        "value_previous": lambda: name in change.fields and str(change.fields[name][0]) == str(value),
    }
    return compare.get(operator, lambda: False)()


def _current(name: str, change: Change) -> str:
    if name == "update_type":
        return "Create" if change.is_new else "Change"
    if name == "role":
        return "agent" if change.actor and change.actor.is_staff else "end_user"
    return str(getattr(change.ticket, name))


def _comment_matches(change: Change, value: object) -> bool:
    comment = change.comment
    if value == "not_relevant":
        return comment is not None
    wanted = str(value).lower() in ("true", "requester_can_see_comment")
    return comment is not None and comment.public == wanted
