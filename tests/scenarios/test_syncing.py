"""`kb sync` from sources.toml to an answer's passage, over real sockets."""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from pathlib import Path

import pytest

from bot.__main__ import main
from bot.core.model import INTERNAL, PUBLIC, Audience
from bot.sandbox.confluence import ConfluenceTwin
from bot.sandbox.github_discussions import Answer, Discussion, DiscussionsTwin, Repository
from bot.sandbox.refusals import listening
from knowledge.opening import open_index

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)


class Noon:
    def now(self) -> datetime:
        return NOON


class World:
    def __init__(self, data: Path, wiki: ConfluenceTwin) -> None:
        self.data = data
        self.wiki = wiki

    async def sync(self, *arguments: str) -> int:
        return await asyncio.to_thread(main, ["kb", "sync", *arguments])

    def found(self, query: str, reader: Audience) -> set[str]:
        index = open_index(self.data, embedder="none")
        try:
            return {one.url.split("/")[2] for one in index.search(query, reader)}
        finally:
            index.close()


@pytest.fixture
async def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[World]:
    wiki, config = ConfluenceTwin(), tmp_path / "config"
    config.mkdir()
    wiki.write("1", "Rotating tokens", "<p>Rotate every token in the vault.</p>")
    async with AsyncExitStack() as stack:
        talk = await stack.enter_async_context(DiscussionsTwin(Noon(), random.Random(7)))  # noqa: S311 - repeatable on purpose
        url = await stack.enter_async_context(listening(wiki.app()))
        answer = Answer(html="<p>Rotate a token twice.</p>", author="dana", chosen_by="sam", updated_at=NOON)
        asked = Discussion(number=1, title="Tokens?", html="<p>How?</p>", created_at=NOON, answer=answer)
        talk.repositories["acme/widget"] = Repository(discussions=[asked])
        (config / "sources.toml").write_text(
            f'[community]\nkind = "discussions"\nurl = "{talk.url}"\nrepositories = ["acme/widget"]\n'
            'token = "TALK_TOKEN"\n'
            f'[wiki]\nkind = "confluence"\nurl = "{url}"\nspaces = ["SUP"]\nemail = "{wiki.email}"\n'
            'token = "WIKI_TOKEN"\n',
            "utf-8",
        )
        for name, value in {
            "DESKBELL_DATA": str(tmp_path / "data"),
            "DESKBELL_CONFIG": str(config),
            "DESKBELL_EMBEDDER": "none",
            "TALK_TOKEN": talk.token,
            "WIKI_TOKEN": wiki.token,
        }.items():
            monkeypatch.setenv(name, value)
        yield World(tmp_path / "data", wiki)


async def test_each_reader_finds_what_the_sources_let_them_read(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    assert await world.sync("--json") == 0

    told = json.loads(capsys.readouterr().out)
    assert [(one["name"], one["written"]) for one in told["sources"]] == [("community", 1), ("wiki", 1)]
    assert world.found("rotate a token", PUBLIC) == {"github.com"}
    assert world.found("rotate a token", INTERNAL) == {"github.com", "acme.atlassian.net"}


async def test_a_page_that_was_restricted_is_found_by_nobody_any_more(world: World) -> None:
    await world.sync()
    world.wiki.viewers["1"] = ["sam"]
    assert await world.sync("wiki") == 0

    assert world.found("rotate a token", INTERNAL) == {"github.com"}


async def test_a_source_that_refuses_us_stops_no_other_and_takes_nothing_away(
    world: World, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    await world.sync()
    capsys.readouterr()
    monkeypatch.setenv("WIKI_TOKEN", "revoked-and-secret")

    assert await world.sync() == 1

    told = capsys.readouterr()
    assert "community: 0 written, 0 removed, 1 unchanged." in told.out
    assert "refused the credentials in WIKI_TOKEN" in told.err
    assert "revoked-and-secret" not in told.out + told.err
    assert world.found("rotate a token", INTERNAL) == {"github.com", "acme.atlassian.net"}
