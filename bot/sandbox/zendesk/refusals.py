"""How Zendesk says no: statuses and bodies as the clients see them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

Details = dict[str, list[dict[str, str]]]


class Refused(Exception):
    """An answer other than 2xx. A str body is sent as text/html, as Zendesk's edge does."""

    def __init__(
        self, status: int, body: Mapping[str, Any] | str, headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(f"{status} {self.name_of(body)}")
        self.status = status
        self.body = body
        self.headers = dict(headers or {})

    @staticmethod
    def name_of(body: Mapping[str, Any] | str) -> str:
        """What the journal calls it."""
        error = body.get("error", "errors") if isinstance(body, Mapping) else "text"
        return str(error.get("title", "error") if isinstance(error, Mapping) else error)


def not_found() -> Refused:
    """A record that does not exist, or not for this user."""
    return Refused(404, {"error": "RecordNotFound", "description": "Not found"})


def no_endpoint() -> Refused:
    """A path that Zendesk does not know."""
    return Refused(404, {"error": "InvalidEndpoint", "description": "Not found"})


def unparsable() -> Refused:
    """A body that is not JSON."""
    return Refused(422, {"error": "Unprocessable Entity", "message": "Server could not parse JSON"})


def wrong_type(attribute: str, kind: str = "an object") -> Refused:
    """A value of the wrong kind at the top of the body."""
    message = (
        f"You passed an invalid value for the {attribute} attribute. "
        f"Invalid parameter: {attribute} must be {kind}"
    )
    return Refused(400, {"error": {"title": "Invalid attribute", "message": message}})


def detail(field: str, problem: str, error: str = "InvalidValue") -> Details:
    """One entry of the `details` of a RecordInvalid."""
    return {field: [{"description": f"{field.replace('_id', '').title()}: {problem}", "error": error}]}


def record_invalid(*details: Details) -> Refused:
    """Validation errors.

    https://developer.zendesk.com/api-reference/introduction/requests/
    """
    merged: Details = {}
    for one in details:
        for field, problems in one.items():
            merged.setdefault(field, []).extend(problems)
    body = {"error": "RecordInvalid", "description": "Record validation errors", "details": merged}
    return Refused(422, body)


def closed_ticket() -> Refused:
    """A closed ticket cannot be changed by anybody."""
    return record_invalid({"status": [{"description": "Status: closed prevents ticket update"}]})


def update_conflict() -> Refused:
    """A safe update whose stamp is no longer the ticket's."""
    text = (
        "Safe Update prevented the update due to outdated ticket data. "
        "Please fetch the latest ticket data and try again."
    )
    return Refused(409, {"error": "UpdateConflict", "description": text})


def key_reused() -> Refused:
    """The Idempotency-Key of another request."""
    # https://developer.zendesk.com/api-reference/ticketing/introduction/#idempotency
    text = "Request parameters don't match the given idempotency key"
    return Refused(400, {"error": "IdempotentRequestError", "description": text})


def key_too_long() -> Refused:
    """An Idempotency-Key above 255 characters."""
    text = "Idempotency key is too long (maximum is 255 characters)"
    return Refused(400, {"error": "IdempotentRequestError", "description": text})


def not_authenticated() -> Refused:
    """No credentials, or a kind that is no longer accepted: passwords and API tokens."""
    return Refused(
        401, {"error": "Couldn't authenticate you"}, {"WWW-Authenticate": 'Basic realm="Web Password"'}
    )


def invalid_token() -> Refused:
    """An access token that is unknown, revoked or expired."""
    text = "The access token provided is expired, revoked, malformed or invalid for other reasons."
    headers = {"WWW-Authenticate": 'Bearer realm="Zendesk", error="invalid_token"'}
    return Refused(401, {"error": "invalid_token", "error_description": text}, headers)


def missing_scopes(scopes: Sequence[str]) -> Refused:
    """A token that may not do this."""
    text = f"You are missing the following required scopes: {', '.join(scopes)}"
    return Refused(403, {"error": "Forbidden", "description": text})


def not_allowed() -> Refused:
    """Something this user may not do or see."""
    title = {"title": "Forbidden", "message": "You do not have access to this page."}
    return Refused(403, {"error": title})


def account_limited(retry_after: int) -> Refused:
    """The account's requests per minute are used up. The edge answers in text, not in JSON."""
    # https://developer.zendesk.com/documentation/api-basics/best-practices/best-practices-for-avoiding-rate-limiting/
    text = "Number of allowed API requests per minute exceeded"
    return Refused(429, text, {"Retry-After": str(retry_after)})


def endpoint_limited(what: str, retry_after: int) -> Refused:
    """A limit of one endpoint is used up."""
    body = {"error": "APIRateLimitExceeded", "description": f"Number of allowed {what} exceeded"}
    return Refused(429, body, {"Retry-After": str(retry_after)})


def start_time_too_recent() -> Refused:
    """An incremental export that starts less than a minute ago."""
    text = "Too recent start_time. Use a start_time older than 60 seconds"
    return Refused(422, {"error": "StartTimeTooRecent", "description": text})


def bad_webhook(problem: str) -> Refused:
    """The webhooks API has error bodies of its own kind."""
    return Refused(400, {"errors": [{"code": "InvalidWebhook", "title": "Bad request", "detail": problem}]})
