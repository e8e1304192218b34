from __future__ import annotations

import pytest
from markdown_it import MarkdownIt

from knowledge.sources.hypertext import UnreadableHtml, address, to_markdown

BASE = "https://acme.zendesk.com"


def test_headings_lists_tables_and_code_are_kept() -> None:
    html = (
        "<h2>Revoke</h2><p>Use <code>my_token</code>, my_name &amp; <b>wait</b>:</p>"
        "<ol><li>One</li><li>Two</li></ol>"
        '<pre class="language-bash"><code>curl -X DELETE \\\n  "$URL"  # &lt;id&gt;\n</code></pre>'
        "<table><tr><th>a</th><th>b</th></tr><tr><td>1</td><td>2</td></tr></table>"
    )
    assert to_markdown(html, BASE) == (
        "## Revoke\n\nUse `my_token`, my_name & **wait**:\n\n1. One\n2. Two\n\n"
        '```bash\ncurl -X DELETE \\\n  "$URL"  # <id>\n```\n\n| a | b |\n| --- | --- |\n| 1 | 2 |'
    )


@pytest.mark.parametrize(
    "html",
    [
        "<script>alert(1)</script>",
        "<p onclick=alert(1)>x</p>",
        '<a href="javascript:alert(1)">x</a>',
        '<a href="javascript://host/%0aalert(1)">x</a>',
        '<a href=" java\nscript:alert(1)">x</a>',
        '<a href="data:text/html,<script>alert(1)</script>">x</a>',
        '<img src="javascript:alert(1)" alt="x">',
        '<iframe src="javascript:alert(1)"></iframe>',
        '<iframe srcdoc="<script>alert(1)</script>"></iframe>',
        "<svg><script>alert(1)</script></svg>",
        "<style>alert(1)</style>",
        '<a href="//[">alert</a>'.replace("alert", "x"),
    ],
)
def test_nothing_that_runs_survives(html: str) -> None:
    written = to_markdown(f"<p>before</p>{html}<p>after</p>", BASE)

    assert "alert(1)" not in written
    assert "javascript:" not in written
    assert written.startswith("before")
    assert written.endswith("after")


def test_escaped_markup_is_text_and_not_markup() -> None:
    written = to_markdown("<p>Write &lt;script&gt;alert(1)&lt;/script&gt; like this</p>", BASE)

    assert "<script>" not in MarkdownIt("commonmark").render(written)


def test_a_listing_with_fences_in_it_does_not_end_early() -> None:
    written = to_markdown("<pre>```\nfenced\n```\n# no heading</pre><p>after</p>", BASE)
    kinds = [token.type for token in MarkdownIt("commonmark").parse(written)]

    assert kinds[0] == "fence"
    assert "heading_open" not in kinds


def test_links_become_whole_and_videos_become_links() -> None:
    written = to_markdown(
        '<a href="/hc/en-us/articles/2 b">two</a> <img src="/a.png" alt="A">'
        '<iframe src="https://video.example/1" title="How to"></iframe>',
        BASE,
    )

    assert "[two](https://acme.zendesk.com/hc/en-us/articles/2%20b)" in written
    assert "![A](https://acme.zendesk.com/a.png)" in written
    assert "[How to](https://video.example/1)" in written


def test_an_address_holds_nothing_that_ends_a_link() -> None:
    assert address("/a(b)'\"<c>|d", BASE) == "https://acme.zendesk.com/a%28b%29%27%22%3Cc%3E%7Cd"
    assert address("https://[", BASE) == ""
    assert address(None, BASE) == ""


def test_html_without_bottom_is_refused() -> None:
    with pytest.raises(UnreadableHtml, match="too deeply"):
        to_markdown("<b>" * 50_000, BASE)
