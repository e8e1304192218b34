"""Accepted answers of GitHub Discussions, over a real socket."""

from __future__ import annotations

import json
import random
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from sources_kit import front_of, only_file, stamps

from bot.core.model import INTERNAL, PUBLIC
from bot.sandbox.faults import FaultKind
from bot.sandbox.github_discussions import OPERATION, Answer, Discussion, DiscussionsTwin, Repository
from knowledge.sources.discussions import QUERY, DiscussionsSource
from knowledge.sources.fetching import Fetcher
from knowledge.sources.source import SourceFailed
from knowledge.sources.syncing import sync

graphql = pytest.importorskip("graphql", reason="the schema is checked where graphql-core is installed")

SCHEMA = Path(__file__).resolve().parents[3].parent / "shared/contracts/github-graphql/schema.graphql"
NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)


class Noon:
    def now(self) -> datetime:
        return NOON


@pytest.fixture
async def twin() -> AsyncIterator[DiscussionsTwin]:
    async with DiscussionsTwin(Noon(), random.Random(7)) as twin:  # noqa: S311 - repeatable on purpose
        twin.repositories["acme/widget"] = Repository(discussions=[question(1)])
        yield twin


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as session:
        yield session


def question(number: int, **stated: Any) -> Discussion:
    answer = Answer(
        html="<p>Revoke it with <code>widget tokens revoke</code>.</p>",
        **{"author": "dana", "chosen_by": "sam", "updated_at": NOON, **stated.pop("answer", {})},
    )
    given = {"title": "How do I revoke a token?", "html": "<p>It leaked.</p>", "created_at": NOON, **stated}
    return Discussion(number=number, answer=answer, **given)


def source(twin: DiscussionsTwin, session: aiohttp.ClientSession, **stated: Any) -> DiscussionsSource:
    paused: list[float] = stated.pop("paused", [])

    async def pause(seconds: float) -> None:
        paused.append(seconds)

    fetcher = Fetcher(
        name="community",
        session=session,
        base_url=twin.url,
        headers={"Authorization": f"Bearer {stated.pop('token', twin.token)}"},
        variable="DISCUSSIONS_TOKEN",
        pause=pause,
    )
    return DiscussionsSource(fetcher=fetcher, **{"repositories": ("acme/widget",), **stated})


async def titles(twin: DiscussionsTwin, session: aiohttp.ClientSession, **stated: Any) -> list[str]:
    return [one.title for one in (await source(twin, session, **stated).listing()).articles]


async def test_a_question_and_its_accepted_answer_make_an_article(
    twin: DiscussionsTwin, session: aiohttp.ClientSession, tmp_path: Path
) -> None:
    (report,) = await sync([source(twin, session)], tmp_path)

    file = only_file(tmp_path / "community")
    assert (report.written, report.problems) == (1, ())
    assert front_of(file)["audience"] == "public"
    assert front_of(file)["url"] == "https://github.com/acme/widget/discussions/1#discussioncomment-9"
    assert (
        "## Question\n\nIt leaked.\n\n## Answer\n\nRevoke it with `widget tokens revoke`."
        in file.read_text("utf-8")
    )


async def test_what_does_not_change_is_not_touched_and_an_edit_is(
    twin: DiscussionsTwin, session: aiohttp.ClientSession, tmp_path: Path
) -> None:
    repository = twin.repositories["acme/widget"]
    repository.discussions.append(question(2, title="How do I log in?"))
    await sync([source(twin, session)], tmp_path)
    before = stamps(tmp_path / "community")
    await sync([source(twin, session)], tmp_path)
    assert stamps(tmp_path / "community") == before

    repository.discussions[0].edited_at = NOON + timedelta(days=1)
    repository.discussions[0].html = "<p>It leaked to a log.</p>"
    (report,) = await sync([source(twin, session)], tmp_path)
    assert (report.written, report.unchanged) == (1, 1)


async def test_the_revision_moves_with_what_is_shown(
    twin: DiscussionsTwin, session: aiohttp.ClientSession
) -> None:
    (asked,) = twin.repositories["acme/widget"].discussions
    revisions = []
    for edited_at in (None, NOON + timedelta(days=1), NOON + timedelta(days=2)):
        asked.edited_at = edited_at
        revisions += [one.revision for one in (await source(twin, session).listing()).articles]

    assert revisions == ["2026-11-24T12:01:00Z", "2026-11-25T12:00:00Z", "2026-11-26T12:00:00Z"]


async def test_an_answer_that_is_not_accepted_any_more_is_gone(
    twin: DiscussionsTwin, session: aiohttp.ClientSession, tmp_path: Path
) -> None:
    repository = twin.repositories["acme/widget"]
    repository.discussions += [question(2), question(3)]
    await sync([source(twin, session)], tmp_path)

    repository.discussions[0].answer = None
    (report,) = await sync([source(twin, session)], tmp_path)

    assert (report.removed, report.unchanged) == (1, 2)


@pytest.mark.parametrize(
    "answer",
    [
        {"author": "deskbell"},
        {"author": "helper", "kind": "Bot"},
        {"author": "dana", "chosen_by": "Dana"},
        {"author": None},
        {"is_minimized": True},
        {"author": "Mallory"},
    ],
    ids=[
        "our own",
        "a bot's",
        "accepted by its own author",
        "by an account that is gone",
        "hidden",
        "excluded",
    ],
)
async def test_an_answer_is_left_out_that_is(
    answer: dict[str, Any], twin: DiscussionsTwin, session: aiohttp.ClientSession
) -> None:
    twin.repositories["acme/widget"].discussions = [
        question(1, title="Kept"),
        question(2, title="Not kept", answer=answer),
    ]

    assert await titles(twin, session, excluded_authors=frozenset({"mallory"})) == ["Kept"]


