"""The environment, read and refused."""

from __future__ import annotations

import copy
import pickle
from pathlib import Path

import pytest

from bot.core.errors import ConfigError
from config.environment import SETTINGS
from config.secrets import Secret
from config.settings import Settings

OPENAI = {"OPENAI_API_KEY": "sk-1"}
SLACK = {"SLACK_BOT_TOKEN": "xoxb-canary-1", "SLACK_SIGNING_SECRET": "canary-2"}
ZENDESK = {
    "ZENDESK_SUBDOMAIN": "Acme",
    "ZENDESK_OAUTH_CLIENT_ID": "deskbell",
    "ZENDESK_OAUTH_CLIENT_SECRET": "canary-3",
}
GITHUB = {
    "GITHUB_APP_ID": "42",
    "GITHUB_PRIVATE_KEY": "-----BEGIN KEY-----\\ncanary-4\\n-----END KEY-----",
    "GITHUB_WEBHOOK_SECRET": "canary-5",
}
REST = {
    "DISCORD_TOKEN": "canary-6",
    "OPENAI_API_KEY": "canary-7",
    "PAGERDUTY_ROUTING_KEY": "canary-8",
    "DATABASE_URL": "postgresql://desk:canary-9@db/desk",
    "ZENDESK_WEBHOOK_SECRET": "canary-10",
    "SMTP_URL": "smtps://desk:canary-11@mail.acme.example",
    "SMTP_FROM": "desk@acme.example",
}
EVERYTHING = SLACK | ZENDESK | GITHUB | REST


def refusal(**environ: str) -> str:
    with pytest.raises(ConfigError) as caught:
        Settings.from_environ(environ)
    return str(caught.value)


def test_an_empty_environment_is_a_working_one_with_every_door_off() -> None:
    settings = Settings.from_environ({})

    assert settings.port == 8080
    assert settings.database_url.reveal() == "sqlite:///data/deskbell.db"
    assert settings.data_dir == Path("data")
    assert settings.config_dir is None
    doors = (settings.slack, settings.github, settings.zendesk, settings.discord)
    assert doors == (None, None, None, None)
    assert (settings.model, settings.pagerduty) == (None, None)


def test_every_door_that_is_off_is_named_with_what_is_missing() -> None:
    problems = Settings.from_environ({}).door_problems()

    assert "SLACK_BOT_TOKEN and SLACK_SIGNING_SECRET are missing: the Slack door is off" in problems
    assert "DISCORD_TOKEN is missing: the Discord door is off" in problems
    assert len(problems) == 7


def test_everything_configured_has_no_problem() -> None:
    assert Settings.from_environ(EVERYTHING).door_problems() == []


def test_no_representation_of_the_settings_shows_a_secret() -> None:
    settings = Settings.from_environ(EVERYTHING)

    for shown in (repr(settings), str(settings), f"{settings.slack}", f"{settings.database_url:>40}"):
        assert "canary" not in shown


def test_a_secret_is_revealed_only_on_request_and_never_serialised() -> None:
    secret = Secret("canary")

    assert secret.reveal() == "canary"
    assert secret == Secret("canary")
    assert secret != Secret("other")
    assert "canary" not in f"{secret!r} {secret!s} {secret:>10}"
    with pytest.raises(TypeError):
        pickle.dumps(secret)
    with pytest.raises(TypeError):
        copy.deepcopy(secret)


def test_the_data_directory_moves_the_default_database() -> None:
    settings = Settings.from_environ({"DESKBELL_DATA": "/srv/desk"})

    assert settings.database_url.reveal() == "sqlite:////srv/desk/deskbell.db"


def test_a_signing_secret_may_be_two_while_it_is_rotated() -> None:
    settings = Settings.from_environ(SLACK | {"SLACK_SIGNING_SECRET": "new, old"})

    assert settings.slack is not None
    assert [secret.reveal() for secret in settings.slack.signing_secrets] == ["new", "old"]


