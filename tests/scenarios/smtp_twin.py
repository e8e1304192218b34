"""A mail server on a real socket, which keeps what it is given and refuses what it is told to."""

from __future__ import annotations

import asyncio
import email
import email.policy
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from email.message import EmailMessage
from typing import Any

from aiosmtpd.smtp import SMTP


@dataclass(slots=True)
class SmtpTwin:
    """`url` goes into SMTP_URL."""

    mails: list[EmailMessage] = field(default_factory=list)
    recipients: list[str] = field(default_factory=list)
    refusals: deque[str] = field(default_factory=deque)  #: answers to the next recipients, "450 later"
    url: str = ""

    async def handle_RCPT(  # noqa: N802 - aiosmtpd's name
        self, _server: object, _session: object, envelope: Any, address: str, _options: list[str]
    ) -> str:
        if self.refusals:
            return self.refusals.popleft()
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, _server: object, _session: object, envelope: Any) -> str:  # noqa: N802 - likewise
        parsed = email.message_from_bytes(envelope.content, policy=email.policy.default)
        self.mails.append(parsed)
        self.recipients += envelope.rcpt_tos
        return "250 OK"


@asynccontextmanager
async def a_mail_server() -> AsyncIterator[SmtpTwin]:
    twin, loop = SmtpTwin(), asyncio.get_running_loop()
    server = await loop.create_server(lambda: SMTP(twin, hostname="mail.test", loop=loop), "127.0.0.1", 0)
    async with server:
        twin.url = f"smtp://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        yield twin
