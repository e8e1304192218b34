"""Endpoints about tickets: create, show, list, update, comments, audits, tags, uploads."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from bot.sandbox.zendesk.calls import Answer, Call, Route
from bot.sandbox.zendesk.changes import Change
from bot.sandbox.zendesk.checking import WRITABLE
from bot.sandbox.zendesk.idempotency import Idempotency
from bot.sandbox.zendesk.limits import RateLimiter
from bot.sandbox.zendesk.paging import page
from bot.sandbox.zendesk.refusals import closed_ticket, not_allowed, not_found, record_invalid, wrong_type
from bot.sandbox.zendesk.rendering import audit_json, comment_json, ticket_json, user_json
from bot.sandbox.zendesk.state import Json, State, Ticket, Upload
from bot.sandbox.zendesk.tickets import Tickets

TICKETS = "/api/v2/tickets"
WARNING = "X-Zendesk-API-Warn"
LONGEST_UPLOAD = 50 * 1024 * 1024


@dataclass(slots=True)
class TicketRoutes:
    """Tickets over HTTP.

    https://developer.zendesk.com/api-reference/ticketing/tickets/tickets/
    """

    state: State
    tickets: Tickets
    limiter: RateLimiter
    idempotency: Idempotency

    def table(self) -> list[Route]:
        """The endpoints."""
        return [
            Route("POST", TICKETS, lambda call: self.idempotency.once(call, lambda: self.create(call))),
            Route("GET", TICKETS, self.index),
            Route("GET", f"{TICKETS}/show_many", self.show_many),
            Route("GET", f"{TICKETS}/{{id}}", self.show),
            Route("PUT", f"{TICKETS}/{{id}}", self.update),
            Route("DELETE", f"{TICKETS}/{{id}}", self.delete),
            Route("GET", f"{TICKETS}/{{id}}/comments", self.comments),
            Route("PUT", f"{TICKETS}/{{id}}/comments/{{comment_id}}/make_private", self.make_private),
            Route("GET", f"{TICKETS}/{{id}}/audits", self.audits),
            Route("GET", f"{TICKETS}/{{id}}/tags", self.tags),
            Route("PUT", f"{TICKETS}/{{id}}/tags", self.add_tags),
            Route("POST", f"{TICKETS}/{{id}}/tags", self.set_tags),
            Route("DELETE", f"{TICKETS}/{{id}}/tags", self.remove_tags),
            Route("POST", "/api/v2/uploads", self.upload),
        ]

    def create(self, call: Call) -> Answer:
        """201 with the ticket and its first audit."""
        fields = call.record("ticket")
        if not call.actor.is_staff:
            raise not_allowed()
        change = self.tickets.create(fields, actor=call.actor)
        answer = self._changed(change, fields, status=201)
        answer.headers["Location"] = f"{self.state.base}{TICKETS}/{change.ticket.id}.json"
        return answer

    def index(self, call: Call) -> Answer:
        """All, or those with an external id: it need not be unique."""
        found = self.state.live_tickets()
        if wanted := call.query.get("external_id"):
            found = [ticket for ticket in found if ticket.external_id == wanted]
        records = [ticket_json(self.state, ticket) for ticket in found]
        return Answer(body=page(call, self.state.base, "tickets", records))

    def show_many(self, call: Call) -> Answer:
        """By a comma-separated list of ids; unknown ones are left out."""
        wanted = call.query.get("ids", "").split(",")
        found = [ticket for ticket in self.state.live_tickets() if str(ticket.id) in wanted]
        records = [ticket_json(self.state, ticket) for ticket in found]
        return Answer(body=page(call, self.state.base, "tickets", records))

    def show(self, call: Call) -> Answer:
        """One ticket."""
        return Answer(body={"ticket": ticket_json(self.state, self._ticket(call))})

    def update(self, call: Call) -> Answer:
        """Fields, tags and a comment in one go; there is no other way to comment."""
        ticket = self._ticket(call)
        self.limiter.count_update(self.state.time.now(), user=call.actor.id, ticket=ticket.id)
        fields = call.record("ticket")
        return self._changed(self.tickets.update(ticket, fields, actor=call.actor), fields)

    def delete(self, call: Call) -> Answer:
        """Soft: incremental exports still show it."""
        ticket = self._ticket(call)
        ticket.is_deleted = True
        ticket.updated_at = self.state.time.now()
        return Answer(status=204, effects=(f"ticket:{ticket.id}",))

    def comments(self, call: Call) -> Answer:
        """Oldest first, unless asked otherwise; `include=users` adds the authors."""
        ticket = self._ticket(call)
        body = page(call, self.state.base, "comments", [comment_json(one) for one in ticket.comments])
        if "users" in call.query.get("include", "").split(","):
            authors = dict.fromkeys(one["author_id"] for one in body["comments"])
            body["users"] = [user_json(self.state, self.state.users[author]) for author in authors]
        return Answer(body=body)

    def make_private(self, call: Call) -> Answer:
        """One way only."""
        ticket = self._ticket(call)
        comment = next((one for one in ticket.comments if one.id == call.id("comment_id")), None)
        if comment is None:
            raise not_found()
        self.tickets.make_private(ticket, comment, actor=call.actor)
        return Answer(body={}, effects=(f"comment:{comment.id}",))

    def audits(self, call: Call) -> Answer:
        """Every update, with the metadata that was sent along."""
        records = [audit_json(audit) for audit in self._ticket(call).audits]
        return Answer(body=page(call, self.state.base, "audits", records))

    def tags(self, call: Call) -> Answer:
        """The tags of a ticket."""
        return Answer(body={"tags": sorted(self._ticket(call).tags)})

    def add_tags(self, call: Call) -> Answer:
        """PUT adds."""
        return self._tag(call, lambda old, given: [*old, *(tag for tag in given if tag not in old)])

    def set_tags(self, call: Call) -> Answer:
        """POST replaces."""
        return self._tag(call, lambda _, given: given, status=201)

    def remove_tags(self, call: Call) -> Answer:
        """DELETE removes."""
        return self._tag(call, lambda old, given: [tag for tag in old if tag not in given])

    def upload(self, call: Call) -> Answer:
        """A token for a comment's `uploads`; more files can be added to the same token."""
        filename = call.query.get("filename")
        if not filename:
            raise record_invalid({"filename": [{"description": "Filename: cannot be blank"}]})
        if len(call.body) > LONGEST_UPLOAD:
            raise record_invalid({"attachment": [{"description": "Attachment: is too large"}]})
        attachment: Json = {
            "id": self.state.next_id(),
            "file_name": filename,
            "content_type": call.headers.get("Content-Type", "application/octet-stream"),
            "size": len(call.body),
            "inline": False,
            "deleted": False,
        }
        attachment["content_url"] = f"{self.state.base}/attachments/{attachment['id']}/?name={filename}"
        self.state.attachments[attachment["id"]] = (attachment, call.body)
        upload = self.state.uploads.get(call.query.get("token", ""))
        if upload is None:
            upload = Upload(token=self.state.rng.randbytes(16).hex(), attachments=[])
            self.state.uploads[upload.token] = upload
        upload.attachments.append(attachment)
        body = {"token": upload.token, "attachment": attachment, "attachments": upload.attachments}
        return Answer(status=201, body={"upload": body}, effects=(f"attachment:{attachment['id']}",))

    def _ticket(self, call: Call) -> Ticket:
        ticket = self.state.tickets.get(call.id())
        if ticket is None or ticket.is_deleted:
            raise not_found()
        if not call.actor.is_staff:
            raise not_allowed()
        return ticket

    def _tag(
        self, call: Call, merge: Callable[[list[str], list[str]], list[str]], status: int = 200
    ) -> Answer:
        ticket = self._ticket(call)
        fields = call.json()
        given = fields.get("tags")
        if not isinstance(given, list):
            raise wrong_type("tags", "an array")
        if ticket.status == "closed":
            raise closed_ticket()
        words = [str(tag).lower().replace(" ", "_") for tag in given]
        stamps: Json = {name: fields[name] for name in ("safe_update", "updated_stamp") if name in fields}
        update: Json = {**stamps, "tags": merge(list(ticket.tags), words)}
        self.tickets.update(ticket, update, actor=call.actor)
        return Answer(status=status, body={"tags": sorted(ticket.tags)}, effects=(f"ticket:{ticket.id}",))

    def _changed(self, change: Change, fields: Json, status: int = 200) -> Answer:
        effects = [f"ticket:{change.ticket.id}"]
        if change.comment is not None:
            effects.append(f"comment:{change.comment.id}")
        body = {"ticket": ticket_json(self.state, change.ticket), "audit": audit_json(change.audit)}
        headers: dict[str, str] = {}
        if ignored := sorted(f"ticket.{name}" for name in fields if name not in WRITABLE):
            headers[WARNING] = f"Removed restricted keys {ignored} from parameters according to whitelist"
        return Answer(status=status, body=body, headers=headers, effects=tuple(effects))
