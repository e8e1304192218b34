"""sources.toml: where articles come from besides the folders that are indexed by hand."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from enum import StrEnum
from urllib.parse import urlsplit

from bot.core.errors import ConfigError
from bot.core.model import INTERNAL, PUBLIC, Audience, OrganisationId, customer
from bot.core.spelling import parse_span
from config.secrets import Secret, one_line
from config.tables import Layers, Table

FILE = "sources.toml"
_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,40}")
_VARIABLE = re.compile(r"[A-Z][A-Z0-9_]*")
_REPOSITORY = re.compile(r"[A-Za-z0-9-]+/[A-Za-z0-9._-]+")
_LOCALE = re.compile(r"[a-z]{2,3}(-[a-z0-9]{2,8})*", re.IGNORECASE)
_LOOPBACK = ("localhost", "127.0.0.1", "::1")
_COMMON = ("kind", "audience", "every", "token")
USUALLY = timedelta(minutes=15)  #: between two syncs of a source
SHORTEST = timedelta(minutes=1)
_NEVER = "never"


class SourceKind(StrEnum):
    """The kinds of sources that exist."""

    GIT = "git"
    HELP_CENTER = "helpcenter"
    CONFLUENCE = "confluence"
    DISCUSSIONS = "discussions"


@dataclass(frozen=True, slots=True, kw_only=True)
class Credential:
    """A secret and the variable it came from, which is what people are told about."""

    variable: str
    secret: Secret


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceSettings:
    """One table of sources.toml; what a kind does not use is empty."""

    name: str
    kind: SourceKind
    audience: Audience | None  #: None: as the kind does when nobody says
    lang: str
    every: timedelta | None = USUALLY  #: None: only when somebody says so
    url: str = ""
    token: Credential | None = None
    email: str = ""
    client: tuple[Credential, Credential] | None = None  #: an OAuth client's id and secret
    restricted: Audience | None = INTERNAL  #: what only some may see; None: left out
    branch: str = ""
    folder: str = ""
    link: str = ""  #: how an article's address is made of its path
    entries: tuple[str, ...] = field(default=())  #: spaces, locales or repositories
    excluded_labels: frozenset[str] = frozenset()  #: of pages
    categories: frozenset[str] = frozenset()  #: of discussions, by slug; none: all that take answers
    excluded_authors: frozenset[str] = frozenset()  #: of answers, in small letters
    maintainers_only: bool = False  #: answers by others are left out


def load_sources(layers: Layers, environ: Mapping[str, str]) -> tuple[SourceSettings, ...]:
    """Every source; ConfigError names the table and the key, or the variable that is not set."""
    return tuple(_source(name, table, environ) for name, table in layers.tables(FILE).items())


def _source(name: str, table: Table, environ: Mapping[str, str]) -> SourceSettings:
    if not _NAME.fullmatch(name):
        raise ConfigError(f"{table.where}: a source's name is small letters, digits and hyphens")
    kind = table.choice("kind", SourceKind)
    keys, read = _KINDS[kind]
    table.only(*_COMMON, *keys)
    common = SourceSettings(
        name=name,
        kind=kind,
        audience=_audience(table, "audience"),
        lang=_optional(table, "lang"),
        every=_every(table),
        token=_credential(table, "token", environ),
    )
    return read(common, table, environ)


def _git(common: SourceSettings, table: Table, _: Mapping[str, str]) -> SourceSettings:
    branch, folder = _optional(table, "branch"), _optional(table, "folder").strip("/")
    if branch and not re.fullmatch(r"[A-Za-z0-9_][\w./-]*", branch):
        raise table.wrong("branch", f"{branch!r} is not the name of a branch")
    if ".." in folder.split("/"):
        raise table.wrong("folder", "leads out of the repository")
    link = _optional(table, "link")
    if link and ("{path}" not in link or not link.startswith(("https://", "http://"))):
        raise table.wrong("link", "is not an address with {path} in it")
    url = _repository(table, secretly=common.token is not None)
    return replace(common, url=url, branch=branch, folder=folder, link=link)


def _help_center(common: SourceSettings, table: Table, environ: Mapping[str, str]) -> SourceSettings:
    ids, secrets = (_credential(table, key, environ) for key in ("client_id", "client_secret"))
    if (ids is None) != (secrets is None):
        raise table.wrong("client_id", "and client_secret go together")
    if common.token and ids:
        raise table.wrong("token", "either a token, or client_id and client_secret")
    return replace(
        common,
        restricted=_restricted(table),
        url=_address(table, secretly=bool(common.token or ids)),
        client=(ids, secrets) if ids and secrets else None,
        entries=_entries(table, "locales", _LOCALE, "a locale like en-us"),
    )


def _confluence(common: SourceSettings, table: Table, _: Mapping[str, str]) -> SourceSettings:
    return replace(
        common,
        url=_address(table, secretly=common.token is not None),
        email=_optional(table, "email"),
        restricted=_restricted(table) if "restricted" in table.values else None,
        excluded_labels=frozenset(table.texts("excluded_labels")),
        entries=_entries(table, "spaces", re.compile(r"~?[A-Za-z0-9]+"), "a space's key"),
    )


def _discussions(common: SourceSettings, table: Table, _: Mapping[str, str]) -> SourceSettings:
    if common.token is None:
        raise table.wrong("token", "GitHub's GraphQL API answers nobody without one")
    return replace(
        common,
        url=_address(table, "https://api.github.com/graphql", secretly=True),
        entries=_entries(table, "repositories", _REPOSITORY, "a repository like owner/name"),
        categories=frozenset(table.texts("categories")),
        excluded_authors=frozenset(login.lower() for login in table.texts("excluded_authors")),
        maintainers_only=table.flag("maintainers_only"),
    )


_Reader = Callable[[SourceSettings, Table, Mapping[str, str]], SourceSettings]

#: The keys of each kind besides those that all have, and what makes its settings of them.
_KINDS: Mapping[SourceKind, tuple[tuple[str, ...], _Reader]] = {
    SourceKind.GIT: (("lang", "repository", "branch", "folder", "link"), _git),
    SourceKind.HELP_CENTER: (("restricted", "url", "locales", "client_id", "client_secret"), _help_center),
    SourceKind.CONFLUENCE: (
        ("lang", "url", "spaces", "email", "restricted", "excluded_labels"),
        _confluence,
    ),
    SourceKind.DISCUSSIONS: (
        ("lang", "url", "repositories", "categories", "excluded_authors", "maintainers_only"),
        _discussions,
    ),
}


def _every(table: Table) -> timedelta | None:
    if "every" not in table.values:
        return USUALLY
    if table.text("every") == _NEVER:
        return None
    every = table.read("every", parse_span)
    if every < SHORTEST:
        raise table.wrong("every", "is less than a minute")
    return every


def _optional(table: Table, key: str) -> str:
    return table.text(key) if key in table.values else ""


def _entries(table: Table, key: str, form: re.Pattern[str], what: str) -> tuple[str, ...]:
    entries = tuple(table.texts(key))
    if not entries:
        raise table.wrong(key, "is missing or empty")
    for entry in entries:
        if not form.fullmatch(entry):
            raise table.wrong(key, f"{entry!r} is not {what}")
    return entries


def _credential(table: Table, key: str, environ: Mapping[str, str]) -> Credential | None:
    if key not in table.values:
        return None
    variable = table.text(key)
    if not _VARIABLE.fullmatch(variable):  # not repeated: it may be the secret itself
        raise table.wrong(key, "is not the name of an environment variable, like HELP_CENTER_TOKEN")
    value = environ.get(variable, "").strip()
    if not value:
        raise table.wrong(key, f"the environment variable {variable} is not set")
    return Credential(variable=variable, secret=one_line(variable, value))


def _audience(table: Table, key: str) -> Audience | None:
    if key not in table.values:
        return None
    kind, _, organisation = table.text(key).partition(":")
    if kind == "customer" and organisation.strip():
        return customer(OrganisationId(organisation.strip()))
    if organisation or kind not in ("public", "internal"):
        raise table.wrong(key, "write public, internal or customer:<organisation>")
    return PUBLIC if kind == "public" else INTERNAL


def _restricted(table: Table) -> Audience:
    audience = _audience(table, "restricted") or INTERNAL
    if audience == PUBLIC:
        raise table.wrong("restricted", "what only some may see is never public")
    return audience


def _address(table: Table, default: str = "", *, secretly: bool) -> str:
    value = table.text("url") if "url" in table.values or not default else default
    try:
        parts = urlsplit(value)
        is_fine = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        is_fine = False
    if not is_fine or parts.query or parts.fragment or "@" in parts.netloc or not value.isprintable():
        raise table.wrong("url", "is not an address like https://host, without user and password")
    if secretly and parts.scheme == "http" and parts.hostname not in _LOOPBACK:
        raise table.wrong("url", "http would send the credentials for all to read; write https")
    return value.rstrip("/")


def _repository(table: Table, *, secretly: bool) -> str:
    """What git clones; a transport that runs commands is not among them."""
    value = table.text("repository")
    if value.startswith("-") or "::" in value or not value.isprintable():
        raise table.wrong("repository", "is not an address or a folder that git clones")
    if value.startswith(("http://", "git://")):
        raise table.wrong("repository", "could be changed on its way; write https:// or ssh://")
    is_web = value.startswith("https://")
    if is_web and "@" in urlsplit(value).netloc:
        raise table.wrong("repository", "names a user or a password; use token")
    if secretly and not value.startswith("https://"):
        raise table.wrong("token", "goes with a repository at https://")
    return value
