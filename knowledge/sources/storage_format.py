"""Confluence's storage format → HTML that `hypertext` understands.

https://confluence.atlassian.com/doc/confluence-storage-format-790796544.html
"""

from __future__ import annotations

import html
import re

from bs4 import BeautifulSoup, Tag

from knowledge.sources.hypertext import markdown_of, parsed

# Parsers of HTML do not agree on CDATA sections, so they are text before one sees them.
_CDATA = re.compile(r"<!\[CDATA\[(.*?)\]\]>", re.DOTALL)
_LISTINGS = ("code", "noformat")
_IGNORED = ("ac:parameter", "ac:emoticon", "ac:placeholder", "ac:task-id", "ac:task-status", "ac:task-uuid")


def storage_to_markdown(body: str, base_url: str) -> str:
    """The text of a page; macros that compute something are left out."""
    soup = parsed(_CDATA.sub(lambda found: html.escape(found[1], quote=False), body))
    _translate(soup)
    return markdown_of(soup, base_url)


def _translate(soup: BeautifulSoup) -> None:
    for macro in reversed(soup.find_all(["ac:structured-macro", "ac:macro"])):  # the inner ones first
        _macro(soup, macro)
    for link in soup.find_all("ac:link"):
        _link(link)
    for image in soup.find_all("ac:image"):
        _image(soup, image)
    for tag in soup.find_all(_IGNORED):
        tag.decompose()
    for tag in soup.find_all("ac:task-list"):
        tag.name = "ul"
    for tag in soup.find_all("ac:task"):
        tag.name = "li"
    for tag in soup.find_all(re.compile(r"^(ac|ri|at):")):
        tag.unwrap()


def _macro(soup: BeautifulSoup, macro: Tag) -> None:
    plain, rich = macro.find("ac:plain-text-body"), macro.find("ac:rich-text-body")
    if macro.get("ac:name") in _LISTINGS and isinstance(plain, Tag):
        listing = soup.new_tag("pre")
        listing.string = plain.get_text()
        if language := _parameter(macro, "language"):
            listing["class"] = f"language-{language}"
        macro.replace_with(listing)
    elif isinstance(rich, Tag):
        title = _parameter(macro, "title")
        if title:
            heading = soup.new_tag("p")
            strong = soup.new_tag("strong")
            strong.string = title
            heading.append(strong)
            macro.insert_before(heading)
        macro.replace_with(rich)
        rich.name = "div"
    else:
        macro.decompose()


def _parameter(macro: Tag, name: str) -> str:
    found = macro.find("ac:parameter", attrs={"ac:name": name}, recursive=False)
    return found.get_text().strip() if isinstance(found, Tag) else ""


def _link(link: Tag) -> None:
    """Where it leads is known by title only, so its words remain."""
    words = link.get_text().strip()
    target = link.find(["ri:page", "ri:attachment"])
    if not words and isinstance(target, Tag):
        words = str(target.get("ri:content-title") or target.get("ri:filename") or "")
    link.replace_with(words)


def _image(soup: BeautifulSoup, image: Tag) -> None:
    """One that is attached can only be seen with a session, so its description remains."""
    described = str(image.get("ac:alt") or "")
    place = image.find("ri:url")
    if isinstance(place, Tag):
        shown = soup.new_tag("img", src=str(place.get("ri:value") or ""), alt=described)
        image.replace_with(shown)
    else:
        image.replace_with(described)
