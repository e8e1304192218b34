from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from sources_kit import Pauses, front_of, only_file, stamps

from bot.core.model import INTERNAL, PUBLIC, OrganisationId, customer
from bot.sandbox.helpcenter import HelpCenterTwin
from bot.sandbox.refusals import Refusal, listening
from knowledge.articles import load_article
from knowledge.sources.fetching import Fetcher
from knowledge.sources.helpcenter import HelpCenterSource
from knowledge.sources.syncing import SyncReport, sync


@dataclass(slots=True, kw_only=True)
class World:
    twin: HelpCenterTwin
    source: HelpCenterSource
    pauses: Pauses
    root: Path

    async def sync(self, **changed: Any) -> SyncReport:
        (report,) = await sync([replace(self.source, **changed)], self.root)
        return report


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    twin, pauses = HelpCenterTwin(most=2), Pauses()
    for number in range(1, 6):
        twin.write(number, f"Article {number}", f"<p>Text <b>{number}</b>.</p>")
    async with listening(twin.app()) as url, aiohttp.ClientSession() as session:
        fetcher = Fetcher(
            name="help",
            session=session,
            base_url=url,
            headers={"Authorization": "Bearer agent-token"},
            variable="HELP_TOKEN",
            pause=pauses,
        )
        source = HelpCenterSource(fetcher=fetcher, locales=("en-US",))
        yield World(twin=twin, source=source, pauses=pauses, root=tmp_path / "sources")


async def test_a_first_sync_brings_every_page_and_a_second_one_touches_nothing(world: World) -> None:
    first = await world.sync()
    before = stamps(world.root)
    second = await world.sync()

    assert (first.written, first.problems) == (5, ())
    assert (second.written, second.unchanged, stamps(world.root)) == (0, 5, before)


async def test_an_article_says_where_it_is_from(world: World) -> None:
    world.twin.articles = {}
    world.twin.write(
        7, "Tokens", "<p>Revoke.</p>", html_url="https://acme.zendesk.com/hc/en-us/articles/7-(x)"
    )
    await world.sync()

    assert front_of(only_file(world.root)) == {
        "title": "Tokens",
        "url": "https://acme.zendesk.com/hc/en-us/articles/7-%28x%29",
        "audience": "public",
        "lang": "en-us",
        "revision": "2026-11-02T09:00:00Z",
        "source": "help",
        "updated": "2026-11-02T09:00:00Z",
    }
    assert load_article(only_file(world.root), world.root / "help").body.strip() == "Revoke."


async def test_an_edit_rewrites_one_file_and_a_deletion_removes_one(world: World) -> None:
    await world.sync()
    before = stamps(world.root)
    world.twin.write(2, "Retitled", "<p>New.</p>", edited_at="2026-11-03T09:00:00Z")
    edited = await world.sync()
    after = stamps(world.root)
    del world.twin.articles[4]
    deleted = await world.sync()

    assert (edited.written, edited.unchanged) == (1, 4)
    assert len([name for name in before if before[name] != after[name]]) == 1
    assert (deleted.removed, deleted.unchanged) == (1, 4)


async def test_a_draft_is_not_published_and_an_archived_translation_goes(world: World) -> None:
    await world.sync()
    world.twin.articles[1]["draft"] = True
    report = await world.sync()

    assert report.removed == 1


@pytest.mark.parametrize("segment", [{"user_segment_id": 9}, {"user_segment_ids": [9]}, "missing"])
async def test_what_only_some_may_see_is_never_public(world: World, segment: Any) -> None:
    world.twin.articles = {}
    world.twin.write(1, "Secret", "<p>x</p>", **(segment if isinstance(segment, dict) else {}))
    if segment == "missing":
        del world.twin.articles[1]["user_segment_id"]
    await world.sync()
    assert front_of(only_file(world.root))["audience"] == str(INTERNAL)

    acme = customer(OrganisationId("acme"))
    await world.sync(restricted=acme)
    assert front_of(only_file(world.root))["audience"] == "customer:acme"
    with pytest.raises(ValueError, match="never public"):
        replace(world.source, restricted=PUBLIC)


