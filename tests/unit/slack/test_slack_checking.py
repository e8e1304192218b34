from collections.abc import AsyncIterator

import pytest
from slack_listener import Answer, Listener, listening
from slack_sdk.web.async_client import AsyncWebClient

from handlers.slack.checking import REQUIRED_SCOPES, check
from handlers.slack.client import open_client


@pytest.fixture
async def listener() -> AsyncIterator[Listener]:
    async with listening() as listener:
        yield listener


@pytest.fixture
async def client(listener: Listener) -> AsyncIterator[AsyncWebClient]:
    async with open_client("xoxb-1", base_url=listener.url) as client:
        yield client


async def test_all_scopes_are_all_well(client: AsyncWebClient, listener: Listener) -> None:
    listener.script("auth.test", Answer({"ok": True}, headers={"x-oauth-scopes": ",".join(REQUIRED_SCOPES)}))
    assert await check(client) == []


async def test_a_missing_scope_is_named_with_its_use(client: AsyncWebClient, listener: Listener) -> None:
    granted = ", ".join(scope for scope in REQUIRED_SCOPES if scope != "chat:write")
    listener.script("auth.test", Answer({"ok": True}, headers={"x-oauth-scopes": granted}))
    assert await check(client) == [
        "Slack: the app lacks the scope chat:write, to answer; add it and reinstall the app."
    ]


async def test_a_refused_token_is_one_sentence(client: AsyncWebClient, listener: Listener) -> None:
    listener.script("auth.test", Answer({"ok": False, "error": "invalid_auth"}))
    assert await check(client) == ["Slack: SLACK_BOT_TOKEN was refused (auth.test: invalid_auth)."]


async def test_an_outage_is_no_fault_of_the_token(client: AsyncWebClient, listener: Listener) -> None:
    listener.script("auth.test", Answer("", status=503))
    assert await check(client) == ["Slack did not answer (auth.test: HTTP 503)."]
