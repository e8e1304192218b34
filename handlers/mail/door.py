"""SMTP as a door for alerts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import aiosmtplib

from bot.core.alerts import SendAlert
from bot.core.errors import Rejected, Unavailable
from bot.core.ports import Attempt
from handlers.mail.messages import render_mail

TIMEOUT = 20.0  #: seconds for each step
FOR_GOOD = 500  #: https://www.rfc-editor.org/rfc/rfc5321#section-4.2.1 - 4yz may work later, 5yz never


@dataclass(frozen=True, slots=True, kw_only=True)
class Relay:
    """The server that takes our mail."""

    host: str
    port: int
    sender: str
    username: str | None = None
    password: str | None = None
    is_tls: bool = False  #: TLS from the first byte; else STARTTLS
    is_plain: bool = False  #: no TLS at all, on this machine


class Mail:
    """Addresses by destination, "mail:managers".

    SMTP cannot tell a second try from a second mail: a lost answer is two, with one Message-ID.
    """

    def __init__(self, relay: Relay | None, addresses: Mapping[str, str]) -> None:
        self._relay = relay
        self._addresses = addresses

    async def send(self, effect: SendAlert, attempt: Attempt) -> None:
        """One connection for one mail: there are few."""
        relay, recipient = self._relay, self._addresses.get(effect.ref.destination)
        if relay is None:
            raise Rejected("SMTP_URL is not set")
        if recipient is None:
            raise Rejected("it is not configured")
        mail = render_mail(effect, sender=relay.sender, recipient=recipient, key=attempt.key, now=attempt.now)
        try:
            await aiosmtplib.send(
                mail,
                sender=relay.sender,
                recipients=[recipient],
                hostname=relay.host,
                port=relay.port,
                username=relay.username,
                password=relay.password,
                use_tls=relay.is_tls,
                start_tls=not relay.is_tls and not relay.is_plain,
                timeout=TIMEOUT,
            )
        except (aiosmtplib.SMTPException, OSError) as error:
            raise _failure(error) from None


def _failure(error: Exception) -> Rejected | Unavailable:
    """The server's words stay out: they quote addresses."""
    if isinstance(error, aiosmtplib.SMTPRecipientsRefused) and error.recipients:
        error = error.recipients[0]
    if isinstance(error, aiosmtplib.SMTPNotSupported):
        return Rejected("the mail server offers no STARTTLS, or no login")
    if not isinstance(error, aiosmtplib.SMTPResponseException):
        return Unavailable(f"mail: {type(error).__name__}")
    reason = f"the mail server answered {error.code}"
    return Rejected(reason) if error.code >= FOR_GOOD else Unavailable(reason)
