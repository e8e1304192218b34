from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from sources_kit import git

from bot.__main__ import main
from bot.core.model import PUBLIC
from knowledge.opening import open_index


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    place = tmp_path / "handbook"
    place.mkdir()
    git(place, "init", "--quiet", "--initial-branch=main")
    for name in ("tokens", "webhooks", "billing"):
        (place / f"{name}.md").write_text(f"# About {name}\n\nHow {name} work.\n", "utf-8")
    git(place, "add", "--all")
    git(place, "commit", "--quiet", "-m", "First")
    (tmp_path / "config").mkdir()
    (tmp_path / "config" / "sources.toml").write_text(
        f'[handbook]\nkind = "git"\nrepository = "{place}"\naudience = "public"\n', "utf-8"
    )
    monkeypatch.setenv("DESKBELL_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("DESKBELL_CONFIG", str(tmp_path / "config"))
    monkeypatch.setenv("DESKBELL_EMBEDDER", "none")
    return place


def found(data: Path, query: str) -> list[tuple[str, str]]:
    index = open_index(data, embedder="none")
    try:
        return [(one.path, one.heading) for one in index.search(query, PUBLIC)]
    finally:
        index.close()


def test_a_sync_mirrors_and_indexes_beside_what_was_indexed_by_hand(
    repository: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    own = tmp_path / "own"
    own.mkdir()
    (own / "printers.md").write_text("# Printers\n\nHow printers work.\n", "utf-8")
    assert main(["kb", "index", str(own)]) == 0
    capsys.readouterr()

    assert main(["kb", "sync", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["sources"][0]["written"] == 3
    assert told["index"]["articles"] == 4
    assert {path for path, _ in found(tmp_path / "data", "how do webhooks work")} >= {"webhooks.md"}
    assert {path for path, _ in found(tmp_path / "data", "printers")} >= {"printers.md"}

    (repository / "tokens.md").unlink()
    git(repository, "add", "--all")
    git(repository, "commit", "--quiet", "-m", "Second")
    assert main(["kb", "sync"]) == 0
    assert "handbook: 0 written, 1 removed, 2 unchanged." in capsys.readouterr().out
    assert "tokens.md" not in {path for path, _ in found(tmp_path / "data", "tokens")}


def test_a_folder_that_is_gone_is_not_taken_for_deleted_articles(
    repository: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["kb", "index", str(repository)]) == 0
    shutil.move(repository, tmp_path / "moved")
    assert main(["kb", "sync"]) == 2
    assert "is not there any more" in capsys.readouterr().err
    assert found(tmp_path / "data", "tokens")


@pytest.mark.usefixtures("repository")
def test_a_source_that_is_not_configured_any_more_leaves_the_index(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    own = tmp_path / "own"
    own.mkdir()
    (own / "printers.md").write_text("# Printers\n\nHow printers work.\n", "utf-8")
    assert main(["kb", "index", str(own)]) == 0
    assert main(["kb", "sync"]) == 0
    written = (tmp_path / "config" / "sources.toml").read_text("utf-8")
    (tmp_path / "config" / "sources.toml").write_text(
        written.replace("[handbook]", "[docs]") + 'folder = "nothing-here"\n', "utf-8"
    )
    assert main(["kb", "sync"]) == 1
    told = capsys.readouterr().err
    assert "handbook is not in sources.toml any more" in told
    assert "docs: the source has no article." in told
    assert {path for path, _ in found(tmp_path / "data", "tokens printers")} == {"printers.md"}


@pytest.mark.usefixtures("repository")
def test_a_dry_run_writes_and_indexes_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["kb", "sync", "handbook", "--dry-run"]) == 0
    assert "handbook: 3 would be written" in capsys.readouterr().out
    assert not list((tmp_path / "data" / "sources").rglob("*.md"))
    assert not (tmp_path / "data" / "index").exists()


@pytest.mark.usefixtures("repository")
def test_a_wrong_name_and_no_sources_at_all_are_one_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["kb", "sync", "handbok"]) == 2
    assert "'handbok' is not in sources.toml; did you mean 'handbook'?" in capsys.readouterr().err
    (tmp_path / "config" / "sources.toml").unlink()
    assert main(["kb", "sync"]) == 2
    assert "no source is configured" in capsys.readouterr().err


@pytest.mark.usefixtures("repository")
def test_check_names_the_variable_of_a_credential_that_is_not_there(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    main(["check"])
    assert "ok   sources: handbook (git)" in capsys.readouterr().out

    with (tmp_path / "config" / "sources.toml").open("a", encoding="utf-8") as file:
        file.write('[wiki]\nkind = "confluence"\nurl = "https://acme.atlassian.net"\nspaces = ["SUP"]\n')
        file.write('token = "WIKI_TOKEN_THAT_NOBODY_SET"\n')
    assert main(["check"]) == 1
    told = capsys.readouterr().out
    assert (
        "BAD  sources: sources.toml: [wiki]: token: the environment variable WIKI_TOKEN_THAT_NOBODY_SET"
        in told
    )
