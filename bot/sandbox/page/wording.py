"""The ledger's rows in words."""

from __future__ import annotations

from collections.abc import Mapping

DELIVERIES: Mapping[str, str] = {
    "slack": "Slack told us something",
    "zendesk": "Zendesk told us something",
}
EFFECTS: Mapping[str, str] = {
    "DraftAnswer": "Look for an answer in the articles",
    "ClassifyTicket": "Judge what the ticket is about",
    "PostReply": "Post a reply in Slack",
    "EditReply": "Change a reply in Slack",
    "WithdrawShown": "Take half an answer away again",
    "ShowStatus": "Bring the status card up to date",
    "IdentifyPerson": "Ask Slack who this person is",
    "CreateReplica": "Create the ticket in Zendesk",
    "CommentOnReplica": "Copy a message to Zendesk",
    "UpdateReplica": "Bring status and priority to Zendesk",
}
STATES: Mapping[str, str] = {
    "pending": "waiting",
    "leased": "under way",
    "done": "done",
    "parked": "parked",
}


def in_words(queue: str, kind: str, lane: str) -> str:
    """What a row is about; a kind that is not known says its own name."""
    match queue:
        case "deliveries":
            return DELIVERIES.get(kind, f"{kind} told us something")
        case "timers":
            return f"look at clock {lane.partition(':')[2] or lane}"
        case _:
            return EFFECTS.get(kind, kind)
