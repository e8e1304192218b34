"""Which articles and which of their sections come first."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
import pytest

from bot.core.model import PUBLIC
from knowledge.opening import KnowledgeIndex
from knowledge.postings import ENTRY
from knowledge.retrieval import Passage
from knowledge.whole_articles import WholeArticles


def searched(place: Path, articles: Mapping[str, str], question: str, *, limit: int = 10) -> list[Passage]:
    folder = place / "kb"
    folder.mkdir()
    for name, text in articles.items():
        (folder / name).write_text(text, "utf-8")
    index = KnowledgeIndex(place / "data", None)
    index.refresh([folder])
    found = index.search(question, PUBLIC, limit=limit)
    index.close()
    return found


def lists(**words: Sequence[tuple[int, int, int]]) -> Callable[[str], bytes]:
    """Word → (chunk, times in its title, times in its text)."""
    written = {
        word: np.array([(chunk, title, 0, text) for chunk, title, text in having], ENTRY).tobytes()
        for word, having in words.items()
    }
    return lambda word: written.get(word, b"")


def test_words_that_stand_in_different_sections_of_an_article_count_together() -> None:
    # Articles 7, 8 and 9 of two chunks each; chunk 99 has been removed.
    whole = WholeArticles(
        np.arange(1, 7, dtype=np.int64),
        np.array([7, 7, 8, 8, 9, 9], np.int64),
        np.full(6, 10, np.float32),
        lists(zebra=[(1, 0, 1), (3, 0, 1), (4, 0, 1), (99, 0, 9)], walrus=[(2, 0, 1), (99, 0, 9)]),
    )
    both, one, none = whole.scores(["zebra", "walrus", "zebra", "parrot"]).tolist()
    assert both > one > none == 0.0
    assert whole.ids.tolist() == [7, 8, 9]


def test_a_title_counts_once_for_all_the_chunks_under_it() -> None:
    whole = WholeArticles(
        np.arange(1, 5, dtype=np.int64),
        np.array([7, 7, 7, 8], np.int64),
        np.array([5, 5, 5, 15], np.float32),
        lists(zebra=[(1, 1, 0), (2, 1, 0), (3, 1, 0), (4, 1, 0)]),
    )
    first, second = whole.scores(["zebra"]).tolist()
    assert first == second > 0


def test_a_second_section_of_an_article_comes_behind_another_article_that_is_as_good(tmp_path: Path) -> None:
    sections = "\n\n".join(f"## Zebra {number}\n\nThe zebra eats grass." for number in "abcd")
    found = searched(
        tmp_path, {"a.md": f"# One\n\n{sections}", "b.md": "# Two\n\n## Zebra\n\nThe zebra eats."}, "zebra"
    )
    assert [passage.path for passage in found][-1] == "a.md"
    assert sorted(passage.path for passage in found) == ["a.md", "a.md", "b.md"]
    assert len({passage.anchor for passage in found if passage.path == "a.md"}) == 2


def test_a_long_section_is_found_once(tmp_path: Path) -> None:
    long = "\n\n".join(f"The zebra eats grass on day {number} and sleeps at night." for number in range(80))
    found = searched(tmp_path, {"a.md": f"# One\n\n## Zebra\n\n{long}"}, "zebra grass")
    assert [passage.heading for passage in found] == ["Zebra"]


@pytest.mark.parametrize("quoted", ['"cannot query field zebra"', "`Cannot query field zebra`"])
def test_a_message_that_is_quoted_is_found_as_it_stands(tmp_path: Path, quoted: str) -> None:
    articles = {
        "a.md": "# One\n\n## Zebra\n\nA zebra field: query the field, zebra, query. The zebra cannot.",
        "b.md": "# Two\n\n## Messages\n\nWhen a feed ends early it says: `Cannot query field zebra`, twice.",
    }
    (tmp_path / "plain").mkdir()
    plain = searched(tmp_path / "plain", articles, "cannot query field zebra")
    assert [passage.path for passage in plain] == ["a.md", "b.md"]
    found = searched(tmp_path, articles, f"what is {quoted}?")
    assert [passage.path for passage in found] == ["b.md", "a.md"]


def test_the_limit_counts_passages(tmp_path: Path) -> None:
    articles = {f"{name}.md": f"# {name}\n\n## Zebra\n\nThe zebra {name}." for name in "abcdef"}
    assert len(searched(tmp_path, articles, "zebra", limit=3)) == 3


def test_nothing_is_found_for_no_words(tmp_path: Path) -> None:
    assert searched(tmp_path, {"a.md": "# One\n\nzebra"}, "   ") == []
