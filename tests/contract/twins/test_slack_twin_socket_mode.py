from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

import pytest
from slack_sdk.errors import SlackApiError
from slack_sdk.socket_mode.aiohttp import SocketModeClient
from slack_sdk.socket_mode.async_client import AsyncBaseSocketModeClient
from slack_sdk.socket_mode.request import SocketModeRequest
from slack_sdk.socket_mode.response import SocketModeResponse
from slack_twin_kit import a_client, a_twin, until

from bot.sandbox.slack import SlackTwin


class Listener:
    """The real client, with a listener that acknowledges when it is told to."""

    def __init__(self, twin: SlackTwin) -> None:
        self.client = SocketModeClient(twin.world.installation.app_token, web_client=a_client(twin))
        self.client.socket_mode_request_listeners.append(self.listen)
        self.requests: list[SocketModeRequest] = []
        self.acks = True

    async def listen(self, client: AsyncBaseSocketModeClient, request: SocketModeRequest) -> None:
        self.requests.append(request)
        if self.acks:
            await client.send_socket_mode_response(SocketModeResponse(envelope_id=request.envelope_id))


@asynccontextmanager
async def a_listener(twin: SlackTwin) -> AsyncIterator[Listener]:
    listener, before = Listener(twin), twin.sockets.count
    await listener.client.connect()  # type: ignore[no-untyped-call]  # the vendor left it untyped
    await until(lambda: twin.sockets.count > before)
    try:
        yield listener
    finally:
        await listener.client.close()  # type: ignore[no-untyped-call]  # likewise


async def test_events_go_to_the_socket_and_are_acknowledged() -> None:
    async with a_twin() as (twin, _):
        twin.use_socket_mode()
        async with a_listener(twin) as listener:
            await twin.say("carol", "acme-support", "@deskbell help")
            await twin.settled()
            kinds = sorted(request.payload["event"]["type"] for request in listener.requests)
            assert kinds == ["app_mention", "message"]
            assert {request.type for request in listener.requests} == {"events_api"}
            assert len(twin.journal.of("deliver:*", outcome="ok")) == 2


async def test_what_one_connection_does_not_acknowledge_another_gets() -> None:
    async with a_twin(ack_within=timedelta(milliseconds=100)) as (twin, _):
        twin.use_socket_mode()
        async with a_listener(twin) as deaf, a_listener(twin) as awake:
            deaf.acks = False
            await twin.say("mia", "community", "hello")
            await twin.say("mia", "community", "hello again")
            await twin.settled()

            again = [request for request in awake.requests if request.retry_attempt]
            assert [(one.retry_attempt, one.retry_reason) for one in again] == [(1, "timeout")]
            assert len(deaf.requests) == 1
            assert len(twin.journal.of("deliver:message", outcome="ok")) == 2


async def test_what_was_said_while_nobody_listened_arrives_with_the_next_connection() -> None:
    async with a_twin() as (twin, _):
        twin.use_socket_mode()
        await twin.say("mia", "community", "anybody?")
        await twin.settled()
        async with a_listener(twin) as listener:
            await twin.settled()
            assert [request.payload["event"]["text"] for request in listener.requests] == ["anybody?"]


async def test_a_client_that_is_asked_to_refresh_comes_back() -> None:
    async with a_twin() as (twin, _):
        twin.use_socket_mode()
        async with a_listener(twin) as listener:
            old = listener.client.current_session
            await twin.sockets.ask_to_refresh()
            await until(lambda: listener.client.current_session is not old and twin.sockets.count == 1)
            await twin.say("mia", "community", "still there?")
            await twin.settled()
            assert len(listener.requests) == 1


async def test_a_click_comes_by_the_socket_too() -> None:
    async with a_twin() as (twin, _):
        twin.use_socket_mode()
        async with a_listener(twin) as listener:
            button = {"type": "button", "text": {"type": "plain_text", "text": "Go"}, "action_id": "go"}
            posted = await a_client(twin).chat_postMessage(
                channel="#community", text="x", blocks=[{"type": "actions", "elements": [button]}]
            )
            receipt = await twin.press("mia", "community", posted["ts"], "go")
            assert receipt.ok
            assert listener.requests[-1].type == "interactive"
            assert listener.requests[-1].payload["actions"][0]["action_id"] == "go"


async def test_the_url_is_given_to_the_app_token_and_works_once() -> None:
    async with a_twin() as (twin, _):
        twin.use_socket_mode()
        client = a_client(twin)
        with pytest.raises(SlackApiError, match="not_allowed_token_type"):
            await client.api_call("apps.connections.open")
        opened = await client.apps_connections_open(app_token=twin.world.installation.app_token)
        assert opened["url"].startswith(twin.base_url.replace("http", "ws"))
