"""Markdown as HTML, as a markdown block in Slack and an article show it; HTML in it is text."""

from __future__ import annotations

import re
from collections.abc import MutableMapping, Sequence
from typing import Any

from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML
from markdown_it.token import Token
from markdown_it.utils import OptionsDict
from markupsafe import Markup, escape

from bot.sandbox.page.mrkdwn import Lookups, angle, link_attributes

# Slack still parses its angle brackets inside a markdown block, though not in code.
ANGLE = re.compile(r"<(?P<sign>[@#!])(?P<target>[^<>|]+)(?:\|(?P<label>[^<>]*))?>")
DEEPEST = 20  #: levels of quotes and lists; hundreds would cost minutes


class _Renderer(RendererHTML):
    """Texts with mentions, links that stay in the sandbox where they can, no inline styles."""

    def text(
        self,
        tokens: Sequence[Token],
        idx: int,
        options: OptionsDict,  # noqa: ARG002 - the signature of the library's rules
        env: MutableMapping[str, Any],
    ) -> str:
        pieces, end, words, lookups = [], 0, tokens[idx].content, _lookups(env)
        for found in ANGLE.finditer(words):
            made = angle(found["sign"], found["target"], found["label"], lookups)
            pieces += [escape(words[end : found.start()]), escape(found[0]) if made is None else made]
            end = found.end()
        return "".join([*pieces, escape(words[end:])])

    def link_open(
        self,
        tokens: Sequence[Token],
        idx: int,
        options: OptionsDict,
        env: MutableMapping[str, Any],
    ) -> str:
        token = tokens[idx]
        target = str(token.attrGet("href") or "")
        token.attrs = {**link_attributes(target, _lookups(env))}
        return self.renderToken(tokens, idx, options, env)

    def _cell(
        self,
        tokens: Sequence[Token],
        idx: int,
        options: OptionsDict,
        env: MutableMapping[str, Any],
    ) -> str:
        """A column's alignment is an inline style, which the page's policy forbids."""
        tokens[idx].attrs.pop("style", None)
        return self.renderToken(tokens, idx, options, env)

    th_open = td_open = _cell

    def image(
        self,
        tokens: Sequence[Token],
        idx: int,
        options: OptionsDict,  # noqa: ARG002 - as above
        env: MutableMapping[str, Any],  # noqa: ARG002 - as above
    ) -> str:
        """Nothing is loaded from elsewhere: an image is its description."""
        return str(escape(f"[{tokens[idx].content or 'image'}]"))


PARSER = MarkdownIt("commonmark", {"html": False, "maxNesting": DEEPEST}, renderer_cls=_Renderer)
PARSER.enable("table")


def markdown(text: str, lookups: Lookups) -> Markup:
    """Rendered and escaped."""
    return Markup(PARSER.render(text, {"lookups": lookups}))  # noqa: S704 - html is off


def _lookups(env: MutableMapping[str, Any]) -> Lookups:
    found = env["lookups"]
    assert isinstance(found, Lookups)
    return found
