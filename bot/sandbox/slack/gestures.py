"""What people do in Slack's client other than write: press buttons, run commands, open views."""

# https://docs.slack.dev/reference/interaction-payloads

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from aiohttp import web

from bot.sandbox.journal import Journal
from bot.sandbox.slack.blocks import InvalidBlocks, check_blocks, complete_blocks
from bot.sandbox.slack.calls import Call, Refused
from bot.sandbox.slack.delivering import Deliveries, Outgoing, Receipt
from bot.sandbox.slack.looking import checked_view
from bot.sandbox.slack.rendering import render_message
from bot.sandbox.slack.things import Channel, ChannelKind, Json, TwinMessage, User
from bot.sandbox.slack.world import World
from bot.sandbox.slack.writing import rich_text

TRIGGER_LIFE = timedelta(seconds=3)
RESPONSE_LIFE = timedelta(minutes=30)
RESPONSE_USES = 5
CHANNEL_NAMES = {ChannelKind.PRIVATE: "privategroup", ChannelKind.IM: "directmessage"}


class NotPossible(Exception):
    """Slack's client would not let a person do this; the message is what it would say."""


@dataclass(slots=True, kw_only=True)
class _Response:
    """What a response_url is still good for."""

    user: str
    channel: str
    message: TwinMessage | None
    expires_at: datetime
    uses: int = RESPONSE_USES


