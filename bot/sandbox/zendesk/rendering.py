"""Records to JSON, with the field names of Zendesk's reference."""

from __future__ import annotations

from datetime import UTC, datetime

from bot.sandbox.zendesk.state import Audit, Comment, Json, Organisation, State, Ticket, User


def stamp(at: datetime | None) -> str | None:
    """Whole seconds: two updates within one second have the same `updated_at`."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ") if at else None


def via(channel: str, followed: int | None = None) -> Json:
    """How something came in; `followed` is the ticket that this one follows up."""
    source: Json = {"from": {}, "to": {}, "rel": None}
    if followed is not None:
        source = {"from": {"ticket_id": followed}, "to": {}, "rel": "follow_up"}
    return {"channel": channel, "source": source}


def user_json(state: State, user: User) -> Json:
    """A user.

    https://developer.zendesk.com/api-reference/ticketing/users/users/
    """
    return {
        **user.extra,
        "id": user.id,
        "url": f"{state.base}/api/v2/users/{user.id}.json",
        "name": user.name,
        "email": user.email,
        "role": user.role,
        "external_id": user.external_id,
        "organization_id": user.organization_id,
        "created_at": stamp(user.created_at),
        "updated_at": stamp(user.updated_at),
        "active": True,
        "verified": user.is_staff,
        "suspended": False,
        "time_zone": "UTC",
        "locale": "en-US",
        "tags": user.extra.get("tags", []),
    }


def organisation_json(state: State, organisation: Organisation) -> Json:
    """An organisation.

    https://developer.zendesk.com/api-reference/ticketing/organizations/organizations/
    """
    return {
        **organisation.extra,
        "id": organisation.id,
        "url": f"{state.base}/api/v2/organizations/{organisation.id}.json",
        "name": organisation.name,
        "external_id": organisation.external_id,
        "created_at": stamp(organisation.created_at),
        "updated_at": stamp(organisation.updated_at),
        "tags": organisation.extra.get("tags", []),
    }


def ticket_json(state: State, ticket: Ticket) -> Json:
    """A ticket.

    https://developer.zendesk.com/api-reference/ticketing/tickets/tickets/
    """
    fields = [{"id": key, "value": value} for key, value in ticket.custom_fields.items()]
    return {
        "id": ticket.id,
        "url": f"{state.base}/api/v2/tickets/{ticket.id}.json",
        "external_id": ticket.external_id,
        "via": via(ticket.channel, ticket.via_followup_source_id),
        "created_at": stamp(ticket.created_at),
        "updated_at": stamp(ticket.updated_at),
        "generated_timestamp": int(ticket.updated_at.timestamp()),
        "type": ticket.type,
        "subject": ticket.subject,
        "raw_subject": ticket.subject,
        "description": ticket.comments[0].body if ticket.comments else None,
        "priority": ticket.priority,
        "status": "deleted" if ticket.is_deleted else ticket.status,
        "recipient": None,
        "requester_id": ticket.requester_id,
        "submitter_id": ticket.submitter_id,
        "assignee_id": ticket.assignee_id,
        "organization_id": ticket.organization_id,
        "group_id": ticket.group_id,
        "collaborator_ids": ticket.collaborator_ids,
        "follower_ids": [],
        "email_cc_ids": ticket.collaborator_ids,
        "forum_topic_id": None,
        "problem_id": None,
        "has_incidents": False,
        "is_public": ticket.is_public,
        "due_at": ticket.due_at,
        "tags": sorted(ticket.tags),
        "custom_fields": fields,
        "fields": fields,
        "satisfaction_rating": None,
        "sharing_agreement_ids": [],
        "followup_ids": ticket.followup_ids,
        "brand_id": None,
        "allow_channelback": False,
        "allow_attachments": True,
        "from_messaging_channel": False,
    }


def comment_json(comment: Comment) -> Json:
    """A comment.

    https://developer.zendesk.com/api-reference/ticketing/tickets/ticket_comments/
    """
    return {
        "id": comment.id,
        "type": "Comment",
        "author_id": comment.author_id,
        "body": comment.body,
        "html_body": comment.html_body,
        "plain_body": comment.body,
        "public": comment.public,
        "attachments": comment.attachments,
        "audit_id": comment.audit_id,
        "via": via(comment.channel),
        "created_at": stamp(comment.created_at),
        "metadata": {"system": {}, "custom": {}},
    }


def audit_json(audit: Audit) -> Json:
    """An audit.

    https://developer.zendesk.com/api-reference/ticketing/tickets/ticket_audits/
    """
    return {
        "id": audit.id,
        "ticket_id": audit.ticket_id,
        "created_at": stamp(audit.created_at),
        "author_id": audit.author_id,
        "via": via(audit.channel),
        "metadata": {"system": {"ip_address": "127.0.0.1"}, "custom": audit.custom},
        "events": audit.events,
    }
