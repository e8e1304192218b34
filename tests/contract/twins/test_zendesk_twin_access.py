"""Who may call the twin, how often, and what people and set-up it knows."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest
import requests
from zendesk_bench import SUBDOMAIN, a_bench
from zenpy import Zenpy
from zenpy.lib.api_objects import Comment, Organization, SlaPolicy, Ticket, TicketField, User
from zenpy.lib.exception import APIException, RatelimitBudgetExceeded

from bot.sandbox.zendesk import Limits


async def test_a_token_lives_for_thirty_minutes() -> None:
    async with a_bench() as bench:
        granted = await bench.sign_in()
        assert (granted["token_type"], granted["expires_in"]) == ("bearer", 1800)
        bench.time.move(timedelta(minutes=29, seconds=59))
        me = await bench.call(bench.zenpy.users.me)
        assert me.id == bench.twin.bot.id
        bench.time.move(timedelta(seconds=1))
        with pytest.raises(APIException) as error:
            await bench.call(bench.zenpy.users.me)
        assert error.value.response.status_code == 401
        assert json.loads(str(error.value))["error"] == "invalid_token"

        await bench.sign_in()
        assert (await bench.call(bench.zenpy.users.me)).role == "admin"


@pytest.mark.parametrize(
    ("form", "status", "error"),
    [
        ({"client_secret": "wrong"}, 401, "invalid_client"),
        ({"client_id": "nobody"}, 401, "invalid_client"),
        ({"grant_type": "password"}, 400, "unsupported_grant_type"),
        ({"scope": "read impersonate"}, 400, "invalid_scope"),
        ({"expires_in": 60}, 400, "invalid_request"),
    ],
)
async def test_a_token_is_refused_with_a_reason(form: dict[str, object], status: int, error: str) -> None:
    async with a_bench() as bench:
        response = await bench.token(**form)
        assert (response.status_code, response.json()["error"]) == (status, error)


async def test_a_token_without_the_scope_may_read_and_not_write() -> None:
    async with a_bench() as bench:
        await bench.sign_in(scope="tickets:read")
        assert await bench.all(bench.zenpy.tickets) == []
        with pytest.raises(APIException) as error:
            await bench.create()
        assert error.value.response.status_code == 403
        assert "tickets:write" in str(error.value)
        assert (await bench.request("GET", "users/me.json")).status_code == 403


async def test_an_api_token_no_longer_opens_the_door() -> None:
    async with a_bench() as bench:
        with requests.Session() as session:
            session.mount("https://", bench.adapter)
            client = Zenpy(
                subdomain=SUBDOMAIN, email="bot@opendatagov.example", token="secret", session=session
            )
            with pytest.raises(APIException) as error:
                await bench.call(client.users.me)
        assert error.value.response.status_code == 401
        assert json.loads(str(error.value)) == {"error": "Couldn't authenticate you"}


async def test_revoked_tokens_stop_working() -> None:
    async with a_bench() as bench:
        bench.twin.oauth.revoke_all()
        assert (await bench.request("GET", "tickets.json")).status_code == 401


async def test_the_accounts_limit_is_announced_and_kept() -> None:
    async with a_bench(limits=Limits(account=3)) as bench:
        for left in ("2", "1", "0"):
            answer = await bench.request("GET", "tickets.json")
            assert (answer.headers["X-Rate-Limit"], answer.headers["X-Rate-Limit-Remaining"]) == ("3", left)
            bench.time.move(timedelta(seconds=10))
        refused = await bench.request("GET", "tickets.json")
        assert (refused.status_code, refused.headers["Retry-After"]) == (429, "30")
        assert refused.headers["Content-Type"].startswith("text/html")
        bench.time.move(timedelta(seconds=30))
        assert (await bench.request("GET", "tickets.json")).status_code == 200


async def test_zenpy_gives_up_on_a_429_when_its_budget_is_spent() -> None:
    async with a_bench(limits=Limits(account=1)) as bench:
        await bench.request("GET", "tickets.json")
        with pytest.raises(RatelimitBudgetExceeded):
            await bench.call(bench.zenpy.tickets, id=1)


async def test_one_ticket_takes_thirty_updates_in_ten_minutes_by_one_user() -> None:
    async with a_bench() as bench:
        await bench.create()
        await bench.create()
        body = {"ticket": {"comment": {"body": "busy"}}}
        for _ in range(30):
            assert (await bench.request("PUT", "tickets/1.json", json=body)).status_code == 200
        refused = await bench.request("PUT", "tickets/1.json", json=body)
        assert (refused.status_code, refused.headers["Retry-After"]) == (429, "600")
        assert refused.json()["error"] == "APIRateLimitExceeded"
        assert (await bench.request("PUT", "tickets/2.json", json=body)).status_code == 200
        assert len(bench.twin.comments(1)) == 31


async def test_updates_of_all_tickets_are_limited_per_minute() -> None:
    async with a_bench(limits=Limits(ticket_updates=2)) as bench:
        for _ in range(3):
            await bench.create()
        body = {"ticket": {"priority": "low"}}
        answers = [await bench.request("PUT", f"tickets/{ticket}.json", json=body) for ticket in (1, 2, 3)]
        assert [answer.status_code for answer in answers] == [200, 200, 429]


async def test_users_are_created_updated_and_found() -> None:
    async with a_bench() as bench:
        users = bench.zenpy.users
        ada = User(name="Ada", email="ada@acme.example", external_id="slack:T1:U1")
        made = await bench.call(users.create_or_update, ada)
        assert bench.last.status_code == 201
        again = User(name="Ada Lovelace", email="ada@acme.example", external_id="slack:T1:U1")
        known = await bench.call(users.create_or_update, again)
        assert (bench.last.status_code, known.id, known.name) == (200, made.id, "Ada Lovelace")

        assert [one.id for one in await bench.all(users.search, external_id="SLACK:t1:u1")] == [made.id]
        assert [one.id for one in await bench.all(users.search, query="ada@acme.example")] == [made.id]
        with pytest.raises(APIException) as error:
            await bench.call(users.create, User(name="Other", email="ADA@acme.example"))
        assert json.loads(str(error.value))["details"]["email"][0]["error"] == "DuplicateValue"


async def test_organisations_are_created_shown_and_found() -> None:
    async with a_bench() as bench:
        made = await bench.call(
            bench.zenpy.organizations.create, Organization(name="Acme", external_id="acme")
        )
        assert (await bench.call(bench.zenpy.organizations, id=made.id)).name == "Acme"
        found = (await bench.request("GET", "organizations/search.json?external_id=acme")).json()
        assert [one["id"] for one in found["organizations"]] == [made.id]
        with pytest.raises(APIException):
            await bench.call(bench.zenpy.organizations.create, Organization(name="ACME"))


async def test_custom_fields_hold_values_once_they_exist() -> None:
    async with a_bench() as bench:
        field = await bench.call(bench.zenpy.ticket_fields.create, TicketField(title="Tier", type="text"))
        await bench.create(
            custom_fields=[{"id": field.id, "value": "Enterprise"}, {"id": 1, "value": "lost"}]
        )
        assert bench.twin.ticket(1).custom_fields == {field.id: "Enterprise"}
        assert [one.title for one in await bench.all(bench.zenpy.ticket_fields)] == ["Tier"]
        with pytest.raises(APIException):
            await bench.call(bench.zenpy.ticket_fields.create, TicketField(title="Tier", type="colour"))


async def test_sla_policies_are_stored() -> None:
    async with a_bench() as bench:
        policy = SlaPolicy(title="Enterprise", filter={"all": []}, policy_metrics=[])
        await bench.call(bench.zenpy.sla_policies.create, policy)
        assert [one.title for one in await bench.all(bench.zenpy.sla_policies)] == ["Enterprise"]


async def test_only_administrators_set_things_up() -> None:
    async with a_bench() as bench:
        bench.twin.bot.role = "agent"
        with pytest.raises(APIException) as error:
            await bench.call(bench.zenpy.ticket_fields.create, TicketField(title="Tier", type="text"))
        assert error.value.response.status_code == 403


async def test_people_work_in_the_interface_and_watchers_hear_of_it() -> None:
    async with a_bench() as bench:
        twin, heard = bench.twin, list[int]()
        stop = twin.on_change(heard.append)
        agent = twin.add_agent("Grace", "grace@opendatagov.example")
        customer = twin.add_customer("Ada", "ada@acme.example", twin.add_organisation("Acme"))
        ticket = twin.create_ticket_as_agent(
            agent, requester=customer, subject="By phone", text="Ada called."
        )
        reply = twin.agent_reply(ticket.id, agent, "On it.")
        note = twin.agent_reply(ticket.id, agent, "Flaky disk again.", public=False)
        twin.set_status(ticket.id, "pending", agent)
        twin.customer_reply(ticket.id, customer, "Thanks")
        twin.set_priority(ticket.id, "urgent", agent)
        twin.assign(ticket.id, twin.bot, agent)
        stop()
        twin.set_priority(ticket.id, "low", agent)

        now = twin.ticket(ticket.id)
        assert (now.status, now.assignee_id, now.organization_id) == (
            "open",
            twin.bot.id,
            customer.organization_id,
        )
        assert (reply.public, note.public) == (True, False)
        assert heard == [ticket.id] * 7
        comments = await bench.all(bench.zenpy.tickets.comments, ticket.id)
        assert [one.author_id for one in comments] == [agent.id, agent.id, agent.id, customer.id]


async def test_the_journal_tells_what_was_asked_and_keeps_secrets_to_itself() -> None:
    async with a_bench() as bench:
        await bench.create(key="effect-1")
        await bench.call(bench.zenpy.tickets.update, Ticket(id=1, comment=Comment(body="Hello")))
        created, updated = bench.twin.journal.of("*/tickets*")
        assert created.request["idempotency_key"] == "effect-1"
        assert created.effects == ("ticket:1", f"comment:{bench.twin.comments(1)[0].id}")
        assert (updated.operation, updated.outcome) == ("PUT /api/v2/tickets/1", "ok")
        assert bench.twin.client_secret not in repr(bench.twin.journal.entries)
