"""One API call on its way through the twin, its answer, and the table that finds its handler."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from bot.sandbox.zendesk.refusals import no_endpoint, unparsable, wrong_type
from bot.sandbox.zendesk.state import Json, User


@dataclass(slots=True, kw_only=True)
class Call:
    """A request whose sender is known."""

    method: str
    path: str  #: without a trailing ".json"
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes
    actor: User
    params: Mapping[str, str] = field(default_factory=dict)

    def id(self, name: str = "id") -> int:
        """A number from the path."""
        return int(self.params[name])

    def json(self) -> Json:
        """The body as an object."""
        try:
            parsed = json.loads(self.body or b"{}")
        except ValueError:
            raise unparsable() from None
        if not isinstance(parsed, dict):
            raise unparsable()
        return parsed

    def record(self, name: str) -> Json:
        """The object that the body wraps under `name`."""
        found = self.json().get(name)
        if not isinstance(found, dict):
            raise wrong_type(name)
        return found


@dataclass(slots=True, kw_only=True)
class Answer:
    """What goes back, and what came to be."""

    status: int = 200
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)
    effects: tuple[str, ...] = ()


Handler = Callable[[Call], Answer]
ULID = "[0-9A-Z]{26}"


@dataclass(frozen=True, slots=True)
class Route:
    """`{id}` in a path is a number, `{ulid}` an id of a webhook or an invocation."""

    method: str
    path: str
    handler: Handler

    @property
    def pattern(self) -> re.Pattern[str]:
        """The path as a regular expression."""
        numbers = re.sub(r"\{(\w*id)\}", r"(?P<\1>\\d+)", self.path.replace("{ulid}", "{ULID}"))
        named = numbers.replace("{ULID}", f"(?P<ulid>{ULID})")
        return re.compile(named.replace("{invocation}", f"(?P<invocation>{ULID})"))


class Router:
    """The endpoints, in the order in which they are tried."""

    def __init__(self, *tables: Iterable[Route]) -> None:
        self._routes = [(route, route.pattern) for table in tables for route in table]

    def answer(self, call: Call) -> Answer:
        """Find the handler and let it answer."""
        for route, pattern in self._routes:
            found = pattern.fullmatch(call.path) if route.method == call.method else None
            if found is not None:
                call.params = found.groupdict()
                return route.handler(call)
        raise no_endpoint()
