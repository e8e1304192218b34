from __future__ import annotations

import shutil
import subprocess
import sys
from collections import Counter
from contextlib import closing
from pathlib import Path

import pytest
from hash_embedder import HashEmbedder
from readable import articles_naming, readable_chunks

from bot.core.errors import UserFacingError
from bot.core.model import INTERNAL, PUBLIC, Audience, OrganisationId, customer
from knowledge.loaded import LiveIndex
from knowledge.opening import KnowledgeIndex
from knowledge.retrieval import IndexMissing
from knowledge.vectors import VectorStore
from knowledge.versions import Place, current_place, embeddings_for

ARTICLES = Path(__file__).resolve().parents[2] / "payloads" / "kb" / "articles"
ACME = customer(OrganisationId("acme"))
OTHER = customer(OrganisationId("other"))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return Path(shutil.copytree(ARTICLES, tmp_path / "kb"))


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return tmp_path / "data"


def digests_in(place: Place) -> set[str]:
    with place.catalogue.reading() as reading:
        return {digest for partition in reading.partitions() for digest in reading.digests(partition)}


def paths(index: KnowledgeIndex, question: str, reader: Audience = PUBLIC) -> list[str]:
    return [passage.path for passage in index.search(question, reader)]


def test_an_index_finds_an_article_by_its_words(folder: Path, data: Path) -> None:
    index = KnowledgeIndex(data, HashEmbedder())
    report = index.refresh([folder])
    assert (report.articles, report.errors, report.removed) == (6, (), 0)
    assert report.embedded == report.chunks > 5
    found = index.search("how do I revoke an access token", PUBLIC)
    assert found[0].path == "guides/tokens.md"
    assert found[0].url.startswith("https://docs.example.org/guides/tokens#")
    assert [passage.score for passage in found] == sorted((one.score for one in found), reverse=True)
    sections = [(passage.path, passage.anchor) for passage in found]
    assert len(set(sections)) == len(sections)
    assert max(Counter(path for path, _ in sections).values()) <= 3  # no article fills the list alone
    index.close()


def test_a_second_refresh_embeds_nothing(folder: Path, data: Path) -> None:
    embedder = HashEmbedder()
    index = KnowledgeIndex(data, embedder)
    first = index.refresh([folder])
    embedder.passages.clear()
    second = index.refresh([folder])
    assert (second.embedded, second.chunks, embedder.passages) == (0, first.chunks, [])
    index.close()


def test_a_changed_article_replaces_its_old_words_and_only_its_own_chunks_are_embedded(
    folder: Path, data: Path
) -> None:
    embedder = HashEmbedder()
    index = KnowledgeIndex(data, embedder)
    index.refresh([folder])
    embedder.passages.clear()
    page = folder / "guides/tokens.md"
    page.write_text(page.read_text("utf-8").replace("secret manager", "walrus cupboard"), "utf-8")
    report = index.refresh([folder])
    assert report.embedded == len(embedder.passages) == 1
    found = index.search("walrus cupboard", PUBLIC)[0]
    assert "walrus cupboard" in found.text
    assert not any("secret manager" in one.text for one in index.search("secret manager", PUBLIC))
    index.close()


def test_a_removed_article_vanishes_with_its_vectors(folder: Path, data: Path) -> None:
    index = KnowledgeIndex(data, HashEmbedder())
    index.refresh([folder])
    (folder / "guides/tokens.md").unlink()
    report = index.refresh([folder])
    assert (report.removed, report.articles) == (1, 5)
    assert "guides/tokens.md" not in paths(index, "revoke an access token")
    place = current_place(data / "index")
    assert place is not None
    with place.catalogue.reading() as reading, closing(VectorStore.embedded(place.chroma)) as store:
        for partition in reading.partitions():
            assert store.digests(partition) == reading.digests(partition)
    assert embeddings_for(data / "index", HashEmbedder()).known() == digests_in(place)
    index.close()


def test_a_renamed_article_keeps_its_vectors(folder: Path, data: Path) -> None:
    index = KnowledgeIndex(data, HashEmbedder())
    index.refresh([folder])
    (folder / "guides/tokens.md").rename(folder / "guides/keys.md")
    report = index.refresh([folder])
    assert (report.embedded, report.removed) == (0, 1)
    assert paths(index, "revoke an access token")[0] == "guides/keys.md"
    index.close()


def test_unreadable_articles_are_named_and_the_rest_is_indexed(folder: Path, data: Path) -> None:
    (folder / "bad.md").write_bytes(b"one\n\xff\n")
    index = KnowledgeIndex(data, HashEmbedder())
    report = index.refresh([folder])
    assert report.errors == ("bad.md: line 2: not UTF-8.",)
    assert report.articles == 6
    index.close()


