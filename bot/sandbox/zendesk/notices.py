"""From a change to the webhooks that are told about it."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

from bot.sandbox.faults import DELIVERY
from bot.sandbox.zendesk.changes import Change
from bot.sandbox.zendesk.envelopes import envelopes
from bot.sandbox.zendesk.sending import Sender
from bot.sandbox.zendesk.state import State
from bot.sandbox.zendesk.triggers import hits, render
from bot.sandbox.zendesk.webhooks import Webhook


@dataclass(slots=True)
class Notices:
    """The account's webhooks."""

    state: State
    sender: Sender
    first_comment: bool  #: whether a new ticket's description is also announced as a comment
    webhooks: dict[str, Webhook] = field(default_factory=dict)

    def add_webhook(self, *, name: str, endpoint: str, subscriptions: list[str], **more: Any) -> Webhook:
        """A new one; a secret is made unless one is given."""
        now = self.state.time.now()
        more.setdefault("secret", self.state.secret())
        webhook = Webhook(
            id=self.state.ulid(),
            name=name,
            endpoint=endpoint,
            subscriptions=subscriptions,
            created_at=now,
            updated_at=now,
            **more,
        )
        self.webhooks[webhook.id] = webhook
        return webhook

    def announce(self, change: Change) -> None:
        """Events to their subscribers, then triggers to theirs."""
        for kind, envelope in envelopes(self.state, change, first_comment=self.first_comment):
            body = json.dumps(envelope).encode()
            for webhook in self.webhooks.values():
                if webhook.listens_to(kind):
                    self.sender.submit(webhook, DELIVERY + kind, body)
        for trigger in self.state.triggers.values():
            if hits(trigger, change):
                self._fire(trigger["actions"], change)

    def _fire(self, actions: list[dict[str, Any]], change: Change) -> None:
        for action in actions:
            target, template = action["value"]
            webhook = self.webhooks.get(str(target))
            if webhook is not None and webhook.status == "active":
                self.sender.submit(webhook, DELIVERY + "trigger", render(self.state, template, change))
