from __future__ import annotations

from pathlib import Path

import pytest
from sources_kit import ListedSource, article, front_of, only_file, stamps

from bot.core.errors import UserFacingError
from bot.core.model import INTERNAL, OrganisationId, customer
from knowledge.articles import find_articles, load_article
from knowledge.sources.syncing import sync
from knowledge.versions import alone


async def test_an_article_arrives_with_its_revision_audience_and_provenance(tmp_path: Path) -> None:
    listed = article(
        "12",
        "Revoking: a “token”",
        audience=customer(OrganisationId("acme")),
        url="https://docs.acme.example/12",
        lang="pt-br",
        revision="7",
        updated="2026-11-02T09:00:00Z",
    )
    (report,) = await sync([ListedSource([listed])], tmp_path)
    path = only_file(tmp_path)
    read = load_article(path, tmp_path / "wiki")

    assert (report.written, report.removed, report.unchanged, report.problems) == (1, 0, 0, ())
    assert path.relative_to(tmp_path).as_posix() == "wiki/revoking-a-token--12.md"
    assert list(front_of(path)) == ["title", "url", "audience", "lang", "revision", "source", "updated"]
    assert (read.title, read.revision.partition("-")[0], read.source) == ("Revoking: a “token”", "7", "wiki")
    assert (str(read.audience), read.url, read.updated) == (
        "customer:acme",
        "https://docs.acme.example/12",
        "2026-11-02T09:00:00Z",
    )
    assert read.body.strip() == "Revoke it."


async def test_what_has_not_changed_is_not_touched_and_a_new_title_keeps_the_file(tmp_path: Path) -> None:
    source = ListedSource([article("1", "One"), article("2", "Two"), article("3", "Three")])
    await sync([source], tmp_path)
    before = stamps(tmp_path)
    (again,) = await sync([source], tmp_path)

    assert (again.written, again.unchanged, stamps(tmp_path)) == (0, 3, before)

    source.articles = [article("1", "One"), article("2", "Second", "New."), article("3", "Three")]
    (edited,) = await sync([source], tmp_path)
    after = stamps(tmp_path)

    assert (edited.written, edited.unchanged) == (1, 2)
    assert [name for name in before if after[name] != before[name]] == ["wiki/two--2.md"]


async def test_what_is_gone_is_removed_but_not_after_a_listing_that_failed(tmp_path: Path) -> None:
    source = ListedSource([article(str(number)) for number in range(5)])
    await sync([source], tmp_path)
    source.fails, before = True, stamps(tmp_path)
    (failed,) = await sync([source], tmp_path)

    assert failed.problems == ("wiki: half of it could not be had.",)
    assert stamps(tmp_path) == before

    source.fails, source.articles = False, source.articles[:3]
    (report,) = await sync([source], tmp_path)

    assert (report.removed, report.problems, len(stamps(tmp_path))) == (2, (), 3)


async def test_more_than_half_goes_only_when_somebody_is_sure(tmp_path: Path) -> None:
    source = ListedSource([article(str(number)) for number in range(5)])
    await sync([source], tmp_path)
    source.articles = [article("0"), article("1", body="Edited.")]
    (held,) = await sync([source], tmp_path)

    assert (held.removed, held.written, len(stamps(tmp_path))) == (0, 1, 5)
    assert "3 of 5 articles are gone" in held.problems[0]
    assert "--yes" in held.problems[0]

    (sure,) = await sync([source], tmp_path, sure=True)

    assert (sure.removed, sure.problems, len(stamps(tmp_path))) == (3, (), 2)


async def test_a_source_without_articles_is_said(tmp_path: Path) -> None:
    (report,) = await sync([ListedSource()], tmp_path)

    assert report.problems == ("wiki: the source has no article.",)


async def test_a_dry_run_changes_nothing(tmp_path: Path) -> None:
    (report,) = await sync([ListedSource([article("1")])], tmp_path, dry_run=True)

    assert (report.written, stamps(tmp_path), (tmp_path / "wiki").exists()) == (1, {}, False)


async def test_a_failing_source_does_not_stop_the_next_one(tmp_path: Path) -> None:
    first, second = ListedSource(fails=True, name="one"), ListedSource([article("1")], name="two")
    reports = await sync([first, second], tmp_path)

    assert [report.written for report in reports] == [0, 1]


@pytest.mark.parametrize(
    ("key", "title"),
    [
        ("../../etc/passwd", "../../../etc/passwd"),
        ("a/b\\c", "C:\\windows\\con"),
        ("n\0ul", "line\nbreak\0"),
        ("\udc80", "half \ud83d a character"),
        ("long" * 100, "title " * 1_000),
        ("7", "---\naudience: public\n---"),
        ("8", '"}: &anchor !!python/object'),
        ("", ""),
    ],
)
async def test_no_title_and_no_key_leads_out_of_the_folder_or_into_the_front_matter(
    tmp_path: Path, key: str, title: str
) -> None:
    await sync([ListedSource([article(key, title, audience=INTERNAL)])], tmp_path / "below")
    path = only_file(tmp_path)

    assert path.parent == tmp_path / "below" / "wiki"
    assert len(path.name) < 120
    assert front_of(path)["audience"] == "internal"
    assert load_article(path, path.parent).audience == INTERNAL
    (again,) = await sync([ListedSource([article(key, title, audience=INTERNAL)])], tmp_path / "below")
    assert again.unchanged == 1


@pytest.mark.parametrize(
    "path",
    ["../up.md", "/etc/x.md", "a/../../b.md", "c.md/d.md", "nul.md", "\n.md", "é/ü.md", ".md", "x" * 300],
)
async def test_paths_stay_below_the_folder_and_apart(tmp_path: Path, path: str) -> None:
    listed = [article("1", path=path), article("2", path="c.md"), article("3", path="up.md")]
    await sync([ListedSource(listed)], tmp_path / "below")
    folder = tmp_path / "below" / "wiki"

    assert len(list(find_articles(folder))) == 3


async def test_a_file_that_became_a_symbolic_link_is_replaced_and_not_followed(tmp_path: Path) -> None:
    source = ListedSource([article("1")])
    await sync([source], tmp_path)
    path, outside = only_file(tmp_path), tmp_path / "outside.txt"
    outside.write_text(path.read_text("utf-8"), "utf-8")
    path.unlink()
    path.symlink_to(outside)
    await sync([source], tmp_path)  # with what the link shows
    assert not path.is_symlink()

    path.unlink()
    path.symlink_to(outside)
    source.articles = [article("1", body="Other.")]
    await sync([source], tmp_path)
    assert not path.is_symlink()
    assert "Other." not in outside.read_text("utf-8")


async def test_a_second_sync_at_the_same_time_is_turned_away(tmp_path: Path) -> None:
    with alone(tmp_path), pytest.raises(UserFacingError, match="Another process is syncing"):
        await sync([ListedSource()], tmp_path)
