"""What a twin received and did, in order: the evidence for tests, for the checker and for the page."""

from __future__ import annotations

import asyncio
import fnmatch
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from bot.core.ports import Time


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One thing that happened at a twin."""

    number: int  #: 1 is the first
    at: datetime
    operation: str  #: "chat.postMessage", "PUT /api/v2/tickets/1", "deliver:message"
    request: Mapping[str, Any]  #: a summary without tokens or secrets
    effects: tuple[str, ...]  #: ids of what came to be or was changed
    outcome: str  #: "ok" or the name of what went wrong


@dataclass(slots=True)
class Journal:
    """Append-only. Whoever subscribes is called after each entry."""

    time: Time
    _entries: list[Entry] = field(default_factory=list)
    _watchers: list[Callable[[Entry], None]] = field(default_factory=list)

    def record(
        self,
        operation: str,
        *,
        request: Mapping[str, Any] | None = None,
        effects: Sequence[str] = (),
        outcome: str = "ok",
    ) -> Entry:
        """Write one entry, dated by the twin's clock."""
        entry = Entry(
            number=len(self._entries) + 1,
            at=self.time.now(),
            operation=operation,
            request=dict(request or {}),
            effects=tuple(effects),
            outcome=outcome,
        )
        self._entries.append(entry)
        for watcher in tuple(self._watchers):
            watcher(entry)
        return entry

    @property
    def entries(self) -> Sequence[Entry]:
        """Everything so far."""
        return tuple(self._entries)

    def of(self, operation: str, *, outcome: str = "*") -> Sequence[Entry]:
        """Entries whose operation and outcome match these shell patterns."""
        return [
            entry
            for entry in self._entries
            if fnmatch.fnmatchcase(entry.operation, operation) and fnmatch.fnmatchcase(entry.outcome, outcome)
        ]

    def subscribe(self, watcher: Callable[[Entry], None]) -> Callable[[], None]:
        """Call `watcher` with each new entry; the returned function ends that."""
        self._watchers.append(watcher)
        return lambda: self._watchers.remove(watcher)

    async def wait_for(
        self, operation: str, *, outcome: str = "*", count: int = 1, timeout: float = 5.0
    ) -> Sequence[Entry]:
        """Return once `count` such entries are there; TimeoutError after `timeout` real seconds."""
        changed = asyncio.Event()
        unsubscribe = self.subscribe(lambda _: changed.set())
        try:
            async with asyncio.timeout(timeout):
                while len(found := self.of(operation, outcome=outcome)) < count:
                    changed.clear()
                    await changed.wait()
                return found
        finally:
            unsubscribe()
