"""Pages of Confluence that only some may view, and those that a label keeps out."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from sources_kit import Pauses, front_of

from bot.core.model import INTERNAL, PUBLIC
from bot.sandbox.confluence import ConfluenceTwin
from bot.sandbox.refusals import Refusal, listening
from knowledge.sources.confluence import ConfluenceSource
from knowledge.sources.fetching import Fetcher, basic
from knowledge.sources.syncing import sync


@dataclass(slots=True, kw_only=True)
class World:
    twin: ConfluenceTwin
    source: ConfluenceSource
    root: Path

    async def audiences(self, **changed: Any) -> dict[str, str]:
        """What is mirrored: the audience of each page by its title."""
        await sync([replace(self.source, **changed)], self.root, sure=True)
        fronts = [front_of(path) for path in self.root.rglob("*.md")]
        return {front["title"]: front["audience"] for front in fronts}


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    twin = ConfluenceTwin(most=2)
    twin.write("1", "Home", "<p>Welcome.</p>")
    twin.write("2", "Plans", "<p>Secret.</p>", parentId="1")
    twin.write("3", "Details", "<p>More of it.</p>", parentId="2")
    twin.write("4", "Guide", "<p>For all.</p>", parentId="1")
    async with listening(twin.app()) as url, aiohttp.ClientSession() as session:
        fetcher = Fetcher(
            name="wiki",
            session=session,
            base_url=url,
            headers={"Authorization": basic("bot@acme.example", "wiki-token")},
            variable="WIKI_TOKEN",
            pause=Pauses(),
        )
        source = ConfluenceSource(fetcher=fetcher, spaces=("SUP",), audience=PUBLIC)
        yield World(twin=twin, source=source, root=tmp_path / "sources")


async def test_without_restrictions_every_page_has_the_audience_of_the_space(world: World) -> None:
    assert set((await world.audiences()).values()) == {"public"}


async def test_what_only_some_may_view_is_left_out_with_everything_below_it(world: World) -> None:
    world.twin.viewers["2"] = ["sam"]

    assert await world.audiences() == {"Home": "public", "Guide": "public"}


async def test_a_restricted_page_may_be_for_our_own_people_and_is_never_public(world: World) -> None:
    world.twin.viewers["2"] = ["sam"]

    found = await world.audiences(restricted=INTERNAL)

    assert found == {"Home": "public", "Guide": "public", "Plans": "internal", "Details": "internal"}
    with pytest.raises(ValueError, match="never public"):
        replace(world.source, restricted=PUBLIC)


async def test_a_page_that_becomes_restricted_leaves_at_the_next_sync(world: World) -> None:
    await world.audiences()
    world.twin.viewers["4"] = ["sam"]

    assert "Guide" not in await world.audiences()


async def test_a_whole_space_that_is_closed_leaves_without_waiting_for_a_person(world: World) -> None:
    await world.audiences()
    world.twin.viewers["1"] = ["sam"]  # everything is below it
    (report,) = await sync([world.source], world.root)

    assert report.removed == 4
    assert list(world.root.rglob("*.md")) == []


async def test_pages_that_are_gone_do_wait_where_they_are_most_of_the_space(world: World) -> None:
    await world.audiences()
    world.twin.viewers["2"] = ["sam"]
    world.twin.pages = {page: world.twin.pages[page] for page in "12"}
    world.twin.write("5", "New", "<p>New.</p>")
    del world.twin.pages["1"]
    (report,) = await sync([world.source], world.root)

    assert "3 of 4 articles are gone" in report.problems[0]
    assert len(list(world.root.rglob("*.md"))) == 4  # Plans has left, New has come


async def test_a_restricted_folder_closes_the_pages_in_it(world: World) -> None:
    world.twin.folders = {"80": "", "81": "80"}
    world.twin.pages["4"]["parentId"] = "81"
    assert (await world.audiences())["Guide"] == "public"

    world.twin.viewers["80"] = ["sam"]
    assert "Guide" not in await world.audiences()


async def test_what_lies_below_something_that_cannot_be_seen_is_left_out(world: World) -> None:
    world.twin.write("9", "Hidden", "<p>Not ours.</p>", space="DEV")
    world.twin.pages["4"]["parentId"] = "9"
    assert "Guide" in await world.audiences()

    world.twin.viewers["9"] = ["sam"]
    assert "Guide" not in await world.audiences()


async def test_what_lies_below_something_that_is_not_there_is_left_out(world: World) -> None:
    world.twin.pages["4"]["parentId"] = "77"

    assert "Guide" not in await world.audiences()


async def test_pages_in_a_circle_are_not_trusted_and_do_not_hang(world: World) -> None:
    world.twin.pages["1"]["parentId"] = "4"
    world.twin.pages["4"]["parentId"] = "1"
    world.twin.ancestors = {page: [] for page in "1234"}

    assert await world.audiences() == {}


async def test_nobody_asks_about_restrictions_where_they_make_no_difference(world: World) -> None:
    await world.audiences(audience=INTERNAL, restricted=INTERNAL)

    assert [path for path in world.twin.asked if "restriction" in path] == []


async def test_where_restrictions_may_not_be_read_the_sync_says_so_and_changes_nothing(world: World) -> None:
    before = await world.audiences()
    world.twin.refusals.order(None, None, None, Refusal(status=403))
    (report,) = await sync([world.source], world.root)

    assert report.problems == (
        f"wiki: {world.source.fetcher.base_url} refused the credentials in WIKI_TOKEN (403).",
    )
    assert await world.audiences() == before


async def test_pages_with_an_excluded_label_are_left_out(world: World) -> None:
    world.twin.labels = {"4": ["draft", "guide"], "1": ["start"]}

    found = await world.audiences(excluded_labels=frozenset({"draft"}))

    assert set(found) == {"Home", "Plans", "Details"}
