"""What one update did to a ticket: the audit, and who is to be told."""

from __future__ import annotations

import html
from dataclasses import dataclass, field
from typing import Any

from bot.sandbox.zendesk.state import Audit, Comment, Json, State, Ticket, User

SYSTEM = -1  #: the author of what Zendesk does by itself


@dataclass(slots=True, kw_only=True)
class Change:
    """One update of one ticket. `actor` is None for the system."""

    ticket: Ticket
    actor: User | None
    audit: Audit
    is_new: bool = False
    comment: Comment | None = None
    made_private: Comment | None = None
    fields: dict[str, tuple[Any, Any]] = field(default_factory=dict)  #: name → previous, current

    @property
    def is_empty(self) -> bool:
        """Whether the update had nothing to do."""
        return not self.audit.events


def begin(state: State, ticket: Ticket, actor: User | None, channel: str, custom: Json) -> Change:
    """An update that has done nothing so far."""
    audit = Audit(
        id=state.next_id(),
        ticket_id=ticket.id,
        author_id=actor.id if actor else SYSTEM,
        created_at=state.time.now(),
        events=[],
        custom=custom,
        channel=channel,
    )
    return Change(ticket=ticket, actor=actor, audit=audit)


def set_field(state: State, change: Change, name: str, value: Any) -> None:
    """Change one attribute of the ticket and write it down; no event when it is the same."""
    previous = getattr(change.ticket, name)
    if previous == value:
        return
    setattr(change.ticket, name, value)
    first = change.fields.get(name, (previous,))[0]
    change.fields[name] = (first, value)
    event: Json = {"id": state.next_id(), "type": "Create" if change.is_new else "Change"}
    event |= {"field_name": name, "value": value}
    if not change.is_new:
        event["previous_value"] = previous
    change.audit.events.append(event)


def note_creation(state: State, change: Change) -> None:
    """The Create events of a ticket that has just been built."""
    names = (
        "subject",
        "requester_id",
        "status",
        "priority",
        "type",
        "assignee_id",
        "tags",
        "organization_id",
    )
    for name in names:
        value = getattr(change.ticket, name)
        if value not in (None, []):
            event = {"id": state.next_id(), "type": "Create", "field_name": name, "value": value}
            change.audit.events.append(event)


def add_comment(
    state: State,
    change: Change,
    *,
    author: User,
    body: str,
    public: bool,
    html_body: str | None = None,
    attachments: list[Json] | None = None,
) -> Comment:
    """Append a comment; its id is also the id of its audit event."""
    comment = Comment(
        id=state.next_id(),
        author_id=author.id,
        body=body,
        html_body=html_body or to_html(body),
        public=public,
        created_at=change.audit.created_at,
        audit_id=change.audit.id,
        attachments=attachments or [],
        channel=change.audit.channel,
    )
    change.ticket.comments.append(comment)
    change.comment = comment
    event = {
        "id": comment.id,
        "type": "Comment",
        "author_id": comment.author_id,
        "body": comment.body,
        "html_body": comment.html_body,
        "plain_body": comment.body,
        "public": comment.public,
        "attachments": comment.attachments,
        "audit_id": comment.audit_id,
    }
    change.audit.events.append(event)
    return comment


def to_html(body: str) -> str:
    """How Zendesk wraps plain text."""
    lines = html.escape(body).replace("\n", "<br>")
    return f'<div class="zd-comment" dir="auto"><p dir="auto">{lines}</p></div>'
