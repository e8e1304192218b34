"""escalation.toml and destinations.toml: what they may say, and what is refused, with its place."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bot.core.errors import ConfigError
from bot.core.model import EscalationStep, Metric, OrganisationId, Priority, Tier
from bot.core.policies import Destination
from config.destinations import load_destinations
from config.policies import load_policies
from config.secrets import NamedSecrets
from config.settings import Settings
from config.tables import Layers

NOW = datetime(2026, 11, 24, tzinfo=UTC)
FILES = {
    "people": '[dana]\naccounts = [{ door = "slack", workspace = "T", user = "U" }]\n',
    "organisations": '[acme]\nname = "Acme"\ntier = "Enterprise"\ncsm = "dana"\n',
    "channels": (
        '[triage]\ndoor = "slack"\nworkspace = "T"\nroom = "C1"\nkind = "internal"\n'
        '[acme]\ndoor = "slack"\nworkspace = "T"\nroom = "C2"\nkind = "customer"\norganisation = "acme"\n'
    ),
    "destinations": (
        '[webhook.ops]\nurl = "https://ops.acme.example/hook"\nsecret = "OPS_SECRET"\n'
        '[pagerduty.payments]\nsecret = "PAYMENTS_KEY"\n'
        '[mail.managers]\naddress = "managers@acme.example"\n'
    ),
}


def lay(directory: Path, **files: str) -> Path:
    for name, text in {**FILES, **files}.items():
        (directory / f"{name}.toml").write_text(text)
    return directory


def step(text: str) -> str:
    return f"[enterprise-p1]\nfirst_reply_time = [{{ {text} }}]\n"


def loaded(directory: Path, text: str) -> EscalationStep:
    policies = load_policies(lay(directory, escalation=step(text)), now=NOW)
    (found,) = policies.targets[Tier.ENTERPRISE, Priority.P1, Metric.FIRST_REPLY_TIME].steps
    return found


def test_a_step_may_call_everybody_there_is(tmp_path: Path) -> None:
    named = (
        *("manager", "csm", "channel:triage", "group:S0123ABC", "pagerduty", "pagerduty:payments"),
        *("webhook:ops", "mail:managers"),
    )
    found = loaded(tmp_path, f'percent = 80, notify = {list(named)}, repeat = "15m", at_most = 3')

    assert found == EscalationStep(notify=named, percent=80, repeat=timedelta(minutes=15), at_most=3)


def test_one_target_in_a_list_is_one_target_and_repeats_are_four_where_nobody_says(tmp_path: Path) -> None:
    found = loaded(tmp_path, 'after = "2h", notify = ["manager"], repeat = "1h"')

    assert (found.notify, found.at_most) == ("manager", 4)


def test_the_core_knows_destinations_by_their_names_and_rooms_by_theirs(tmp_path: Path) -> None:
    policies = load_policies(lay(tmp_path), now=NOW)

    assert policies.destinations == {
        "pagerduty": Destination(label="PagerDuty", hears_the_rest=True),
        "pagerduty:payments": Destination(label="PagerDuty payments", hears_the_rest=True),
        "webhook:ops": Destination(label="webhook ops", hears_the_rest=True),
        "mail:managers": Destination(label="mail to managers", hears_the_rest=False),
    }
    assert policies.rooms_by_name["triage"].room == "C1"
    csm = policies.organisations[OrganisationId("acme")].csm
    assert csm is not None
    assert csm.user == "U"


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (
            'percent = 80, notify = "pagerdty"',
            "entry 1: notify: 'pagerdty' is not in oncall.toml; did you mean 'pag",
        ),
        ('percent = 80, notify = "webhook:opps"', "'webhook:opps' is not in destinations.toml; did you mean"),
        (
            'percent = 80, notify = "webhok:ops"',
            "'webhok:ops' is no kind of target; did you mean 'webhook:'?",
        ),
        ('percent = 80, notify = "channel:triag"', "'triag' is not in channels.toml; did you mean 'triage'?"),
        ('percent = 80, notify = "channel:acme"', "'acme' is no internal room"),
        ('percent = 80, notify = "group:triage"', "'triage' is not the id of a user group"),
        ('percent = 80, notify = ["manager", "csn"]', "'csn' is not in oncall.toml; did you mean 'csm'?"),
        ("percent = 80, notify = []", "notify: names nobody"),
        ('percent = 80, notify = "manager", at_most = 2', "at_most: needs a repeat"),
        ('percent = 80, notify = "manager", repeat = "30s"', "repeat: "),
        ('percent = 80, notify = "manager", repeat = "5m", at_most = 99', "at_most: 99 is more than 50"),
        (
            'percent = 80, notify = "manager", repeet = "5m"',
            "unexpected key 'repeet'; did you mean 'repeat'?",
        ),
    ],
)
def test_a_step_that_makes_no_sense_is_refused_with_its_place(
    tmp_path: Path, text: str, sentence: str
) -> None:
    with pytest.raises(ConfigError) as refused:
        load_policies(lay(tmp_path, escalation=step(text)), now=NOW)

    assert str(refused.value).startswith("escalation.toml: [enterprise-p1]: first_reply_time, entry 1: ")
    assert sentence in str(refused.value)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (
            '[webhok.ops]\nurl = "https://a.example"',
            "[webhok.ops]: 'webhok' is no kind of destination; did you",
        ),
        ('[webhook.Ops]\nurl = "https://a.example"', "a name is small letters"),
        ('[webhook.ops]\nurl = "http://a.example"\nsecret = "S"', "[webhook.ops]: url: write https"),
        ('[webhook.ops]\nurl = "http://127.0.0.1:9"\nsecret = "S"', "url: write https"),
        ('[webhook.ops]\nurl = "https://u:p@a.example"\nsecret = "S"', "url: is not an address"),
        ('[webhook.ops]\nurl = "https://a.example"', "secret: write either secret or secret_file"),
        (
            '[webhook.ops]\nurl = "https://a.example"\nsecret = "whsec_abc"',
            "secret: is not the name of an envir",
        ),
        ('[mail.ops]\naddress = "a@b.example, c@d.example"', "[mail.ops]: address: "),
        ("[pagerduty]\nsecret = 'X'", "stands outside any table"),
        ('[oncall.x]\nsecret = "X"', "is no kind of destination"),
    ],
)
def test_a_destination_that_makes_no_sense_is_refused_with_its_place(
    tmp_path: Path, text: str, sentence: str
) -> None:
    with pytest.raises(ConfigError) as refused:
        load_policies(lay(tmp_path, destinations=text), now=NOW)

    assert str(refused.value).startswith("destinations.toml: ")
    assert sentence in str(refused.value)


def test_a_role_cannot_be_called_what_steps_mean_otherwise(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"oncall.toml: \[csm\]: "):
        load_policies(lay(tmp_path, oncall="[csm]\npeople = []\n"), now=NOW)


def test_a_secret_comes_from_its_variable_or_its_file_and_is_never_shown(tmp_path: Path) -> None:
    lay(tmp_path)
    (tmp_path / "key").write_text("from-the-file\n")
    (tmp_path / "destinations.toml").write_text(
        '[webhook.ops]\nurl = "https://a.example"\nsecret = "OPS_SECRET"\n'
        f'[webhook.other]\nurl = "https://a.example"\nsecret_file = "{tmp_path / "key"}"\n'
    )
    found = load_destinations(Layers(tmp_path))
    named = NamedSecrets({"OPS_SECRET": "old,new"})

    assert [one.reveal() for one in found["webhook:ops"].secrets(named)] == ["old", "new"]
    assert [one.reveal() for one in found["webhook:other"].secrets(named)] == ["from-the-file"]
    assert "old" not in repr(named)
    with pytest.raises(ConfigError, match="the environment variable OPS_SECRET is not set"):
        found["webhook:ops"].secrets(NamedSecrets())


def test_mail_is_off_without_its_variables_and_refuses_half_of_them() -> None:
    settings = Settings.from_environ({})
    assert settings.mail is None
    assert "SMTP_URL and SMTP_FROM are missing: no mail is sent" in settings.door_problems()
    with pytest.raises(ConfigError, match="SMTP_FROM is missing, but SMTP_URL is set"):
        Settings.from_environ({"SMTP_URL": "smtp://localhost"})


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("smtp://ann:p%40ss@mail.example", ("mail.example", 587, "ann", "p@ss", False, False)),
        ("smtps://mail.example", ("mail.example", 465, None, None, True, False)),
        ("smtp://127.0.0.1:2525", ("127.0.0.1", 2525, None, None, False, True)),
    ],
)
def test_smtp_url_says_who_takes_mail_and_how(url: str, expected: tuple[object, ...]) -> None:
    mail = Settings.from_environ({"SMTP_URL": url, "SMTP_FROM": "bot@acme.example"}).mail

    assert mail is not None
    password = mail.password.reveal() if mail.password else None
    assert (mail.host, mail.port, mail.username, password, mail.is_tls, mail.is_plain) == expected


@pytest.mark.parametrize(
    "url", ["mail.example:25", "http://mail.example", "smtp://ann@mail.example", "smtp://?x=1"]
)
def test_smtp_url_that_makes_no_sense_is_refused_and_not_repeated(url: str) -> None:
    with pytest.raises(ConfigError) as refused:
        Settings.from_environ({"SMTP_URL": url, "SMTP_FROM": "bot@acme.example"})

    assert url not in str(refused.value)
