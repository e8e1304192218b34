"""Endpoints for what an administrator sets up: fields, webhooks, triggers, SLA policies."""

from __future__ import annotations

from dataclasses import dataclass

from bot.sandbox.zendesk.calls import Answer, Call, Route
from bot.sandbox.zendesk.notices import Notices
from bot.sandbox.zendesk.paging import page
from bot.sandbox.zendesk.refusals import Details, detail, not_allowed, not_found, record_invalid
from bot.sandbox.zendesk.rendering import stamp
from bot.sandbox.zendesk.state import Json, State
from bot.sandbox.zendesk.triggers import unknown_conditions
from bot.sandbox.zendesk.webhooks import (
    Webhook,
    attempt_json,
    check,
    check_subscriptions,
    invocation_json,
    webhook_json,
)

FIELD_TYPES = (
    "text", "textarea", "checkbox", "date", "integer", "decimal", "regexp", "tagger", "multiselect", "lookup",
)  # fmt: skip
HOOKS = "/api/v2/webhooks"


@dataclass(slots=True)
class AdminRoutes:
    """Only administrators may change anything here."""

    state: State
    notices: Notices

    def table(self) -> list[Route]:
        """The endpoints."""
        hook = f"{HOOKS}/{{ulid}}"
        return [
            Route("GET", "/api/v2/ticket_fields", self.fields),
            Route("POST", "/api/v2/ticket_fields", self.create_field),
            Route("GET", "/api/v2/triggers", self.triggers),
            Route("POST", "/api/v2/triggers", self.create_trigger),
            Route("DELETE", "/api/v2/triggers/{id}", self.delete_trigger),
            Route("GET", "/api/v2/slas/policies", self.policies),
            Route("POST", "/api/v2/slas/policies", self.create_policy),
            Route("GET", HOOKS, self.webhooks),
            Route("POST", HOOKS, self.create_webhook),
            Route("GET", hook, lambda call: Answer(body={"webhook": webhook_json(self._webhook(call))})),
            Route("PUT", hook, self.change_webhook),
            Route("PATCH", hook, self.change_webhook),
            Route("DELETE", hook, self.delete_webhook),
            Route("GET", f"{hook}/signing_secret", self.signing_secret),
            Route("POST", f"{hook}/signing_secret", self.reset_secret),
            Route("GET", f"{hook}/invocations", self.invocations),
            Route("GET", f"{hook}/invocations/{{invocation}}/attempts", self.attempts),
        ]

    def fields(self, call: Call) -> Answer:
        """All ticket fields, the system's first."""
        return Answer(
            body=page(call, self.state.base, "ticket_fields", list(self.state.ticket_fields.values()))
        )

    def create_field(self, call: Call) -> Answer:
        """A custom field."""
        fields = self._own(call, "ticket_field")
        found: list[Details] = []
        if not fields.get("title"):
            found.append(detail("title", "cannot be blank", "BlankValue"))
        if fields.get("type") not in FIELD_TYPES:
            found.append(detail("type", "is not included in the list"))
        if fields.get("type") == "tagger" and not fields.get("custom_field_options"):
            found.append(detail("custom_field_options", "cannot be empty", "BlankValue"))
        if found:
            raise record_invalid(*found)
        return self._stored("ticket_field", self.state.ticket_fields, fields)

    def triggers(self, call: Call) -> Answer:
        """All triggers."""
        return Answer(body=page(call, self.state.base, "triggers", list(self.state.triggers.values())))

    def create_trigger(self, call: Call) -> Answer:
        """A trigger whose action is a webhook; the webhook must be free of event subscriptions."""
        fields = self._own(call, "trigger")
        if not fields.get("title"):
            raise record_invalid(detail("title", "cannot be blank", "BlankValue"))
        if unknown := unknown_conditions(fields):
            raise record_invalid(detail("conditions", f"{', '.join(unknown)} is invalid"))
        actions = fields.get("actions") or []
        if not actions:
            raise record_invalid(detail("actions", "cannot be empty", "BlankValue"))
        for action in actions:
            target = (action.get("value") or [None])[0]
            hook = self.notices.webhooks.get(str(target))
            if action.get("field") != "notification_webhook" or hook is None or not hook.is_for_triggers:
                raise record_invalid(detail("actions", "is invalid"))
        return self._stored("trigger", self.state.triggers, {"active": True, **fields})

    def delete_trigger(self, call: Call) -> Answer:
        """Gone for good."""
        if self.state.triggers.pop(call.id(), None) is None:
            raise not_found()
        return Answer(status=204)

    def policies(self, call: Call) -> Answer:
        """All SLA policies."""
        return Answer(
            body=page(call, self.state.base, "sla_policies", list(self.state.sla_policies.values()))
        )

    def create_policy(self, call: Call) -> Answer:
        """Stored and shown, never applied."""
        fields = self._own(call, "sla_policy")
        if not fields.get("title"):
            raise record_invalid(detail("title", "cannot be blank", "BlankValue"))
        if not isinstance(fields.get("policy_metrics"), list):
            raise record_invalid(detail("policy_metrics", "is invalid"))
        return self._stored("sla_policy", self.state.sla_policies, fields)

    def webhooks(self, call: Call) -> Answer:
        """By cursor only; the name can be filtered."""
        wanted = call.query.get("filter[name_contains]", "").lower()
        shown = [webhook_json(one) for one in self.notices.webhooks.values() if wanted in one.name.lower()]
        call.query = {"page[size]": "100", **call.query}
        return Answer(body=page(call, self.state.base, "webhooks", shown))

    def create_webhook(self, call: Call) -> Answer:
        """Its secret is fetched separately."""
        fields = self._own(call, "webhook")
        check(fields)
        webhook = self.notices.add_webhook(
            name=str(fields["name"]),
            endpoint=str(fields["endpoint"]),
            subscriptions=list(fields.get("subscriptions") or []),
            status=fields["status"],
            http_method=fields["http_method"],
            request_format=fields["request_format"],
            authentication=fields.get("authentication"),
            custom_headers=dict(fields.get("custom_headers") or {}),
            description=fields.get("description"),
        )
        return Answer(status=201, body={"webhook": webhook_json(webhook)}, effects=(f"webhook:{webhook.id}",))

    def change_webhook(self, call: Call) -> Answer:
        """PUT and PATCH; whether it is for events or for triggers cannot be changed."""
        webhook = self._webhook(call)
        fields = self._own(call, "webhook")
        merged = {**webhook_json(webhook), **fields}
        check(merged)
        if "subscriptions" in fields:
            check_subscriptions(fields["subscriptions"], merged)
            webhook.subscriptions = webhook.reconnected(list(fields["subscriptions"]))
        for name in ("name", "endpoint", "status", "http_method", "request_format", "description"):
            setattr(webhook, name, merged[name])
        if "authentication" in fields:
            webhook.authentication = fields["authentication"]
        webhook.updated_at = self.state.time.now()
        return Answer(status=204, effects=(f"webhook:{webhook.id}",))

    def delete_webhook(self, call: Call) -> Answer:
        """Gone for good."""
        webhook = self._webhook(call)
        self._admin(call)
        del self.notices.webhooks[webhook.id]
        return Answer(status=204, effects=(f"webhook:{webhook.id}",))

    def signing_secret(self, call: Call) -> Answer:
        """What the receiver verifies with."""
        self._admin(call)
        secret = {"algorithm": "SHA256", "secret": self._webhook(call).secret}
        return Answer(body={"signing_secret": secret})

    def reset_secret(self, call: Call) -> Answer:
        """A new secret, at once."""
        self._admin(call)
        webhook = self._webhook(call)
        webhook.secret = self.state.secret()
        secret = {"algorithm": "SHA256", "secret": webhook.secret}
        return Answer(status=201, body={"signing_secret": secret}, effects=(f"webhook:{webhook.id}",))

    def invocations(self, call: Call) -> Answer:
        """The activity log, newest first."""
        webhook = self._webhook(call)
        made = [one for one in reversed(self.notices.sender.invocations) if one.webhook.id == webhook.id]
        call.query = {"page[size]": "100", **call.query}
        return Answer(body=page(call, self.state.base, "invocations", [invocation_json(one) for one in made]))

    def attempts(self, call: Call) -> Answer:
        """The tries of one invocation."""
        wanted = call.params["invocation"]
        found = next((one for one in self.notices.sender.invocations if one.id == wanted), None)
        if found is None:
            raise not_found()
        return Answer(body={"attempts": [attempt_json(one) for one in found.attempts]})

    def _webhook(self, call: Call) -> Webhook:
        webhook = self.notices.webhooks.get(call.params["ulid"])
        if webhook is None:
            raise not_found()
        return webhook

    def _stored(self, name: str, shelf: dict[int, Json], fields: Json) -> Answer:
        key = self.state.next_id()
        now = stamp(self.state.time.now())
        shelf[key] = {**fields, "id": key, "created_at": now, "updated_at": now}
        return Answer(status=201, body={name: shelf[key]}, effects=(f"{name}:{key}",))

    def _own(self, call: Call, name: str) -> Json:
        self._admin(call)
        return call.record(name)

    @staticmethod
    def _admin(call: Call) -> None:
        if call.actor.role != "admin":
            raise not_allowed()
