"""Puts an auditor together: what it reads, and where its heartbeat goes."""

from __future__ import annotations

import random
from contextlib import AsyncExitStack

from bot.auditor import Auditor
from bot.core.ports import Ledger, Time
from bot.core.support import Desk
from config.settings import Settings
from storage.audits import SqlAuditBook
from storage.database import Database


async def open_auditor(
    stack: AsyncExitStack,
    settings: Settings,
    *,
    database: Database,
    ledger: Ledger,
    desk: Desk,
    time: Time,
    rng: random.Random,
) -> Auditor:
    """Without HEARTBEAT_URL nothing is sent; metrics and our own people are told all the same."""
    heartbeat = None
    if settings.heartbeat_url:
        from handlers.heartbeat import Heartbeat  # noqa: PLC0415 - only where it is wanted

        heartbeat = (await stack.enter_async_context(Heartbeat(settings.heartbeat_url.reveal()))).send
    return Auditor(
        ledger=ledger,
        book=SqlAuditBook(database),
        desk=desk,
        time=time,
        rng=rng,
        heartbeat=heartbeat,
    )
