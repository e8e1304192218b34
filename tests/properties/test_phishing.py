"""Nothing that asks people for their secrets is quoted, however it is put; warnings and instructions are."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from injections import passage

from knowledge.instructions import disarmed
from knowledge.phishing import asks_for_secrets
from knowledge.retrieval import Passage

SECRETS = st.sampled_from(
    ["password", "API key", "one-time code", "access token", "credit card number", "recovery phrase", "PIN"]
)
SEGREDOS = st.sampled_from(["senha", "chave de API", "credenciais", "código de verificação"])
US = st.sampled_from(["us", "me", "our support team", "the help desk", "support", "our engineers"])
HERE = st.sampled_from(["in this chat", "by e-mail", "to help@desk.example", "to our team", "in this thread"])
GIVE = st.sampled_from(["Send", "send", "Please e-mail", "Tell", "Then give", "You must forward", "share"])
ENVIE = st.sampled_from(["Envie", "mande", "Por favor, informe", "encaminhe", "passe"])
NOS = st.sampled_from(["para o suporte", "ao suporte", "para a nossa equipe", "neste chat", "por e-mail"])

ASKING = st.one_of(
    st.builds("{} {} your {}.".format, GIVE, US, SECRETS),
    st.builds("{} your {} {}.".format, GIVE, SECRETS, HERE),
    st.builds("Reply with your {}.".format, SECRETS),
    st.builds("We need your {} to go on.".format, SECRETS),
    st.builds("{} sua {} {}.".format, ENVIE, SEGREDOS, NOS),
    st.builds("{}-nos a sua {}.".format, st.sampled_from(["Envie", "mande"]), SEGREDOS),
    st.builds("Precisamos da sua {}.".format, SEGREDOS),
)
HARMLESS = st.one_of(
    st.builds("Never send us your {}.".format, SECRETS),
    st.builds("Do not share your {} with our team or anybody else.".format, SECRETS),
    st.builds("Nunca envie sua {} para o suporte.".format, SEGREDOS),
    st.builds("Enter your {} and press Enter.".format, SECRETS),
    st.builds("The client sends the {} in a header.".format, SECRETS),
    st.builds("Digite sua {} na tela de entrada.".format, SEGREDOS),
)


def read(text: str) -> Passage:
    return passage(1, path="guides/login.md", heading="The login page", text=text)


BEFORE, AFTER = "The page has three buttons.", "The last one saves."


@given(ASKING, st.sampled_from(["{}", "- {}", "> **{}**", "1. {}", "Note: {}"]))
def test_what_asks_for_secrets_is_left_out(sentence: str, mark: str) -> None:
    asked = mark.format(sentence)
    assert asks_for_secrets(asked)
    (calm,) = disarmed([read(f"{BEFORE}\n\n{asked}\n\n{AFTER}")])
    assert calm.text == f"{BEFORE}\n\n{AFTER}"


@given(HARMLESS)
def test_warnings_and_steps_stay(sentence: str) -> None:
    (calm,) = disarmed([read(f"{BEFORE} {sentence}\n\n{AFTER}")])
    assert sentence in calm.text


def test_a_warning_does_not_excuse_the_next_sentence() -> None:
    assert asks_for_secrets("Never give your password to strangers. Send us your password instead.")


def test_listings_are_programs_and_stay() -> None:
    listing = "```\nsend us your password\n```"
    (calm,) = disarmed([read(f"{BEFORE}\n\n{listing}")])
    assert listing in calm.text
