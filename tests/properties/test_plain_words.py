"""Whatever a stranger types, our own sentences about it hold no link, picture or emphasis of theirs."""

from __future__ import annotations

from hypothesis import example, given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from bot.core import replies

READER = MarkdownIt("commonmark", {"html": True})
MARKS = st.text(alphabet="[]()!<>*_~`#|\\/:. ahtps1\n", max_size=60)
FORBIDDEN = {"link_open", "image", "html_inline", "html_block", "em_open", "strong_open", "s_open"}


def kinds(markdown: str) -> set[str]:
    found: set[str] = set()
    for token in READER.parse(markdown):
        found |= {token.type, *(child.type for child in token.children or [])}
    return found


@given(MARKS)
@example("[Acknowledge here](https://evil.example/login)")
@example("![x](https://evil.example/x.png) <https://evil.example> **bold** _it_")
@example("[a]: https://evil.example\n\n[a]")
@example("`](https://evil.example)")
def test_a_strangers_words_carry_no_markup(text: str) -> None:
    assert not kinds(f"about: {replies.plain(text)}") & FORBIDDEN


def test_words_without_markup_stay_as_they_are() -> None:
    assert replies.plain("Produção parada (cluster 2), 50% lost!") == "Produção parada (cluster 2), 50% lost!"
