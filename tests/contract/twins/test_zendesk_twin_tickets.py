"""The real zenpy client creates, reads and changes tickets at the twin."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from zendesk_bench import a_bench
from zenpy.lib.api_objects import Comment, Ticket, User
from zenpy.lib.exception import APIException, RecordNotFoundException

ACME = {"name": "Ada of Acme", "email": "ada@acme.example"}


def refusal(error: pytest.ExceptionInfo[APIException]) -> tuple[int, dict[str, Any]]:
    return error.value.response.status_code, json.loads(str(error.value))


async def test_a_created_ticket_is_shown_with_its_requester_and_description() -> None:
    async with a_bench() as bench:
        made = await bench.create(requester=User(**ACME), priority="high", tags=["Slack", "acme corp"])
        ticket = await bench.call(bench.zenpy.tickets, id=made.ticket.id)
        requester = await bench.call(bench.zenpy.users, id=ticket.requester_id)

        assert (made.ticket.id, ticket.status, ticket.priority) == (1, "new", "high")
        assert ticket.description == "No tiles since nine o'clock."
        assert ticket.tags == ["acme_corp", "slack"]
        assert (requester.name, requester.email, requester.role) == (ACME["name"], ACME["email"], "end-user")


async def test_an_idempotency_key_creates_one_ticket_for_two_hours() -> None:
    async with a_bench() as bench:
        first = await bench.create(key="effect-17")
        assert bench.last.headers["x-idempotency-lookup"] == "miss"
        bench.time.move(timedelta(hours=1, minutes=59))
        await bench.sign_in()
        again = await bench.create(key="effect-17")
        assert bench.last.headers["x-idempotency-lookup"] == "hit"
        assert again.ticket.id == first.ticket.id

        bench.time.move(timedelta(minutes=1))
        late = await bench.create(key="effect-17")
        assert bench.last.headers["x-idempotency-lookup"] == "miss"
        assert late.ticket.id != first.ticket.id
        assert len(bench.twin.tickets()) == 2


async def test_a_key_with_another_body_is_refused_and_nothing_is_created() -> None:
    async with a_bench() as bench:
        await bench.create(key="effect-17")
        with pytest.raises(APIException) as error:
            await bench.create(key="effect-17", subject="Something else")

        status, body = refusal(error)
        assert (status, body["error"]) == (400, "IdempotentRequestError")
        assert len(bench.twin.tickets()) == 1


async def test_a_refused_creation_does_not_use_up_its_key() -> None:
    async with a_bench() as bench:
        with pytest.raises(APIException):
            await bench.create(key="effect-17", priority="P1")
        await bench.create(key="effect-17", priority="urgent")
        assert bench.last.headers["x-idempotency-lookup"] == "miss"


async def test_a_key_above_255_characters_is_refused() -> None:
    async with a_bench() as bench:
        with pytest.raises(APIException) as error:
            await bench.create(key="x" * 256)
        assert refusal(error)[0] == 400


async def test_tickets_are_found_by_an_external_id_that_need_not_be_unique() -> None:
    async with a_bench() as bench:
        await bench.create(external_id="deskbell:1")
        await bench.create(external_id="deskbell:2")
        await bench.create(external_id="deskbell:2")

        assert [one.id for one in await bench.all(bench.zenpy.tickets, external_id="deskbell:2")] == [2, 3]
        assert await bench.all(bench.zenpy.tickets, external_id="deskbell:9") == []


async def test_comments_are_public_unless_they_say_otherwise() -> None:
    async with a_bench() as bench:
        await bench.create(requester=User(**ACME))
        await bench.call(bench.zenpy.tickets.update, Ticket(id=1, comment=Comment(body="For Ada")))
        await bench.call(
            bench.zenpy.tickets.update,
            Ticket(id=1, comment=Comment(html_body="<p>For <b>us</b></p>", public=False)),
        )
        comments = await bench.all(bench.zenpy.tickets.comments, 1)

        assert [(one.plain_body, one.public) for one in comments] == [
            ("No tiles since nine o'clock.", True),
            ("For Ada", True),
            ("For us", False),
        ]
        assert comments[1].author_id == bench.twin.bot.id


async def test_a_comment_by_an_outsider_becomes_private() -> None:
    async with a_bench() as bench:
        made = await bench.create(requester=User(**ACME))
        stranger = await bench.call(bench.zenpy.users.create, User(name="Eve", email="eve@else.example"))
        for author in (made.ticket.requester_id, stranger.id):
            comment = Comment(body="Any news?", public=True, author_id=author)
            await bench.call(bench.zenpy.tickets.update, Ticket(id=1, comment=comment))

        assert [one.public for one in bench.twin.comments(1)] == [True, True, False]


async def test_a_cc_may_comment_in_public() -> None:
    async with a_bench() as bench:
        bob = await bench.call(bench.zenpy.users.create, User(name="Bob", email="bob@acme.example"))
        await bench.create(requester=User(**ACME), collaborator_ids=[bob.id])
        comment = Comment(body="Me too", public=True, author_id=bob.id)
        await bench.call(bench.zenpy.tickets.update, Ticket(id=1, comment=comment))
        assert bench.twin.comments(1)[-1].public


async def test_audits_carry_the_metadata_of_their_update() -> None:
    async with a_bench() as bench:
        await bench.create(metadata={"deskbell": "effect-1"})
        update = Ticket(id=1, comment=Comment(body="Hello", public=True), metadata={"deskbell": "effect-2"})
        done = await bench.call(bench.zenpy.tickets.update, update)
        audits = await bench.all(bench.zenpy.tickets.audits, 1)

        assert [one.to_dict()["metadata"]["custom"] for one in audits] == [
            {"deskbell": "effect-1"},
            {"deskbell": "effect-2"},
        ]
        comment = next(event for event in done.audit.events if event["type"] == "Comment")
        assert comment["id"] == bench.twin.comments(1)[-1].id


async def test_a_safe_update_with_an_old_stamp_is_a_conflict_and_changes_nothing() -> None:
    async with a_bench() as bench:
        made = await bench.create()
        old = made.ticket.updated_at
        bench.time.move(timedelta(seconds=1))
        await bench.call(bench.zenpy.tickets.update, Ticket(id=1, priority="high"))
        late = Ticket(id=1, priority="low", safe_update=True, updated_stamp=old)
        with pytest.raises(APIException) as error:
            await bench.call(bench.zenpy.tickets.update, late)

        status, body = refusal(error)
        assert (status, body["error"]) == (409, "UpdateConflict")
        assert bench.twin.ticket(1).priority == "high"
        ticket = await bench.call(bench.zenpy.tickets, id=1)
        fresh = Ticket(id=1, priority="low", safe_update=True, updated_stamp=ticket.updated_at)
        await bench.call(bench.zenpy.tickets.update, fresh)
        assert bench.twin.ticket(1).priority == "low"


@pytest.mark.parametrize(
    ("fields", "blamed"),
    [
        ({"comment": Comment(body="  ")}, "description"),
        ({"subject": ""}, "subject"),
        ({"status": "waiting"}, "status"),
        ({"priority": "P1"}, "priority"),
        ({"type": "bug"}, "type"),
        ({"requester_id": 12345}, "requester"),
        ({"requester": User(email="nameless@acme.example")}, "requester"),
        ({"assignee_id": 12345}, "assignee"),
        ({"organization_id": 12345}, "organization"),
        ({"comment": Comment(body="ä" * 40_000)}, "comment"),
        ({"via_followup_source_id": 77}, "via_followup_source_id"),
    ],
)
async def test_an_invalid_ticket_surfaces_as_an_exception_with_details(
    fields: dict[str, Any], blamed: str
) -> None:
    async with a_bench() as bench:
        with pytest.raises(APIException) as error:
            await bench.create(**fields)

        status, body = refusal(error)
        assert (status, body["error"]) == (422, "RecordInvalid")
        assert list(body["details"]) == [blamed]
        assert bench.twin.tickets() == []
        assert [user.email for user in bench.twin.state.users.values()] == ["bot@opendatagov.example"]


async def test_a_customer_cannot_be_the_assignee() -> None:
    async with a_bench() as bench:
        made = await bench.create(requester=User(**ACME))
        with pytest.raises(APIException) as error:
            await bench.call(bench.zenpy.tickets.update, Ticket(id=1, assignee_id=made.ticket.requester_id))
        assert list(refusal(error)[1]["details"]) == ["assignee"]


async def test_a_body_that_is_no_ticket_is_refused() -> None:
    async with a_bench() as bench:
        assert (await bench.request("POST", "tickets.json", data="{")).status_code == 422
        assert (await bench.request("POST", "tickets.json", json={"ticket": []})).status_code == 400
        assert (await bench.request("GET", "tockets.json")).json()["error"] == "InvalidEndpoint"


async def test_keys_that_zendesk_does_not_know_are_ignored_with_a_warning() -> None:
    async with a_bench() as bench:
        await bench.create(priorty="high")
        assert "ticket.priorty" in bench.last.headers["X-Zendesk-API-Warn"]
        assert bench.twin.ticket(1).priority is None


async def test_a_ticket_that_does_not_exist_is_not_found() -> None:
    async with a_bench() as bench:
        with pytest.raises(RecordNotFoundException):
            await bench.call(bench.zenpy.tickets, id=404)


async def test_a_solved_ticket_closes_in_time_and_is_then_immutable() -> None:
    async with a_bench(closes_after=timedelta(days=4)) as bench:
        await bench.create()
        await bench.call(bench.zenpy.tickets.update, Ticket(id=1, status="solved"))
        bench.time.move(timedelta(days=4))
        await bench.twin.tick()
        await bench.sign_in()
        assert (await bench.call(bench.zenpy.tickets, id=1)).status == "closed"
        for change in ({"comment": Comment(body="One more thing")}, {"status": "open"}, {"tags": ["late"]}):
            with pytest.raises(APIException) as error:
                await bench.call(bench.zenpy.tickets.update, Ticket(id=1, **change))
            assert refusal(error)[1]["details"] == {
                "status": [{"description": "Status: closed prevents ticket update"}]
            }
        with pytest.raises(APIException):
            await bench.call(bench.zenpy.tickets.add_tags, 1, ["late"])

        followed = await bench.create(via_followup_source_id=1)
        assert followed.ticket.via.source.rel == "follow_up"
        assert bench.twin.ticket(1).followup_ids == [2]


async def test_a_follow_up_needs_a_closed_ticket() -> None:
    async with a_bench() as bench:
        await bench.create()
        with pytest.raises(APIException):
            await bench.create(via_followup_source_id=1)


async def test_statuses_follow_assignment_solving_and_the_customers_word() -> None:
    async with a_bench() as bench:
        made = await bench.create(requester=User(**ACME))
        agent = bench.twin.add_agent("Grace", "grace@opendatagov.example")
        await bench.call(bench.zenpy.tickets.update, Ticket(id=1, assignee_id=agent.id))
        assert bench.twin.ticket(1).status == "open"
        await bench.call(bench.zenpy.tickets.update, Ticket(id=1, status="pending"))
        word = Comment(body="Here you are", public=True, author_id=made.ticket.requester_id)
        await bench.call(bench.zenpy.tickets.update, Ticket(id=1, comment=word))
        assert bench.twin.ticket(1).status == "open"
        with pytest.raises(APIException):
            await bench.call(bench.zenpy.tickets.update, Ticket(id=1, status="new"))


async def test_tags_in_an_update_overwrite_and_the_tags_endpoints_do_not() -> None:
    async with a_bench() as bench:
        await bench.create(tags=["slack", "acme"])
        await bench.call(bench.zenpy.tickets.add_tags, 1, ["vip"])
        assert bench.twin.ticket(1).tags == ["slack", "acme", "vip"]
        await bench.call(bench.zenpy.tickets.delete_tags, 1, ["acme"])
        assert bench.twin.ticket(1).tags == ["slack", "vip"]
        await bench.call(bench.zenpy.tickets.update, Ticket(id=1, tags=["alone"]))
        assert bench.twin.ticket(1).tags == ["alone"]


async def test_a_comment_can_be_made_private_and_never_public_again() -> None:
    async with a_bench() as bench:
        await bench.create()
        comment = bench.twin.comments(1)[0]
        path = f"tickets/1/comments/{comment.id}"
        assert (await bench.request("PUT", f"{path}/make_private.json")).status_code == 200
        assert not bench.twin.comments(1)[0].public
        assert (await bench.request("PUT", f"{path}/make_public.json")).status_code == 404


async def test_the_comments_of_a_ticket_are_limited() -> None:
    async with a_bench() as bench:
        await bench.create()
        stored = bench.twin.state.tickets[1].comments
        stored.extend(stored * 4_999)
        with pytest.raises(APIException) as error:
            await bench.call(bench.zenpy.tickets.update, Ticket(id=1, comment=Comment(body="One more")))
        assert list(refusal(error)[1]["details"]) == ["comment"]