def test_slack_may_come_by_socket_mode_only() -> None:
    settings = Settings.from_environ({"SLACK_BOT_TOKEN": "xoxb-1", "SLACK_APP_TOKEN": "xapp-1"})

    assert settings.slack is not None
    assert settings.slack.signing_secrets == ()
    assert settings.slack.api_url == "https://slack.com/api/"
    assert "SLACK_SIGNING_SECRET is missing" in settings.door_problems()[0]


def test_an_emulator_address_alone_opens_no_door_and_is_no_error() -> None:
    settings = Settings.from_environ(
        {"SLACK_API_URL": "http://127.0.0.1:9/api", "ZENDESK_URL": "http://[::1]:9"}
    )

    assert settings.slack is None
    assert settings.zendesk is None


def test_zendesk_lives_at_its_subdomain_unless_told_otherwise() -> None:
    there = Settings.from_environ(ZENDESK).zendesk
    here = Settings.from_environ(ZENDESK | {"ZENDESK_URL": "http://127.0.0.1:9001/"}).zendesk

    assert there is not None
    assert here is not None
    assert (there.subdomain, there.url) == ("acme", "https://acme.zendesk.com")
    assert here.url == "http://127.0.0.1:9001"


def test_line_breaks_of_a_private_key_may_be_written_out() -> None:
    settings = Settings.from_environ(GITHUB)

    assert settings.github is not None
    assert settings.github.app_id == 42
    assert settings.github.private_key.reveal().splitlines()[1] == "canary-4"


def test_a_model_of_ones_own_needs_no_key() -> None:
    settings = Settings.from_environ({"OPENAI_BASE_URL": "http://localhost:11434/v1"})

    assert settings.model is not None
    assert settings.model.api_key is None


def test_the_embedder_takes_the_models_server_and_key_unless_it_has_its_own() -> None:
    openai = {"OPENAI_API_KEY": "sk-1", "OPENAI_BASE_URL": "http://127.0.0.1:9/v1"}
    shared = Settings.from_environ(openai | {"DESKBELL_EMBEDDER": "openai:some-model"}).embedder
    own = Settings.from_environ(openai | {"EMBEDDINGS_URL": "http://127.0.0.1:8/v1/"}).embedder
    keyed = Settings.from_environ(openai | {"EMBEDDINGS_API_KEY": "sk-2"}).embedder

    assert (shared.name, shared.url) == ("openai:some-model", "http://127.0.0.1:9/v1")
    assert shared.api_key is not None
    assert shared.api_key.reveal() == "sk-1"
    assert (own.name, own.url, own.api_key) == ("e5-small+minilm", "http://127.0.0.1:8/v1", None)
    assert keyed.api_key is not None
    assert keyed.api_key.reveal() == "sk-2"


def test_words_alone_are_told_of() -> None:
    problems = Settings.from_environ({"DESKBELL_EMBEDDER": "none"}).door_problems()

    assert "DESKBELL_EMBEDDER is none: articles are found by their words alone" in problems


