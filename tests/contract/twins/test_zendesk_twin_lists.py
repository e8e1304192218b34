"""The real zenpy client reads lists, exports and search results of the twin, and uploads files."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from zendesk_bench import Bench, a_bench
from zenpy.lib.api_objects import Comment, Ticket, User
from zenpy.lib.exception import APIException

ACME = {"name": "Ada of Acme", "email": "ada@acme.example"}


async def test_an_upload_is_attached_once(tmp_path: Any) -> None:
    async with a_bench() as bench:
        log = tmp_path / "tiles.log"
        log.write_bytes(b"no tiles")
        await bench.create()
        upload = await bench.call(bench.zenpy.attachments.upload, log)
        comment = Comment(body="The log", public=True, uploads=[upload.token])
        await bench.call(bench.zenpy.tickets.update, Ticket(id=1, comment=comment))
        comments = await bench.all(bench.zenpy.tickets.comments, 1)
        assert [(one["file_name"], one["size"]) for one in bench.twin.comments(1)[-1].attachments] == [
            ("tiles.log", 8)
        ]
        assert len(comments[-1].attachments) == 1
        again = Comment(body="The log again", public=True, uploads=[upload.token])
        with pytest.raises(APIException) as error:
            await bench.call(bench.zenpy.tickets.update, Ticket(id=1, comment=again))
        assert list(json.loads(str(error.value))["details"]) == ["attachments"]


async def page_through(bench: Bench, path: str, key: str) -> list[list[int]]:
    pages = []
    url: str | None = path
    while url is not None:
        body = (await bench.request("GET", url)).json()
        pages.append([one["id"] for one in body[key]])
        url = body.get("next_page") or (body.get("links") or {}).get("next")
        url = url.partition("/api/v2/")[2] if url else None
    return pages


async def test_lists_are_paged_by_cursor_and_by_offset() -> None:
    async with a_bench() as bench:
        for _ in range(5):
            await bench.create()
        assert await page_through(bench, "tickets.json?page[size]=2", "tickets") == [[1, 2], [3, 4], [5]]
        assert await page_through(bench, "tickets.json?per_page=2", "tickets") == [[1, 2], [3, 4], [5]]
        assert (await bench.request("GET", "tickets.json?per_page=100&page=101")).status_code == 400


async def test_zenpy_reads_a_list_longer_than_a_page() -> None:
    async with a_bench() as bench:
        ticket = {"subject": "x", "comment": {"body": "y"}}
        for _ in range(103):
            await bench.request("POST", "tickets.json", json={"ticket": ticket})
        assert [one.id for one in await bench.all(bench.zenpy.tickets)] == list(range(1, 104))


async def test_the_incremental_export_leaves_out_the_last_minute_and_keeps_deleted_tickets() -> None:
    async with a_bench() as bench:
        start = bench.time.now()
        for _ in range(3):
            await bench.create()
            bench.time.move(timedelta(seconds=1))
        bench.time.move(timedelta(minutes=5))
        await bench.call(bench.zenpy.tickets.delete, Ticket(id=2))
        with pytest.raises(APIException) as error:
            await bench.call(bench.zenpy.tickets.incremental, start_time=bench.time.now())
        assert json.loads(str(error.value))["error"] == "StartTimeTooRecent"

        found = await bench.all(bench.zenpy.tickets.incremental, start_time=start, per_page=1)
        assert [(one.id, one.status) for one in found] == [(1, "new"), (3, "new")]
        bench.time.move(timedelta(minutes=1))
        found = await bench.all(bench.zenpy.tickets.incremental, start_time=start, per_page=1)
        assert [(one.id, one.status) for one in found] == [(1, "new"), (3, "new"), (2, "deleted")]


async def test_search_finds_by_key_and_by_word() -> None:
    async with a_bench() as bench:
        await bench.create(external_id="deskbell:1", requester=User(**ACME))
        assert [
            one.id for one in await bench.all(bench.zenpy.search, type="ticket", external_id="deskbell:1")
        ] == [1]
        found = await bench.all(bench.zenpy.search, "ada@acme.example", type="user")
        assert [one.name for one in found] == [ACME["name"]]


async def test_a_cursor_that_was_made_up_is_refused() -> None:
    async with a_bench() as bench:
        for path in (
            "tickets.json?page[size]=2&page[after]=nonsense",
            "incremental/tickets/cursor.json?cursor=x",
        ):
            assert (await bench.request("GET", path)).status_code == 400
