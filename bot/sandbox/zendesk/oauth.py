"""OAuth clients and access tokens: the only way in since passwords and API tokens are gone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from bot.sandbox.zendesk.refusals import Refused, invalid_token, missing_scopes, not_authenticated
from bot.sandbox.zendesk.state import Json, State, User

LIFETIME = timedelta(minutes=30)  #: of an access token
SHORTEST, LONGEST = 300, 172_800  #: exclusive bounds of a requested `expires_in`, in seconds


@dataclass(frozen=True, slots=True, kw_only=True)
class Client:
    """A registered confidential client; its tokens act as `user`."""

    identifier: str
    secret: str
    user: User
    scopes: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Token:
    """An access token."""

    client: Client
    scopes: tuple[str, ...]
    expires_at: datetime


def denied(error: str, description: str, status: int = 400) -> Refused:
    """An error of the token endpoint.

    https://www.rfc-editor.org/rfc/rfc6749#section-5.2
    """
    return Refused(status, {"error": error, "error_description": description})


@dataclass(slots=True)
class OAuth:
    """Issues tokens and checks them."""

    state: State
    clients: dict[str, Client] = field(default_factory=dict)
    tokens: dict[str, Token] = field(default_factory=dict)

    def issue(self, form: Mapping[str, Any]) -> Json:
        """POST /oauth/tokens.

        https://developer.zendesk.com/api-reference/ticketing/oauth/grant_type_tokens/
        """
        if form.get("grant_type") != "client_credentials":
            raise denied("unsupported_grant_type", "The authorization grant type is not supported.")
        client = self.clients.get(str(form.get("client_id", "")))
        if client is None or form.get("client_secret") != client.secret:
            text = "Client authentication failed due to unknown client or no client authentication included."
            raise denied("invalid_client", text, 401)
        scopes = tuple(str(form.get("scope") or " ".join(client.scopes)).split())
        if not all(allows(client.scopes, scope) for scope in scopes):
            raise denied("invalid_scope", "The requested scope is invalid, unknown, or malformed.")
        lifetime = self._lifetime(form.get("expires_in"))
        access = self.state.rng.randbytes(32).hex()
        expires_at = self.state.time.now() + lifetime
        self.tokens[access] = Token(client=client, scopes=scopes, expires_at=expires_at)
        return {
            "access_token": access,
            "token_type": "bearer",
            "scope": " ".join(scopes),
            "expires_in": int(lifetime.total_seconds()),
        }

    def authenticate(self, authorization: str | None, method: str, path: str) -> User:
        """The user behind a request to /api/v2."""
        scheme, _, access = (authorization or "").partition(" ")
        if scheme.lower() != "bearer":
            raise not_authenticated()
        token = self.tokens.get(access)
        if token is None or token.expires_at <= self.state.time.now():
            raise invalid_token()
        verb = "read" if method == "GET" else "write"
        needed = f"{resource(path)}:{verb}"
        if not allows(token.scopes, needed):
            raise missing_scopes([needed])
        return token.client.user

    def revoke_all(self) -> None:
        """Every access token ends now, as after an administrator's revocation."""
        self.tokens.clear()

    @staticmethod
    def _lifetime(asked: object) -> timedelta:
        if asked is None:
            return LIFETIME
        if not isinstance(asked, int) or not SHORTEST < asked < LONGEST:
            raise denied("invalid_request", "expires_in must be more than 300 and less than 172800.")
        return timedelta(seconds=asked)


def allows(scopes: Sequence[str], needed: str) -> bool:
    """Whether the scopes include it: "read" covers "tickets:read", and nothing but "write" covers "write"."""
    return needed in scopes or needed.rpartition(":")[2] in scopes


def resource(path: str) -> str:
    """The scope's name for a path."""
    parts = path.removeprefix("/api/v2/").split("/")
    name = parts[1] if parts[0] == "incremental" and len(parts) > 1 else parts[0]
    return {"slas": "triggers", "uploads": "tickets", "ticket_fields": "tickets"}.get(name, name)
