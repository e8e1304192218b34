"""GitHub's GraphQL endpoint, as far as a reader of answered discussions goes.

https://docs.github.com/en/graphql/guides/using-the-graphql-api-for-discussions
"""

from __future__ import annotations

import base64
import json
import random
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from types import TracebackType
from typing import Any, Self

from aiohttp import web

from bot.core.ports import Time
from bot.sandbox.faults import Fault, FaultKind, Faults, cut
from bot.sandbox.journal import Journal

OPERATION = "POST /graphql"
LARGEST = 100  #: nodes of one page
_HINT = "https://docs.github.com/graphql"


@dataclass(slots=True, kw_only=True)
class Discussion:
    """One question; `answer` holds the comment that was accepted."""

    number: int
    title: str
    html: str
    created_at: datetime
    category: str = "q-a"
    edited_at: datetime | None = None
    state_reason: str | None = None
    answer: Answer | None = None


@dataclass(slots=True, kw_only=True)
class Answer:
    """An accepted comment."""

    html: str
    author: str | None
    chosen_by: str
    updated_at: datetime
    kind: str = "User"  #: or "Bot", "Organization", "Mannequin"
    association: str = "NONE"
    is_minimized: bool = False


@dataclass(slots=True, kw_only=True)
class Repository:
    """One repository."""

    visibility: str = "PUBLIC"
    discussions: list[Discussion] = field(default_factory=list)


class DiscussionsTwin:
    """A server on the loopback; `repositories` may be changed at any time."""

    def __init__(
        self,
        time: Time,
        rng: random.Random,
        *,
        token: str = "ghp_twin",  # noqa: S107 - a twin's secret guards nothing
        viewer: str = "deskbell",
    ) -> None:
        self.token = token
        self.viewer = viewer
        self.is_used_up = False  #: the hour's points are spent
        self.repositories: dict[str, Repository] = {}
        self.faults = Faults(random.Random(rng.random()))  # noqa: S311 - repeatable on purpose
        self.journal = Journal(time)
        self._time = time
        self._runner: web.AppRunner | None = None
        self._port = 0

    @property
    def url(self) -> str:
        """The endpoint."""
        return f"http://127.0.0.1:{self._port}/graphql"

    async def __aenter__(self) -> Self:
        application = web.Application()
        application.router.add_post("/graphql", self._serve)
        self._runner = web.AppRunner(application, access_log=None)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self._port = self._runner.addresses[0][1]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._runner is not None:
            await self._runner.cleanup()

    async def _serve(self, request: web.Request) -> web.Response:
        fault = self.faults.draw(OPERATION)
        if fault is not None and fault.kind in (FaultKind.DROP, FaultKind.TIMEOUT_BEFORE):
            self.journal.record(OPERATION, outcome=fault.kind.value)
            return cut(request)
        answer = self._misfortune(fault) or self._answer(request, await request.read())
        if fault is not None and fault.kind is FaultKind.MALFORMED_BODY:
            answer.text = (answer.text or "")[:20]
        self.journal.record(OPERATION, outcome="ok" if answer.status == 200 else str(answer.status))  # noqa: PLR2004 - HTTP's own figure
        return answer

    def _misfortune(self, fault: Fault | None) -> web.Response | None:
        if fault is not None and fault.kind is FaultKind.RATE_LIMITED:
            seconds = str(int(fault.retry_after.total_seconds()))
            text = "You have exceeded a secondary rate limit. Please wait a few minutes before you try again."
            return _json({"documentation_url": _HINT, "message": text}, 403, {"Retry-After": seconds})
        if fault is not None and fault.kind is FaultKind.SERVER_ERROR:
            return _json({"message": "Something went wrong while executing your query."}, fault.status)
        return None

    def _answer(self, request: web.Request, body: bytes) -> web.Response:
        if request.headers.get("Authorization") != f"Bearer {self.token}":
            return _json({"message": "Bad credentials", "documentation_url": _HINT, "status": "401"}, 401)
        if (
            self.is_used_up
        ):  # https://docs.github.com/en/graphql/overview/rate-limits-and-query-limits-for-the-graphql-api
            reset = str(int(self._time.now().timestamp()) + 3600)
            left = {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": reset}
            return _json({"message": "API rate limit exceeded", "documentation_url": _HINT}, 403, left)
        try:
            asked = json.loads(body)
            variables = asked["variables"]
            query = str(asked["query"])
            repository = self.repositories.get(f"{variables['owner']}/{variables['name']}")
        except (ValueError, KeyError, TypeError):
            return _json({"message": "Problems parsing JSON", "documentation_url": _HINT}, 400)
        if "discussions(" not in query or "answered: true" not in query:
            return _json({"errors": [{"message": "The twin answers one question only."}]}, 200)
        if repository is None:
            text = (
                f"Could not resolve to a Repository with the name '{variables['owner']}/{variables['name']}'."
            )
            error = {"type": "NOT_FOUND", "path": ["repository"], "message": text}
            return _json({"data": {"repository": None}, "errors": [error]}, 200)
        return self._listed(repository, variables.get("after"))

    def _listed(self, repository: Repository, after: str | None) -> web.Response:
        """By cursor: the number of the last discussion of the page before."""
        try:
            last = _number(after)
        except ValueError:
            text = f"`{after}` does not appear to be a valid cursor."
            return _json(
                {"data": None, "errors": [{"type": "INVALID_CURSOR_ARGUMENTS", "message": text}]}, 200
            )
        known = sorted(repository.discussions, key=lambda one: one.number)
        left = [one for one in known if one.answer is not None and one.number > last]
        page = left[:50]
        info = {"hasNextPage": len(left) > len(page), "endCursor": _cursor(page[-1]) if page else None}
        nodes = [self._rendered(one, one.answer) for one in page if one.answer is not None]
        found = {"visibility": repository.visibility, "discussions": {"pageInfo": info, "nodes": nodes}}
        return _json({"data": {"repository": found}}, 200)

    def _rendered(self, question: Discussion, answer: Answer) -> Mapping[str, Any]:
        author = {"__typename": answer.kind, "login": answer.author} if answer.author else None
        return {
            "number": question.number,
            "title": question.title,
            "bodyHTML": question.html,
            "createdAt": _instant(question.created_at),
            "lastEditedAt": _instant(question.edited_at),
            "stateReason": question.state_reason,
            "category": {"slug": question.category},
            "answerChosenAt": _instant(answer.updated_at + timedelta(minutes=1)),
            "answerChosenBy": {"__typename": "User", "login": answer.chosen_by},
            "answer": {
                "url": f"https://github.com/acme/widget/discussions/{question.number}#discussioncomment-9",
                "bodyHTML": answer.html,
                "updatedAt": _instant(answer.updated_at),
                "isMinimized": answer.is_minimized,
                "viewerDidAuthor": answer.author == self.viewer,
                "authorAssociation": answer.association,
                "author": author,
            },
        }


def _number(cursor: str | None) -> int:
    if cursor is None:
        return 0
    kind, _, number = base64.b64decode(cursor, validate=True).decode().partition(":")
    if kind != "cursor":
        raise ValueError
    return int(number)


def _cursor(discussion: Discussion) -> str:
    return base64.b64encode(f"cursor:{discussion.number}".encode()).decode()


def _instant(moment: datetime | None) -> str | None:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ") if moment else None


def _json(body: Mapping[str, Any], status: int, headers: Mapping[str, str] | None = None) -> web.Response:
    return web.Response(
        text=json.dumps(body), status=status, content_type="application/json", headers=headers
    )
