"""Articles out of a git repository: what is committed on one branch, read without a work tree.

Nothing is checked out, so no hook runs, no filter runs and no symbolic link is followed.
"""

from __future__ import annotations

import asyncio
import base64
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from urllib.parse import quote, urlsplit

from bot.core.model import INTERNAL, Audience
from knowledge.articles import UnreadableArticle, printable, read_text
from knowledge.sources.source import Listing, SourceArticle, SourceFailed

_REF = "refs/deskbell/mirror"
_FILES = ("100644", "100755")  # not a symbolic link, not a submodule
_LARGEST = 5_000_000  #: bytes, as for files in a folder
_PATIENCE = timedelta(minutes=10)
_SHORT = 12  #: characters of an object's name
_KEPT = ("lang", "url", "description", "questions")  #: of an article's own front matter
_FOREIGN = ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_OBJECT_DIRECTORY", "GIT_NAMESPACE")


@dataclass(frozen=True, slots=True, kw_only=True)
class GitSource:
    """One branch of one repository."""

    name: str
    repository: str
    copy: Path  #: the bare repository that is kept here
    branch: str = ""
    folder: str = ""
    link: str = ""
    audience: Audience = INTERNAL  #: of articles that do not name theirs
    lang: str = ""
    token: str = field(default="", repr=False)
    variable: str = ""  #: where the token came from

    async def listing(self) -> Listing:
        """Fetch, then read every Markdown file of the branch."""
        await self._fetch()
        tree = _tree(await self._git("ls-tree", "-r", "-z", "-l", _REF, "--", *self._below()))
        dates = _dates(
            await self._git("log", "-z", "--format=%x01%cI", "--name-only", _REF, "--", *self._below())
        )
        blobs = _blobs(await self._git("cat-file", "--batch", asked="\n".join(tree.values()).encode()))
        articles: list[SourceArticle] = []
        problems: list[str] = []
        for path, name in tree.items():
            try:
                articles.append(self._article(path, name, blobs[name], dates.get(path, "")))
            except UnreadableArticle as error:
                problems.append(str(error))
        return Listing(articles=articles, problems=problems)

    def _article(self, path: str, name: str, content: bytes, updated: str) -> SourceArticle:
        below = path.removeprefix(f"{self.folder}/") if self.folder else path
        shown = printable(below)
        if len(content) > _LARGEST:
            raise UnreadableArticle(f"{shown}: larger than {_LARGEST // 1_000_000} MB.")
        try:
            text = content.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            raise UnreadableArticle(f"{shown}: not UTF-8.") from error
        front, title, body, audience = read_text(text, shown)
        own = {key: front[key] for key in _KEPT if front.get(key)}
        return SourceArticle(
            key=path,
            path=below,
            title=title,
            body=body,
            audience=audience or self.audience,
            lang="" if "lang" in own else self.lang,
            url="" if "url" in own or not self.link else self.link.replace("{path}", _address(below)),
            revision=name[:_SHORT],
            updated=updated,
            front=own,
        )

    async def _fetch(self) -> None:
        if not (self.copy / "HEAD").exists():
            self.copy.mkdir(parents=True, exist_ok=True)
            await self._git("init", "--bare", "--quiet")
        wanted = f"refs/heads/{self.branch}" if self.branch else "HEAD"
        await self._git("fetch", "--quiet", "--no-tags", "--", self._place(), f"+{wanted}:{_REF}")

    def _place(self) -> str:
        is_address = "://" in self.repository or ":" in self.repository.split("/")[0]
        return self.repository if is_address else str(Path(self.repository).resolve())

    def _below(self) -> tuple[str, ...]:
        return (self.folder,) if self.folder else ()

    async def _git(self, *arguments: str, asked: bytes = b"") -> bytes:
        try:
            process = await asyncio.create_subprocess_exec(
                "git",
                "--literal-pathspecs",
                *arguments,
                cwd=self.copy,
                env=self._environment(),
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.DEVNULL,  # it may repeat an address with a password in it
            )
        except FileNotFoundError as error:
            raise SourceFailed(f"{self.name}: git is not installed.") from error
        try:
            async with asyncio.timeout(_PATIENCE.total_seconds()):
                out, _ = await process.communicate(asked)
        except TimeoutError as error:
            process.kill()
            await process.wait()
            raise SourceFailed(f"{self.name}: git {arguments[0]} did not finish.") from error
        if process.returncode:
            secret = f" and the token in {self.variable}" if self.variable else ""
            raise SourceFailed(
                f"{self.name}: git {arguments[0]} ended with status {process.returncode};"
                f" check repository, branch{secret}."
            )
        return out

    def _environment(self) -> Mapping[str, str]:
        found = {key: value for key, value in os.environ.items() if key not in _FOREIGN}
        found |= {
            "GIT_TERMINAL_PROMPT": "0",
            "GIT_ALLOW_PROTOCOL": "file:https:ssh",  # none runs a command or is open on the way
            "GIT_DIR": str(self.copy.resolve()),
        }
        settings = {"http.followRedirects": "false"}
        if self.token:
            # Neither in the arguments nor in a file, and for this host alone: https://git-scm.com/docs/git-config
            host = urlsplit(self.repository).netloc
            secret = base64.b64encode(f"x-access-token:{self.token}".encode()).decode()
            settings[f"http.https://{host}/.extraHeader"] = f"Authorization: Basic {secret}"
        found["GIT_CONFIG_COUNT"] = str(len(settings))
        for number, (key, value) in enumerate(settings.items()):
            found |= {f"GIT_CONFIG_KEY_{number}": key, f"GIT_CONFIG_VALUE_{number}": value}
        return found


def _tree(out: bytes) -> dict[str, str]:
    """Path → the content's name, for Markdown that is not hidden."""
    found: dict[str, str] = {}
    for entry in out.split(b"\0"):
        about, _, path = entry.partition(b"\t")
        if not path:
            continue
        mode, _, name, _ = about.decode().split()
        written = path.decode("utf-8", "replace")
        hidden = any(part.startswith(".") for part in written.split("/"))
        if mode in _FILES and written.endswith(".md") and not hidden:
            found[written] = name
    return found


def _dates(out: bytes) -> dict[str, str]:
    """Path → when the last commit that touched it was made; the newest commit comes first."""
    found: dict[str, str] = {}
    date = ""
    for entry in out.split(b"\0"):
        written = entry.removeprefix(b"\n").decode("utf-8", "replace")
        if written.startswith("\x01"):
            date = written[1:].strip()
        elif written:
            found.setdefault(written, date)
    return found


def _blobs(out: bytes) -> dict[str, bytes]:
    """Name → content, as `git cat-file --batch` writes them."""
    found: dict[str, bytes] = {}
    at = 0
    while at < len(out):
        end = out.index(b"\n", at)
        name, _, size = out[at:end].decode().split()
        found[name] = out[end + 1 : end + 1 + int(size)]
        at = end + 1 + int(size) + 1
    return found


def _address(path: str) -> str:
    return quote(path.removesuffix(".md"), safe="/")
