"""Articles and questions that want to be more than words, read the way a channel's Markdown parser does."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Event

import pytest
from hash_embedder import HashEmbedder
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from markdown_it.token import Token
from readable import articles_naming, readable_chunks

from bot.core.errors import UserFacingError
from bot.core.model import INTERNAL, PUBLIC, Audience, Inquiry, OrganisationId, Tier, customer
from knowledge.articles import load_article
from knowledge.base import LocalKnowledgeBase
from knowledge.chunking import chunk_article
from knowledge.commands import ask_batch, kb_index
from knowledge.embedding import Vectors
from knowledge.languages import Language
from knowledge.opening import KnowledgeIndex
from knowledge.quoting import neutral, quote
from knowledge.retrieval import Question, Searcher

CHANNEL = MarkdownIt("commonmark", {"html": True}).enable("table")
ACTIVE = {"link_open", "image", "html_inline", "html_block"}

HOSTILE = [
    r"\`\[pay here\](http://evil.example)\`\` and more words follow",
    r"A lone \` stands here. See `[x](http://evil.example)` now.",
    r"\`\`\`a\`\`\` \[x\](http://evil.example) in a row",
    "Markup &lt;img src=x onerror=y&gt; that was spelt &lt;b&gt;out&lt;/b&gt;.",
    "An &lt;javascript:alert&gt; and &lt;a@evil.example&gt; in brackets.",
    "Words [click](http://evil.example) ![p](http://evil.example/p.png) <b onclick=x>bold</b> here.",
    r"\[x\]: http://evil.example",
]


def tokens_of(markdown: str) -> list[Token]:
    return [part for token in CHANNEL.parse(markdown) for part in (token, *(token.children or ()))]


def quoted(folder: Path, body: str) -> str:
    (folder / "a.md").write_text(f"# Title\n\n{body}\n", encoding="utf-8")
    (chunk,) = chunk_article(load_article(folder / "a.md", folder))
    question = Question(text="words here", language=Language.EN, vector=None)
    return quote(chunk.text, question, heading="Title", embedder=None).text


@pytest.mark.parametrize("body", HOSTILE)
def test_a_channel_finds_no_link_image_or_html_in_a_quotation(tmp_path: Path, body: str) -> None:
    shown = tokens_of(quoted(tmp_path, body))
    assert {token.type for token in shown} & ACTIVE == set()


@given(
    st.lists(
        st.sampled_from(["`", "``", "\\", "[x](http://e.io)", "<b>", "<http://e.io>", " a. B", "@al", "\n"])
    )
)
def test_no_mixture_of_marks_becomes_active(parts: list[str]) -> None:
    shown = tokens_of("".join(f"> {line}\n" for line in neutral("".join(parts)).split("\n")))
    assert {token.type for token in shown} & ACTIVE == set()


def test_mentions_of_people_are_broken_and_addresses_of_mail_are_not() -> None:
    assert "@alice" not in neutral("ask @alice")
    assert "bob@example.org" in neutral("write to bob@example.org")


def test_half_a_character_in_front_matter_breaks_nothing(tmp_path: Path) -> None:
    folder = tmp_path / "kb"
    folder.mkdir()
    (folder / "a.md").write_text('---\ntitle: "odd \\ud800 title"\n---\nSome words.\n', encoding="utf-8")
    index = KnowledgeIndex(tmp_path / "data", None)
    assert index.refresh([folder]).articles == 1
    index.close()


def test_a_link_out_of_the_folder_is_named_and_the_rest_is_indexed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "kb"
    folder.mkdir()
    (tmp_path / "secret.md").write_text("# Secret\n\nxyzzy\n", encoding="utf-8")
    (folder / "a.md").write_text("# Fine\n\nSome words.\n", encoding="utf-8")
    (folder / "out.md").symlink_to(tmp_path / "secret.md")
    assert kb_index([folder], tmp_path / "data", embedder="none") == 1
    printed = capsys.readouterr()
    assert printed.err == "out.md: a symbolic link out of the folder, which is not followed.\n"
    assert printed.out.startswith("1 articles in 1 chunks")


def test_ids_and_depths_that_no_file_should_have_spoil_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "kb"
    folder.mkdir()
    (folder / "a.md").write_text("# Fine\n\nSome words.\n", encoding="utf-8")
    assert kb_index([folder], tmp_path / "data", embedder="none") == 0
    source, target = tmp_path / "in.jsonl", tmp_path / "out.jsonl"
    source.write_text('{"id": "\\ud800", "question": "words?"}\n' + "[" * 100_000 + "\n", encoding="ascii")
    assert ask_batch(source, target, tmp_path / "data", embedder="none") == 1
    assert '{"id": "\\ud800", ' in target.read_text("utf-8")
    assert "line 2: not JSON." in capsys.readouterr().err


# -- audiences ------------------------------------------------------------------

ACME, OTHER = customer(OrganisationId("acme")), customer(OrganisationId("other"))
AUDIENCES = [PUBLIC, INTERNAL, ACME, OTHER]


@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    labels=st.lists(st.sampled_from(AUDIENCES), min_size=1, max_size=6),
    later=st.lists(st.sampled_from(AUDIENCES), min_size=6, max_size=6),
    embedder=st.sampled_from([HashEmbedder(), None]),
)
def test_no_reader_finds_counts_or_is_answered_what_is_not_theirs(
    tmp_path_factory: pytest.TempPathFactory,
    labels: list[Audience],
    later: list[Audience],
    embedder: HashEmbedder | None,
) -> None:
    place = tmp_path_factory.mktemp("kb")
    folder = place / "articles"
    folder.mkdir()
    index = KnowledgeIndex(place / "data", embedder)
    for round_of in (labels, later[: len(labels)]):
        for number, label in enumerate(round_of):
            text = f"---\naudience: {label}\n---\n# Part {number}\n\nThe canary{number} sings the password.\n"
            (folder / f"{number}.md").write_text(text, encoding="utf-8")
        index.refresh([folder])
        for reader in AUDIENCES:
            readable = {number for number, label in enumerate(round_of) if label.may_reach(reader)}
            assert readable_chunks(index.searcher, reader) == len(readable)
            for number in range(len(round_of)):
                asked = f"canary{number} sings the password"
                found = {passage.path for passage in index.search(asked, reader, limit=20)}
                assert found == {f"{one}.md" for one in readable}
                naming = articles_naming(index.searcher, f"canary{number}", reader)
                assert bool(naming) == (number in readable)
                considered = index.answerer().consider(asked, reader=reader)
                assert considered.answer is None or considered.answer.text.audience.may_reach(reader)
    index.close()


# -- while an index is built ------------------------------------------------------


class _Gated(HashEmbedder):
    """Waits at the second article until it is let go on, or fails there."""

    def __init__(self, name: str, *, fails: bool = False) -> None:
        super().__init__(name)
        self.reached, self.released, self._fails = Event(), Event(), fails

    def embed_passages(self, texts: Sequence[str]) -> Vectors:
        vectors = super().embed_passages(texts)
        if len(self.passages) > 1:
            self.reached.set()
            if self._fails:
                raise RuntimeError("the machine went away")
            assert self.released.wait(20)
        return vectors


def _write(folder: Path, count: int) -> Path:
    folder.mkdir(exist_ok=True)
    for number in range(count):
        (folder / f"{number}.md").write_text(f"# Part {number}\n\nWords about lemon{number}.\n", "utf-8")
    return folder


def test_searches_go_on_while_another_thread_indexes(tmp_path: Path) -> None:
    folder, embedder = _write(tmp_path / "kb", 1), _Gated("hash")
    first = KnowledgeIndex(tmp_path / "data", embedder)
    first.refresh([folder])
    _write(folder, 4)
    reader = Searcher(tmp_path / "data" / "index", HashEmbedder("hash"))
    with ThreadPoolExecutor() as threads:
        refresh = threads.submit(first.refresh, [folder])
        try:
            assert embedder.reached.wait(20)
            searches = [threads.submit(reader.search, reader.read("lemon0"), PUBLIC) for _ in range(12)]
            assert all(search.result(20)[0].path == "0.md" for search in searches)
        finally:
            embedder.released.set()
        assert refresh.result(20).articles == 4
    assert reader.search(reader.read("lemon3"), PUBLIC)[0].path == "3.md"
    reader.close()
    first.close()


def test_a_refresh_that_another_embedder_left_unfinished_changes_nothing(tmp_path: Path) -> None:
    folder = _write(tmp_path / "kb", 3)
    index = KnowledgeIndex(tmp_path / "data", HashEmbedder("mine"))
    index.refresh([folder])
    broken = KnowledgeIndex(tmp_path / "data", _Gated("other", fails=True))
    with pytest.raises(RuntimeError):
        broken.refresh([folder])
    assert next(passage.path for passage in index.search("lemon0", PUBLIC)) == "0.md"
    index.close()
    broken.close()


def test_an_index_folder_that_is_no_folder_for_us_is_not_called_busy(tmp_path: Path) -> None:
    (tmp_path / "data" / "index" / "lock.sqlite").mkdir(parents=True)
    index = KnowledgeIndex(tmp_path / "data", None)
    with pytest.raises(UserFacingError, match="cannot be written"):
        index.refresh([_write(tmp_path / "kb", 1)])


async def test_a_damaged_index_is_an_error_and_no_empty_answer(tmp_path: Path) -> None:
    place = tmp_path / "data"
    index = KnowledgeIndex(place, None)
    index.refresh([_write(tmp_path / "kb", 1)])
    (catalogue,) = place.rglob("catalogue.sqlite")
    catalogue.write_bytes(b"not a database, and longer than its header would be" * 4)
    desk = LocalKnowledgeBase(index.answerer)
    with pytest.raises(sqlite3.DatabaseError):
        await desk.warm_up()
    with pytest.raises(sqlite3.DatabaseError):
        await desk.answer(Inquiry(text="lemon0?", reader=PUBLIC, tier=Tier.COMMUNITY))
    desk.close()
    index.close()
