from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from sources_kit import Pauses, front_of, only_file, stamps

from bot.core.model import PUBLIC
from bot.sandbox.confluence import ConfluenceTwin
from bot.sandbox.refusals import Refusal, listening
from knowledge.articles import load_article
from knowledge.sources.confluence import ConfluenceSource
from knowledge.sources.fetching import Fetcher, basic
from knowledge.sources.storage_format import storage_to_markdown
from knowledge.sources.syncing import SyncReport, sync

BASE = "https://acme.atlassian.net/wiki"


@dataclass(slots=True, kw_only=True)
class World:
    twin: ConfluenceTwin
    source: ConfluenceSource
    pauses: Pauses
    root: Path

    async def sync(self, **changed: Any) -> SyncReport:
        (report,) = await sync([replace(self.source, **changed)], self.root)
        return report


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    twin, pauses = ConfluenceTwin(most=2), Pauses()
    for number in range(1, 6):
        twin.write(str(number), f"Page {number}", f"<p>Text {number}.</p>")
    twin.write("9", "Elsewhere", "<p>Another space.</p>", space="DEV")
    async with listening(twin.app()) as url, aiohttp.ClientSession() as session:
        fetcher = Fetcher(
            name="wiki",
            session=session,
            base_url=url,
            headers={"Authorization": basic("bot@acme.example", "wiki-token")},
            variable="WIKI_TOKEN",
            pause=pauses,
        )
        source = ConfluenceSource(fetcher=fetcher, spaces=("SUP",), lang="en")
        yield World(twin=twin, source=source, pauses=pauses, root=tmp_path / "sources")


async def test_a_first_sync_brings_every_page_and_a_second_one_touches_nothing(world: World) -> None:
    first = await world.sync()
    before = stamps(world.root)
    second = await world.sync()

    assert (first.written, first.problems) == (5, ())
    assert (second.written, second.unchanged, stamps(world.root)) == (0, 5, before)


async def test_a_page_says_where_it_is_from_and_is_internal_unless_told_otherwise(
    world: World,
) -> None:
    world.twin.pages = {}
    world.twin.write("7", "Tokens (old)", "<p>Revoke.</p>")
    world.twin.write("7", "Tokens (new)", "<p>Revoke.</p>")
    await world.sync()
    path = only_file(world.root)

    assert front_of(path) == {
        "title": "Tokens (new)",
        "url": f"{BASE}/spaces/SUP/pages/7/Tokens%20%28new%29",
        "audience": "internal",
        "lang": "en",
        "revision": "2",
        "source": "wiki",
        "updated": "2026-11-02T09:00:00.000Z",
    }
    assert load_article(path, path.parent).revision.startswith("2-")
    await world.sync(audience=PUBLIC)
    assert front_of(path)["audience"] == "public"


async def test_edits_and_deletions_are_followed(world: World) -> None:
    await world.sync()
    before = stamps(world.root)
    world.twin.write("2", "Retitled", "<p>New.</p>")
    edited = await world.sync()
    after = stamps(world.root)
    world.twin.pages["3"]["status"] = "archived"
    del world.twin.pages["4"]
    deleted = await world.sync()

    assert (edited.written, edited.unchanged) == (1, 4)
    assert [name for name in before if before[name] != after[name]] == ["wiki/page-2--2.md"]
    assert (deleted.removed, deleted.unchanged) == (2, 3)


async def test_several_spaces_and_one_that_is_not_there(world: World) -> None:
    both = await world.sync(spaces=("SUP", "DEV"))
    before = stamps(world.root)
    gone = await world.sync(spaces=("SUP", "GONE"))

    assert both.written == 6
    assert gone.problems == ("wiki: there is no space GONE that this account may read.",)
    assert stamps(world.root) == before


async def test_the_link_to_the_next_page_never_leads_to_another_host(world: World) -> None:
    world.twin.next_host = "http://127.0.0.1:1"
    report = await world.sync()

    assert (report.written, report.problems) == (5, ())


