"""What the real client sees when the twin misbehaves on purpose."""

from __future__ import annotations

from datetime import timedelta

import pytest
import requests
from zendesk_bench import a_bench
from zenpy.lib.api_objects import Comment, Ticket
from zenpy.lib.exception import RatelimitBudgetExceeded

from bot.sandbox.faults import FaultKind

CREATE = "POST /api/v2/tickets"


async def test_a_timeout_before_leaves_nothing_behind() -> None:
    async with a_bench() as bench:
        bench.twin.faults.fail_next(CREATE, FaultKind.TIMEOUT_BEFORE)
        with pytest.raises(requests.ConnectionError):
            await bench.create(key="effect-1")
        assert bench.twin.tickets() == []
        await bench.create(key="effect-1")
        assert bench.last.headers["x-idempotency-lookup"] == "miss"


async def test_a_timeout_after_leaves_a_ticket_that_the_key_finds_again() -> None:
    async with a_bench() as bench:
        bench.twin.faults.fail_next(CREATE, FaultKind.TIMEOUT_AFTER)
        with pytest.raises(requests.ConnectionError):
            await bench.create(key="effect-1")
        assert len(bench.twin.tickets()) == 1
        made = await bench.create(key="effect-1")
        assert (made.ticket.id, bench.last.headers["x-idempotency-lookup"]) == (1, "hit")
        assert [one.outcome for one in bench.twin.journal.of(CREATE)] == ["timeout_after", "ok"]


async def test_a_comment_has_no_such_key_and_is_found_only_by_its_audit() -> None:
    async with a_bench() as bench:
        await bench.create()
        bench.twin.faults.fail_next("PUT /api/v2/tickets/*", FaultKind.TIMEOUT_AFTER)
        update = Ticket(id=1, comment=Comment(body="Hello", public=True), metadata={"deskbell": "effect-2"})
        with pytest.raises(requests.ConnectionError):
            await bench.call(bench.zenpy.tickets.update, update)
        audits = await bench.all(bench.zenpy.tickets.audits, 1)
        assert audits[-1].to_dict()["metadata"]["custom"] == {"deskbell": "effect-2"}


async def test_a_held_connection_times_out_at_the_client() -> None:
    async with a_bench() as bench:
        bench.twin.faults.fail_next("GET /api/v2/tickets", FaultKind.TIMEOUT_BEFORE, hang=True)
        with pytest.raises(requests.ReadTimeout):
            await bench.call(
                bench.session.get, "https://opendatagov.zendesk.com/api/v2/tickets.json", timeout=0.2
            )


async def test_an_outage_answers_503_in_html_until_it_is_over() -> None:
    async with a_bench() as bench:
        bench.twin.faults.outage(on=True)
        with pytest.raises(requests.HTTPError) as error:
            await bench.create()
        assert error.value.response.status_code == 503
        bench.twin.faults.outage(on=False)
        await bench.create()
        assert len(bench.twin.tickets()) == 1


async def test_a_body_cut_in_the_middle_is_no_json() -> None:
    async with a_bench() as bench:
        bench.twin.faults.fail_next("GET /api/v2/tickets", FaultKind.MALFORMED_BODY)
        answer = await bench.request("GET", "tickets.json")
        assert answer.status_code == 200
        with pytest.raises(requests.JSONDecodeError):
            answer.json()


async def test_a_rate_limit_can_be_ordered() -> None:
    async with a_bench() as bench:
        bench.twin.faults.fail_next(CREATE, FaultKind.RATE_LIMITED, retry_after=timedelta(seconds=12))
        with pytest.raises(RatelimitBudgetExceeded):
            await bench.create()
        assert bench.last.headers["Retry-After"] == "12"
        assert bench.twin.tickets() == []


async def test_the_token_endpoint_can_fail_too() -> None:
    async with a_bench() as bench:
        bench.twin.faults.fail_next("POST /oauth/tokens", FaultKind.SERVER_ERROR, status=500)
        assert (await bench.token()).status_code == 500
        assert (await bench.token()).status_code == 200
