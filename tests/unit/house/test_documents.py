"""Documents that are true: links lead somewhere, tables repeat the code, locks name no place."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

from bot.__main__ import build_parser
from bot.core.model import Audience, AudienceKind
from config.environment import SETTINGS
from handlers.slack.checking import REQUIRED_SCOPES

yaml = pytest.importorskip("yaml", reason="the articles' front matter is YAML")

ROOT = Path(__file__).resolve().parents[3]
README = (ROOT / "README.md").read_text("utf-8")
DECISIONS = ROOT / "docs" / "decisions"
ARTICLES = ROOT / "bot" / "sandbox" / "kb"
DOCUMENTS = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
LINK = re.compile(r"\]\((?!https?://|mailto:|#)([^)#\s]+)")


def test_links_between_documents_lead_somewhere() -> None:
    broken = [
        f"{document.relative_to(ROOT)}: {target}"
        for document in DOCUMENTS
        for target in LINK.findall(document.read_text("utf-8"))
        if not (document.parent / target).exists()
    ]

    assert broken == []


def test_every_decision_is_in_the_index_and_named_by_its_number() -> None:
    index = (DECISIONS / "README.md").read_text("utf-8")
    pages = [path for path in DECISIONS.glob("*.md") if path.name != "README.md"]

    assert [page.name for page in pages if f"({page.name})" not in index] == []
    assert [page.name for page in pages if not page.read_text("utf-8").startswith(f"# {page.name[:4]}")] == []


def test_the_changelog_has_a_place_for_what_is_not_released() -> None:
    assert "\n## [Unreleased]\n" in (ROOT / "CHANGELOG.md").read_text("utf-8")


def test_the_readme_lists_every_variable_as_the_code_has_it() -> None:
    written = re.findall(r"^\| `([A-Z_]+)` \| (.+?) \| (.+?) \|$", README, flags=re.MULTILINE)
    expected = [
        (
            setting.name,
            f"`{setting.default}`" if setting.default else "none",
            setting.help + (" *Secret.*" if setting.is_secret else ""),
        )
        for setting in SETTINGS
    ]

    assert written == expected


def test_the_readme_lists_every_command() -> None:
    table = README.split("## Commands")[1].split("\n## ")[0]
    known = re.findall(r"\{([a-z,]+)\}|^    ([a-z]+) ", build_parser().format_help(), flags=re.MULTILINE)
    names = {name for pair in known for group in pair for name in group.split(",") if name}

    assert names
    assert {name for name in names if not re.search(rf"`{name}[ `]", table)} == set()


def test_the_readme_names_every_policy_file() -> None:
    files = [path.name for path in (ROOT / "config" / "defaults").glob("*.toml")]

    assert files
    assert [name for name in files if f"| `{name}` | " not in README] == []


def test_the_slack_manifest_asks_for_the_scopes_that_are_checked() -> None:
    manifest = yaml.safe_load((ROOT / "docs" / "slack-app.yaml").read_text("utf-8"))
    asked = set(manifest["oauth_config"]["scopes"]["bot"])

    assert asked - {"users:read.email"} == set(REQUIRED_SCOPES)


def test_every_direct_dependency_has_its_reason() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    page = (DECISIONS / "0011-dependencies.md").read_text("utf-8")
    names = [re.split(r"[\[<>=]", requirement)[0] for requirement in project["dependencies"]]

    assert [name for name in names if f"| {name} | " not in page] == []


@pytest.mark.parametrize("lock", ["runtime", "build", "test", "dev"])
def test_locks_are_hashed_and_name_no_place(lock: str) -> None:
    text = (ROOT / "requirements" / f"{lock}.txt").read_text("utf-8")
    pins = re.findall(r"^[a-z0-9][\w.-]*(?:\[[\w,-]+\])?==.*\\\n    --hash=sha256:", text, flags=re.MULTILINE)

    assert len(pins) == len(re.findall(r"^[a-z0-9]", text, flags=re.MULTILINE))
    assert re.findall(r"://|--index|--find-links|^torch\b|^nvidia", text, flags=re.MULTILINE) == []


def test_what_is_locked_satisfies_what_is_declared() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    locked = set(
        re.findall(
            r"^([a-z0-9][\w.-]*)(?:\[[\w,-]+\])?==",
            (ROOT / "requirements" / "runtime.txt").read_text(),
            re.MULTILINE,
        )
    )
    declared = {re.split(r"[\[<>=]", requirement)[0] for requirement in project["dependencies"]}

    assert declared - locked == set()


def front_matter(article: Path) -> dict[str, str]:
    return dict(yaml.safe_load(article.read_text("utf-8").split("---\n")[1]))


def test_sample_articles_have_what_a_citation_needs() -> None:
    articles = {path: front_matter(path) for path in sorted(ARTICLES.rglob("*.md"))}
    urls = [fields["url"] for fields in articles.values()]

    assert f"[{len(articles)} sample articles]" in README.replace("\n", " ")
    assert all(fields["lang"] in {"en", "pt"} and fields["title"] for fields in articles.values())
    assert all(url.startswith("https://docs.opendatagov.io/") for url in urls)
    assert len(set(urls)) == len(urls)


def test_sample_articles_cover_every_audience_and_both_languages() -> None:
    fields = [front_matter(path) for path in ARTICLES.rglob("*.md")]
    audiences = {one.get("audience", "public").split(":")[0] for one in fields}

    assert audiences == {kind.value for kind in AudienceKind}
    assert {one["lang"] for one in fields} == {"en", "pt"}
    assert str(Audience(AudienceKind.PUBLIC)) in audiences