def test_an_article_that_became_unreadable_is_not_found_any_more(folder: Path, data: Path) -> None:
    index = KnowledgeIndex(data, HashEmbedder())
    index.refresh([folder])
    (folder / "guides/tokens.md").write_text("---\naudience: nobody\n---\n# Access tokens\n", "utf-8")
    assert len(index.refresh([folder]).errors) == 1
    assert "guides/tokens.md" not in paths(index, "revoke an access token")
    index.close()


@pytest.mark.parametrize("embedder", [HashEmbedder(), None], ids=["vectors", "words only"])
def test_nobody_finds_what_is_not_for_them(folder: Path, data: Path, embedder: HashEmbedder | None) -> None:
    index = KnowledgeIndex(data, embedder)
    index.refresh([folder])
    question = "gateway port zebrafish pangolin tunnel certificate"
    private = {"private/acme.md", "private/runbook.md"}
    assert private.isdisjoint(paths(index, question, PUBLIC))
    assert private.isdisjoint(paths(index, question, OTHER))
    assert private & set(paths(index, question, ACME)) == {"private/acme.md"}
    assert private <= set(paths(index, question, INTERNAL))
    assert articles_naming(index.searcher, "zebrafish", PUBLIC) == set()
    assert len(articles_naming(index.searcher, "zebrafish", ACME)) == 1
    assert (
        readable_chunks(index.searcher, PUBLIC)
        < readable_chunks(index.searcher, ACME)
        < readable_chunks(index.searcher, INTERNAL)
    )
    index.close()


def test_an_article_whose_audience_narrows_is_gone_for_the_public(folder: Path, data: Path) -> None:
    index = KnowledgeIndex(data, HashEmbedder())
    index.refresh([folder])
    page = folder / "guides/tokens.md"
    page.write_text(
        page.read_text("utf-8").replace("---\ntitle", "---\naudience: internal\ntitle", 1), "utf-8"
    )
    index.refresh([folder])
    assert "guides/tokens.md" not in paths(index, "revoke an access token", PUBLIC)
    assert "guides/tokens.md" in paths(index, "revoke an access token", INTERNAL)
    index.close()


def test_another_embedder_builds_beside_and_takes_over_at_the_end(folder: Path, data: Path) -> None:
    index = KnowledgeIndex(data, HashEmbedder("hash-1"))
    index.refresh([folder])
    before = current_place(data / "index")
    index.close()
    other = HashEmbedder("hash-2")
    newer = KnowledgeIndex(data, other)
    # Until it is built anew the old index still answers by its words.
    assert "guides/tokens.md" in paths(newer, "revoke an access token")
    report = newer.refresh([folder])
    after = current_place(data / "index")
    assert report.embedded == report.chunks == len(other.passages)
    assert before != after
    assert before is not None
    assert before.folder.exists()  # `newer` has it open, and may be in the middle of a search
    assert "guides/tokens.md" in paths(newer, "revoke an access token")
    newer.refresh([folder])
    assert not before.folder.exists()
    newer.close()


class Interrupted(Exception):
    pass


def stop_at_the_end(done: int, total: int, path: str) -> None:
    del path
    if done == total:
        raise Interrupted


def test_an_interrupted_first_refresh_shows_nothing_and_loses_no_vector(folder: Path, data: Path) -> None:
    for number in range(40):  # more than one window
        parts = "\n".join(f"## Part {part}\n\n{f'word{number}x{part} ' * 100}\n" for part in range(8))
        (folder / f"long{number}.md").write_text(f"# Long {number}\n{parts}", "utf-8")
    embedder = HashEmbedder()
    index = KnowledgeIndex(data, embedder)
    with pytest.raises(Interrupted):
        index.refresh([folder], progress=stop_at_the_end)
    done = len(embedder.passages)
    assert done > 200
    with pytest.raises(IndexMissing):
        index.search("old versions alerts tokens", INTERNAL)
    report = index.refresh([folder])
    assert (report.articles, report.embedded) == (46, report.chunks - done)
    index.close()


def test_an_interrupted_refresh_leaves_the_old_index_as_it_was(folder: Path, data: Path) -> None:
    index = KnowledgeIndex(data, HashEmbedder())
    index.refresh([folder])
    page = folder / "guides/tokens.md"
    page.write_text(page.read_text("utf-8").replace("secret manager", "walrus cupboard"), "utf-8")
    (folder / "private/acme.md").unlink()
    with pytest.raises(Interrupted):
        index.refresh([folder], progress=stop_at_the_end)
    assert any("secret manager" in one.text for one in index.search("secret manager", PUBLIC))
    assert "private/acme.md" in paths(index, "zebrafish", ACME)
    index.refresh([folder])
    assert any("walrus cupboard" in one.text for one in index.search("walrus cupboard", PUBLIC))
    assert "private/acme.md" not in paths(index, "zebrafish", ACME)
    index.close()


