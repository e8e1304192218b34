"""HTML → Markdown: what would run goes, what leads somewhere leads to http, code stays code."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import quote, urljoin, urlsplit

from bs4 import BeautifulSoup, Tag
from markdownify import ATX, MarkdownConverter

_DROPPED = ("script", "style", "template", "noscript", "object", "embed", "svg", "form", "button", "head")
_DEEPEST = 100  #: tags within tags; the converter goes down two calls for each
_SCHEMES = ("http", "https", "mailto")
_LANGUAGE = re.compile(r"(?:language|lang|brush:)[-\s]?([\w+#.-]{1,20})", re.ASCII)


class UnreadableHtml(Exception):
    """It cannot be turned into Markdown; says why."""


def to_markdown(html: str, base_url: str) -> str:
    """The text of a page, with relative links made whole."""
    return markdown_of(parsed(html), base_url)


def parsed(html: str) -> BeautifulSoup:
    """UnreadableHtml where it is nested as no person writes, which costs recursion and time."""
    soup = BeautifulSoup(html, "html.parser")
    level: list[Tag] = [soup]
    for _ in range(_DEEPEST):
        level = [child for tag in level for child in tag.children if isinstance(child, Tag)]
        if not level:
            return soup
    raise UnreadableHtml("its HTML is nested too deeply")


def markdown_of(soup: BeautifulSoup, base_url: str) -> str:
    """Likewise for what is parsed already."""
    for tag in soup.find_all(_DROPPED):
        tag.decompose()
    for frame in soup.find_all(["iframe", "video"]):
        _show_video(soup, frame, base_url)
    for tag in soup.find_all("a"):
        _lead(tag, "href", base_url)
    for tag in soup.find_all("img"):
        _lead(tag, "src", base_url)
    text: str = _Converter(
        heading_style=ATX, bullets="-", escape_underscores=False, code_language_callback=_language
    ).convert_soup(soup)
    return re.sub(r"\n{3,}", "\n\n", text).strip()


def address(stated: object, base_url: str) -> str:
    """An address as it may stand in Markdown and in front matter; empty where it is none."""
    if not isinstance(stated, str):
        return ""
    try:
        whole = urljoin(f"{base_url}/", re.sub(r"[\x00-\x1f\x7f]", "", stated).strip())
        parts = urlsplit(whole)
    except ValueError:
        return ""
    if parts.scheme not in _SCHEMES or (parts.scheme != "mailto" and not parts.hostname):
        return ""
    return quote(whole.encode("utf-8", "replace"), safe="%/:=&?~#+!$,;@[]*-._")


class _Converter(MarkdownConverter):
    """markdownify, with fences that hold and text that is no HTML."""

    def convert_pre(self, el: Tag, text: str, parent_tags: set[str]) -> str:
        """A fence longer than any within it."""
        written: str = super().convert_pre(el, text, parent_tags)  # type: ignore[misc]  # not in its stubs
        longest = max((len(run) for run in re.findall(r"`{3,}", text)), default=0)
        if not longest:
            return written
        fence = "`" * (longest + 1)
        return f"\n\n{fence}{_language(el)}\n{text.strip(chr(10))}\n{fence}\n\n"

    def escape(self, text: str, parent_tags: set[str]) -> str:
        """`&lt;b&gt;` was text, and stays text."""
        escaped: str = super().escape(text, parent_tags)  # type: ignore[misc]  # likewise
        return escaped.replace("<", "\\<")


def _lead(tag: Tag, attribute: str, base_url: str) -> None:
    found = address(tag.get(attribute), base_url)
    if found:
        tag[attribute] = found
    elif tag.name == "img":
        tag.replace_with(str(tag.get("alt") or ""))
    else:
        tag.unwrap()


def _show_video(soup: BeautifulSoup, frame: Tag, base_url: str) -> None:
    inner = frame.find("source")
    stated = frame.get("src") or (inner.get("src") if isinstance(inner, Tag) else None)
    found = address(stated, base_url)
    if not found.startswith("http"):
        frame.decompose()
        return
    link = soup.new_tag("a", href=found)
    link.string = str(frame.get("title") or "Video")
    paragraph = soup.new_tag("p")
    paragraph.append(link)
    frame.replace_with(paragraph)


def _language(tag: Any) -> str:
    inner = tag.find("code")
    for one in (tag, inner):
        if isinstance(one, Tag):
            found = _LANGUAGE.search(" ".join(name for name in one.get_attribute_list("class") if name))
            if found:
                return found[1]
    return ""
