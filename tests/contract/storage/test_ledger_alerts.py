"""Who was told that time runs out, in the records; and snoozes of clocks."""

from __future__ import annotations

from dataclasses import replace

from desk_data import T0, a_clock, a_conversation, a_ticket, later

from bot.core.alerts import Alert, AlertRef, AlertState
from bot.core.model import Clock, Snooze
from storage.alerts import count_alerts
from storage.database import Database
from storage.ledger import SqlLedger
from storage.transactions import SqlTransaction


async def a_stored_clock(tx: SqlTransaction) -> Clock:
    conversation = await a_conversation(tx)
    return await tx.start_clock(a_clock(await a_ticket(tx, conversation.id)))


async def test_what_becomes_of_an_alert_takes_the_place_of_what_was_planned(
    ledger: SqlLedger, database: Database
) -> None:
    async with ledger.transaction(now=T0, cause="test") as tx:
        clock = await a_stored_clock(tx)
        here, pager = (
            Alert(ref=AlertRef(clock=clock.id, mark="step:0", destination=name), planned_at=T0)
            for name in ("", "pagerduty")
        )
        later_one = Alert(
            ref=AlertRef(clock=clock.id, mark="step:0:1", destination=""),
            planned_at=later(60),
            calls_people=False,
        )
        for alert in (later_one, here, pager):
            await tx.save_alert(alert)
        failed = replace(pager, state=AlertState.FAILED, reason="PagerDuty answered 400")
        sent = replace(here, state=AlertState.SENT, source="slack:1.0")
        await tx.save_alert(failed)
        await tx.save_alert(sent)

    async with ledger.reading() as records:
        assert await records.alerts(clock.id) == [sent, failed, later_one]
    async with database.reading() as connection:
        assert await count_alerts(connection) == {
            ("", "sent"): 1,
            ("", "planned"): 1,
            ("pagerduty", "failed"): 1,
        }


async def test_a_clock_keeps_its_snoozes(ledger: SqlLedger) -> None:
    async with ledger.transaction(now=T0, cause="test") as tx:
        clock = await a_stored_clock(tx)
        assert (await tx.clock(clock.id)).snoozes == ()
        snoozes = (Snooze(by="Ada", at=T0, until=later(60)), Snooze(by="Otto", at=later(9), until=later(30)))
        await tx.save_clock(replace(clock, snoozes=snoozes))

    async with ledger.reading() as records:
        found = await records.clock(clock.id)
        assert found.snoozes == snoozes
        assert found.snoozed_until == later(60)
