from __future__ import annotations

from itertools import pairwise

from bot.core.model import PUBLIC
from knowledge.articles import Article
from knowledge.chunking import OVERLAP, WORDS, Chunk, chunk_article
from knowledge.languages import Language


def chunks_of(body: str, *, path: str = "area/page.md", language: Language | None = None) -> list[Chunk]:
    article = Article(
        path=path,
        title="Title",
        body=body,
        first_line=1,
        language=language,
        audience=PUBLIC,
        url="",
        description="",
    )
    return chunk_article(article)


def words(first: str, count: int) -> str:
    return " ".join(f"{first}{number}" for number in range(count))


def test_a_section_knows_its_headings_and_its_anchor() -> None:
    body = f"# Title\n\n{words('a', 140)}\n\n## Set up: the *first* steps\n\n{words('b', 140)}"
    first, second = chunks_of(body)
    assert (first.headings, first.anchor) == (("Title",), "title")
    assert (second.headings, second.anchor) == (
        ("Title", "Set up: the first steps"),
        "set-up-the-first-steps",
    )
    assert second.embedded.startswith("area > Title > Set up: the first steps\n")


def test_equal_headings_get_numbered_anchors_as_on_github() -> None:
    body = "\n\n".join(f"## Options\n\n{words(letter, 140)}" for letter in "abc")
    assert [chunk.anchor for chunk in chunks_of(body)] == ["options", "options-1", "options-2"]


def test_an_anchor_that_is_stated_wins() -> None:
    (chunk,) = chunks_of("## Olá {#hello}\n\ntexto")
    assert (chunk.headings, chunk.anchor) == (("Olá",), "hello")


def test_every_section_is_a_chunk_of_its_own_however_short() -> None:
    first, second = chunks_of("# Title\n\n## One\n\nfirst\n\n## The `push` command\n\nsecond")
    assert (first.text, first.headings, first.anchor) == ("first", ("Title", "One"), "one")
    assert (second.text, second.headings) == ("second", ("Title", "The `push` command"))
    assert second.anchor == "the-push-command"
    assert second.embedded == "area > Title > The push command\nsecond"


def test_long_prose_is_divided_with_an_overlap_of_whole_sentences() -> None:
    sentences = [f"Sentence {number} has exactly eight words in it." for number in range(60)]
    found = chunks_of("\n\n".join(sentences))
    assert len(found) > 3
    for before, after in pairwise(found):
        start = after.text.split("\n\n")[0]
        assert start in before.text
        assert start.startswith("Sentence")
        assert len(start.split()) <= OVERLAP
    assert all(len(chunk.text.split()) <= WORDS for chunk in found)


def test_every_word_is_in_some_chunk() -> None:
    body = f"# T\n\n{words('a', 700)}\n\n- {words('b', 20)}\n- {words('c', 20)}\n\n> {words('d', 20)}"
    indexed = set(" ".join(chunk.text for chunk in chunks_of(body)).split())
    assert {word for word in body.split() if word[0] in "abcd"} <= indexed


def test_code_is_kept_verbatim_and_read_by_its_first_lines() -> None:
    code = "\n".join(f"line_{number} = [ {number} ]   # <b>" for number in range(9))
    (chunk,) = chunks_of(f"Before.\n\n```python\n{code}\n```\n")
    assert f"```python\n{code}\n```" in chunk.text
    assert "line_3" in chunk.embedded
    assert "line_4" not in chunk.embedded


def test_fences_inside_of_code_do_not_end_it() -> None:
    (chunk,) = chunks_of("````md\n```\ninner\n```\n````\n")
    assert chunk.text == "````md\n```\ninner\n```\n````"


def test_html_images_and_targets_of_links_are_left_out() -> None:
    (chunk,) = chunks_of(
        "See [the page](https://a.example) <b>now</b> ![x](https://b.example/p.png) "
        "<script>alert(1)</script> and `<kept>`.\n\n<div onclick=x>\nblock\n</div>\n"
    )
    assert chunk.text == "See the page now alert(1) and `<kept>`."


def test_lists_and_tables_keep_their_lines() -> None:
    (chunk,) = chunks_of("- one\n- two\n  - inner\n\n| a | b |\n|---|---|\n| 1 | 2 |\n")
    assert chunk.text == "- one\n- two\n  - inner\na | b\n1 | 2"


def test_the_language_is_told_by_the_text_unless_it_is_stated() -> None:
    portuguese = "Para restaurar a cópia, você deve parar os serviços e esperar até que não haja mais nenhum."
    assert chunks_of(portuguese)[0].language is Language.PT
    assert chunks_of(portuguese, language=Language.EN)[0].language is Language.EN


def test_equal_chunks_of_different_places_have_different_digests() -> None:
    one, other = chunks_of("text", path="a/x.md"), chunks_of("text", path="b/x.md")
    assert one[0].digest != other[0].digest
    assert one[0].digest == chunks_of("text", path="a/y.md")[0].digest