def test_lost_neighbours_are_stored_again_without_embedding(folder: Path, data: Path) -> None:
    index = KnowledgeIndex(data, HashEmbedder())
    first = index.refresh([folder])
    index.close()
    place = current_place(data / "index")
    assert place is not None
    # A process of its own, as after a restart: chromadb keeps what it has opened.
    script = (
        "import sys; sys.path[:0] = sys.argv[3:]\n"
        "from pathlib import Path\n"
        "from hash_embedder import HashEmbedder\n"
        "from knowledge.opening import KnowledgeIndex\n"
        "print(KnowledgeIndex(Path(sys.argv[1]), HashEmbedder()).refresh([Path(sys.argv[2])]).embedded)\n"
    )
    shutil.rmtree(place.chroma)
    root = Path(__file__).resolve().parents[3]
    command = [sys.executable, "-c", script, str(data), str(folder), str(root), str(root / "tests")]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=120)
    assert int(done.stdout.split()[-1]) == 0
    with place.catalogue.reading() as reading, closing(VectorStore.embedded(place.chroma)) as store:
        assert sum(store.count(partition) for partition in reading.partitions()) == first.chunks


def test_lost_vectors_are_made_again(folder: Path, data: Path) -> None:
    index = KnowledgeIndex(data, HashEmbedder())
    first = index.refresh([folder])
    index.close()
    for file in (data / "index").glob("vectors-*"):
        file.unlink()
    again = KnowledgeIndex(data, HashEmbedder())
    assert again.refresh([folder]).embedded == first.chunks
    assert paths(again, "revoke an access token")[0] == "guides/tokens.md"
    again.close()


def test_two_refreshes_at_once_are_refused(folder: Path, data: Path) -> None:
    index = KnowledgeIndex(data, HashEmbedder())
    other = KnowledgeIndex(data, HashEmbedder())

    def meanwhile(done: int, total: int, path: str) -> None:
        del total, path
        if done == 0:
            with pytest.raises(UserFacingError, match="Another process is indexing"):
                other.refresh([folder])

    assert index.refresh([folder], progress=meanwhile).articles == 6
    index.close()


def test_a_reader_sees_what_was_indexed_after_it_had_opened(folder: Path, data: Path) -> None:
    writer = KnowledgeIndex(data, HashEmbedder())
    writer.refresh([folder])
    reader = KnowledgeIndex(data, HashEmbedder())
    assert "guides/new.md" not in paths(reader, "platypus")
    (folder / "guides/new.md").write_text("# Platypus\n\nAll about the platypus.", "utf-8")
    writer.refresh([folder])
    assert paths(reader, "platypus")[0] == "guides/new.md"
    writer.close()
    reader.close()


def test_without_an_index_one_sentence_says_what_to_do(data: Path) -> None:
    with pytest.raises(IndexMissing, match="kb index"):
        KnowledgeIndex(data, None).search("anything", PUBLIC)


def test_a_folder_that_is_none_is_named(tmp_path: Path, data: Path) -> None:
    with pytest.raises(UserFacingError, match="nowhere is not a folder"):
        KnowledgeIndex(data, None).refresh([tmp_path / "nowhere"])


@pytest.mark.parametrize("question", ["", "   ", '"', "NOT AND OR NEAR(", "*", "a" * 20_000, "\0", "😀"])
def test_no_question_breaks_the_search(folder: Path, data: Path, question: str) -> None:
    index = KnowledgeIndex(data, HashEmbedder())
    index.refresh([folder])
    index.search(question, PUBLIC)
    index.close()


def test_a_message_is_found_as_it_stands(tmp_path: Path, data: Path) -> None:
    folder = tmp_path / "kb"
    folder.mkdir()
    (folder / "a.md").write_text('# A\n\nIt says\n\n```\nCannot query   field "createDecision"\n```', "utf-8")
    (folder / "b.md").write_text('# B\n\nThe field cannot: "createDecision" is a query.', "utf-8")
    index = KnowledgeIndex(data, None)
    index.refresh([folder])
    index.close()
    live = LiveIndex(data / "index", None)
    with closing(live), live.view(PUBLIC) as view:
        (english,) = view.partitions
        found = english.chunks[view.verbatim(english, 'cannot query field "createDecision"')]
        (chunk,) = view.reading.chunks(found.tolist()).values()
        assert chunk.path == "a.md"
        assert len(english.with_all(["createdecision", "queri"])) == 2
        assert not len(view.verbatim(english, 'no field "createDecision"'))
