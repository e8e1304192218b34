from __future__ import annotations

import sqlite3
from contextlib import closing

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from knowledge.languages import Language, terms
from knowledge.postings import Changes, Holders, count_words

LETTERS = st.lists(st.sampled_from(["alpha", "bravo", "gamma", "delta", "omega"]), max_size=8)
DOCUMENTS = st.lists(st.tuples(LETTERS, LETTERS, LETTERS.filter(bool)), min_size=1, max_size=12)


def lists(documents: list[tuple[str, str, str]]) -> tuple[Changes, list[int]]:
    changes, lengths = Changes(), []
    for number, (title, heading, text) in enumerate(documents, 1):
        words = count_words(title, [heading], text, Language.EN)
        changes.add(1, number, words)
        lengths.append(words.length)
    return changes, lengths


@settings(deadline=None)
@given(DOCUMENTS, st.sampled_from(["alpha", "delta"]))
def test_scores_are_those_of_sqlite(documents: list[tuple[list[str], ...]], word: str) -> None:
    joined = [(" ".join(one[0]), " ".join(one[1]), " ".join(one[2])) for one in documents]
    changes, lengths = lists(joined)
    chunks = np.arange(1, len(joined) + 1)
    (stem,) = terms(word, Language.EN)
    found = Holders.read(changes.applied((1, stem), b""), chunks, np.array(lengths, np.float32))
    with closing(sqlite3.connect(":memory:")) as database:
        database.execute("CREATE VIRTUAL TABLE words USING fts5 (title, headings, text)")
        stemmed = [tuple(" ".join(terms(part, Language.EN)) for part in one) for one in joined]
        database.executemany("INSERT INTO words VALUES (?, ?, ?)", stemmed)
        query = "SELECT rowid, -bm25(words, 4.0, 2.0, 1.0) FROM words WHERE words MATCH ? ORDER BY rowid"
        expected = dict(database.execute(query, (stem,)).fetchall())
    scores = dict(zip(chunks[found.positions].tolist(), found.scores.tolist(), strict=True))
    assert scores == pytest.approx(expected, rel=1e-4, abs=1e-7)


def test_a_list_loses_what_went_and_gains_what_came() -> None:
    changes, _ = lists([("", "", "valve"), ("", "", "valve lamp")])
    written = changes.applied((1, "valv"), b"")
    later = Changes()
    later.remove(1, 1, count_words("", [], "valve", Language.EN))
    later.add(1, 3, count_words("Valve", ["valve"], "valve valve", Language.EN))
    after = Holders.read(later.applied((1, "valv"), written), np.array([2, 3]), np.ones(2, np.float32))
    assert after.positions.tolist() == [0, 1]
    assert later.lists() == [(1, "valv")]
    assert later.applied((1, "lamp"), b"kept") == b"kept"


def test_a_chunk_that_is_gone_is_passed_over() -> None:
    changes, _ = lists([("", "", "valve")] * 3)
    found = Holders.read(changes.applied((1, "valv"), b""), np.array([1, 3]), np.ones(2, np.float32))
    assert found.positions.tolist() == [0, 1]


@pytest.mark.parametrize(
    ("text", "name", "part"),
    [
        ("it says COSMOS-ERR-317 and stops", "cosmos-err-317", "cosmos"),
        ("the table metadata_aspect_v2 is locked", "metadata_aspect_v2", "aspect"),
        ('Cannot query field "createDecision"', "createdecision", "decis"),
        ("set spark.sql.shuffle.partitions to 8", "spark.sql.shuffle.partitions", "shuffl"),
        ("since v1.2.3", "v1.2.3", "3"),
    ],
)
def test_names_and_codes_are_found_whole_and_by_their_parts(text: str, name: str, part: str) -> None:
    assert {name, part} <= set(terms(text, Language.EN))


def test_a_word_with_a_hyphen_is_no_name() -> None:
    assert "follow-up" not in terms("a follow-up", Language.EN)


@pytest.mark.parametrize("text", ["a_" * 9_000, "a-" * 9_000, "a." * 9_000, "-" * 9_000, "aB" * 9_000])
def test_no_text_takes_long(text: str) -> None:
    assert len(terms(text, Language.EN)) <= 3 * len(text)
