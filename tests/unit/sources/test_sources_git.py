from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from sources_kit import front_of, git, stamps

from bot.core.model import INTERNAL, PUBLIC
from knowledge.articles import load_article
from knowledge.sources.git import GitSource
from knowledge.sources.syncing import sync


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    place = tmp_path / "handbook"
    (place / "docs" / "deep").mkdir(parents=True)
    git(place, "init", "--quiet", "--initial-branch=main")
    (place / "README.md").write_text("# Not below docs\n")
    (place / "docs" / "tokens.md").write_text(
        "---\ntitle: Tokens\naudience: public\nlang: pt\n---\n\nRevoke.\n"
    )
    (place / "docs" / "deep" / "a b.md").write_text("# Deep\n\nText.\n")
    (place / "docs" / ".hidden.md").write_text("# Hidden\n")
    (place / "docs" / "notes.txt").write_text("no article\n")
    (place / "docs" / "out.md").symlink_to("/etc/hostname")
    commit(place)
    return place


def commit(repository: Path) -> None:
    git(repository, "add", "--all")
    git(repository, "commit", "--quiet", "-m", "A change")


def source(repository: Path, root: Path, **given: Any) -> GitSource:
    return GitSource(
        name="handbook",
        repository=str(repository),
        copy=root / "handbook.git",
        folder="docs",
        link="https://docs.acme.example/{path}",
        **given,
    )


async def test_what_is_committed_below_the_folder_is_mirrored(repository: Path, tmp_path: Path) -> None:
    (repository / "docs" / "uncommitted.md").write_text("# Draft\n")
    root = tmp_path / "sources"
    (report,) = await sync([source(repository, root, lang="en")], root)
    folder = root / "handbook"
    tokens, deep = folder / "tokens.md", folder / "deep" / "a b.md"

    assert (report.written, report.problems) == (2, ())
    assert set(stamps(folder)) == {"tokens.md", "deep/a b.md"}
    assert front_of(tokens)["lang"] == "pt"
    assert load_article(tokens, folder).audience == PUBLIC
    read = load_article(deep, folder)
    assert (read.title, read.audience, read.url) == ("Deep", INTERNAL, "https://docs.acme.example/deep/a%20b")
    assert (read.source, len(read.revision.partition("-")[0]), read.updated[:2]) == ("handbook", 12, "20")


async def test_edits_and_deletions_are_followed_and_the_rest_is_left(
    repository: Path, tmp_path: Path
) -> None:
    root = tmp_path / "sources"
    await sync([source(repository, root)], root)
    before = stamps(root / "handbook")
    revision = front_of(root / "handbook" / "tokens.md")["revision"]
    (repository / "docs" / "more.md").write_text("# More\n")
    (repository / "docs" / "tokens.md").write_text("# Tokens\n\nOtherwise.\n")
    commit(repository)
    (edited,) = await sync([source(repository, root)], root)
    after = stamps(root / "handbook")

    assert (edited.written, edited.unchanged) == (2, 1)
    assert after["deep/a b.md"] == before["deep/a b.md"]
    assert front_of(root / "handbook" / "tokens.md")["revision"] != revision

    git(repository, "rm", "--quiet", "docs/deep/a b.md")
    commit(repository)
    (deleted,) = await sync([source(repository, root)], root)

    assert (deleted.removed, deleted.unchanged) == (1, 2)
    assert not (root / "handbook" / "deep").exists()


async def test_a_repository_that_is_not_there_deletes_nothing_and_names_no_secret(
    repository: Path, tmp_path: Path
) -> None:
    root = tmp_path / "sources"
    await sync([source(repository, root)], root)
    before = stamps(root)
    gone = source(tmp_path / "nowhere", root, token="hush", variable="HANDBOOK_TOKEN")
    (report,) = await sync([gone], root)

    assert "HANDBOOK_TOKEN" in report.problems[0]
    assert "hush" not in report.problems[0] + repr(gone)
    assert stamps(root) == before


async def test_unreadable_files_are_said_and_another_branch_can_be_chosen(
    repository: Path, tmp_path: Path
) -> None:
    git(repository, "checkout", "--quiet", "-b", "next")
    (repository / "docs" / "bad.md").write_bytes(b"\xff")
    (repository / "docs" / "worse.md").write_text("---\naudience: everybody\n---\n")
    commit(repository)
    git(repository, "checkout", "--quiet", "main")
    root = tmp_path / "sources"
    (report,) = await sync([source(repository, root, branch="next")], root)

    assert report.written == 2
    assert len(report.problems) == 2
    assert report.problems[0] == "handbook: bad.md: not UTF-8."


async def test_an_address_that_would_run_a_command_is_refused(tmp_path: Path) -> None:
    mark = tmp_path / "ran"
    root = tmp_path / "sources"
    hostile = GitSource(name="x", repository=f"ext::touch {mark}", copy=root / "x.git")
    (report,) = await sync([hostile], root)

    assert report.problems
    assert not mark.exists()


async def test_the_surroundings_do_not_lead_git_elsewhere(
    repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "elsewhere"))
    monkeypatch.setenv("GIT_WORK_TREE", str(tmp_path))
    root = tmp_path / "sources"
    (report,) = await sync([source(repository, root)], root)

    assert report.written == 2
