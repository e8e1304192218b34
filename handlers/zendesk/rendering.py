"""Effects turned into the bodies of Zendesk's tickets and comments."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC
from typing import Any, Final

from bot.core.effects import CommentOnReplica, CreateReplica, TranscriptLine, UpdateReplica
from bot.core.model import Audience, AudienceKind, OrganisationId, Person, Priority, TicketStatus

MARKER: Final = "deskbell_effect"  #: in the audit's metadata; tells our own update from a lost one
LARGEST_BODY: Final = 60_000  #: bytes; Zendesk takes 64 KB
LONGEST_SUBJECT: Final = 150
TIER_FIELD: Final = "support_tier"

PRIORITIES: Final[Mapping[Priority, str]] = {
    Priority.P1: "urgent",
    Priority.P2: "high",
    Priority.P3: "normal",
    Priority.P4: "low",
}


def render_ticket(
    effect: CreateReplica,
    *,
    requester: int,
    organisations: Mapping[OrganisationId, str],
    custom_fields: Mapping[str, int],
) -> dict[str, Any]:
    """The body of a create."""
    # https://developer.zendesk.com/api-reference/ticketing/tickets/tickets/#create-ticket
    comment: dict[str, Any] = {"body": _transcript(effect), "public": is_public(effect.audience)}
    if comment["public"]:
        comment["author_id"] = requester  # an end user cannot write a private comment
    ticket: dict[str, Any] = {
        "subject": _clipped(" ".join(effect.subject.split()), LONGEST_SUBJECT) or "(no subject)",
        "external_id": effect.external_id,
        "comment": comment,
        "requester_id": requester,
        "priority": PRIORITIES[effect.priority],
        "tags": ["deskbell", effect.requester.ref.door, effect.tier.value.lower()],
    }
    desk_id = organisations.get(effect.organisation) if effect.organisation else None
    if desk_id is not None:
        ticket["organization_id"] = int(desk_id)
    if TIER_FIELD in custom_fields:
        ticket["custom_fields"] = [{"id": custom_fields[TIER_FIELD], "value": effect.tier.value.lower()}]
    return ticket


def render_comment(effect: CommentOnReplica, key: str, *, author: int | None) -> dict[str, Any]:
    """The body of an update with one comment; without an author it is ours, in the writer's name."""
    # https://developer.zendesk.com/documentation/ticketing/managing-tickets/creating-and-updating-tickets/
    text = effect.text.body
    if author is None:
        where = effect.author.ref.door.capitalize()
        text = f"{' '.join(effect.author.name.split())} (via {where}): {text}"
    comment: dict[str, Any] = {
        "body": _clipped(text, LARGEST_BODY),
        "public": is_public(effect.text.audience),
    }
    if author is not None:
        comment["author_id"] = author
    changes: dict[str, Any] = {"comment": comment, "metadata": {MARKER: key}}
    return {**changes, "status": effect.status.value} if effect.status else changes


def render_copy(author: int) -> dict[str, Any]:
    """The body of an update that puts somebody among a ticket's CCs."""
    return {"email_ccs": [{"user_id": author, "action": "put"}]}


def render_update(effect: UpdateReplica) -> dict[str, Any] | None:
    """The body of an update of status and priority, or None when there is nothing that may be sent.

    Nobody but Zendesk closes a ticket, a closed one takes no update, and `new` cannot be set again.
    """
    if effect.status is TicketStatus.CLOSED:
        return None
    changes: dict[str, Any] = {"priority": PRIORITIES[effect.priority]}
    if effect.status is not TicketStatus.NEW:
        changes["status"] = effect.status.value
    return changes


def render_person(person: Person, email: str | None) -> dict[str, Any]:
    """A user to create. No role: Zendesk makes an end user, and an agent is never demoted."""
    user: dict[str, Any] = {
        "name": " ".join(person.name.split()) or person.ref.user,
        "external_id": external_id_of(person),
        "skip_verify_email": True,  # nobody asked for a welcome mail
    }
    return {**user, "email": email} if email else user


def external_id_of(person: Person) -> str:
    """Our name for somebody in Zendesk: "slack:T024BE7LD:U0G9QF9C6"."""
    return f"{person.ref.door}:{person.ref.workspace}:{person.ref.user}"


def is_public(audience: Audience) -> bool:
    """Zendesk's flag, which it would take for true if we left it out."""
    return audience.kind is not AudienceKind.INTERNAL


def marked_with(audit: Mapping[str, Any], key: str) -> bool:
    """Whether an audit is the trace of this effect."""
    metadata = audit.get("metadata")
    custom = metadata.get("custom") if isinstance(metadata, dict) else None
    return isinstance(custom, dict) and custom.get(MARKER) == key


def comment_in(audit: Mapping[str, Any]) -> str | None:
    """The id of the comment that an audit tells of; it is the id of the event."""
    # https://developer.zendesk.com/documentation/ticketing/reference-guides/ticket-audit-events-reference/
    events = audit.get("events")
    for event in events if isinstance(events, list) else []:
        if isinstance(event, dict) and event.get("type") == "Comment" and event.get("id") is not None:
            return str(event["id"])
    return None


def _transcript(effect: CreateReplica) -> str:
    lines = [_line(line) for line in effect.transcript]
    footer = f"Thread: {effect.permalink}" if effect.permalink else ""
    return "\n\n".join(
        part for part in [*_fitting(lines, LARGEST_BODY - len(footer.encode()) - 2), footer] if part
    )


def _line(line: TranscriptLine) -> str:
    said_at = line.sent_at.astimezone(UTC).strftime("%Y-%m-%d %H:%M UTC")
    files = f"\nFiles: {', '.join(line.files)}" if line.files else ""
    return f"{' '.join(line.author.split())} ({line.role}), {said_at}:\n{line.text}{files}"


def _fitting(lines: Sequence[str], room: int) -> Sequence[str]:
    """The question, and as many of the newest messages as there is room for."""
    lines = [_clipped(line, room // 2) for line in lines]
    if len("\n\n".join(lines).encode()) <= room:
        return lines
    kept: list[str] = []
    left = room - len(lines[0].encode()) - 100  # the note in between
    for line in reversed(lines[1:]):
        left -= len(line.encode()) + 2
        if left < 0:
            break
        kept.insert(0, line)
    return [lines[0], f"[{len(lines) - 1 - len(kept)} messages left out]", *kept]


def _clipped(text: str, room: int) -> str:
    encoded = text.encode()
    return text if len(encoded) <= room else encoded[: room - 3].decode(errors="ignore") + "…"
