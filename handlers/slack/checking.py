"""What `check --live` asks Slack: is the token good, and does it carry the scopes we use."""

from __future__ import annotations

from datetime import timedelta

from slack_sdk.web.async_client import AsyncWebClient

from bot.core.errors import Rejected, Unavailable
from handlers.slack.client import TIMEOUT
from handlers.slack.failures import AppRefused, slack_answers

REQUIRED_SCOPES = {
    "app_mentions:read": "to hear when it is mentioned",
    "channels:history": "to hear public channels and find its own posts there",
    "chat:write": "to answer",
    "groups:history": "to hear private channels, which most Slack Connect channels are",
    "im:history": "to hear direct messages",
    "users:read": "to know names",
}


async def check(client: AsyncWebClient, *, timeout: timedelta = TIMEOUT) -> list[str]:
    """What is wrong, one sentence each; empty when all is well."""
    try:
        async with slack_answers("auth.test", timeout=timeout):
            response = await client.auth_test()
    except (AppRefused, Rejected) as error:
        return [f"Slack: SLACK_BOT_TOKEN was refused ({error})."]
    except Unavailable as error:
        return [f"Slack did not answer ({error})."]
    given = (response.headers or {}).get("x-oauth-scopes", "")
    granted = {scope.strip() for scope in given.split(",")}
    return [
        f"Slack: the app lacks the scope {scope}, {reason}; add it and reinstall the app."
        for scope, reason in REQUIRED_SCOPES.items()
        if scope not in granted
    ]