@dataclass(slots=True, kw_only=True)
class Gestures:
    """Payloads of the interactive kind, and the answers to them."""

    world: World
    deliveries: Deliveries
    journal: Journal
    base: str = ""
    _triggers: dict[str, datetime] = field(default_factory=dict)
    _responses: dict[str, _Response] = field(default_factory=dict)

    async def press(self, user: User, channel: Channel, message: TwinMessage, action_id: str) -> Receipt:
        """Press a button of a message, whichever team the person is from."""
        payload = self._block_actions(user, channel, message, action_id)
        return await self.deliveries.send_once(
            Outgoing(kind="block_actions", payload=payload, frame="interactive")
        )

    async def command(self, user: User, channel: Channel, command: str, text: str) -> Receipt:
        """Run a slash command: only for people of the installing team."""
        # https://github.com/slackapi/bolt-python/issues/767
        if self.world.is_external(user) or command not in self.world.installation.commands:
            raise NotPossible(f"{command} is not a valid command")
        app = self.world.installation
        payload = {
            "token": app.verification_token,
            "team_id": app.team_id,
            "team_domain": self.world.home.domain,
            "channel_id": channel.id,
            "channel_name": CHANNEL_NAMES.get(channel.kind, channel.name),
            "user_id": user.id,
            "user_name": user.name,
            "command": command,
            "text": text,
            "api_app_id": app.app_id,
            "is_enterprise_install": "false",
            "response_url": self._response_url("commands", user, channel, None),
            "trigger_id": self._trigger(),
        }
        return await self.deliveries.send_once(
            Outgoing(kind="slash_command", payload=payload, frame="slash_commands")
        )

    def open_view(self, call: Call) -> Json:
        """views.open, within three seconds of the click."""
        trigger = call.text("trigger_id") or ""
        if trigger not in self._triggers:
            raise Refused("invalid_trigger_id")
        expires_at = self._triggers[trigger]
        if call.world.time.now() > expires_at:
            raise Refused("expired_trigger_id")
        view = checked_view(call, kind="modal")
        del self._triggers[trigger]
        call.world.views[view["id"]] = view
        call.effects.append(view["id"])
        return {"view": view}

    async def respond(self, request: web.Request) -> web.Response:
        """POST to a response_url: five times within half an hour."""
        # https://docs.slack.dev/interactivity/handling-user-interaction#message_responses
        response = self._responses.get(request.path)
        if response is None or not response.uses or self.world.time.now() > response.expires_at:
            self.journal.record("response_url", outcome="expired_url")
            return web.Response(status=404, text="expired_url")
        try:
            answer = json.loads(await request.read())
            self._apply(response, answer)
        except (InvalidBlocks, ValueError) as error:
            outcome = error.error if isinstance(error, InvalidBlocks) else "invalid_payload"
            self.journal.record("response_url", outcome=outcome)
            return web.json_response({"ok": False, "error": outcome})
        response.uses -= 1
        self.journal.record("response_url", request={"text": answer.get("text")})
        return web.Response(text="ok")

    def _apply(self, response: _Response, answer: Json) -> None:
        bot, original = self.world.installation.bot_user_id, response.message
        text, blocks = answer.get("text") or "", answer.get("blocks") or []
        check_blocks(blocks)
        stored = complete_blocks(self.world, blocks) or (rich_text(self.world, text),)
        if original and answer.get("delete_original"):
            self.world.delete(original, user=bot)
        elif original and answer.get("replace_original"):
            response.message = self.world.change(original, user=bot, text=text, blocks=stored)
        elif text or blocks:
            in_channel = answer.get("response_type") == "in_channel"
            self.world.post(
                TwinMessage(
                    channel=response.channel,
                    ts=self.world.next_ts(),
                    user=bot,
                    team_id=self.world.installation.team_id,
                    bot_id=self.world.installation.bot_id,
                    text=text,
                    blocks=stored,
                    thread_ts=answer.get("thread_ts"),
                    ephemeral_to=None if in_channel else response.user,
                )
            )

    def _block_actions(self, user: User, channel: Channel, message: TwinMessage, action_id: str) -> Json:
        app, home = self.world.installation, self.world.home
        container: Json = {
            "type": "message",
            "message_ts": message.ts,
            "channel_id": channel.id,
            "is_ephemeral": message.ephemeral_to is not None,
        }
        if message.thread_ts:
            container["thread_ts"] = message.thread_ts
        payload: Json = {
            "type": "block_actions",
            # an external person is told from ours by this team_id alone
            "user": {"id": user.id, "username": user.name, "name": user.name, "team_id": user.team_id},
            "api_app_id": app.app_id,
            "token": app.verification_token,
            "container": container,
            "trigger_id": self._trigger(),
            "team": {"id": home.id, "domain": home.domain},
            "enterprise": None,
            "is_enterprise_install": False,
            "channel": {"id": channel.id, "name": CHANNEL_NAMES.get(channel.kind, channel.name)},
            "state": {"values": {}},
            "response_url": self._response_url("actions", user, channel, message),
            "actions": [self._action(message, action_id)],
        }
        if message.ephemeral_to is None:
            payload["message"] = render_message(self.world, message, base=self.base)
        return payload

    def _action(self, message: TwinMessage, action_id: str) -> Json:
        for block in message.blocks:
            for element in [*block.get("elements", ()), block.get("accessory")]:
                if isinstance(element, dict) and element.get("action_id") == action_id:
                    shown = {key: element[key] for key in ("text", "value", "style", "url") if key in element}
                    return {
                        "action_id": action_id,
                        "block_id": block["block_id"],
                        **shown,
                        "type": element["type"],
                        "action_ts": self.world.next_ts(),
                    }
        raise NotPossible("the message has no such button")

    def _trigger(self) -> str:
        trigger = (
            f"{self.world.code(12, '0123456789')}.{self.world.code(12, '0123456789')}.{self.world.code(32)}"
        )
        self._triggers[trigger] = self.world.time.now() + TRIGGER_LIFE
        return trigger

    def _response_url(self, kind: str, user: User, channel: Channel, message: TwinMessage | None) -> str:
        team, digits = self.world.installation.team_id, self.world.code(12, "0123456789")
        path = f"/{kind}/{team}/{digits}/{self.world.code(24)}"
        self._responses[path] = _Response(
            user=user.id,
            channel=channel.id,
            message=message if message and message.ephemeral_to is None else None,
            expires_at=self.world.time.now() + RESPONSE_LIFE,
        )
        return self.base + path
