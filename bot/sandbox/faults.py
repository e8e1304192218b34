"""Switches that make a twin misbehave the way its vendor sometimes does, on purpose and repeatably."""

from __future__ import annotations

import fnmatch
import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum

from aiohttp import web

DELIVERY = "deliver:"  #: operations that a twin starts itself are named "deliver:<kind>"


class FaultKind(StrEnum):
    """What goes wrong."""

    RATE_LIMITED = "rate_limited"  #: 429 with Retry-After; nothing is done
    SERVER_ERROR = "server_error"  #: an error status; nothing is done
    TIMEOUT_BEFORE = "timeout_before"  #: nothing is done and no answer comes
    TIMEOUT_AFTER = "timeout_after"  #: it is done, and no answer comes
    MALFORMED_BODY = "malformed_body"  #: it is done; the body is cut in the middle
    DELAY = "delay"  #: it is done late: a call waits real seconds, a delivery twin seconds
    DUPLICATE = "duplicate"  #: a delivery arrives twice
    REORDER = "reorder"  #: a delivery arrives after the one that follows it
    DROP = "drop"  #: a delivery never arrives and is not retried


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One misfortune, with its figures."""

    kind: FaultKind
    retry_after: timedelta = timedelta(seconds=30)  #: of RATE_LIMITED
    status: int = 503  #: of SERVER_ERROR
    hang: bool = False  #: of a timeout: hold the connection open instead of cutting it
    delay: timedelta = timedelta(seconds=1)  #: of DELAY


@dataclass(slots=True, kw_only=True)
class Rule:
    """A fault waiting for its operation."""

    operation: str  #: a name or a shell pattern: "chat.*", "POST /api/v2/tickets*", "deliver:message"
    fault: Fault
    times: int | None  #: None: until it is removed
    skip: int = 0  #: this many matching operations go well first
    chance: float = 1.0

    def matches(self, operation: str) -> bool:
        """Whether the rule is about this operation; "*" means calls and never deliveries."""
        if operation.startswith(DELIVERY) != self.operation.startswith(DELIVERY):
            return False
        return fnmatch.fnmatchcase(operation, self.operation)


@dataclass(slots=True)
class Faults:
    """The rules of one twin, asked once per operation. The first rule that matches decides."""

    rng: random.Random
    rules: list[Rule] = field(default_factory=list)
    _outages: dict[str, Fault] = field(default_factory=dict)

    def fail_next(
        self,
        operation: str,
        kind: FaultKind,
        *,
        times: int | None = 1,
        skip: int = 0,
        chance: float = 1.0,
        retry_after: timedelta = timedelta(seconds=30),
        status: int = 503,
        hang: bool = False,
        delay: timedelta = timedelta(seconds=1),
    ) -> Rule:
        """Let the next `times` matching operations fail, after `skip` of them, each with `chance`."""
        fault = Fault(kind=kind, retry_after=retry_after, status=status, hang=hang, delay=delay)
        rule = Rule(operation=operation, fault=fault, times=times, skip=skip, chance=chance)
        self.rules.append(rule)
        return rule

    def remove(self, rule: Rule) -> None:
        """Forget one rule; no error when it is used up already."""
        self.rules = [kept for kept in self.rules if kept is not rule]

    def outage(self, on: bool, operation: str = "*", *, status: int = 503) -> None:  # noqa: FBT001 - a switch
        """All matching operations fail with `status` until it is switched off again."""
        if on:
            self._outages[operation] = Fault(kind=FaultKind.SERVER_ERROR, status=status)
        else:
            self._outages.pop(operation, None)

    @property
    def outages(self) -> Sequence[str]:
        """The patterns of operations that are down."""
        return tuple(self._outages)

    def clear(self) -> None:
        """Everything works again."""
        self.rules = []
        self._outages.clear()

    def draw(self, operation: str) -> Fault | None:
        """What happens to this operation; uses up one turn of the rule that decided."""
        for pattern, fault in self._outages.items():
            if Rule(operation=pattern, fault=fault, times=None).matches(operation):
                return fault
        for rule in self.rules:
            if not rule.matches(operation):
                continue
            if rule.skip:
                rule.skip -= 1
            elif rule.chance >= 1 or self.rng.random() < rule.chance:
                self._use_up(rule)
                return rule.fault
        return None

    def _use_up(self, rule: Rule) -> None:
        if rule.times is not None:
            rule.times -= 1
            if rule.times <= 0:
                self.remove(rule)


def cut(request: web.Request) -> web.Response:
    """Drop the connection without an answer.

    Use as `return cut(request)` in an aiohttp handler: the response goes to a transport that is gone.
    """
    if request.transport is not None:
        request.transport.abort()
    return web.Response(status=500)
