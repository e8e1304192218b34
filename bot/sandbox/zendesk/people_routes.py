"""Endpoints about people and their organisations."""

from __future__ import annotations

from dataclasses import dataclass

from bot.sandbox.zendesk.calls import Answer, Call, Route
from bot.sandbox.zendesk.paging import page
from bot.sandbox.zendesk.refusals import Details, detail, not_found, record_invalid
from bot.sandbox.zendesk.rendering import organisation_json, user_json
from bot.sandbox.zendesk.state import Json, Organisation, State, User

USERS = "/api/v2/users"
ORGANISATIONS = "/api/v2/organizations"
ROLES = ("end-user", "agent", "admin")
OWN = frozenset({"id", "url", "name", "email", "role", "external_id", "organization_id"})


@dataclass(slots=True)
class PeopleRoutes:
    """Staff, end users and customers.

    https://developer.zendesk.com/api-reference/ticketing/users/users/
    """

    state: State

    def table(self) -> list[Route]:
        """The endpoints."""
        return [
            Route("GET", f"{USERS}/me", lambda call: self._user(call.actor)),
            Route("GET", f"{USERS}/search", self.search_users),
            Route("GET", f"{USERS}/show_many", self.show_many),
            Route("GET", USERS, self.index),
            Route("GET", f"{USERS}/{{id}}", self.show),
            Route("POST", USERS, self.create),
            Route("POST", f"{USERS}/create_or_update", self.create_or_update),
            Route("PUT", f"{USERS}/{{id}}", self.update),
            Route("GET", f"{ORGANISATIONS}/search", self.search_organisations),
            Route("GET", ORGANISATIONS, self.organisations),
            Route("GET", f"{ORGANISATIONS}/{{id}}", self.organisation),
            Route("POST", ORGANISATIONS, self.create_organisation),
        ]

    def index(self, call: Call) -> Answer:
        """Everybody, or one role."""
        role = call.query.get("role")
        users = [user for user in self.state.users.values() if role in (None, user.role)]
        return self._users(call, users)

    def search_users(self, call: Call) -> Answer:
        """By external id, or by a word in name or e-mail; `email:` works too."""
        if wanted := call.query.get("external_id"):
            return self._users(call, list(self.state.users_by_external_id(wanted)))
        word = call.query.get("query", "").lower().removeprefix("email:").strip('"')
        users = [
            user
            for user in self.state.users.values()
            if word and (word in user.name.lower() or word in (user.email or "").lower())
        ]
        return self._users(call, users)

    def show_many(self, call: Call) -> Answer:
        """By ids or external ids."""
        ids = call.query.get("ids", "").split(",")
        external = call.query.get("external_ids", "").split(",")
        users = [u for u in self.state.users.values() if str(u.id) in ids or u.external_id in external]
        return self._users(call, users)

    def show(self, call: Call) -> Answer:
        """One person."""
        return self._user(self._found(call))

    def create(self, call: Call) -> Answer:
        """A new person; the e-mail must be free."""
        fields = call.record("user")
        self._check(fields, None)
        return self._created(fields)

    def create_or_update(self, call: Call) -> Answer:
        """Matched by external id, then by e-mail. 200 for a known person, 201 for a new one."""
        fields = call.record("user")
        known = (
            next(self.state.users_by_external_id(str(fields["external_id"])), None)
            if (fields.get("external_id"))
            else None
        )
        if known is None and fields.get("email"):
            known = self.state.user_by_email(str(fields["email"]))
        self._check(fields, known)
        if known is None:
            return self._created(fields)
        self._assign(known, fields)
        return self._user(known, effects=(f"user:{known.id}",))

    def update(self, call: Call) -> Answer:
        """Change what is given."""
        user = self._found(call)
        fields = call.record("user")
        self._check(fields, user)
        self._assign(user, fields)
        return self._user(user, effects=(f"user:{user.id}",))

    def organisations(self, call: Call) -> Answer:
        """All customers."""
        return self._organisations(call, list(self.state.organisations.values()))

    def search_organisations(self, call: Call) -> Answer:
        """By external id or by exact name, without case."""
        external, name = call.query.get("external_id"), call.query.get("name", "").lower()
        found = [
            one
            for one in self.state.organisations.values()
            if (external and one.external_id == external) or (name and one.name.lower() == name)
        ]
        return self._organisations(call, found)

    def organisation(self, call: Call) -> Answer:
        """One customer."""
        found = self.state.organisations.get(call.id())
        if found is None:
            raise not_found()
        return Answer(body={"organization": organisation_json(self.state, found)})

    def create_organisation(self, call: Call) -> Answer:
        """A new customer; the name must be free."""
        fields = call.record("organization")
        name = str(fields.get("name") or "").strip()
        if not name:
            raise record_invalid(detail("name", "cannot be blank", "BlankValue"))
        if any(one.name.lower() == name.lower() for one in self.state.organisations.values()):
            raise record_invalid(detail("name", "has already been taken", "DuplicateValue"))
        made = self.state.add_organisation(name=name, external_id=fields.get("external_id"))
        made.extra = {key: value for key, value in fields.items() if key not in OWN}
        body = {"organization": organisation_json(self.state, made)}
        return Answer(status=201, body=body, effects=(f"organization:{made.id}",))

    def _check(self, fields: Json, known: User | None) -> None:
        found: list[Details] = []
        if known is None and not str(fields.get("name") or "").strip():
            found.append(detail("name", "is too short (minimum is 1 character)", "ValueTooShort"))
        if fields.get("role") not in (None, *ROLES):
            found.append(detail("role", "is invalid"))
        email = str(fields.get("email") or "")
        if email and "@" not in email:
            found.append(detail("email", f"{email} is not properly formatted", "InvalidFormat"))
        holder = self.state.user_by_email(email) if email else None
        if holder is not None and holder is not known:
            found.append(detail("email", f"{email} is already being used by another user", "DuplicateValue"))
        organisation = fields.get("organization_id")
        if organisation is not None and organisation not in self.state.organisations:
            found.append(detail("organization", "is invalid"))
        if found:
            raise record_invalid(*found)

    def _created(self, fields: Json) -> Answer:
        user = self.state.add_user(name=str(fields["name"]), email=fields.get("email"))
        self._assign(user, fields)
        return self._user(user, status=201, effects=(f"user:{user.id}",))

    def _assign(self, user: User, fields: Json) -> None:
        for name in ("name", "email", "role", "external_id", "organization_id"):
            if fields.get(name) is not None:
                setattr(user, name, fields[name])
        user.extra |= {key: value for key, value in fields.items() if key not in OWN}
        user.updated_at = self.state.time.now()

    def _found(self, call: Call) -> User:
        user = self.state.users.get(call.id())
        if user is None:
            raise not_found()
        return user

    def _user(self, user: User, status: int = 200, effects: tuple[str, ...] = ()) -> Answer:
        return Answer(status=status, body={"user": user_json(self.state, user)}, effects=effects)

    def _users(self, call: Call, users: list[User]) -> Answer:
        records = [user_json(self.state, user) for user in users]
        return Answer(body=page(call, self.state.base, "users", records))

    def _organisations(self, call: Call, found: list[Organisation]) -> Answer:
        records = [organisation_json(self.state, one) for one in found]
        return Answer(body=page(call, self.state.base, "organizations", records))
