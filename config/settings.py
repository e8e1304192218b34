"""What the environment says: where the database is, which doors are open, and with which secrets."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from bot.core.errors import ConfigError
from config.environment import Environment
from config.mail import MailSettings, read_mail
from config.secrets import NamedSecrets, Secret


@dataclass(frozen=True, slots=True, kw_only=True)
class SlackSettings:
    """Events come by HTTP where signing secrets are set, and by Socket Mode where an app token is."""

    bot_token: Secret
    signing_secrets: tuple[Secret, ...]
    app_token: Secret | None
    api_url: str  #: ends with "/", as slack_sdk wants it


@dataclass(frozen=True, slots=True, kw_only=True)
class GitHubSettings:
    """A GitHub App."""

    app_id: int
    private_key: Secret
    webhook_secrets: tuple[Secret, ...]
    api_url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ZendeskSettings:
    """Without webhook secrets tickets go there, and replies do not come back."""

    subdomain: str
    client_id: str
    client_secret: Secret
    webhook_secrets: tuple[Secret, ...]
    url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DiscordSettings:
    """A bot user."""

    token: Secret
    api_url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelSettings:
    """An OpenAI-compatible model; a server of one's own may need no key."""

    api_key: Secret | None
    base_url: str
    model: str
    allowed_links: tuple[str, ...] = ()  #: beginnings of addresses, each with its "/" at the end


@dataclass(frozen=True, slots=True, kw_only=True)
class ChromaSettings:
    """A Chroma server for the vectors of many replicas."""

    url: Secret  #: it may carry a password
    prefix: str  #: two installations on one server take different ones


@dataclass(frozen=True, slots=True, kw_only=True)
class EmbedderSettings:
    """What turns texts into vectors; address and key belong to openai:MODEL."""

    name: str
    url: str
    api_key: Secret | None


@dataclass(frozen=True, slots=True, kw_only=True)
class PagerDutySettings:
    """An Events API v2 integration."""

    routing_key: Secret


