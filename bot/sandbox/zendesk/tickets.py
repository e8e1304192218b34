"""The rules of creating and changing tickets, for the API and for people alike."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from bot.sandbox.zendesk.changes import Change, add_comment, begin, note_creation, set_field
from bot.sandbox.zendesk.checking import (
    body_of,
    comment_of,
    is_false,
    new_ticket_problems,
    update_problems,
)
from bot.sandbox.zendesk.refusals import Refused, closed_ticket, record_invalid, update_conflict
from bot.sandbox.zendesk.rendering import stamp
from bot.sandbox.zendesk.state import Comment, Json, State, Ticket, User

PLAIN_FIELDS = ("subject", "priority", "type", "external_id", "due_at", "organization_id", "group_id")
REOPENED = ("pending", "hold", "solved")  #: by a word from the customer


@dataclass(slots=True)
class Tickets:
    """Either a change is made and announced, or Refused is raised and nothing happened."""

    state: State
    announce: Callable[[Change], None]
    closes_after: timedelta | None = None  #: how long a ticket stays solved

    def create(self, fields: Json, *, actor: User, channel: str = "api") -> Change:
        """A new ticket, with its description as the first comment.

        https://developer.zendesk.com/api-reference/ticketing/tickets/tickets/#create-ticket
        """
        if problems := new_ticket_problems(self.state, fields):
            raise record_invalid(*problems)
        requester = self._requester(fields) or actor
        ticket = self._build(fields, requester=requester, channel=channel)
        change = begin(self.state, ticket, actor, channel, _custom(fields))
        change.is_new = True
        comment = dict(comment_of(fields) or {})
        # The submitter, which is the requester unless told otherwise, wrote the description.
        comment.setdefault("author_id", ticket.submitter_id)
        self._comment(change, comment, actor)
        note_creation(self.state, change)
        self.state.tickets[ticket.id] = ticket
        if ticket.via_followup_source_id is not None:
            self.state.tickets[ticket.via_followup_source_id].followup_ids.append(ticket.id)
        return self._finish(change)

    def update(self, ticket: Ticket, fields: Json, *, actor: User, channel: str = "api") -> Change:
        """Change fields, add a comment, and let Zendesk's own rules follow.

        https://developer.zendesk.com/api-reference/ticketing/tickets/tickets/#update-ticket
        """
        if ticket.status == "closed":
            raise closed_ticket()
        self.check_stamp(ticket, fields)
        if problems := update_problems(self.state, ticket, fields):
            raise record_invalid(*problems)
        change = begin(self.state, ticket, actor, channel, _custom(fields))
        if isinstance(fields.get("comment"), (dict, str)):
            self._comment(change, comment_of(fields) or {}, actor)
        self._change_fields(change, fields)
        self._follow_rules(change, fields, actor)
        return self._finish(change)

    def make_private(self, ticket: Ticket, comment: Comment, *, actor: User) -> Change:
        """For good: there is no way to make a comment public again."""
        if ticket.status == "closed":
            raise closed_ticket()
        change = begin(self.state, ticket, actor, "api", {})
        if comment.public:
            comment.public = False
            change.made_private = comment
            event = {"id": self.state.next_id(), "type": "CommentPrivacyChange"}
            change.audit.events.append({**event, "comment_id": comment.id, "public": False})
        return self._finish(change)

    def close_overdue(self) -> None:
        """Solved tickets close after a while, by Zendesk's own automation."""
        if self.closes_after is None:
            return
        now = self.state.time.now()
        for ticket in self.state.live_tickets():
            if ticket.status == "solved" and ticket.solved_at and ticket.solved_at + self.closes_after <= now:
                change = begin(self.state, ticket, None, "rule", {})
                set_field(self.state, change, "status", "closed")
                self._finish(change)

    @staticmethod
    def check_stamp(ticket: Ticket, fields: Json) -> None:
        """A safe update names the `updated_at` it was based on."""
        if not fields.get("safe_update") or is_false(fields["safe_update"]):
            return
        given = fields.get("updated_stamp")
        if given is None:
            text = "safe_update requires updated_stamp"
            raise Refused(400, {"error": "InvalidSafeUpdate", "description": text})
        if str(given) != stamp(ticket.updated_at):
            raise update_conflict()

    def _build(self, fields: Json, *, requester: User, channel: str) -> Ticket:
        now = self.state.time.now()
        assignee = self._assignee(fields)
        status = fields.get("status") or "new"
        followed = self.state.tickets.get(fields.get("via_followup_source_id") or 0)
        return Ticket(
            id=self.state.next_ticket_id(),
            subject=fields.get("subject"),
            status="open" if status == "new" and assignee else status,
            requester_id=requester.id,
            submitter_id=int(fields.get("submitter_id") or requester.id),
            created_at=now,
            updated_at=now,
            priority=fields.get("priority"),
            type=fields.get("type"),
            external_id=_text(fields.get("external_id")),
            assignee_id=assignee,
            group_id=fields.get("group_id"),
            organization_id=fields.get("organization_id") or requester.organization_id,
            collaborator_ids=self._collaborators(fields),
            tags=_tags(fields.get("tags")) + (followed.tags if followed else []),
            custom_fields=self._custom_fields(fields),
            due_at=fields.get("due_at"),
            via_followup_source_id=followed.id if followed else None,
            channel=channel,
        )

    def _change_fields(self, change: Change, fields: Json) -> None:
        ticket = change.ticket
        if (requester := self._requester(fields)) is not None:
            set_field(self.state, change, "requester_id", requester.id)
        for name in PLAIN_FIELDS:
            if name in fields:
                value = _text(fields[name]) if name == "external_id" else fields[name]
                set_field(self.state, change, name, value)
        if "assignee_id" in fields or "assignee_email" in fields:
            set_field(self.state, change, "assignee_id", self._assignee(fields))
        if "collaborator_ids" in fields or "email_ccs" in fields:
            set_field(self.state, change, "collaborator_ids", self._collaborators(fields))
        tags = _tags(fields["tags"]) if "tags" in fields else list(ticket.tags)  # "tags" overwrites them all
        tags += [tag for tag in _tags(fields.get("additional_tags")) if tag not in tags]
        tags = [tag for tag in tags if tag not in _tags(fields.get("remove_tags"))]
        if sorted(tags) != sorted(ticket.tags):
            set_field(self.state, change, "tags", tags)
        custom = {**ticket.custom_fields, **self._custom_fields(fields)}
        set_field(self.state, change, "custom_fields", custom)
        if fields.get("status"):
            set_field(self.state, change, "status", fields["status"])

    def _follow_rules(self, change: Change, fields: Json, actor: User) -> None:
        """What Zendesk does by itself when a ticket is assigned, solved or answered."""
        ticket = change.ticket
        if ticket.status == "solved" and ticket.assignee_id is None and actor.is_staff:
            set_field(self.state, change, "assignee_id", actor.id)
        if "status" not in fields and change.comment is not None and ticket.status in REOPENED:
            author = self.state.users[change.comment.author_id]
            if change.comment.public and not author.is_staff:
                set_field(self.state, change, "status", "open")
        if ticket.status == "new" and ticket.assignee_id is not None:
            set_field(self.state, change, "status", "open")

    def _comment(self, change: Change, comment: Json, actor: User) -> None:
        author = self.state.users[comment.get("author_id") or actor.id]
        insiders = {change.ticket.requester_id, *change.ticket.collaborator_ids}
        # A comment by somebody who is neither staff, requester nor CC is never public.
        public = not is_false(comment.get("public", True)) and (author.is_staff or author.id in insiders)
        attachments = [
            attachment
            for token in comment.get("uploads") or []
            for attachment in self.state.uploads.pop(token).attachments
        ]
        add_comment(
            self.state,
            change,
            author=author,
            body=body_of(comment),
            public=public,
            html_body=comment.get("html_body"),
            attachments=attachments,
        )

    def _finish(self, change: Change) -> Change:
        if change.is_empty:
            return change
        ticket = change.ticket
        ticket.updated_at = change.audit.created_at
        if change.is_new or "status" in change.fields:
            ticket.solved_at = ticket.updated_at if ticket.status == "solved" else None
        ticket.audits.append(change.audit)
        self.announce(change)
        return change

    def _requester(self, fields: Json) -> User | None:
        if fields.get("requester_id") is not None:
            return self.state.users[fields["requester_id"]]
        person = fields.get("requester")
        if not isinstance(person, dict):
            return None
        email = person.get("email")
        known = self.state.user_by_email(str(email)) if email else None
        return known or self.state.add_user(name=str(person.get("name")), email=email)

    def _assignee(self, fields: Json) -> int | None:
        if fields.get("assignee_email"):
            found = self.state.user_by_email(str(fields["assignee_email"]))
            return found.id if found and found.is_staff else None
        assignee = fields.get("assignee_id")
        return int(assignee) if assignee is not None else None

    def _collaborators(self, fields: Json) -> list[int]:
        ids = [one for one in fields.get("collaborator_ids") or [] if one in self.state.users]
        for person in fields.get("email_ccs") or []:
            email = str(person.get("user_email") or "")
            user = self.state.users.get(person.get("user_id")) or (self.state.user_by_email(email))
            if user is None and "@" in email:
                user = self.state.add_user(name=email.partition("@")[0], email=email)
            if user is not None:
                ids.append(user.id)
        return list(dict.fromkeys(ids))

    def _custom_fields(self, fields: Json) -> dict[int, object]:
        given = fields.get("custom_fields") or fields.get("fields") or []
        pairs = {
            entry["id"]: entry.get("value") for entry in given if isinstance(entry, dict) and "id" in entry
        }
        return {key: value for key, value in pairs.items() if key in self.state.ticket_fields}


def _custom(fields: Json) -> Json:
    metadata = fields.get("metadata")
    return dict(metadata) if isinstance(metadata, dict) else {}


def _text(value: object) -> str | None:
    return None if value is None else str(value)


def _tags(value: object) -> list[str]:
    """A list, or words in a string; Zendesk keeps tags in lower case."""
    words = value.split() if isinstance(value, str) else value
    if not isinstance(words, list):
        return []
    return list(dict.fromkeys(str(word).lower().replace(" ", "_") for word in words))
