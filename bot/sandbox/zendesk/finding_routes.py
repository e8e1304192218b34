"""Endpoints that look for tickets: incremental exports and search."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import timedelta

from bot.sandbox.zendesk.calls import Answer, Call, Route
from bot.sandbox.zendesk.limits import RateLimiter
from bot.sandbox.zendesk.paging import cursor, number, page, position
from bot.sandbox.zendesk.refusals import Refused, start_time_too_recent
from bot.sandbox.zendesk.rendering import organisation_json, ticket_json, user_json
from bot.sandbox.zendesk.state import Json, State

RECENT = timedelta(minutes=1)  #: exports neither start nor show anything younger
LARGEST_EXPORT = 1_000
MOST_RESULTS = 1_000
TERM = re.compile(r'(?:(\w+):)?("[^"]*"|\S+)')


@dataclass(slots=True)
class FindingRoutes:
    """Reconciliation reads the exports; search is capped and lags behind on the real side."""

    state: State
    limiter: RateLimiter

    def table(self) -> list[Route]:
        """The endpoints."""
        return [
            Route("GET", "/api/v2/incremental/tickets/cursor", self.export),
            Route("GET", "/api/v2/search", self.search),
        ]

    def export(self, call: Call) -> Answer:
        """Tickets by the time of their last change, deleted ones included.

        https://developer.zendesk.com/api-reference/ticketing/ticket-management/incremental_exports/
        """
        now = self.state.time.now()
        self.limiter.count_export(now)
        latest = int((now - RECENT).timestamp())
        after: tuple[int, ...]
        if "cursor" in call.query:
            after = position(call.query["cursor"])
        else:
            start = call.query.get("start_time", "")
            if not start.isdecimal():
                raise Refused(400, {"error": "InvalidValue", "description": "start_time is invalid"})
            if int(start) > latest:
                raise start_time_too_recent()
            after = (int(start), -1)
        size = min(LARGEST_EXPORT, number(call.query, "per_page", LARGEST_EXPORT))
        changed = sorted((int(one.updated_at.timestamp()), one.id) for one in self.state.tickets.values())
        due = [key for key in changed if after < key and key[0] <= latest]
        shown = due[:size]
        last = shown[-1] if shown else after
        following = cursor(f"{last[0]}|{last[1]}")
        body: Json = {
            "tickets": [ticket_json(self.state, self.state.tickets[ticket]) for _, ticket in shown],
            "after_url": f"{self.state.base}/api/v2/incremental/tickets/cursor.json?cursor={following}",
            "after_cursor": following,
            "before_url": None,
            "before_cursor": None,
            "end_of_stream": len(due) <= size,
        }
        return Answer(body=body)

    def search(self, call: Call) -> Answer:
        """Words and `key:value` terms, all of which must match.

        https://developer.zendesk.com/api-reference/ticketing/ticket-management/search/
        """
        terms = [(key, word.strip('"').lower()) for key, word in TERM.findall(call.query.get("query", ""))]
        records = [record for record in self._everything() if all(_matches(record, *term) for term in terms)]
        size, index = number(call.query, "per_page", 100), number(call.query, "page", 1)
        if size * index > MOST_RESULTS:
            text = (
                "Search Response Limits: requested response size was greater than the limit of 1000 results"
            )
            raise Refused(422, {"error": "invalid", "description": text})
        return Answer(body=page(call, self.state.base, "results", records))

    def _everything(self) -> list[Json]:
        tickets = [
            ticket_json(self.state, one) | {"result_type": "ticket"} for one in self.state.live_tickets()
        ]
        users = [user_json(self.state, one) | {"result_type": "user"} for one in self.state.users.values()]
        organisations = [
            organisation_json(self.state, one) | {"result_type": "organization"}
            for one in self.state.organisations.values()
        ]
        return [*tickets, *users, *organisations]


def _matches(record: Json, key: str, word: str) -> bool:
    if not key:
        words = " ".join(str(record.get(name) or "") for name in ("subject", "description", "name", "email"))
        return word in words.lower()
    if key == "type":
        return str(record["result_type"]) == word
    if key == "tags":
        return word in record.get("tags", [])
    name = {"requester": "requester_id", "assignee": "assignee_id", "organization": "organization_id"}
    return str(record.get(name.get(key, key))).lower() == word
