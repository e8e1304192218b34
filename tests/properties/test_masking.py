from __future__ import annotations

import json
import string
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.core.check_digits import is_card, is_cnpj, is_cpf, is_iban
from bot.core.masking import mask

ALNUM = string.ascii_letters + string.digits
HEX = "0123456789abcdef"
KB = Path(__file__).resolve().parents[2].parent / "shared" / "kb"


def signs(alphabet: str, least: int, most: int | None = None) -> st.SearchStrategy[str]:
    return st.text(alphabet, min_size=least, max_size=most or least)


def generated(alphabet: str, length: int) -> st.SearchStrategy[str]:
    """As a generator makes them: letters, digits and few repetitions."""
    return signs(alphabet, length).filter(
        lambda text: (
            len(set(text)) > length // 3
            and any(sign.isdecimal() for sign in text)
            and sum(sign.isalpha() for sign in text) > 2
        )
    )


def joined(template: str, *parts: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.tuples(*parts).map(lambda drawn: template.format(*drawn))


FORMED = st.one_of(
    joined("xoxb-{}-{}-{}", signs(string.digits, 12), signs(string.digits, 13), signs(ALNUM, 24)),
    joined("xoxp-{}-{}", signs(string.digits, 12), signs(ALNUM, 32)),
    joined("xapp-1-A{}-{}-{}", signs(HEX, 10), signs(string.digits, 13), signs(HEX, 64)),
    joined("ghp_{}", signs(ALNUM, 36)),
    joined("github_pat_{}_{}", signs(ALNUM, 22), signs(ALNUM, 59)),
    joined("sk-{}", generated(ALNUM, 48)),
    joined("sk-proj-{}", generated(ALNUM + "-_", 74)),
    joined("AKIA{}", signs(string.ascii_uppercase + string.digits, 16)),
    joined("AIza{}", signs(ALNUM, 35)),
    joined("eyJ{}.eyJ{}.{}", signs(ALNUM, 30), signs(ALNUM, 40), signs(ALNUM, 43)),
)
GENERATED = st.one_of(generated(ALNUM, 40), generated(HEX, 64), generated(HEX, 32), generated(ALNUM, 20))
NAMED = st.tuples(
    st.sampled_from(
        [
            "ZENDESK_API_TOKEN={}",
            "api_key: {}",
            '"client_secret": "{}"',
            "export AWS_SECRET_ACCESS_KEY={}",
            "The API key is {}",
            "a chave de API é {}",
            "--token {}",
            "Authorization: Bearer {}",
            "me@acme.com/token:{}",
            "https://api.acme.com/x?access_token={}&page=2",
            "password={}",
            "minha senha é {}",
            "slack signing secret: `{}`",
            "https://admin:{}@db.acme.com:5432/desk",
        ]
    ),
    GENERATED,
)
PASSWORDS = st.tuples(
    st.sampled_from(
        ["password={}", "my password is {}", "senha: {}", "https://joe:{}@acme.com/", "DB_PASSWORD='{}'"]
    ),
    st.tuples(signs(string.ascii_lowercase, 5, 9), signs(string.digits, 1, 3)).map("".join),
)
PROSE = st.sampled_from(["", "It fails with 401.\n", "Deploy 3.2.1 says: ", "(", "```\n", "> "])


def luhn(body: str) -> str:
    return next(body + str(digit) for digit in range(10) if is_card(body + str(digit)))


CARDS = signs(string.digits, 14).map(lambda body: luhn(f"4{body}"))
CPFS = (
    signs(string.digits, 9)
    .filter(lambda body: len(set(body)) > 1)
    .map(lambda body: next(f"{body}{check:02}" for check in range(100) if is_cpf(f"{body}{check:02}")))
)
CNPJS = (
    signs(string.ascii_uppercase + string.digits, 12)
    .filter(lambda body: len(set(body)) > 1)
    .map(lambda body: next(f"{body}{check:02}" for check in range(100) if is_cnpj(f"{body}{check:02}")))
)
IBANS = signs(string.digits, 18).map(
    lambda body: next(f"DE{check:02}{body}" for check in range(2, 99) if is_iban(f"DE{check:02}{body}"))
)


@given(before=PROSE, secret=FORMED, is_documentation=st.booleans())
def test_a_secret_that_shows_its_form_never_survives(
    before: str, secret: str, *, is_documentation: bool
) -> None:
    masked = mask(f"{before}{secret} and then", is_documentation=is_documentation)
    assert secret not in masked
    assert "[secret]" in masked
    assert masked.endswith(" and then")


@given(before=PROSE, named=NAMED, is_documentation=st.booleans())
def test_a_generated_secret_with_a_name_never_survives(
    before: str, named: tuple[str, str], *, is_documentation: bool
) -> None:
    template, secret = named
    assert secret not in mask(before + template.format(secret), is_documentation=is_documentation)


@given(before=PROSE, named=PASSWORDS)
def test_a_password_that_somebody_tells_never_survives(before: str, named: tuple[str, str]) -> None:
    template, password = named
    assert password not in mask(before + template.format(password))


@given(
    local=st.tuples(signs(string.ascii_lowercase, 3, 9), signs(string.ascii_lowercase, 3, 9)).map(".".join),
    host=st.sampled_from(["acme.com", "gmail.com", "governo.pt", "uol.com.br"]),
    around=st.sampled_from(["{}", "<{}>", "mailto:{}", "Maria <{}>,", "({})", "[{0}](mailto:{0})"]),
)
def test_an_address_of_a_person_never_survives(local: str, host: str, around: str) -> None:
    for is_documentation in (False, True):
        assert local not in mask(around.format(f"{local}@{host}"), is_documentation=is_documentation)


@given(card=CARDS, cpf=CPFS, cnpj=CNPJS, iban=IBANS)
def test_numbers_that_prove_themselves_never_survive(card: str, cpf: str, cnpj: str, iban: str) -> None:
    grouped = "-".join(card[at : at + 4] for at in range(0, 16, 4))
    assert mask(f"card {card} or {grouped}") == "card [card] or [card]"
    written = f"{cpf[:3]}.{cpf[3:6]}.{cpf[6:9]}-{cpf[9:]}"
    assert mask(f"o meu CPF é {cpf}, {written}") == "o meu CPF é [CPF], [CPF]"
    company = f"{cnpj[:2]}.{cnpj[2:5]}.{cnpj[5:8]}/{cnpj[8:12]}-{cnpj[12:]}"
    assert mask(f"CNPJ {company}") == "CNPJ [CNPJ]"
    spaced = " ".join(iban[at : at + 4] for at in range(0, 22, 4))
    assert mask(f"pay to {iban} / {spaced}") == "pay to [IBAN] / [IBAN]"


@pytest.mark.parametrize(
    "number",
    [
        "+55 11 98765-4321",
        "+49 (0)30 1234567",
        "+351912345678",
        "(11) 98765-4321",
        "(212) 555-0187",
        "212-555-0187",
    ],
)
def test_telephone_numbers_never_survive(number: str) -> None:
    assert mask(f"Call {number}, please.") == "Call [phone], please."


def test_a_private_key_never_survives_even_when_its_end_is_missing() -> None:
    body = "MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQC7" * 3
    for end in ("\n-----END RSA PRIVATE KEY-----", ""):
        assert mask(f"-----BEGIN RSA PRIVATE KEY-----\n{body}{end}") == "[secret]"


@pytest.mark.parametrize(
    "prose",
    [
        "Upgrade from 3.2.1 to v3.3.0-rc.1, port 8443, at 10.0.12.7 and 203.0.113.9.",
        "commit 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
        "trace 550e8400-e29b-41d4-a716-446655440000 at 2026-11-24T09:55:47Z took 1732442147123 ms",
        "image: acme.io/app@sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
        "Set `password: <your password>` and token=$TOKEN, secret: ${SECRET}, key: {{ .Values.key }}",
        "The password is required. A token is issued. secretKeyRef: name: desk-secret, max_tokens=2048",
        "The access key is optional; a secret is mounted at secret: /etc/secrets/v1/tls.key",
        "git clone git@github.com:acme/desk.git; write to support@acme.com",
        "signature = infer_signature(x_train[:5]); token = os.environ['TOKEN']; tokens: 15",
        "O token é renovado a cada hora; a senha é obrigatória.",
        "Offsets 4111111111 and 12345678901234567890, UTC+03:00, +1000 lines, 404-12-3",
        "pip install sk-learn-random-forest-reg-model-100 scikit-learn==1.5.2",
    ],
)
def test_technical_prose_stays_as_it_is(prose: str) -> None:
    assert mask(prose) == prose
    assert mask(prose, is_documentation=True) == prose


@pytest.mark.parametrize(
    "sample",
    [
        "user: alice@example.com, dba@acme.com, eng-leadership@acme.com",
        "--docker-password=pass113 and password='alice-secret' or password=test1234",
        "postgresql://user:pass@host:5432/db and postgresql://odg:odg@postgres/odg",
    ],
)
def test_documentation_keeps_its_samples_and_people_do_not(sample: str) -> None:
    assert mask(sample, is_documentation=True) == sample
    assert mask(sample) != sample


@settings(max_examples=300)
@given(
    text=st.one_of(
        st.text(max_size=200),
        st.lists(
            st.one_of(
                PROSE,
                FORMED,
                st.sampled_from(["password=", "token: ", "@acme.com", "https://a:b@", "Bearer "]),
            ),
            max_size=6,
        ).map("".join),
    ),
    is_documentation=st.booleans(),
)
def test_masking_twice_is_masking_once(text: str, *, is_documentation: bool) -> None:
    once = mask(text, is_documentation=is_documentation)
    assert mask(once, is_documentation=is_documentation) == once


@pytest.mark.skipif(not KB.is_dir(), reason="the big folder of articles is not beside the repository")
def test_of_the_big_folder_hardly_anything_changes() -> None:
    names = [json.loads(line)["path"] for line in (KB / "manifest.jsonl").read_text("utf-8").splitlines()]
    lines = changed = 0
    for name in sorted(names)[::4]:
        text = (KB / name).read_text("utf-8")
        before, after = text.split("\n"), mask(text, is_documentation=True).split("\n")
        lines += len(before)
        changed += sum(one != other for one, other in zip(before, after, strict=True))
    assert lines > 10_000
    assert changed <= lines / 2_000


@pytest.mark.parametrize(
    "said",
    [
        "my password hunter2abc",
        "AWS secret wJalrXUtnFEMI/K7MDENG/bPxRfiCYzEXAMP9E",
        "aws_secret_access_key wJalrXUtnFEMI/K7MDENG/bPxRfiCYzEXAMP9E",
        "pw=S3cr3tP4ss!",
        "pass\u200bword=hunter22x",
        "a senha abc123def456 não funciona",
    ],
)
def test_a_secret_beside_its_name_is_masked_without_a_sign_between(said: str) -> None:
    assert "[secret]" in mask(said)
    assert mask(mask(said)) == mask(said)


@pytest.mark.parametrize(
    "said",
    [
        "the token expired yesterday",
        "password policy2024 applies",
        "secret rotation in v1.2.3",
        "use the secret my-app-credentials",
        "token audience mismatch",
    ],
)
def test_prose_about_secrets_stays(said: str) -> None:
    assert mask(said) == said
