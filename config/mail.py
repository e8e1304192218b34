"""SMTP_URL and SMTP_FROM: through whom mail is sent, and as whom."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import unquote, urlsplit

from bot.core.errors import ConfigError
from config.environment import Environment
from config.secrets import Secret

LOOPBACK = ("localhost", "127.0.0.1", "::1")
PORTS = {"smtp": 587, "smtps": 465}  #: https://www.rfc-editor.org/rfc/rfc8314#section-3.3
_ADDRESS = re.compile(r"[A-Za-z0-9._+-]{1,64}@[A-Za-z0-9](?:[A-Za-z0-9.-]{0,251}[A-Za-z0-9])?", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class MailSettings:
    """A server that takes mail from us; TLS everywhere but on this machine."""

    host: str
    port: int
    sender: str
    username: str | None
    password: Secret | None
    is_tls: bool  #: from the first byte; else by STARTTLS
    is_plain: bool


def read_mail(env: Environment) -> MailSettings | None:
    """None when neither variable is set."""
    if not env.all_or_none("SMTP_URL", "SMTP_FROM"):
        return None
    sender = env.text("SMTP_FROM")
    if not _ADDRESS.fullmatch(sender):
        raise ConfigError(f"SMTP_FROM: {sender!r} is not one mail address")
    wrong = ConfigError("SMTP_URL: write smtp://user:password@host:587 or smtps://user:password@host:465")
    try:
        parts = urlsplit(env.text("SMTP_URL"))
        host, port = parts.hostname, parts.port
    except ValueError:
        raise wrong from None  # never repeated: it may hold a password
    if parts.scheme not in PORTS or not host or port == 0 or parts.path.strip("/") or parts.query:
        raise wrong
    if (parts.username is None) != (parts.password is None):
        raise wrong
    return MailSettings(
        host=host,
        port=port or PORTS[parts.scheme],
        sender=sender,
        username=unquote(parts.username) if parts.username else None,
        password=Secret(unquote(parts.password)) if parts.password else None,
        is_tls=parts.scheme == "smtps",
        is_plain=parts.scheme == "smtp" and host in LOOPBACK,
    )