async def test_an_article_that_becomes_restricted_stops_being_public(world: World) -> None:
    world.twin.articles = {}
    world.twin.write(1, "Open", "<p>x</p>")
    await world.sync()
    world.twin.articles[1]["user_segment_id"] = 4
    await world.sync()

    assert front_of(only_file(world.root))["audience"] == "internal"


async def test_locales_are_articles_of_their_own(world: World) -> None:
    world.twin.articles = {}
    world.twin.write(1, "Tokens", "<p>x</p>")
    world.twin.articles[2] = {**world.twin.articles[1], "locale": "pt-br", "title": "Chaves"}
    report = await world.sync(locales=("en-us", "pt-br"))

    assert report.written == 2
    assert {front_of(path)["lang"] for path in world.root.rglob("*.md")} == {"en-us", "pt-br"}


@pytest.mark.parametrize(
    "refusal",
    [
        Refusal(status=404),
        Refusal(status=302, headers={"Location": "http://127.0.0.1:1/steal"}),
        Refusal(status=200, body="<html>maintenance</html>"),
        Refusal(status=200, body='{"articles": [{"id": 1}], "meta": {"has_more": false}}'),
        Refusal(status=200, body='{"articles": []}'),
        Refusal(status=200, body='{"articles": [], "meta": {"has_more": true, "after_cursor": null}}'),
        Refusal(status=429, headers={"Retry-After": "9999"}),
    ],
)
async def test_a_failure_in_the_middle_deletes_nothing(world: World, refusal: Refusal) -> None:
    await world.sync()
    before = stamps(world.root)
    world.twin.articles = {1: world.twin.articles[1], 2: world.twin.articles[2], 5: world.twin.articles[5]}
    world.twin.refusals.order(None, refusal)
    report = await world.sync()

    assert len(report.problems) == 1
    assert report.problems[0].startswith("help: ")
    assert stamps(world.root) == before


async def test_patience_is_as_long_as_was_asked_for_and_ends(world: World) -> None:
    world.twin.refusals.order(Refusal(status=429, headers={"Retry-After": "7"}), Refusal(status=503))
    report = await world.sync()
    assert (report.written, world.pauses.asked) == (5, [7.0, 2.0])

    world.pauses.asked.clear()
    world.twin.refusals.order(*[Refusal(status=502)] * 5)
    report = await world.sync()
    assert report.problems[0].endswith("answered 502.")
    assert world.pauses.asked == [1.0, 2.0, 4.0, 8.0]


async def test_refused_credentials_name_their_variable_and_not_themselves(world: World) -> None:
    bad = replace(world.source.fetcher, headers={"Authorization": "Bearer hush"})
    report = await world.sync(fetcher=bad)

    assert "the credentials in HELP_TOKEN (401)" in report.problems[0]
    assert "hush" not in report.problems[0] + repr(bad)


async def test_an_oauth_client_gets_its_own_token(world: World) -> None:
    plain = replace(world.source.fetcher, headers={})
    report = await world.sync(fetcher=plain, client=("deskbell", "client-secret"))
    assert (report.written, report.problems) == (5, ())

    refused = await world.sync(fetcher=plain, client=("deskbell", "hush"))
    assert "HELP_TOKEN" in refused.problems[0]
    assert "hush" not in refused.problems[0]


async def test_without_credentials_what_everybody_may_read_is_found(world: World) -> None:
    world.twin.articles[1]["user_segment_id"] = 9
    report = await world.sync(fetcher=replace(world.source.fetcher, headers={}))

    assert report.written == 4


async def test_hostile_titles_paths_and_pages_stay_in_their_files(world: World) -> None:
    world.twin.articles = {}
    world.twin.write(1, "../../../etc/cron.d/x\n---\naudience: public", "<script>alert(1)</script><p>ok</p>")
    world.twin.write(2, "\0", "---\naudience: public\n---", html_url="javascript:alert(1)", user_segment_id=1)
    world.twin.write(3, "Deep", "<b>" * 20_000)
    report = await world.sync()
    files = sorted(world.root.rglob("*.md"))

    assert report.problems == ("help: article 3 (en-us) is left out: its HTML is nested too deeply.",)
    assert [path.parent for path in files] == [world.root / "help"] * 2
    assert all("alert(1)" not in path.read_text("utf-8") for path in files)
    assert {load_article(path, path.parent).audience for path in files} == {PUBLIC, INTERNAL}
