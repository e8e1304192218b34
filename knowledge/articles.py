"""Markdown files in folders → articles, and one sentence for each file that cannot be read."""

from __future__ import annotations

import hashlib
import os
import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from itertools import pairwise
from pathlib import Path
from typing import Any

import yaml
from markdown_it import MarkdownIt

from bot.core.masking import mask
from bot.core.model import INTERNAL, PUBLIC, Audience, OrganisationId, customer
from knowledge.languages import Language

_LARGEST = 5_000_000  #: bytes; a bigger Markdown file is an export, not an article
_PARSER = MarkdownIt("commonmark").disable("inline")  # blocks alone tell a heading from a remark in a listing
_KEYED = re.compile(r"^[\w-]+[ \t]*[:=]", re.ASCII)
_REVISION = 12  #: characters of a digest that stands for a revision
_FENCES = {"---": "yaml", "+++": "toml"}


@dataclass(frozen=True, slots=True, kw_only=True)
class CommonQuestion:
    """A question that an article says it answers, in the words of those who ask."""

    ask: str
    see: str = ""  #: the heading of the section that answers; empty: how the article begins


@dataclass(frozen=True, slots=True, kw_only=True)
class Article:
    """A source document. `path` is relative to its folder, with forward slashes."""

    path: str
    title: str
    body: str
    first_line: int  #: of the body, in the file
    language: Language | None  #: None: nobody said
    audience: Audience
    url: str  #: empty when the article is published nowhere
    description: str
    source: str = ""  #: where it comes from: what a source wrote, else the folder's name
    revision: str = ""  #: what a source calls this state of it, else a digest of the content
    updated: str = ""  #: as the article says it; empty when it does not
    questions: tuple[CommonQuestion, ...] = ()


class UnreadableArticle(Exception):
    """One sentence that names the file and, where there is one, the line."""


def find_articles(folder: Path) -> Iterator[Path]:
    """Markdown files below a folder in a stable order; nothing hidden.

    What a symbolic link names inside of the folder is found there. One that leads out, and a folder that
    cannot be listed, are given out too: `load_article` says what is wrong with them.
    """
    closed: list[Path] = []
    for place, folders, files in os.walk(
        folder, followlinks=False, onerror=lambda error: closed.append(Path(error.filename))
    ):
        here = Path(place)
        links = [
            here / name
            for name in sorted([*folders, *(name for name in files if name.endswith(".md"))])
            if not name.startswith(".") and (here / name).is_symlink()
        ]
        yield from (link for link in links if not _is_below(link, folder))
        folders[:] = sorted(
            name for name in folders if not name.startswith(".") and not (here / name).is_symlink()
        )
        for name in sorted(files):
            path = here / name
            if name.endswith(".md") and not name.startswith(".") and not path.is_symlink():
                yield path
    yield from closed


def _is_below(path: Path, folder: Path) -> bool:
    return path.resolve().is_relative_to(folder.resolve())


def load_article(path: Path, folder: Path, *, audience: Audience = PUBLIC) -> Article:
    """Read one article; `audience` is for those that do not name theirs."""
    relative = path.relative_to(folder).as_posix()
    shown = printable(relative)
    text = _read(path, shown)
    front, body, first_line = _split_front_matter(text, shown)
    title = _string(front, "title", shown) or _plain(_first_heading(body)) or path.stem
    masked = mask(body, is_documentation=True)  # before an embedder, an index or a reader sees it
    return Article(
        path=printable(relative),
        title=mask(title, is_documentation=True),
        body=masked,
        first_line=first_line,
        language=_language(front, shown),
        audience=_audience(front, shown) or audience,
        url=_url(front, shown),
        description=mask(_string(front, "description", shown), is_documentation=True),
        source=_string(front, "source", shown) or folder.resolve().name,
        revision=_revision(front, shown, _digest(title, masked, str(_audience(front, shown) or audience))),
        updated=_string(front, "updated", shown),
        questions=_questions(front, shown),
    )


def _digest(title: str, body: str, audience: str) -> str:
    return hashlib.sha256(f"{audience}\n{title}\n{body}".encode()).hexdigest()[:_REVISION]


def _revision(front: Mapping[str, Any], shown: str, digest: str) -> str:
    """What the article states, and what it is: a revision that nobody raises must not hide a change."""
    stated = _string(front, "revision", shown)
    return f"{stated}-{digest}" if stated else digest


def fingerprint(path: Path) -> str:
    """Changes with the file; empty when it cannot be read, which `load_article` will say."""
    try:
        if path.is_symlink() or not path.is_file() or path.stat().st_size > _LARGEST:
            return ""
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError:
        return ""


def _first_heading(body: str) -> str:
    """The text of the first heading of the first level, however it is written."""
    tokens = _PARSER.parse(body)
    return next(
        (
            content.content
            for heading, content in pairwise(tokens)
            if heading.type == "heading_open" and heading.tag == "h1" and heading.level == 0
        ),
        "",
    )


def printable(name: str) -> str:
    """A file name without control characters and undecodable bytes: names are untrusted text."""
    cleaned = name.encode("utf-8", "replace").decode("utf-8")
    return "".join(letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in cleaned)


def read_text(text: str, shown: str) -> tuple[Mapping[str, Any], str, str, Audience | None]:
    """Front matter, title, body and audience of an article that is no file yet; else UnreadableArticle."""
    front, body, _ = _split_front_matter(text.replace("\r\n", "\n"), shown)
    title = _string(front, "title", shown) or _plain(_first_heading(body)) or Path(shown).stem
    return front, title, body, _audience(front, shown)


