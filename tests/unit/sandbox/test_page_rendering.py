"""What people and programs write, as HTML: nothing but what was meant becomes an element."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.sandbox.page.markdown import markdown
from bot.sandbox.page.mrkdwn import Lookups, mrkdwn
from bot.sandbox.page.rendering import buttons_of, excerpt_of, message_html

NAMES = {"U1": "Ada <Agent>", "C1": "triage"}


def name_of(known: str) -> str:
    return NAMES.get(known, known)


def page_of(url: str) -> str:
    return "/article/a.md" if url.startswith("https://docs.example/") else ""


LOOKUPS = Lookups(name=name_of, page=page_of)
ALLOWED = {"a", "b", "blockquote", "br", "code", "div", "em", "h1", "h2", "h3", "h4", "h5", "h6", "hr", "li"}
ALLOWED |= {
    "ol",
    "p",
    "pre",
    "s",
    "span",
    "strong",
    "table",
    "tbody",
    "td",
    "th",
    "thead",
    "time",
    "tr",
    "ul",
}
TAG = re.compile(r"<(/?)([a-zA-Z][^\s>/]*)([^>]*)>")
ATTRIBUTE = re.compile(r'\s([a-z-]+)(?:="([^"]*)")?')
KNOWN = {"href", "title", "target", "rel", "class", "datetime", "start"}


def is_harmless(html: str) -> bool:
    """Only elements and attributes that the page makes itself, and only addresses that run nothing."""
    for _, name, rest in TAG.findall(html):
        if name not in ALLOWED:
            return False
        for attribute, value in ATTRIBUTE.findall(rest):
            if attribute not in KNOWN:
                return False
            if attribute == "href" and not re.match(r"(https?://|mailto:|/|#|\?|[\w%.~-]+([/?#]|$))", value):
                return False
    return "<script" not in html.lower()


@pytest.mark.parametrize(
    ("text", "html"),
    [
        ("*bold* _slanted_ ~gone~", "<strong>bold</strong> <em>slanted</em> <s>gone</s>"),
        ("snake_case_name 2*3*4", "snake_case_name 2*3*4"),
        ("`*as it is*`", "<code>*as it is*</code>"),
        ("```\n*a* <https://x.example>\n```", "<pre><code>*a* https://x.example</code></pre>"),
        ("<@U1>", '<span class="mention">@Ada &lt;Agent&gt;</span>'),
        ("<#C1>", '<span class="mention">#triage</span>'),
        ("<!here>", '<span class="mention">@here</span>'),
        ("&lt;b&gt; &amp;amp;", "&lt;b&gt; &amp;amp;"),
        ("&gt; quoted\nnot", "<blockquote>quoted</blockquote>not"),
        ("<!date^1795532400^{date}|then>", "Tue 24 Nov, 15:00 UTC"),
        ("<javascript:alert(1)|x>", "&lt;javascript:alert(1)|x&gt;"),
    ],
)
def test_slacks_markup(text: str, html: str) -> None:
    assert html in str(mrkdwn(text, LOOKUPS))


def test_the_address_of_a_link_is_no_text_to_be_styled() -> None:
    html = mrkdwn("*<https://x.example/_a_/*b*|here>*", LOOKUPS)

    assert 'href="https://x.example/_a_/*b*"' in html
    assert html.startswith("<strong><a ")


def test_a_citation_leads_to_the_sandboxes_own_copy() -> None:
    assert 'href="/article/a.md"' in mrkdwn("<https://docs.example/a|A>", LOOKUPS)
    assert 'href="/article/a.md"' in markdown("[A](https://docs.example/a)", LOOKUPS)


@pytest.mark.parametrize(
    "date",
    [
        "<!date^99999999999999999999^x|y>",
        "<!date^-9^x|y>",
        "<!date^x>",
        "<!date>",
        "<!date^1>",
        "<!date^٣^x|y>",
    ],
)
def test_a_date_that_makes_no_sense_breaks_no_page(date: str) -> None:
    assert is_harmless(mrkdwn(date, LOOKUPS))
    assert is_harmless(markdown(date, LOOKUPS))


def test_markup_between_angle_brackets_is_found_in_texts_only() -> None:
    html = markdown('[a](http://b.example "<http://x onmouseover=alert(1) z>") `<@U1>` <@U1>', LOOKUPS)

    assert is_harmless(html)
    assert "<code>&lt;@U1&gt;</code>" in html
    assert html.count('class="mention"') == 1


def test_html_in_markdown_is_text_and_images_are_their_descriptions() -> None:
    html = markdown("<img src=x onerror=alert(1)> ![a picture](https://x.example/p.png)", LOOKUPS)

    assert is_harmless(html)
    assert "[a picture]" in html
    assert "<img" not in html


def test_tables_need_no_inline_style() -> None:
    assert "style" not in markdown("|a|b|\n|:-|-:|\n|1|2|", LOOKUPS)


def test_deep_nesting_takes_no_time() -> None:
    assert is_harmless(markdown(">" * 5_000 + "x", LOOKUPS))


@given(st.text(alphabet=st.sampled_from(list("<>&@#!|^*_~`\"'=/ \n;:()[]ahjx1\ue000\ue001")), max_size=80))
def test_whatever_is_written_stays_harmless(text: str) -> None:
    assert is_harmless(mrkdwn(text, LOOKUPS))
    assert is_harmless(markdown(text, LOOKUPS))


def test_blocks_and_their_buttons() -> None:
    blocks: list[dict[str, Any]] = [
        {"type": "header", "text": {"type": "plain_text", "text": "DB-1 <b>"}},
        {"type": "section", "fields": [{"type": "mrkdwn", "text": "*Status*\nNew"}]},
        {"type": "actions", "elements": [{"type": "button", "action_id": "go", "text": {"text": "Go"}}]},
        {"type": "something_new"},
    ]

    html = message_html("", blocks, LOOKUPS)

    assert "<h4>DB-1 &lt;b&gt;</h4>" in html
    assert "<strong>Status</strong><br>New" in html
    assert [(one.action, one.label) for one in buttons_of(blocks)] == [("go", "Go")]


def test_an_excerpt_is_plain_and_short() -> None:
    assert excerpt_of("<p>a &lt;b&gt; <code>c</code></p>") == "a <b> c"
    assert len(excerpt_of("word " * 100)) <= 90
