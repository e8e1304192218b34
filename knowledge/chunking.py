"""Articles → chunks: a section's text in pieces of about 150 words, with the way to it in front."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from enum import Enum, auto

from markdown_it import MarkdownIt
from markdown_it.token import Token

from knowledge.articles import Article
from knowledge.languages import Language, detect

WORDS = 150  #: of a chunk; shorter ones lose their context, longer ones their point
OVERLAP = 30  #: words of prose that a chunk repeats from the one before
_CODE_LINES = 60  #: a longer listing is divided, each part verbatim
_LINES_READ = 4  #: lines of a listing that the embedder reads
_PARSER = MarkdownIt("commonmark", {"html": True}).enable("table")
_ANCHOR = re.compile(r"\s*\{#(?P<anchor>[\w.:-]+)\}\s*$")
VIDEO = "▶ Video: "  #: in front of the name of a film, which the section that is cited leads to
_VIDEO = re.compile(
    r"^https?://(?:[\w-]+\.)*(?:youtube\.com|youtu\.be|vimeo\.com|loom\.com)/|\.(?:mp4|webm|mov)(?:[?#]|$)",
    re.IGNORECASE,
)
_NOT_IN_SLUG = re.compile(r"[^\w\- ]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Chunk:
    """An indexed piece of an article: a section's own text, or a part of it."""

    number: int  #: in the article
    headings: tuple[str, ...]  #: from the outermost to the section's own
    anchor: str
    text: str  #: Markdown without images, HTML and links
    embedded: str  #: what the embedder reads: where the text stands, and the text with its listings cut short
    language: Language

    @property
    def digest(self) -> str:
        """Equal for chunks that are embedded equally."""
        return hashlib.sha256(self.embedded.encode()).hexdigest()[:32]


class _Kind(Enum):
    PROSE = auto()
    CODE = auto()


@dataclass(frozen=True, slots=True)
class _Block:
    kind: _Kind
    text: str
    is_line: bool = False  #: an item of a list or a row of a table

    @property
    def words(self) -> int:
        """What counts towards a chunk's size: a listing is worth its first lines."""
        return len(self.shortened.split())

    @property
    def shortened(self) -> str:
        """A listing's first lines: its meaning is in the prose, its words are in the lexical index."""
        if self.kind is not _Kind.CODE:
            return self.text
        return "\n".join(self.text.split("\n")[1:-1][:_LINES_READ])


@dataclass(frozen=True, slots=True)
class _Section:
    headings: tuple[str, ...]
    anchor: str
    blocks: tuple[_Block, ...]


def chunk_article(article: Article) -> list[Chunk]:
    """All chunks of an article, in order."""
    language = article.language or detect(article.body) or Language.EN
    chunks: list[Chunk] = []
    for section in _sections(article):
        for blocks in _pack(section.blocks):
            text = _join(blocks)
            chunks.append(
                Chunk(
                    number=len(chunks),
                    headings=section.headings,
                    anchor=section.anchor,
                    text=text,
                    embedded=_embedded(article, section, blocks),
                    language=article.language or detect(text) or language,
                )
            )
    return [*chunks, *_curated(article, chunks)]


def _curated(article: Article, chunks: Sequence[Chunk]) -> Iterator[Chunk]:
    """A question that the article says it answers leads to the section that does."""
    said = [chunk for chunk in chunks if chunk.text.strip()]
    for number, question in enumerate(article.questions, len(chunks)):
        named = (chunk for chunk in said if question.see and question.see in chunk.headings[-1:])
        lead = next(named, said[0] if said else None)
        if lead is not None:
            language = detect(question.ask) or lead.language
            yield replace(lead, number=number, embedded=question.ask, language=language)


def _embedded(article: Article, section: _Section, blocks: Sequence[_Block]) -> str:
    area, slash, _ = article.path.partition("/")  # the outermost folder is a product or a subject
    way = [area] if slash else []
    for heading in (article.title, *section.headings):
        step = heading.replace("`", "")  # the marks of code mean nothing to an embedder
        if step not in way:
            way.append(step)
    return "\n".join([" > ".join(way), *(block.shortened for block in blocks)])


# -- sections -----------------------------------------------------------------


def _sections(article: Article) -> Iterator[_Section]:
    tokens = _PARSER.parse(article.body)
    slugs = _Slugs()
    way: dict[int, str] = {}
    section = _Section((), "", (_Block(_Kind.PROSE, article.description),) if article.description else ())
    start = 0
    for place, token in enumerate(tokens):
        if token.type != "heading_open" or token.level:
            continue
        yield replace(section, blocks=section.blocks + tuple(_blocks(tokens[start:place])))
        heading, anchor = _heading(tokens[place + 1])
        level = int(token.tag[1])
        way = {above: text for above, text in way.items() if above < level} | {level: heading}
        headings = tuple(way[key] for key in sorted(way))
        section = _Section(headings, slugs.anchor(heading, anchor), ())
        start = place + 3
    yield replace(section, blocks=section.blocks + tuple(_blocks(tokens[start:])))


