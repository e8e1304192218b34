"""Idempotency keys of POST /tickets: two hours in which the same request has the same answer."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from bot.core.ports import Time
from bot.sandbox.zendesk.calls import Answer, Call
from bot.sandbox.zendesk.refusals import key_reused, key_too_long

LIFETIME = timedelta(hours=2)
LONGEST_KEY = 255
LOOKUP = "x-idempotency-lookup"


@dataclass(frozen=True, slots=True, kw_only=True)
class Remembered:
    """A request that succeeded."""

    digest: str
    answer: Answer
    expires_at: datetime


@dataclass(slots=True)
class Idempotency:
    """The keys of one account.

    https://developer.zendesk.com/api-reference/ticketing/introduction/#idempotency
    """

    time: Time
    _remembered: dict[str, Remembered] = field(default_factory=dict)

    def once(self, call: Call, create: Callable[[], Answer]) -> Answer:
        """Create, or repeat the answer of the first time."""
        key = call.headers.get("Idempotency-Key")
        if not key:
            return create()
        if len(key) > LONGEST_KEY:
            raise key_too_long()
        now = self.time.now()
        # Compared as parameters: the order of keys does not matter.
        digest = hashlib.sha256(json.dumps(call.json(), sort_keys=True).encode()).hexdigest()
        known = self._remembered.get(key)
        if known is not None and known.expires_at > now:
            if known.digest != digest:
                raise key_reused()
            headers = {**known.answer.headers, LOOKUP: "hit"}
            return Answer(status=known.answer.status, body=known.answer.body, headers=headers)
        answer = create()
        answer.headers[LOOKUP] = "miss"
        self._remembered[key] = Remembered(digest=digest, answer=answer, expires_at=now + LIFETIME)
        return answer