async def test_a_maintainer_may_accept_an_answer_of_their_own(
    twin: DiscussionsTwin, session: aiohttp.ClientSession
) -> None:
    own = {"author": "sam", "chosen_by": "sam", "association": "MEMBER"}
    twin.repositories["acme/widget"].discussions = [
        question(1, title="By a member", answer=own),
        question(2, title="By anybody"),
    ]

    assert await titles(twin, session, maintainers_only=True) == ["By a member"]


async def test_only_the_listed_categories_count_and_nothing_outdated(
    twin: DiscussionsTwin, session: aiohttp.ClientSession
) -> None:
    twin.repositories["acme/widget"].discussions = [
        question(1, title="Help"),
        question(2, title="Idea", category="ideas"),
        question(3, title="Old", state_reason="OUTDATED"),
    ]

    assert await titles(twin, session, categories=frozenset({"q-a"})) == ["Help"]


async def test_a_private_repository_is_never_public(
    twin: DiscussionsTwin, session: aiohttp.ClientSession
) -> None:
    twin.repositories["acme/widget"].visibility = "PRIVATE"

    (article,) = (await source(twin, session).listing()).articles
    assert article.audience == INTERNAL
    with pytest.raises(SourceFailed, match="acme/widget is not public"):
        await source(twin, session, audience=PUBLIC).listing()


async def test_a_failure_on_a_later_page_deletes_nothing(
    twin: DiscussionsTwin, session: aiohttp.ClientSession, tmp_path: Path
) -> None:
    twin.repositories["acme/widget"].discussions = [question(number) for number in range(1, 121)]
    await sync([source(twin, session)], tmp_path)
    before = stamps(tmp_path / "community")

    twin.repositories["acme/widget"].discussions = [question(number) for number in range(20, 121)]
    twin.faults.fail_next(OPERATION, FaultKind.SERVER_ERROR, times=None, skip=2)
    (report,) = await sync([source(twin, session)], tmp_path)

    assert "answered 503" in report.problems[0]
    assert stamps(tmp_path / "community") == before
    assert len(before) == 120


async def test_a_thousand_discussions_are_read_page_by_page(
    twin: DiscussionsTwin, session: aiohttp.ClientSession
) -> None:
    twin.repositories["acme/widget"].discussions = [question(number) for number in range(1, 1001)]

    articles = (await source(twin, session).listing()).articles

    assert len({article.key for article in articles}) == 1000
    assert len(twin.journal.of(OPERATION)) == 20


async def test_a_stated_pause_is_kept(twin: DiscussionsTwin, session: aiohttp.ClientSession) -> None:
    paused: list[float] = []
    twin.faults.fail_next(OPERATION, FaultKind.RATE_LIMITED, retry_after=timedelta(seconds=17))

    assert len(await titles(twin, session, paused=paused)) == 1
    assert paused == [17.0]


async def test_a_limit_that_is_used_up_is_not_taken_for_a_wrong_token(
    twin: DiscussionsTwin, session: aiohttp.ClientSession
) -> None:
    twin.is_used_up = True

    with pytest.raises(SourceFailed, match=r"is used up; sync again in an hour") as caught:
        await source(twin, session).listing()
    assert "DISCUSSIONS_TOKEN" not in str(caught.value)


async def test_a_token_that_is_refused_is_named_by_its_variable_alone(
    twin: DiscussionsTwin, session: aiohttp.ClientSession
) -> None:
    with pytest.raises(SourceFailed) as caught:
        await source(twin, session, token="ghp_wrong").listing()

    assert "DISCUSSIONS_TOKEN" in str(caught.value)
    assert "ghp_wrong" not in str(caught.value)


async def test_a_repository_that_is_not_there_is_a_sentence(
    twin: DiscussionsTwin, session: aiohttp.ClientSession
) -> None:
    with pytest.raises(SourceFailed, match="there is no acme/gone"):
        await source(twin, session, repositories=("acme/gone",)).listing()


async def test_nothing_that_runs_and_no_front_matter_comes_out_of_a_discussion(
    twin: DiscussionsTwin, session: aiohttp.ClientSession, tmp_path: Path
) -> None:
    evil = '<script>alert(1)</script><p><a href="javascript:alert(1)">Log in</a></p>'
    title = "Tokens\n---\naudience: internal\nurl: https://evil.example\n---\n../../x"
    twin.repositories["acme/widget"].discussions = [question(1, title=title, html=evil)]
    await sync([source(twin, session)], tmp_path)

    file = only_file(tmp_path / "community")
    assert file.parent == tmp_path / "community"
    assert front_of(file)["audience"] == "public"
    assert "evil" not in front_of(file)["url"]
    assert "alert" not in file.read_text("utf-8")


@cache
def schema() -> Any:
    if not SCHEMA.is_file():
        pytest.skip("GitHub's schema is not beside the repository")
    return graphql.build_schema(SCHEMA.read_text("utf-8"), assume_valid=True)


def test_the_question_is_valid_by_the_vendors_schema() -> None:
    assert graphql.validate(schema(), graphql.parse(QUERY)) == []


async def test_the_twin_answers_as_the_schema_would(
    twin: DiscussionsTwin, session: aiohttp.ClientSession
) -> None:
    given = {"owner": "acme", "name": "widget"}
    async with session.post(
        twin.url,
        json={"query": QUERY, "variables": given},
        headers={"Authorization": f"Bearer {twin.token}"},
    ) as reply:
        said = await reply.json()
    by_schema = graphql.graphql_sync(schema(), QUERY, root_value=said["data"], variable_values=given)

    assert by_schema.errors is None
    assert json.loads(json.dumps(by_schema.data)) == said["data"]
