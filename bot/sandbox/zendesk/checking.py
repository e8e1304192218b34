"""What makes a ticket, a comment or a user invalid. Nothing here changes anything."""

from __future__ import annotations

from collections.abc import Iterator
from html.parser import HTMLParser

from bot.sandbox.zendesk.refusals import Details, detail
from bot.sandbox.zendesk.state import PRIORITIES, STATUSES, TYPES, Json, State, Ticket

LONGEST_COMMENT = 65_535  #: bytes
MOST_COMMENTS = 5_000  #: in one ticket
WRITABLE = frozenset(
    {
        "additional_collaborators", "additional_tags", "assignee_email", "assignee_id", "brand_id",
        "collaborator_ids", "collaborators", "comment", "custom_fields", "description", "due_at",
        "email_cc_ids", "email_ccs", "external_id", "fields", "followers", "group_id", "metadata",
        "organization_id", "priority", "problem_id", "raw_subject", "recipient", "remove_tags",
        "requester", "requester_id", "safe_update", "status", "subject", "submitter_id", "tags",
        "ticket_form_id", "type", "updated_stamp", "via", "via_followup_source_id",
    }
)  # fmt: skip


class _Text(HTMLParser):
    """Keeps the text of a document."""

    def __init__(self) -> None:
        super().__init__()
        self.parts: list[str] = []

    def handle_data(self, data: str) -> None:
        self.parts.append(data)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:  # noqa: ARG002 - the parser's signature
        if tag in ("br", "p", "li") and self.parts:
            self.parts.append("\n")


def plain(html: str) -> str:
    """The text of an `html_body`."""
    parser = _Text()
    parser.feed(html)
    parser.close()
    return "".join(parser.parts).strip()


def is_false(value: object) -> bool:
    """How a false looks on the wire."""
    return value in (False, "false", "0", 0) and value is not None


def comment_of(fields: Json) -> Json | None:
    """The comment of a create or an update; `description` is its old name."""
    comment = fields.get("comment")
    if isinstance(comment, str):
        return {"body": comment}
    if isinstance(comment, dict):
        return comment
    description = fields.get("description")
    return {"body": description} if isinstance(description, str) else None


def body_of(comment: Json) -> str:
    """The comment in plain text."""
    html = comment.get("html_body")
    if isinstance(html, str) and html:
        return plain(html)
    return str(comment.get("body") or "")


def comment_problems(state: State, comment: Json) -> Iterator[Details]:
    """What is wrong with a comment that is there."""
    body = body_of(comment)
    if not body.strip():
        yield detail("comment", "cannot be blank", "BlankValue")
    longest = max(len(body.encode()), len(str(comment.get("html_body") or "").encode()))
    if longest > LONGEST_COMMENT:
        yield detail("comment", f"is too long (maximum is {LONGEST_COMMENT} bytes)", "ValueTooLong")
    author = comment.get("author_id")
    if author is not None and author not in state.users:
        yield detail("author", "is invalid")
    for token in comment.get("uploads") or []:
        if token not in state.uploads:
            yield detail("attachments", "upload token is invalid or was used already")


def field_problems(state: State, fields: Json) -> Iterator[Details]:
    """What is wrong with fields that are there, whether the ticket is new or not."""
    for name, allowed in (("status", STATUSES), ("priority", PRIORITIES), ("type", TYPES)):
        value = fields.get(name)
        if value is not None and value not in allowed:
            yield detail(name, "is not included in the list")
    if "subject" in fields and not str(fields["subject"] or "").strip():
        yield detail("subject", "cannot be blank", "BlankValue")
    requester = fields.get("requester_id")
    if requester is not None and requester not in state.users:
        yield detail("requester", "is invalid")
    organisation = fields.get("organization_id")
    if organisation is not None and organisation not in state.organisations:
        yield detail("organization", "is invalid")
    assignee = fields.get("assignee_id")
    if assignee is not None and (assignee not in state.users or not state.users[assignee].is_staff):
        yield detail("assignee", "is invalid")


def requester_problems(state: State, fields: Json) -> Iterator[Details]:
    """What is wrong with an inline requester, who is created when the e-mail is new."""
    person = fields.get("requester")
    if not isinstance(person, dict):
        return
    email = str(person.get("email") or "")
    if email and "@" not in email:
        yield detail("requester", "Email: is not properly formatted", "InvalidFormat")
    if not str(person.get("name") or "").strip() and not (email and state.user_by_email(email)):
        yield detail("requester", "Name: is too short (minimum is 1 character)", "ValueTooShort")


def new_ticket_problems(state: State, fields: Json) -> list[Details]:
    """Everything wrong with a ticket to be created."""
    found = [*field_problems(state, fields), *requester_problems(state, fields)]
    comment = comment_of(fields)
    if comment is None or not body_of(comment).strip():
        found.append(detail("description", "cannot be blank", "BlankValue"))
    else:
        found.extend(comment_problems(state, comment))
    source = fields.get("via_followup_source_id")
    if source is not None:
        followed = state.tickets.get(source)
        if followed is None or followed.status != "closed":
            found.append(detail("via_followup_source_id", "must be a closed ticket"))
    return found


def update_problems(state: State, ticket: Ticket, fields: Json) -> list[Details]:
    """Everything wrong with a change of a ticket that is not closed."""
    found = [*field_problems(state, fields), *requester_problems(state, fields)]
    if fields.get("status") == "new" and ticket.status != "new":
        found.append(detail("status", "cannot be changed back to new"))
    if isinstance(fields.get("comment"), (dict, str)):
        found.extend(comment_problems(state, comment_of(fields) or {}))
        if len(ticket.comments) >= MOST_COMMENTS:
            found.append(
                detail("comment", f"limit of {MOST_COMMENTS} per ticket is reached", "TooManyValues")
            )
    return found
