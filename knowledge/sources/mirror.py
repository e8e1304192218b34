"""A listing → files in a folder: only what changed is written, and what is gone is removed."""

from __future__ import annotations

import hashlib
import os
import re
import unicodedata
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import yaml

from bot.core.errors import UserFacingError
from knowledge.sources.source import SourceArticle

_LONGEST_SLUG = 60  #: letters of a title in a file name
_LONGEST_PART = 100  #: bytes of one part of a path
_DIGEST = 12  #: characters
_RESERVED = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\.|$)", re.IGNORECASE)  # names that Windows keeps


@dataclass(frozen=True, slots=True, kw_only=True)
class Changes:
    """What would bring a folder to a listing."""

    folder: Path
    written: Mapping[Path, str]  #: new or changed files with their content
    withdrawn: Sequence[Path]  #: files of articles that the source has, and that are not to be told any more
    removed: Sequence[Path]  #: files of articles that the source does not name
    unchanged: int
    before: int  #: files there were

    @property
    def is_drastic(self) -> bool:
        """Whether more than half of the files would go: rather a mistake than a clean-up."""
        return len(self.removed) * 2 > self.before


def plan(
    folder: Path, name: str, articles: Sequence[SourceArticle], withheld: Collection[str] = ()
) -> Changes:
    """Compare a complete listing with the folder; nothing is changed."""
    files = (path for path in sorted(folder.rglob("*.md")) if path.is_symlink() or not path.is_dir())
    present = {path.relative_to(folder).as_posix(): path for path in files}
    keyed = {_key_of(relative): relative for relative in present}
    wanted: dict[str, str] = {}
    for article in articles:
        mark = _mark(article.key)
        relative = keyed.get(mark) if not article.path else None
        wanted[relative or _file_name(article, mark)] = render(article, name)
    written = {
        folder / relative: content
        for relative, content in wanted.items()
        if relative not in present or _differs(present[relative], content)
    }
    gone = {relative: path for relative, path in present.items() if relative not in wanted}
    silenced = {keyed.get(_mark(key)) for key in withheld}
    return Changes(
        folder=folder,
        written=written,
        withdrawn=[path for relative, path in gone.items() if relative in silenced],
        removed=[path for relative, path in gone.items() if relative not in silenced],
        unchanged=len(wanted) - len(written),
        before=len(present),
    )


def apply(changes: Changes, *, removing: bool = True) -> None:
    """Each file is replaced as a whole; what is not changed is not touched."""
    try:
        changes.folder.mkdir(parents=True, exist_ok=True)
        for path, content in changes.written.items():
            _write(path, content)
        for path in (*changes.withdrawn, *(changes.removed if removing else ())):
            path.unlink(missing_ok=True)
            _tidy(path.parent, changes.folder)
    except OSError as error:
        raise UserFacingError(f"{changes.folder} cannot be written ({error.strerror}).") from error


def render(article: SourceArticle, name: str) -> str:
    """The file: front matter and Markdown. What the source states wins over what the article stated."""
    stated = {
        "title": article.title,
        "url": article.url,
        "audience": str(article.audience),
        "lang": article.lang,
        "revision": article.revision,
        "source": name,
        "updated": article.updated,
    }
    front = {**article.front, **{key: _line(value) for key, value in stated.items() if value}}
    head = yaml.safe_dump(front, allow_unicode=True, sort_keys=False, width=10_000)
    body = article.body.encode("utf-8", "replace").decode("utf-8").strip("\n")
    return f"---\n{head}---\n\n{body}\n"


def digest(*parts: str) -> str:
    """A short name for a content."""
    joined = "\0".join(parts).encode("utf-8", "replace")
    return hashlib.sha256(joined).hexdigest()[:_DIGEST]


def _line(value: str) -> str:
    written = value.encode("utf-8", "replace").decode("utf-8")
    # What steers a terminal or the direction of writing is no part of a title.
    return " ".join("".join(letter if letter.isprintable() else " " for letter in written).split())


def _mark(key: str) -> str:
    """A key as the end of a file name: as it is where that is harmless."""
    return key if re.fullmatch(r"[a-z0-9]{1,40}", key) else digest(key)


def _key_of(relative: str) -> str:
    return PurePosixPath(relative).stem.rpartition("--")[2]


def _file_name(article: SourceArticle, mark: str) -> str:
    if article.path:
        return _safe_path(article.path)
    folded = unicodedata.normalize("NFKD", article.title).encode("ascii", "ignore").decode().lower()
    slug = re.sub(r"[^a-z0-9]+", "-", folded).strip("-")[:_LONGEST_SLUG].strip("-")
    return f"{slug or 'article'}--{mark}.md"


def _safe_path(path: str) -> str:
    """A path below the folder, whatever was asked for; another one stays another one."""
    *places, last = [_safe_part(part) for part in path.split("/") if part not in ("", ".", "..")] or ["_"]
    # A folder that is called like an article would stand in the way of one.
    safe = "/".join([*(f"{place}_" if place.endswith(".md") else place for place in places), last])
    if safe == path:
        return safe
    return str(PurePosixPath(safe).with_suffix("")) + f"--{digest(path)}.md"


def _safe_part(part: str) -> str:
    kept = re.sub(r"[^\w .+@()-]", "_", part).strip(" ").lstrip(".") or "_"
    kept = kept.encode("utf-8", "ignore")[:_LONGEST_PART].decode("utf-8", "ignore")
    return f"_{kept}" if _RESERVED.match(kept) else kept


def _differs(path: Path, content: str) -> bool:
    return path.is_symlink() or not path.is_file() or path.read_bytes() != content.encode()


def _write(path: Path, content: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.part")  # hidden files are no articles
    with part.open("w", encoding="utf-8", newline="\n") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    part.replace(path)


def _tidy(place: Path, folder: Path) -> None:
    """Empty folders go, up to the mirror itself."""
    while place != folder and not any(place.iterdir()):
        place.rmdir()
        place = place.parent
