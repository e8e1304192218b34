"""A twin of Zendesk: the ticketing API, OAuth and webhooks, with the rules that refuse things."""

from bot.sandbox.zendesk.limits import Limits
from bot.sandbox.zendesk.twin import ZendeskTwin

__all__ = ["Limits", "ZendeskTwin"]
