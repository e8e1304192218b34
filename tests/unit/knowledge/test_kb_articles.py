from __future__ import annotations

import os
from pathlib import Path

import pytest

from bot.core.model import INTERNAL, PUBLIC, OrganisationId, customer
from knowledge.articles import UnreadableArticle, find_articles, load_article
from knowledge.languages import Language


def write(folder: Path, name: str, content: str | bytes) -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def test_front_matter_says_title_language_audience_and_address(tmp_path: Path) -> None:
    front = (
        "---\ntitle: A title\nlang: pt-BR\naudience: customer:acme\nurl: https://x.example/a\n---\n# Other\n"
    )
    article = load_article(write(tmp_path, "a/b.md", front), tmp_path)
    assert (article.path, article.title, article.language) == ("a/b.md", "A title", Language.PT)
    assert (article.audience, article.url) == (customer(OrganisationId("acme")), "https://x.example/a")
    assert article.first_line == 7


def test_toml_front_matter_is_read_too(tmp_path: Path) -> None:
    article = load_article(
        write(tmp_path, "a.md", '+++\ntitle = "T"\naudience = "internal"\n+++\nx'), tmp_path
    )
    assert (article.title, article.audience) == ("T", INTERNAL)


def test_without_front_matter_the_first_heading_is_the_title(tmp_path: Path) -> None:
    article = load_article(write(tmp_path, "a.md", "# The `real` [title](x) {#anchor}\n\ntext"), tmp_path)
    assert (article.title, article.audience, article.language) == ("The real title", PUBLIC, None)


def test_without_a_heading_the_file_name_is_the_title(tmp_path: Path) -> None:
    assert load_article(write(tmp_path, "some-page.md", "text"), tmp_path).title == "some-page"


def test_a_rule_at_the_top_is_no_front_matter(tmp_path: Path) -> None:
    article = load_article(write(tmp_path, "a.md", "---\n\n# Title\n"), tmp_path)
    assert article.title == "Title"


def test_the_stated_audience_is_for_articles_that_name_none(tmp_path: Path) -> None:
    path = write(tmp_path, "a.md", "text")
    assert load_article(path, tmp_path, audience=INTERNAL).audience == INTERNAL


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (b"# ok\nsecond\nthird \xff\n", "a.md: line 3: not UTF-8."),
        (b"---\ntitle: x\nnever closed\n", "a.md: line 1: the front matter is never closed with ---."),
        (b"---\ntitle: x\nlang: [\n---\n", "a.md: line 3: the front matter is not YAML."),
        (b"+++\ntitle = x\n+++\n", "a.md: line 2: the front matter is not TOML."),
        (b"---\ndate: 2026-13-45\n---\n", "a.md: line 1: the front matter is not YAML."),
        (b"---\ntitle: [a, b]\n---\n", "a.md: line 2: title in the front matter is no text."),
        (
            b"---\nurl: javascript:alert(1)\n---\n",
            "a.md: line 2: url in the front matter is no http address.",
        ),
    ],
)
def test_what_cannot_be_read_is_one_sentence_with_file_and_line(
    tmp_path: Path, content: bytes, complaint: str
) -> None:
    with pytest.raises(UnreadableArticle) as caught:
        load_article(write(tmp_path, "a.md", content), tmp_path)
    assert str(caught.value) == complaint


@pytest.mark.parametrize("stated", ["everybody", "customer:", "public:x", "INTERNAL"])
def test_an_audience_that_is_not_understood_is_never_taken_for_public(tmp_path: Path, stated: str) -> None:
    with pytest.raises(UnreadableArticle, match="audience"):
        load_article(write(tmp_path, "a.md", f"---\naudience: '{stated}'\n---\ntext"), tmp_path)


def test_hidden_and_other_files_are_left_out_and_links_out_of_the_folder_are_refused(tmp_path: Path) -> None:
    outside = write(tmp_path, "outside/secret.md", "secret")
    folder = tmp_path / "kb"
    write(folder, "b.md", "b")
    write(folder, "a/a.md", "a")
    write(folder, ".hidden.md", "h")
    write(folder, ".git/x.md", "h")
    write(folder, "x.txt", "t")
    (folder / "link.md").symlink_to(outside)
    (folder / "linked").symlink_to(outside.parent, target_is_directory=True)
    (folder / "again.md").symlink_to(folder / "b.md")
    found = [path.relative_to(folder).as_posix() for path in find_articles(folder)]
    assert found == ["link.md", "linked", "b.md", "a/a.md"]
    for name in ("link.md", "linked"):
        with pytest.raises(UnreadableArticle, match=f"^{name}: a symbolic link out of the folder"):
            load_article(folder / name, folder)


@pytest.mark.skipif(os.name == "nt", reason="such names cannot exist there")
def test_a_file_name_with_control_characters_is_shown_without_them(tmp_path: Path) -> None:
    article = load_article(write(tmp_path, "a\x1b[31m\n.md", "text"), tmp_path)
    assert article.path == "a\N{REPLACEMENT CHARACTER}[31m\N{REPLACEMENT CHARACTER}.md"


def test_a_remark_in_a_listing_is_no_title(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("```sh\n# start the broker\n```\n\n# Brokers\n", "utf-8")
    assert load_article(page, tmp_path).title == "Brokers"
    page.write_text("```sh\n# start the broker\n```\n\nBrokers\n=======\n", "utf-8")
    assert load_article(page, tmp_path).title == "Brokers"
    page.write_text("```sh\n# start the broker\n```\n", "utf-8")
    assert load_article(page, tmp_path).title == "page"


def test_where_an_article_comes_from_and_in_which_state(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(
        "---\ntitle: Tokens\nsource: confluence\nrevision: 17\nupdated: 2026-03-01\n---\nRotate them.",
        "utf-8",
    )
    article = load_article(page, tmp_path)
    assert (article.source, article.updated) == ("confluence", "2026-03-01")
    assert article.revision.startswith("17-")  # what it says of itself, and what it is


def test_without_a_stated_revision_the_content_is_one(tmp_path: Path) -> None:
    page = tmp_path / "page.md"

    def revision(text: str) -> str:
        page.write_text(text, "utf-8")
        return load_article(page, tmp_path).revision

    first = revision("# Tokens\n\nRotate them.")
    assert first == revision("---\nupdated: 2026-03-01\n---\n# Tokens\n\nRotate them.") != ""
    assert first != revision("# Tokens\n\nRotate them twice.")
    assert load_article(page, tmp_path).source == tmp_path.name


def test_secrets_and_addresses_do_not_get_in(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    token = "xoxb-" + "123456789012-abcdefABCDEF"
    page.write_text(f"# Ask maria.silva@corp.io\n\nUse {token} for now.", "utf-8")
    article = load_article(page, tmp_path)
    assert "maria" not in article.title
    assert token not in article.body