@dataclass(frozen=True, slots=True, kw_only=True)
class PagerDutyRestSettings:
    """A REST API key, to read who is on call."""

    token: Secret
    url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Everything read from the environment. A door that is not configured is None."""

    port: int
    database_url: Secret  #: it may carry a password
    data_dir: Path
    config_dir: Path | None
    slack: SlackSettings | None
    github: GitHubSettings | None
    zendesk: ZendeskSettings | None
    discord: DiscordSettings | None
    model: ModelSettings | None
    pagerduty: PagerDutySettings | None
    pagerduty_url: str  #: for other services' keys, too
    mail: MailSettings | None
    secrets: NamedSecrets  #: variables that policy files name
    pagerduty_rest: PagerDutyRestSettings | None
    heartbeat_url: Secret | None  #: whoever knows it can keep the watcher calm
    chroma: ChromaSettings | None
    embedder: EmbedderSettings

    @classmethod
    def from_environ(cls, environ: Mapping[str, str]) -> Settings:
        """Read and check every variable; ConfigError names the one that is wrong."""
        env = Environment(environ)
        data_dir = Path(env.text("DESKBELL_DATA"))
        return cls(
            port=env.port("PORT"),
            database_url=env.database_url("DATABASE_URL", data_dir / "deskbell.db"),
            data_dir=data_dir,
            config_dir=env.directory("DESKBELL_CONFIG"),
            slack=_slack(env),
            github=_github(env),
            zendesk=_zendesk(env),
            discord=_discord(env),
            model=_model(env),
            pagerduty=_pagerduty(env),
            pagerduty_url=env.url("PAGERDUTY_URL"),
            mail=read_mail(env),
            secrets=NamedSecrets(environ),
            pagerduty_rest=_pagerduty_rest(env),
            heartbeat_url=env.secret_url("HEARTBEAT_URL"),
            chroma=_chroma(env),
            embedder=_embedder(env),
        )

    def door_problems(self) -> list[str]:
        """One sentence per door that is off or half useful, for `check`."""
        return [
            *_slack_problems(self.slack),
            *_off(self.github, "the GitHub door is off", *_GITHUB),
            *_off(self.zendesk, "tickets have no replica in Zendesk", *_ZENDESK),
            *_zendesk_problems(self.zendesk),
            *_off(self.discord, "the Discord door is off", "DISCORD_TOKEN"),
            *_off(self.model, "answers are quoted passages, not written by a model", "OPENAI_API_KEY"),
            *_embedder_problems(self.embedder),
            *_off(self.pagerduty, "nobody is paged through PagerDuty", "PAGERDUTY_ROUTING_KEY"),
            *_off(self.mail, "no mail is sent", "SMTP_URL", "SMTP_FROM"),
        ]


_GITHUB = ("GITHUB_APP_ID", "GITHUB_PRIVATE_KEY", "GITHUB_WEBHOOK_SECRET")
_ZENDESK = ("ZENDESK_SUBDOMAIN", "ZENDESK_OAUTH_CLIENT_ID", "ZENDESK_OAUTH_CLIENT_SECRET")


def _chroma(env: Environment) -> ChromaSettings | None:
    if not env.has("CHROMA_URL"):
        return None
    return ChromaSettings(url=Secret(env.url("CHROMA_URL")), prefix=env.text("CHROMA_PREFIX"))


def _embedder(env: Environment) -> EmbedderSettings:
    # The key for one server is never sent to another.
    key = (
        "EMBEDDINGS_API_KEY"
        if env.has("EMBEDDINGS_API_KEY") or env.has("EMBEDDINGS_URL")
        else "OPENAI_API_KEY"
    )
    return EmbedderSettings(
        name=env.embedder("DESKBELL_EMBEDDER"),
        url=env.url("EMBEDDINGS_URL") if env.has("EMBEDDINGS_URL") else env.url("OPENAI_BASE_URL"),
        api_key=env.secret(key),
    )


def _slack(env: Environment) -> SlackSettings | None:
    token, app_token = env.secret("SLACK_BOT_TOKEN"), env.secret("SLACK_APP_TOKEN")
    secrets = env.rotating("SLACK_SIGNING_SECRET")
    if token is None and not secrets and app_token is None:
        return None
    if token is None:
        given = "SLACK_SIGNING_SECRET" if secrets else "SLACK_APP_TOKEN"
        raise ConfigError(f"SLACK_BOT_TOKEN is missing, but {given} is set: set both or neither")
    if not secrets and app_token is None:
        raise ConfigError(
            "SLACK_SIGNING_SECRET is missing, but SLACK_BOT_TOKEN is set: set it for events by HTTP,"
            " or SLACK_APP_TOKEN for Socket Mode"
        )
    api_url = env.url("SLACK_API_URL")
    return SlackSettings(bot_token=token, signing_secrets=secrets, app_token=app_token, api_url=f"{api_url}/")


def _github(env: Environment) -> GitHubSettings | None:
    if not env.all_or_none(*_GITHUB):
        return None
    return GitHubSettings(
        app_id=env.number("GITHUB_APP_ID"),
        private_key=env.pem("GITHUB_PRIVATE_KEY"),
        webhook_secrets=env.rotating("GITHUB_WEBHOOK_SECRET"),
        api_url=env.url("GITHUB_API_URL"),
    )


def _zendesk(env: Environment) -> ZendeskSettings | None:
    webhook_secrets = env.rotating("ZENDESK_WEBHOOK_SECRET")
    if not env.all_or_none(*_ZENDESK, given_by="ZENDESK_WEBHOOK_SECRET" if webhook_secrets else None):
        return None
    subdomain = env.label("ZENDESK_SUBDOMAIN")
    return ZendeskSettings(
        subdomain=subdomain,
        client_id=env.text("ZENDESK_OAUTH_CLIENT_ID"),
        client_secret=env.required_secret("ZENDESK_OAUTH_CLIENT_SECRET"),
        webhook_secrets=webhook_secrets,
        url=env.url("ZENDESK_URL", f"https://{subdomain}.zendesk.com"),
    )


def _discord(env: Environment) -> DiscordSettings | None:
    token = env.secret("DISCORD_TOKEN")
    return DiscordSettings(token=token, api_url=env.url("DISCORD_API_URL")) if token else None


def _model(env: Environment) -> ModelSettings | None:
    key = env.secret("OPENAI_API_KEY")
    if key is None and not env.has("OPENAI_BASE_URL"):
        return None
    return ModelSettings(
        api_key=key,
        base_url=env.url("OPENAI_BASE_URL"),
        model=env.text("OPENAI_MODEL"),
        allowed_links=env.prefixes("OPENAI_ALLOWED_LINKS"),
    )


def _pagerduty(env: Environment) -> PagerDutySettings | None:
    key = env.secret("PAGERDUTY_ROUTING_KEY")
    return PagerDutySettings(routing_key=key) if key else None


def _pagerduty_rest(env: Environment) -> PagerDutyRestSettings | None:
    token = env.secret("PAGERDUTY_API_TOKEN")
    return PagerDutyRestSettings(token=token, url=env.url("PAGERDUTY_API_URL")) if token else None


def _off(door: object, consequence: str, *names: str) -> list[str]:
    if door is not None:
        return []
    verb = "is" if len(names) == 1 else "are"
    return [f"{_listed(names)} {verb} missing: {consequence}"]


def _slack_problems(slack: SlackSettings | None) -> list[str]:
    if slack is None:
        return _off(slack, "the Slack door is off", "SLACK_BOT_TOKEN", "SLACK_SIGNING_SECRET")
    if not slack.signing_secrets:
        return ["SLACK_SIGNING_SECRET is missing: Slack's events come by Socket Mode only"]
    return []


def _embedder_problems(embedder: EmbedderSettings) -> list[str]:
    if embedder.name == "none":
        return ["DESKBELL_EMBEDDER is none: articles are found by their words alone"]
    return []


def _zendesk_problems(zendesk: ZendeskSettings | None) -> list[str]:
    if zendesk is None or zendesk.webhook_secrets:
        return []
    return ["ZENDESK_WEBHOOK_SECRET is missing: replies written in Zendesk do not come back"]


def _listed(names: tuple[str, ...]) -> str:
    return " and ".join(filter(None, (", ".join(names[:-1]), names[-1])))
