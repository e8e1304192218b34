from __future__ import annotations

from pathlib import Path

from hash_embedder import HashEmbedder

from bot.core.model import PUBLIC, OrganisationId, customer
from knowledge.opening import KnowledgeIndex
from knowledge.twins import families, sketch

PAGE = "\n\n".join(
    f"Step {number}: open the {colour} valve, wait for {number * 7} seconds and write the pressure down."
    for number, colour in enumerate(["red", "green", "blue", "white", "black", "amber", "silver", "violet"])
)
ACME = customer(OrganisationId("acme"))


def test_a_page_with_a_changed_word_is_the_same_page_and_another_page_is_not() -> None:
    other = PAGE.replace("valve", "door").replace("pressure", "name").replace("seconds", "people")
    found = families([(1, sketch(PAGE)), (2, sketch(PAGE.replace("amber", "ochre"))), (3, sketch(other))])
    assert found == {1: 1, 2: 1, 3: 3}


def test_case_and_marks_make_no_difference() -> None:
    assert families([(4, sketch(PAGE)), (9, sketch(PAGE.upper().replace(",", " ;")))]) == {4: 4, 9: 4}


def test_stubs_are_not_taken_for_one_another() -> None:
    stub = "This page has moved."
    assert families([(1, sketch(stub)), (2, sketch(stub))]) == {1: 1, 2: 2}


def test_a_search_shows_one_of_two_copies_and_says_where_the_other_is(tmp_path: Path) -> None:
    folder = tmp_path / "kb"
    for name in ("v1/valves.md", "v2/valves.md", "unrelated.md"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
    (folder / "v1/valves.md").write_text(f"# Valves\n\n{PAGE}", "utf-8")
    (folder / "v2/valves.md").write_text(f"# Valves\n\n{PAGE} Done.", "utf-8")
    (folder / "unrelated.md").write_text("# Lamps\n\nA lamp is red or green.", "utf-8")
    index = KnowledgeIndex(tmp_path / "data", HashEmbedder())
    index.refresh([folder])
    found = index.search("when do I open the amber valve", PUBLIC)
    shown = next(passage for passage in found if passage.path.endswith("valves.md"))
    assert {shown.path, *shown.also_at} == {"v1/valves.md", "v2/valves.md"}
    assert {passage.path for passage in found} == {shown.path, "unrelated.md"}
    index.close()


def test_a_copy_that_the_reader_may_not_see_is_not_named(tmp_path: Path) -> None:
    folder = tmp_path / "kb"
    folder.mkdir()
    (folder / "a-private.md").write_text(f"---\naudience: customer:acme\n---\n# Valves\n\n{PAGE}", "utf-8")
    (folder / "b-public.md").write_text(f"# Valves\n\n{PAGE}", "utf-8")
    index = KnowledgeIndex(tmp_path / "data", HashEmbedder())
    index.refresh([folder])
    question = "when do I open the amber valve"
    for passage in index.search(question, PUBLIC):
        assert (passage.path, passage.also_at) == ("b-public.md", ())
    paths = {path for one in index.search(question, ACME) for path in (one.path, *one.also_at)}
    assert paths == {"a-private.md", "b-public.md"}
    index.close()
