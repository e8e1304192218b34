"""The gate for outgoing links: a text is parsed, and only what may leave is written again."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from markdown_it import MarkdownIt
from markdown_it.token import Token
from mdformat.renderer import MDRenderer

from knowledge.addresses import ADDRESS, END, Allowed, addresses, scrub, scrub_code, visible

_PARSER = MarkdownIt("commonmark", {"html": True})
# What is no honest link is to be seen as one, and lose its address.
_PARSER.validateLink = lambda url: True  # type: ignore[method-assign]  # noqa: ARG005 - the library's own hook
_TARGET = re.compile(r"(?<=\])\(<?([^()\s<>]+)>?\)")
_TAG = re.compile(
    r"</?(?:a|abbr|area|audio|b|base|big|blockquote|body|br|button|center|code|dd|del|details|div|dl|dt|em|embed"
    r"|font|form|frame|h[1-6]|head|hr|html|i|iframe|img|input|ins|kbd|label|li|link|map|meta|object|ol|option|p"
    r"|picture|pre|q|s|samp|script|select|small|source|span|strike|strong|style|sub|summary|sup|svg|table|tbody|td"
    r"|textarea|th|thead|tr|track|tt|u|ul|video)(?:[\s/][^<>]*)?>|<!--.*?(?:-->|\Z)",
    re.IGNORECASE | re.DOTALL,
)
_LANGUAGE = re.compile(r"[\w+-]{1,20}", re.ASCII)
_ROUNDS = 3  #: after which a text that still changes is written as plain words


def gate(markdown: str, allowed: Allowed) -> str:
    """The same words; a link that may not leave loses its address, a picture its source, HTML its tags.

    What comes out is parsed again, until nothing changes: nobody depends on one parse being right.
    """
    text = visible(markdown)
    for _ in range(_ROUNDS):
        written = _written(text, allowed)
        if written == text:
            return written
        text = written
    return text if _written(text, allowed) == text else _plain(text, allowed)


def foreign(markdown: str, allowed: Allowed) -> list[str]:
    """The addresses in a text that may not leave, however they are written."""
    seen = _TARGET.sub(lambda target: " " if allowed.link(target[1]) else target[0], markdown)
    found = [word for word in addresses(seen) if not allowed.word(word)]
    for token in _PARSER.parse(markdown):
        for child in token.children or ():
            target = child.attrs.get("href") or child.attrs.get("src")
            if target is not None and allowed.link(str(target)) is None:
                found.append(str(target))
        if token.type.startswith("html") or any(
            child.type == "html_inline" for child in token.children or ()
        ):
            found += [tag[0] for tag in _TAG.finditer(token.content)]
    return found


def _written(markdown: str, allowed: Allowed) -> str:
    tokens = list(_blocks(_PARSER.parse(markdown), allowed))
    return MDRenderer().render(tokens, _PARSER.options, {}).strip("\n")


def _blocks(tokens: Sequence[Token], allowed: Allowed) -> Iterator[Token]:
    for token in tokens:
        match token.type:
            case "inline":
                token.children = _inline(token.children or [], allowed)
                yield token
            case "fence" | "code_block":
                named = _LANGUAGE.match(token.info)
                token.info = named[0] if named else ""
                token.content = scrub_code(token.content, allowed)
                yield token
            case "html_block":
                yield from _paragraph(scrub(_TAG.sub("", token.content), allowed))
            case _:
                yield token


def _paragraph(text: str) -> Iterator[Token]:
    words = " ".join(text.split())
    if words:
        yield Token("paragraph_open", "p", 1)
        yield Token("inline", "", 0, children=[_text(words)], content=words)
        yield Token("paragraph_close", "p", -1)


def _inline(children: Sequence[Token], allowed: Allowed) -> list[Token]:
    kept: list[Token] = []
    blocked = False  # links do not nest
    for place, child in enumerate(children):
        if child.type == "link_open":
            if child.info == "auto":  # Slack's <address|words> is read as an address with an odd sign in it
                words = children[place + 1]
                words.content = words.content.rpartition("|")[2]
            target = allowed.link(str(child.attrs["href"]))
            blocked = target is None
            child.attrs = {"href": target or ""}
            # An address in angle brackets is written as a link whose words are the address.
            child.info = child.markup = ""
        is_dropped = child.type in ("link_open", "link_close") and blocked
        if not is_dropped:
            _add(kept, child, allowed)
    return _trimmed(_without_empty_links(list(_scrubbed(kept, allowed))))


def _scrubbed(children: Sequence[Token], allowed: Allowed) -> Iterator[Token]:
    is_linked = False
    for child in children:
        is_linked = child.type == "link_open" or (is_linked and child.type != "link_close")
        if child.type != "text":
            yield child
            continue
        child.content = scrub(child.content, allowed)
        yield from [child] if is_linked else _linked(child.content, allowed)


def _linked(words: str, allowed: Allowed) -> Iterator[Token]:
    """A bare address as a link of its own: a channel that makes one would take in what stands behind it."""
    end = 0
    for found in ADDRESS.finditer(words):
        bare = found[0].rstrip(END)
        target = allowed.link(bare)
        if target is not None:
            yield _text(words[end : found.start()])
            yield Token("link_open", "a", 1, attrs={"href": target})
            yield _text(bare)
            yield Token("link_close", "a", -1)
            end = found.start() + len(bare)
    yield _text(words[end:])


def _add(kept: list[Token], child: Token, allowed: Allowed) -> None:
    match child.type:
        case "text":
            words = child.content
        case "image":
            words = child.content  # what stands for the picture
        case "html_inline":
            words = _TAG.sub("", child.content)
        case "code_inline":
            child.content = scrub_code(child.content, allowed)
            kept.append(child)
            return
        case _:
            child.meta = {}
            kept.append(child)
            return
    # Neighbours are read as one: an address must not hide in the seam.
    if kept and kept[-1].type == "text":
        kept[-1].content += words
    elif words:
        kept.append(_text(words))


def _without_empty_links(children: Sequence[Token]) -> list[Token]:
    kept: list[Token] = []
    for child in children:
        if child.type == "link_close" and kept and kept[-1].type == "link_open":
            kept.pop()
        elif child.type != "text" or child.content:
            kept.append(child)
    return kept


def _trimmed(children: list[Token]) -> list[Token]:
    """Spaces at the ends, which a dropped tag leaves, would be written as entities."""
    if children and children[0].type == "text":
        children[0].content = children[0].content.lstrip()
    if children and children[-1].type == "text":
        children[-1].content = children[-1].content.rstrip()
    return children


def _plain(markdown: str, allowed: Allowed) -> str:
    """The last resort: words without any markup, as code."""
    words = scrub_code(markdown.replace("`", "'").replace("~", "-"), allowed)
    return f"```\n{words}\n```"


def _text(words: str) -> Token:
    return Token("text", "", 0, content=words)
