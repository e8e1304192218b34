"""The types agree: what the core asks for is what storage offers. The type checker is the test."""

from __future__ import annotations

from desk_data import T0

from bot.core.ports import Ledger, Records, Transaction
from storage.ledger import SqlLedger


async def test_the_ledger_fits_its_ports(ledger: SqlLedger) -> None:
    port: Ledger = ledger
    async with port.transaction(now=T0, cause="test") as tx:
        transaction: Transaction = tx
        assert not await transaction.has_pending("lane", "PostReply")
    async with port.reading() as reader:
        records: Records = reader
        assert not await records.has_pending("lane", "PostReply")
