"""A twin of PagerDuty's Events API v2: POST /v2/enqueue, its incidents, and what it refuses.

https://developer.pagerduty.com/docs/send-alert-event and the schema of the reference.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from bot.sandbox.refusals import Refusals

LARGEST = 512 * 1024  #: bytes of a body
LONGEST_KEY, LONGEST_SUMMARY = 255, 1024  #: characters
KEY_LENGTH = 32
ACTIONS = ("trigger", "acknowledge", "resolve")
SEVERITIES = ("critical", "error", "warning", "info")


@dataclass(slots=True, kw_only=True)
class Incident:
    """What people over there see."""

    routing_key: str
    dedup_key: str
    status: str = "triggered"  #: triggered, acknowledged or resolved
    triggers: list[Mapping[str, Any]] = field(default_factory=list)  #: every event that opened or updated it


@dataclass(slots=True, kw_only=True)
class PagerDutyEventsTwin:
    """Services by their integration keys."""

    services: set[str] = field(default_factory=lambda: {"d" * KEY_LENGTH})
    incidents: list[Incident] = field(default_factory=list)
    refusals: Refusals = field(default_factory=Refusals)
    is_down: bool = False  #: every request meets a 503
    cuts_answers: int = 0  #: so many events are taken, and their answers lost
    asked: int = 0
    watch: Callable[[], None] = lambda: None  #: called when an event is taken, before it is answered

    def app(self) -> web.Application:
        """The HTTP side."""
        app = web.Application(middlewares=[self.refusals.middleware], client_max_size=LARGEST)
        app.router.add_post("/v2/enqueue", self._enqueue)
        return app

    def of(self, status: str) -> list[Incident]:
        """Incidents that stand so."""
        return [incident for incident in self.incidents if incident.status == status]

    async def _enqueue(self, request: web.Request) -> web.Response:
        self.asked += 1
        if self.is_down:
            return web.json_response({"status": "error", "message": "Service Unavailable"}, status=503)
        try:
            event = json.loads(await request.read())
        except ValueError:
            return _invalid("Event object format is unrecognized", "JSON parse error")
        if not isinstance(event, dict):
            return _invalid("Event object format is unrecognized", "not an object")
        if problems := list(_problems(event)):
            return _invalid("Event object is invalid", *problems)
        if event["routing_key"] not in self.services:
            return _invalid("Event object is invalid", "'routing_key' is unknown")
        self._take(event)
        self.watch()
        if self.cuts_answers:
            self.cuts_answers -= 1
            if request.transport is not None:
                request.transport.abort()
        answer = {"status": "success", "message": "Event processed", "dedup_key": event["dedup_key"]}
        return web.json_response(answer, status=202)

    def _take(self, event: Mapping[str, Any]) -> None:
        """An open incident with this key is updated; a resolved one never comes back."""
        known = (event["routing_key"], event["dedup_key"])
        incident = next(
            (
                each
                for each in self.incidents
                if (each.routing_key, each.dedup_key) == known and each.status != "resolved"
            ),
            None,
        )
        action = event["event_action"]
        if action == "trigger":
            if incident is None:
                incident = Incident(routing_key=known[0], dedup_key=known[1])
                self.incidents.append(incident)
            incident.triggers.append(event)
        elif incident is not None:  # else it is dropped
            incident.status = "acknowledged" if action == "acknowledge" else "resolved"


def _problems(event: Mapping[str, Any]) -> Iterator[str]:
    key = event.get("routing_key")
    if not isinstance(key, str) or len(key) != KEY_LENGTH:
        yield "Length of 'routing_key' is incorrect (should be 32 characters)"
    if event.get("event_action") not in ACTIONS:
        yield "'event_action' is missing or unknown"
    dedup = event.get("dedup_key")
    if not isinstance(dedup, str) or not 0 < len(dedup) <= LONGEST_KEY:
        yield "'dedup_key' is missing or too long"
    if event.get("event_action") == "trigger":
        yield from _payload_problems(event.get("payload"))
    for link in event.get("links", []):
        if not isinstance(link, dict) or not isinstance(link.get("href"), str):
            yield "a link has no 'href'"


def _payload_problems(payload: object) -> Iterator[str]:
    if not isinstance(payload, dict):
        yield "'payload' is missing"
        return
    for name in ("summary", "source", "severity"):
        if not isinstance(payload.get(name), str) or not payload[name]:
            yield f"'payload.{name}' is missing or blank"
    if len(str(payload.get("summary"))) > LONGEST_SUMMARY:
        yield "'payload.summary' is too long"
    if payload.get("severity") not in SEVERITIES:
        yield "'payload.severity' is invalid"


def _invalid(message: str, *errors: str) -> web.Response:
    body = {"status": "invalid event", "message": message, "errors": list(errors)}
    return web.json_response(body, status=400)
