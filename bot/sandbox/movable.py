"""A clock that can be moved forward, and only forward."""

from __future__ import annotations

from datetime import datetime, timedelta

from bot.core.ports import Time


class MovableTime:
    """The real time and everything that was added to it."""

    def __init__(self, base: Time) -> None:
        self._base = base
        self._ahead = timedelta(0)

    def now(self) -> datetime:
        """The sandbox's present."""
        return self._base.now() + self._ahead

    @property
    def ahead(self) -> timedelta:
        """How far that is ahead of the real time."""
        return self._ahead

    def move(self, by: timedelta) -> None:
        """Let time pass."""
        if by < timedelta(0):
            raise ValueError("time only moves forward")
        self._ahead += by
