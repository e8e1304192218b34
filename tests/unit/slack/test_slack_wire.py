from datetime import timedelta

import pytest
from slack_signing import FORM, NOW, SECRET, event_body, interaction_body, message, press, signature, signed

from bot.core.errors import MalformedDelivery, UntrustedDelivery
from handlers.slack.wire import delivery_from_http, delivery_from_socket, payload_of, verify

BODY = event_body(message("hello"))


def test_a_signed_request_is_trusted() -> None:
    verify(signed(BODY), BODY, secrets=[SECRET], now=NOW)


def test_the_vendors_own_example_is_trusted() -> None:
    # https://docs.slack.dev/authentication/verifying-requests-from-slack/
    body = (
        b"token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&channel_id=G8PSS9T3V"
        b"&channel_name=foobar&user_id=U2CERLKJA&user_name=roadrunner&command=%2Fwebhook-collect&text="
        b"&response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands%2FT1DC2JH3J%2F397700885554%2F"
        b"96rGlfmibIGlgcZRskXaIFfN&trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c"
    )
    headers = {
        "x-slack-request-timestamp": "1531420618",
        "x-slack-signature": "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503",
    }
    now = NOW.fromtimestamp(1531420618, NOW.tzinfo)

    verify(headers, body, secrets=["8f742231b10e8888abcd99yyyzzz85a5"], now=now)


@pytest.mark.parametrize("skew", [timedelta(seconds=300), timedelta(seconds=-300)])
def test_five_minutes_of_skew_are_allowed_both_ways(skew: timedelta) -> None:
    verify(signed(BODY), BODY, secrets=[SECRET], now=NOW + skew)


@pytest.mark.parametrize("skew", [timedelta(seconds=301), timedelta(seconds=-301)])
def test_more_than_five_minutes_are_a_replay(skew: timedelta) -> None:
    with pytest.raises(UntrustedDelivery, match="five minutes"):
        verify(signed(BODY), BODY, secrets=[SECRET], now=NOW + skew)


@pytest.mark.parametrize("secrets", [["new", SECRET], [SECRET, "old"]])
def test_either_of_two_secrets_signs_while_one_is_rotated(secrets: list[str]) -> None:
    verify(signed(BODY), BODY, secrets=secrets, now=NOW)


@pytest.mark.parametrize("secrets", [[], [""], ["", "other"]])
def test_without_a_secret_nothing_is_trusted(secrets: list[str]) -> None:
    with pytest.raises(UntrustedDelivery):
        verify(signed(BODY, secret=""), BODY, secrets=secrets, now=NOW)


@pytest.mark.parametrize("timestamp", ["", "-1", "1e9", "٣", " 1793707200", "1" * 400])
def test_a_timestamp_that_is_no_number_is_refused(timestamp: str) -> None:
    headers = {
        "x-slack-request-timestamp": timestamp,
        "x-slack-signature": signature(BODY, timestamp),
    }
    with pytest.raises(UntrustedDelivery):
        verify(headers, BODY, secrets=[SECRET], now=NOW)


def test_a_signature_outside_ascii_is_refused_and_not_a_crash() -> None:
    headers = {**signed(BODY), "X-Slack-Signature": "v0=é\udcff"}
    with pytest.raises(UntrustedDelivery, match="does not match"):
        verify(headers, BODY, secrets=[SECRET], now=NOW)


def test_an_event_keeps_its_id_and_its_threads_lane() -> None:
    body = event_body(message("more", thread_ts="1793700000.000001"), event_id="Ev42")
    headers = {**signed(body), "X-Slack-Retry-Num": "1", "Authorization": "secret"}

    delivery = delivery_from_http(headers, body, NOW)

    assert (delivery.door, delivery.id, delivery.lane) == ("slack", "Ev42", "C1:1793700000.000001")
    assert delivery.headers == {"content-type": "application/json", "x-slack-retry-num": "1"}
    assert delivery.body == body
    assert delivery.received_at == NOW


def test_an_edit_is_in_the_lane_of_what_it_edits() -> None:
    edited = {"ts": "1793707200.000100", "thread_ts": "1793700000.000001", "text": "new"}
    event = {
        "type": "message",
        "subtype": "message_changed",
        "channel": "C1",
        "ts": "1793709999.000001",
        "message": edited,
    }
    assert delivery_from_http({}, event_body(event), NOW).lane == "C1:1793700000.000001"


def test_an_interaction_is_in_its_threads_lane_under_the_hash_of_its_bytes() -> None:
    body = interaction_body(press())
    headers = signed(body, content_type=f"{FORM}; charset=utf-8")

    delivery = delivery_from_http(headers, body, NOW)

    assert delivery.lane == "C1:1793707200.000100"
    assert delivery.id.startswith("request:")
    assert delivery.id == delivery_from_http(headers, body, NOW + timedelta(seconds=9)).id
    other = interaction_body(press(trigger_id="2"))
    assert delivery.id != delivery_from_http(headers, other, NOW).id


def test_a_slash_command_is_a_delivery_of_its_own_lane() -> None:
    body = b"command=%2Fdeskbell&text=&team_id=T1&trigger_id=1.2"
    delivery = delivery_from_http(signed(body, content_type=FORM), body, NOW)
    assert delivery.lane == delivery.id
    assert payload_of(delivery)["command"] == "/deskbell"


def test_the_same_envelope_has_the_same_id_each_time_it_is_sent() -> None:
    first = delivery_from_socket(press(), headers={}, now=NOW)
    again = delivery_from_socket(dict(reversed(press().items())), headers={}, now=NOW)
    assert first.id == again.id
    assert payload_of(first) == press()


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        ("application/json", b""),
        ("application/json", b"{"),
        ("application/json", b"\xff"),
        ("application/json", b"[1]"),
        ("application/json", b"null"),
        ("application/json", b"[" * 200_000),
        ("application/json", b'{"type":"event_callback"}'),
        ("application/json", b'{"type":"event_callback","event_id":7,"event":{"type":"message"}}'),
        ("application/json", b'{"type":"event_callback","event_id":"Ev\\ud800","event":{"type":"m"}}'),
        ("application/json", b'{"type":"event_callback","event_id":"Ev1","event":"message"}'),
        (FORM, b"payload=%7B"),
        (FORM, b"payload=12"),
        (FORM, b"&".join(b"a=1" for _ in range(200))),
    ],
)
def test_what_slack_does_not_document_is_malformed(content_type: str, body: bytes) -> None:
    with pytest.raises(MalformedDelivery) as refusal:
        delivery_from_http({"content-type": content_type}, body, NOW)
    assert refusal.value.__cause__ is None
    assert refusal.value.__suppress_context__ or refusal.value.__context__ is None
