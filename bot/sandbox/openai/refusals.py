"""What OpenAI says no with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

BAD_REQUEST, UNAUTHORIZED, NOT_FOUND, TOO_MANY, BROKEN = 400, 401, 404, 429, 500


@dataclass(eq=False)
class Refused(Exception):
    """An error body in OpenAI's shape: https://platform.openai.com/docs/guides/error-codes."""

    status: int
    message: str
    type: str
    param: str | None = None
    code: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def body(self) -> dict[str, Any]:
        """As it is sent."""
        return {"error": {"message": self.message, "type": self.type, "param": self.param, "code": self.code}}


def bad_request(message: str, param: str | None = None, code: str | None = None) -> Refused:
    """Something about the request."""
    return Refused(BAD_REQUEST, message, "invalid_request_error", param, code)


def unauthorized(key: str | None) -> Refused:
    """No key, or a wrong one; the message shows the ends of a key and no more."""
    if not key:
        return Refused(UNAUTHORIZED, "You didn't provide an API key.", "invalid_request_error")
    shown = f"{key[:3]}***{key[-4:]}" if len(key) > 12 else "***"  # noqa: PLR2004 - nothing of a short one
    return Refused(
        UNAUTHORIZED,
        f"Incorrect API key provided: {shown}.",
        "invalid_request_error",
        code="invalid_api_key",
    )


def no_model(name: str) -> Refused:
    """A model that the account does not have."""
    return Refused(
        NOT_FOUND,
        f"The model `{name}` does not exist or you do not have access to it.",
        "invalid_request_error",
        code="model_not_found",
    )


def no_endpoint(method: str, path: str) -> Refused:
    """Nothing there."""
    return Refused(NOT_FOUND, f"Invalid URL ({method} {path})", "invalid_request_error")


def too_many(retry_after: int) -> Refused:
    """Too many requests; what to do about it is in the headers.

    https://platform.openai.com/docs/guides/rate-limits#rate-limits-in-headers
    """
    return Refused(
        TOO_MANY,
        f"Rate limit reached for requests. Please try again in {retry_after}s.",
        "requests",
        code="rate_limit_exceeded",
        headers={
            "retry-after": str(retry_after),
            "retry-after-ms": str(retry_after * 1000),
            "x-ratelimit-limit-requests": "500",
            "x-ratelimit-remaining-requests": "0",
            "x-ratelimit-reset-requests": f"{retry_after}s",
        },
    )


def broken(status: int = BROKEN) -> Refused:
    """Their own trouble."""
    return Refused(
        status, "The server had an error while processing your request. Sorry about that!", "server_error"
    )
