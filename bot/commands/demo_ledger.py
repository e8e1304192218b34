"""The ledger as the sandbox's page sees it."""

from __future__ import annotations

from collections.abc import Sequence

from bot.commands.sandboxing import Sandbox
from bot.core.errors import UserFacingError
from bot.sandbox.page.views import WorkView
from bot.sandbox.page.wording import in_words
from storage.reports import WorkRow

ROWS = 40


class LedgerWork:
    """Implements `bot.sandbox.page.views.Work`."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox

    async def rows(self) -> Sequence[WorkView]:
        return [_view(row) for row in await self._sandbox.program.ledger.recent(ROWS)]

    async def replay(self, queue: str, id: int) -> None:
        ledger = self._sandbox.program.ledger
        if await ledger.replay(queue, [id], now=self._sandbox.time.now()) == 0:
            raise UserFacingError("That is not parked any more.")


def _view(row: WorkRow) -> WorkView:
    is_waiting = row.queue == "timers" or (row.state == "pending" and row.attempts > 0)
    return WorkView(
        queue=row.queue,
        id=row.id,
        words=in_words(row.queue, row.kind, row.lane),
        details=f"{row.kind} in {row.lane}",
        state=row.state,
        note=_note(row),
        at=row.created_at,
        due_at=row.due_at if is_waiting else None,
    )


def _note(row: WorkRow) -> str:
    """What went wrong, and how often it was tried."""
    notes = [row.error] if row.error and row.state != "done" else []
    if row.attempts > 1:
        notes.append(f"{row.attempts} tries")
    return "; ".join(notes)