@pytest.mark.parametrize(
    "refusal",
    [
        Refusal(status=403),
        Refusal(status=301, headers={"Location": "http://127.0.0.1:1/"}),
        Refusal(status=200, body="{}"),
        Refusal(status=200, body='{"results": [], "_links": {"next": "/x?limit=1"}}'),
        Refusal(status=200, body='{"results": [], "_links": {"next": "http://["}}'),
        Refusal(status=200, body='{"results": [{"id": "1", "title": "x"}], "_links": {}}'),
    ],
)
async def test_a_failure_in_the_middle_deletes_nothing(world: World, refusal: Refusal) -> None:
    await world.sync()
    before = stamps(world.root)
    del world.twin.pages["5"]
    world.twin.refusals.order(None, None, refusal)
    report = await world.sync()

    assert len(report.problems) == 1
    assert stamps(world.root) == before


async def test_a_list_that_goes_round_in_circles_is_no_list(world: World) -> None:
    circle = Refusal(status=200, body='{"results": [], "_links": {"next": "/x?cursor=2"}}')
    world.twin.refusals.order(None, circle, circle)
    report = await world.sync()

    assert report.problems == ("wiki: the list at /wiki/api/v2/pages does not end.",)


async def test_rate_limits_are_obeyed_and_refused_credentials_are_named(world: World) -> None:
    world.twin.refusals.order(Refusal(status=429, headers={"Retry-After": "3"}))
    assert (await world.sync()).written == 5
    assert world.pauses.asked == [3.0]

    report = await world.sync(fetcher=replace(world.source.fetcher, headers={"Authorization": "Basic hush"}))
    assert "the credentials in WIKI_TOKEN (401)" in report.problems[0]
    assert "hush" not in report.problems[0]


async def test_hostile_pages_stay_in_their_files(world: World) -> None:
    world.twin.pages = {}
    links = {"webui": "@evil.example/x"}
    world.twin.write("1", "../../x\naudience: public", "<script>alert(1)</script>ok", _links=links)
    world.twin.write(
        "../2",
        "x",
        '<ac:structured-macro ac:name="html"><ac:plain-text-body>'
        "<![CDATA[<script>alert(1)</script>]]></ac:plain-text-body></ac:structured-macro>",
    )
    world.twin.write("3", "Deep", "<ac:layout>" * 20_000)
    report = await world.sync()
    files = sorted(world.root.rglob("*.md"))

    assert report.problems == ("wiki: page 3 is left out: its HTML is nested too deeply.",)
    assert [path.parent for path in files] == [world.root / "wiki"] * 2
    for path in files:
        assert "alert(1)" not in path.read_text("utf-8")
        assert front_of(path)["audience"] == "internal"
        assert "evil.example" not in front_of(path).get("url", "").split("/")[2]


def test_listings_panels_links_tasks_and_images_become_markdown() -> None:
    storage = (
        '<h1>Set up</h1><ac:structured-macro ac:name="code">'
        '<ac:parameter ac:name="language">py</ac:parameter>'
        '<ac:plain-text-body><![CDATA[if a > b:\n    print("<x>")  # ]]]]><![CDATA[>]]></ac:plain-text-body>'
        '</ac:structured-macro><ac:structured-macro ac:name="warning"><ac:parameter ac:name="title">Careful'
        '</ac:parameter><ac:rich-text-body><p>Hot <ac:emoticon ac:name="x"/>!</p></ac:rich-text-body>'
        '</ac:structured-macro><ac:structured-macro ac:name="toc"/>'
        '<p><ac:link><ri:page ri:content-title="Home"/></ac:link> and '
        '<ac:link><ri:page ri:content-title="B"/><ac:plain-text-link-body><![CDATA[words]]>'
        "</ac:plain-text-link-body></ac:link></p>"
        "<ac:task-list><ac:task><ac:task-id>1</ac:task-id><ac:task-status>incomplete</ac:task-status>"
        "<ac:task-body>Do it</ac:task-body></ac:task></ac:task-list>"
        '<ac:image ac:alt="Shot"><ri:url ri:value="https://x.example/a.png"/></ac:image>'
        '<ac:image ac:alt="Attached"><ri:attachment ri:filename="b.png"/></ac:image>'
    )
    written = storage_to_markdown(storage, BASE)

    assert '```py\nif a > b:\n    print("<x>")  # ]]>\n```' in written
    assert "**Careful**\n\nHot !" in written
    assert "Home and words" in written
    assert "- Do it" in written
    assert "![Shot](https://x.example/a.png)" in written
    assert "Attached" in written
    assert written.startswith("# Set up")
