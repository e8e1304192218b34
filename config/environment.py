"""The variables that exist, and how their values are read."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from bot.core.errors import ConfigError
from config.secrets import Secret, one_line, rotating


@dataclass(frozen=True, slots=True)
class Setting:
    """One variable. This table is the source for the code, the documentation and `check`."""

    name: str
    default: str
    help: str
    is_secret: bool = False


SETTINGS = (
    Setting("PORT", "8080", "Where the web side listens."),
    Setting(
        "DATABASE_URL", "", "SQLite or PostgreSQL; by default deskbell.db in DESKBELL_DATA.", is_secret=True
    ),
    Setting("DESKBELL_DATA", "data", "Where the embedded database and the index live."),
    Setting(
        "CHROMA_URL",
        "",
        "A Chroma server that many replicas share; by default vectors lie in DESKBELL_DATA.",
        is_secret=True,
    ),
    Setting("CHROMA_PREFIX", "deskbell", "What this installation's collections on it begin with."),
    Setting("DESKBELL_CONFIG", "", "A directory of TOML files laid over the packaged policies."),
    Setting("SLACK_BOT_TOKEN", "", "The app's bot token, xoxb-…", is_secret=True),
    Setting(
        "SLACK_SIGNING_SECRET", "", "Proves Slack's requests; two with a comma to rotate.", is_secret=True
    ),
    Setting("SLACK_APP_TOKEN", "", "An app-level token, xapp-…, for Socket Mode.", is_secret=True),
    Setting("SLACK_API_URL", "https://slack.com/api", "Slack's Web API, or an emulator of it."),
    Setting("GITHUB_APP_ID", "", "The number of the GitHub App."),
    Setting(
        "GITHUB_PRIVATE_KEY",
        "",
        "The App's private key, PEM; line breaks may be written \\n.",
        is_secret=True,
    ),
    Setting(
        "GITHUB_WEBHOOK_SECRET", "", "Proves GitHub's requests; two with a comma to rotate.", is_secret=True
    ),
    Setting("GITHUB_API_URL", "https://api.github.com", "GitHub's API, or an emulator of it."),
    Setting("ZENDESK_SUBDOMAIN", "", "The account: acme in acme.zendesk.com."),
    Setting("ZENDESK_OAUTH_CLIENT_ID", "", "The unique identifier of a confidential OAuth client."),
    Setting("ZENDESK_OAUTH_CLIENT_SECRET", "", "That client's secret.", is_secret=True),
    Setting(
        "ZENDESK_WEBHOOK_SECRET", "", "Proves Zendesk's requests; two with a comma to rotate.", is_secret=True
    ),
    Setting("ZENDESK_URL", "", "Zendesk's API, or an emulator of it; by default the subdomain's."),
    Setting("DISCORD_TOKEN", "", "The bot user's token.", is_secret=True),
    Setting("DISCORD_API_URL", "https://discord.com/api/v10", "Discord's API, or an emulator of it."),
    Setting("OPENAI_API_KEY", "", "The key of an OpenAI-compatible model; none is needed.", is_secret=True),
    Setting("OPENAI_BASE_URL", "https://api.openai.com/v1", "Where that model is."),
    Setting("OPENAI_MODEL", "gpt-4.1-mini", "Its name."),
    Setting(
        "OPENAI_ALLOWED_LINKS",
        "",
        "Beginnings of addresses, each ending in /, that its answers may link to besides their sources.",
    ),
    Setting(
        "DESKBELL_EMBEDDER",
        "e5-small+minilm",
        "What finds by meaning; also e5-small+mpnet, e5-small, none, sentence-transformers:MODEL, openai:…",
    ),
    Setting("EMBEDDINGS_URL", "", "Where openai:MODEL is; by default OPENAI_BASE_URL."),
    Setting("EMBEDDINGS_API_KEY", "", "Its key; by default OPENAI_API_KEY, if it is there.", is_secret=True),
    Setting("PAGERDUTY_ROUTING_KEY", "", "The key of an Events API v2 integration.", is_secret=True),
    Setting("PAGERDUTY_URL", "https://events.pagerduty.com", "PagerDuty's events API, or an emulator of it."),
    Setting(
        "SMTP_URL",
        "",
        "Who takes our mail: smtp://user:password@host:587 or smtps://user:password@host:465.",
        is_secret=True,
    ),
    Setting("SMTP_FROM", "", "The address that mail comes from."),
    Setting("PAGERDUTY_API_TOKEN", "", "A read-only REST API key, for rotas kept there.", is_secret=True),
    Setting("PAGERDUTY_API_URL", "https://api.pagerduty.com", "PagerDuty's REST API, or an emulator of it."),
    Setting(
        "HEARTBEAT_URL",
        "",
        "What is told once a minute that the promises were audited, such as a dead man's switch.",
        is_secret=True,
    ),
)

_DEFAULTS = {setting.name: setting.default for setting in SETTINGS}
_DATABASES = ("sqlite", "sqlite+aiosqlite", "postgresql", "postgres", "postgresql+psycopg")
_EMBEDDER = re.compile(r"e5-small(\+minilm|\+mpnet)?|none|(sentence-transformers|openai):\S.*")
_LABEL = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?", re.IGNORECASE)


class Environment:
    """Typed reading. A variable that is set to nothing counts as missing."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._given = {name: value for name in _DEFAULTS if (value := environ.get(name, "").strip())}

    def has(self, name: str) -> bool:
        """Whether somebody set it."""
        return name in self._given

    def text(self, name: str) -> str:
        """As it is, or its default."""
        return self._given.get(name) or _DEFAULTS[name]

    def all_or_none(self, *names: str, given_by: str | None = None) -> bool:
        """Whether all are set; ConfigError when only some are. `given_by` is one that needs them all."""
        missing = [name for name in names if not self.has(name)]
        given = next((name for name in names if self.has(name)), given_by)
        if missing and given:
            raise ConfigError(f"{missing[0]} is missing, but {given} is set: set both or neither")
        return not missing

    def secret(self, name: str) -> Secret | None:
        """A token in one line, if set."""
        return one_line(name, self._given[name]) if self.has(name) else None

    def required_secret(self, name: str) -> Secret:
        """A token known to be set."""
        return one_line(name, self._given[name])

    def rotating(self, name: str) -> tuple[Secret, ...]:
        """A signing secret, or two of them; empty when not set."""
        return rotating(name, self._given[name]) if self.has(name) else ()

    def pem(self, name: str) -> Secret:
        """A private key, however its line breaks were written."""
        key = self._given[name].replace("\\n", "\n")
        if not key.startswith("-----BEGIN"):
            raise ConfigError(f"{name}: not a PEM key; it starts with -----BEGIN")
        return Secret(key)

    def number(self, name: str) -> int:
        """A whole number above zero."""
        value = self.text(name)
        if not (value.isascii() and value.isdecimal() and int(value)):
            raise ConfigError(f"{name}: {value!r} is not a number above zero")
        return int(value)

    def port(self, name: str) -> int:
        """A TCP port; 0 lets the system choose."""
        value = self.text(name)
        if not (value.isascii() and value.isdecimal() and len(value) <= 5 and int(value) <= 65_535):  # noqa: PLR2004  # TCP's
            raise ConfigError(f"{name}: {value!r} is not a port between 0 and 65535")
        return int(value)

    def label(self, name: str) -> str:
        """One part of a host name."""
        value = self.text(name)
        if not _LABEL.fullmatch(value):
            raise ConfigError(f"{name}: {value!r} is not a subdomain; write acme for acme.zendesk.com")
        return value.lower()

    def embedder(self, name: str) -> str:
        """One of the kinds that the knowledge base knows; whether it can be had is found out there."""
        value = self.text(name)
        if not _EMBEDDER.fullmatch(value):
            raise ConfigError(
                f"{name}: {value!r} is none of e5-small+minilm, e5-small+mpnet, e5-small, none,"
                " sentence-transformers:MODEL and openai:MODEL"
            )
        return value

    def url(self, name: str, default: str = "") -> str:
        """A base address without the slash at its end."""
        value = self._given.get(name) or default or _DEFAULTS[name]
        try:
            parts = urlsplit(value)
            is_fine = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
        except ValueError:  # a port that is no number, brackets that do not close
            is_fine = False
        if not is_fine or parts.query or parts.fragment or not value.isprintable() or " " in value:
            raise ConfigError(f"{name}: not an address like https://host or http://host:port/path")
        return value.rstrip("/")

    def secret_url(self, name: str) -> Secret | None:
        """An address that is a secret itself, if set."""
        return Secret(self.url(name)) if self.has(name) else None

    def prefixes(self, name: str) -> tuple[str, ...]:
        """Beginnings of addresses, with commas between; without its slash "https://a.b" would allow a.bad."""
        given = [one.strip() for one in self.text(name).split(",") if one.strip()]
        for one in given:
            parts = urlsplit(one)
            is_whole = parts.scheme in ("http", "https") and parts.hostname and parts.path.endswith("/")
            if not is_whole or parts.query or parts.fragment or parts.username:
                raise ConfigError(
                    f"{name}: {one!r} is not the beginning of an address, like https://host/docs/"
                )
        return tuple(given)

    def database_url(self, name: str, default: Path) -> Secret:
        """The address of a database; storage knows the details. Never repeated: it may hold a password."""
        if not self.has(name):
            return Secret(f"sqlite:///{default}")
        scheme, separator, rest = self._given[name].partition("://")
        if scheme not in _DATABASES or not separator or not rest:
            raise ConfigError(f"{name}: write sqlite:///path/to/file.db or postgresql://user@host/name")
        return Secret(self._given[name])

    def directory(self, name: str) -> Path | None:
        """A directory that exists, if set."""
        if not self.has(name):
            return None
        path = Path(self._given[name])
        if not path.is_dir():
            raise ConfigError(f"{name}: {path} is not a directory")
        return path
