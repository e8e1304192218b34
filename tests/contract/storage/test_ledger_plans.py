"""Claims stay cheap: the planner answers everything a worker asks from an index."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from desk_data import LEASE, T0, a_delivery, a_reply, later
from sqlalchemy import event

from bot.core.ports import Timer
from storage.database import Database
from storage.ledger import SqlLedger
from storage.migrating import migrate
from storage.rates import Rate

#: A walk along a partial index, in its order, is what these indexes are for; a walk over the rows is not.
WORK = re.compile(r"^SCAN (deliveries|effects|timers|earlier|running)(?! USING)")


@pytest.fixture
def file_url(tmp_path: Path) -> str:
    url = f"sqlite:///{tmp_path / 'plans.db'}"
    migrate(url)
    return url


async def test_no_statement_of_a_worker_walks_over_a_table_of_work(file_url: str) -> None:
    async with Database.open(file_url) as database:
        ledger = SqlLedger(database, rates=lambda _bucket: Rate(every=LEASE))
        asked: list[tuple[str, Any]] = []
        event.listen(
            database._engine.sync_engine,
            "before_cursor_execute",
            lambda _connection, _cursor, statement, parameters, *_: asked.append((statement, parameters)),
        )
        await exercise(ledger)
        async with database.reading() as connection:
            walked = set()
            for statement, parameters in [
                one for one in asked if one[0].startswith(("SELECT", "UPDATE", "WITH"))
            ]:
                values = parameters[0] if isinstance(parameters, list) else parameters
                plan = await connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", values)
                walked |= {(row.detail, statement) for row in plan if WORK.match(row.detail)}
    assert len(asked) > 30
    assert walked == set()


async def exercise(ledger: SqlLedger) -> None:
    for n in range(3):
        await ledger.accept(a_delivery(f"Ev{n}"))
    (delivery,) = await ledger.claim_deliveries(now=T0, limit=8, lease=LEASE)
    async with ledger.finishing(delivery, now=T0) as tx:
        await tx.plan(a_reply(1))
        await tx.plan(a_reply(2))
        await tx.set_timer(Timer(key="clock:1", due_at=T0, version=1))
        await tx.has_pending("slack/1", "PostReply")
    (effect,) = await ledger.claim_effects(now=T0, limit=8, lease=LEASE)
    await ledger.retry(effect, at=later(9), reason="away")
    (effect,) = await ledger.claim_effects(now=later(99), limit=1, lease=LEASE)
    await ledger.park(effect, now=T0, reason="?")
    (timer,) = await ledger.claim_timers(now=T0, limit=8, lease=LEASE)
    async with ledger.finishing(timer, now=T0):
        pass
    await ledger.next_due(now=T0)
    await ledger.parked()