def _heading(inline: Token) -> tuple[str, str]:
    text = _inline(inline)
    stated = _ANCHOR.search(text)
    return (_ANCHOR.sub("", text), stated["anchor"]) if stated else (text, "")


def slug_of(heading: str) -> str:
    """GitHub's anchor of a heading, when no earlier one of the article is the same."""
    return _NOT_IN_SLUG.sub("", heading.strip().lower()).replace(" ", "-")


class _Slugs:
    """Anchors as GitHub makes them: https://github.com/gjtorikian/html-pipeline (TableOfContentsFilter)."""

    def __init__(self) -> None:
        self._seen: dict[str, int] = {}

    def anchor(self, heading: str, stated: str) -> str:
        """The stated one, or the heading's own; repeated ones are numbered."""
        if stated:
            return stated
        slug = slug_of(heading)
        count = self._seen.get(slug, 0)
        self._seen[slug] = count + 1
        return f"{slug}-{count}" if count else slug


# -- blocks -------------------------------------------------------------------


def _blocks(tokens: Sequence[Token]) -> Iterator[_Block]:
    """Leaves of the tree in order: paragraphs, list items, table rows and listings."""
    row: list[str] = []
    marker = ""
    before = ""
    for token in tokens:
        match token.type:
            case "fence" | "code_block":
                yield from _listing(token)
            case "list_item_open":
                # Of a list's items the first paragraph carries the mark.
                marker = f"{'  ' * (token.level // 2)}- "
            case "inline" if before in ("td_open", "th_open"):
                row.append(_inline(token))
            case "inline":
                text = _inline(token)
                if text:
                    yield _Block(_Kind.PROSE, marker + text, is_line=bool(marker))
                marker = ""
            case "tr_close":
                yield _Block(_Kind.PROSE, " | ".join(row), is_line=True)
                row = []
            case _:
                pass
        before = token.type


def _listing(token: Token) -> Iterator[_Block]:
    language = token.info.split()[0] if token.info.split() else ""
    lines = token.content.rstrip("\n").split("\n")
    fence = "`" * max(3, *(len(run) + 1 for run in re.findall(r"`{3,}", token.content)), 3)
    for start in range(0, len(lines), _CODE_LINES):
        part = "\n".join(lines[start : start + _CODE_LINES])
        yield _Block(_Kind.CODE, f"{fence}{language}\n{part}\n{fence}")


def _inline(token: Token) -> str:
    """Text and code; images, HTML and the targets of links are left out. A film is called one."""
    parts: list[str] = []
    for child in token.children or ():
        match child.type:
            case "text":
                parts.append(child.content)
            case "code_inline":
                parts.append(f"`{child.content}`")
            case "softbreak" | "hardbreak":
                parts.append(" ")
            case "link_open" if _VIDEO.search(str(child.attrs.get("href", ""))):
                parts.append(VIDEO)
            case "image" if _VIDEO.search(str(child.attrs.get("src", ""))):
                parts.append(f"{VIDEO}{child.content}")
            case _:
                pass
    return " ".join("".join(parts).split())


# -- packing ------------------------------------------------------------------


def _pack(blocks: Sequence[_Block]) -> Iterator[list[_Block]]:
    """Blocks in a row until there are enough words; the next chunk starts with the last words of prose."""
    held: list[_Block] = []
    is_fresh = False  #: whether more than an overlap is held
    for block in (part for whole in blocks for part in _divide(whole)):
        if is_fresh and sum(part.words for part in held) + block.words > WORDS:
            yield held
            held = _overlap(held[-1])
        held.append(block)
        is_fresh = True
    if is_fresh:
        yield held


def _divide(block: _Block) -> Iterator[_Block]:
    words = block.text.split(" ")
    if block.kind is not _Kind.PROSE or len(words) <= WORDS:
        yield block
        return
    for start in range(0, len(words), WORDS - OVERLAP):
        yield replace(block, text=" ".join(words[start : start + WORDS - OVERLAP]))


def _overlap(block: _Block) -> list[_Block]:
    """Whole sentences from the end of a block, as many as fit; of one that does not, its last words."""
    if block.kind is not _Kind.PROSE:
        return []
    words = block.text.split(" ")[-OVERLAP:]
    starts = [place for place in range(1, len(words)) if words[place - 1].endswith((".", "!", "?"))]
    return [replace(block, text=" ".join(words[starts[0] :] if starts else words))]


def _join(blocks: Sequence[_Block]) -> str:
    """Items of a list and rows of a table stay together."""
    text = ""
    for before, block in zip([None, *blocks], blocks, strict=False):
        tight = before is not None and before.is_line and block.is_line
        text += ("\n" if tight else "\n\n") * bool(text) + block.text
    return text