@pytest.mark.parametrize(
    ("environ", "sentence"),
    [
        ({"DESKBELL_EMBEDDER": "word2vec"}, "DESKBELL_EMBEDDER: 'word2vec' is none of e5-small+minilm"),
        ({"DESKBELL_EMBEDDER": "openai:"}, "DESKBELL_EMBEDDER: 'openai:' is none of"),
        ({"SLACK_BOT_TOKEN": "xoxb-1"}, "SLACK_SIGNING_SECRET is missing, but SLACK_BOT_TOKEN is set"),
        ({"SLACK_SIGNING_SECRET": "s"}, "SLACK_BOT_TOKEN is missing, but SLACK_SIGNING_SECRET is set"),
        ({"SLACK_APP_TOKEN": "s"}, "SLACK_BOT_TOKEN is missing, but SLACK_APP_TOKEN is set"),
        ({"ZENDESK_SUBDOMAIN": "acme"}, "ZENDESK_OAUTH_CLIENT_ID is missing, but ZENDESK_SUBDOMAIN is set"),
        ({"ZENDESK_WEBHOOK_SECRET": "s"}, "ZENDESK_SUBDOMAIN is missing, but ZENDESK_WEBHOOK_SECRET is set"),
        ({"GITHUB_APP_ID": "1"}, "GITHUB_PRIVATE_KEY is missing, but GITHUB_APP_ID is set"),
        (GITHUB | {"GITHUB_APP_ID": "app"}, "GITHUB_APP_ID: 'app' is not a number above zero"),
        (GITHUB | {"GITHUB_PRIVATE_KEY": "oops"}, "GITHUB_PRIVATE_KEY: not a PEM key"),
        (ZENDESK | {"ZENDESK_SUBDOMAIN": "acme.zendesk.com"}, "ZENDESK_SUBDOMAIN: 'acme.zendesk.com'"),
        ({"PORT": "abc"}, "PORT: 'abc' is not a port"),
        ({"PORT": "65536"}, "PORT: '65536' is not a port"),
        ({"PORT": "²"}, "PORT: '²' is not a port"),
        ({"DATABASE_URL": "mysql://root@db/x"}, "DATABASE_URL: write sqlite:///"),
        ({"DATABASE_URL": "desk.db"}, "DATABASE_URL: write sqlite:///"),
        ({"DESKBELL_CONFIG": "/nowhere/at/all"}, "DESKBELL_CONFIG: /nowhere/at/all is not a directory"),
        (SLACK | {"SLACK_API_URL": "slack.com"}, "SLACK_API_URL: not an address"),
        (SLACK | {"SLACK_API_URL": "http://host:port/"}, "SLACK_API_URL: not an address"),
        (OPENAI | {"OPENAI_ALLOWED_LINKS": "https://docs.example"}, "OPENAI_ALLOWED_LINKS: 'https://docs"),
        (
            OPENAI | {"OPENAI_ALLOWED_LINKS": "https://a.example/, javascript:x/"},
            "OPENAI_ALLOWED_LINKS: 'java",
        ),
        (OPENAI | {"OPENAI_ALLOWED_LINKS": "https://a@evil.example/"}, "OPENAI_ALLOWED_LINKS: 'https://a@"),
        (SLACK | {"SLACK_SIGNING_SECRET": "a,b,c"}, "SLACK_SIGNING_SECRET: one secret, or two"),
        (SLACK | {"SLACK_SIGNING_SECRET": "a,"}, "SLACK_SIGNING_SECRET: one secret, or two"),
        (SLACK | {"SLACK_BOT_TOKEN": "xoxb-1\nX: y"}, "SLACK_BOT_TOKEN: contains a space, a line break"),
    ],
)
def test_a_wrong_value_is_one_sentence_that_names_the_variable(
    environ: dict[str, str], sentence: str
) -> None:
    refused = refusal(**environ)

    assert refused.startswith(sentence)
    assert "\n" not in refused


def test_a_refusal_never_repeats_a_secret() -> None:
    for environ in (
        {"DATABASE_URL": "mysql://root:canary@db/x"},
        SLACK | {"SLACK_BOT_TOKEN": "xoxb canary"},
        SLACK | {"SLACK_API_URL": "ftp://user:canary@host"},
        GITHUB | {"GITHUB_PRIVATE_KEY": "canary"},
    ):
        assert "canary" not in refusal(**environ)


def test_every_variable_has_one_line_of_help_and_no_secret_a_default() -> None:
    assert len({setting.name for setting in SETTINGS}) == len(SETTINGS)
    for setting in SETTINGS:
        assert setting.help
        assert not (setting.is_secret and setting.default)


def test_links_that_are_allowed_besides_the_sources_are_beginnings_of_addresses() -> None:
    given = OPENAI | {"OPENAI_ALLOWED_LINKS": "https://docs.example/en/, https://status.example/"}
    model = Settings.from_environ(given).model
    assert model is not None
    assert model.allowed_links == ("https://docs.example/en/", "https://status.example/")