def _read(path: Path, shown: str) -> str:
    try:
        if path.is_symlink():
            raise UnreadableArticle(f"{shown}: a symbolic link out of the folder, which is not followed.")
        if path.is_dir():
            os.scandir(path).close()  # a folder comes here when it could not be listed
        if not path.is_file():
            raise UnreadableArticle(f"{shown}: not a regular file.")
        if path.stat().st_size > _LARGEST:
            raise UnreadableArticle(f"{shown}: larger than {_LARGEST // 1_000_000} MB.")
        content = path.read_bytes()
    except OSError as error:
        raise UnreadableArticle(f"{shown}: cannot be read ({error.strerror}).") from error
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise UnreadableArticle(f"{shown}: line {line}: not UTF-8.") from error
    return text.replace("\r\n", "\n").replace("\r", "\n").replace("\0", "")


def _split_front_matter(text: str, shown: str) -> tuple[Mapping[str, Any], str, int]:
    lines = text.split("\n")
    fence = lines[0].rstrip()
    # A rule at the top of a page looks like the fence of YAML: what follows tells them apart.
    if fence not in _FENCES or len(lines) == 1 or not (_KEYED.match(lines[1]) or fence == "+++"):
        return {}, text, 1
    closing = next((number for number, line in enumerate(lines[1:], 1) if line.rstrip() == fence), None)
    if closing is None:
        raise UnreadableArticle(f"{shown}: line 1: the front matter is never closed with {fence}.")
    front = _parse_front_matter("\n".join(lines[1:closing]), _FENCES[fence], shown)
    return front, "\n".join(lines[closing + 1 :]), closing + 2


def _parse_front_matter(text: str, syntax: str, shown: str) -> Mapping[str, Any]:
    try:
        found = tomllib.loads(text) if syntax == "toml" else yaml.safe_load(text)
    except tomllib.TOMLDecodeError as error:
        line = re.search(r"line (\d+)", str(error))
        at = int(line[1]) + 1 if line else 1
        raise UnreadableArticle(f"{shown}: line {at}: the front matter is not TOML.") from error
    except (yaml.YAMLError, ValueError, RecursionError) as error:  # ValueError: the 45th of a month
        mark = getattr(error, "problem_mark", None)
        at = mark.line + 2 if mark else 1
        raise UnreadableArticle(f"{shown}: line {at}: the front matter is not YAML.") from error
    if not isinstance(found, dict):
        raise UnreadableArticle(f"{shown}: line 2: the front matter is no list of keys.")
    return found


def _string(front: Mapping[str, Any], key: str, shown: str) -> str:
    value = front.get(key)
    if value is None:
        return ""
    if not isinstance(value, str | int | float | date):  # YAML makes dates of what looks like one
        raise UnreadableArticle(f"{shown}: line 2: {key} in the front matter is no text.")
    # Escapes in YAML can spell half a character, which no file could hold.
    written = value.isoformat() if isinstance(value, date) else str(value)
    return " ".join(written.encode("utf-8", "replace").decode("utf-8").replace("\0", "").split())


def _questions(front: Mapping[str, Any], shown: str) -> tuple[CommonQuestion, ...]:
    stated = front.get("questions") or []
    if not isinstance(stated, list):
        raise UnreadableArticle(f"{shown}: line 2: questions in the front matter is no list.")
    return tuple(_question(one, shown) for one in stated)


def _question(stated: object, shown: str) -> CommonQuestion:
    """A text, or `{ask: …, see: a heading}`."""
    given = {"ask": stated} if isinstance(stated, str) else stated
    ask, see = (given.get("ask"), given.get("see", "")) if isinstance(given, dict) else (None, None)
    if not isinstance(ask, str) or not ask.strip() or not isinstance(see, str):
        raise UnreadableArticle(
            f"{shown}: line 2: a question in the front matter is neither text nor {{ask: …, see: a heading}}."
        )
    return CommonQuestion(ask=mask(" ".join(ask.split()), is_documentation=True), see=see.strip())


def _language(front: Mapping[str, Any], shown: str) -> Language | None:
    stated = _string(front, "lang", shown).lower().replace("_", "-").split("-")[0]
    return Language(stated) if stated in list(Language) else None


def _audience(front: Mapping[str, Any], shown: str) -> Audience | None:
    """Whom the article says it is for; a word that is not understood never makes it public."""
    stated = _string(front, "audience", shown)
    kind, _, organisation = stated.partition(":")
    match kind:
        case "":
            return None
        case "public" if not organisation:
            return PUBLIC
        case "internal" if not organisation:
            return INTERNAL
        case "customer" if organisation.strip():
            return customer(OrganisationId(organisation.strip()))
        case _:
            raise UnreadableArticle(
                f"{shown}: line 2: audience is {stated!r} instead of public, internal or customer:<key>."
            )


def _url(front: Mapping[str, Any], shown: str) -> str:
    stated = _string(front, "url", shown)
    if stated and not re.fullmatch(r"https?://[^\s<>|\"'()]+", stated):
        raise UnreadableArticle(f"{shown}: line 2: url in the front matter is no http address.")
    return stated


def _plain(heading: str) -> str:
    without_links = re.sub(r"!?\[([^\]]*)\]\([^)]*\)", r"\1", heading)
    without_anchor = re.sub(r"\s*\{#[^}]*\}\s*$", "", without_links)
    return re.sub(r"[*`]|<[^>]*>", "", without_anchor).strip()
