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
    "SendAlert": "Tell somebody outside Slack",
    "IdentifyPerson": "Ask Slack who this person is",
    "CreateReplica": "Create the ticket in Zendesk",
    "CommentOnReplica": "Copy a message to Zendesk",
    "UpdateReplica": "Bring status and priority to Zendesk",
}
TIMERS: Mapping[str, str] = {  #: by the beginning of their keys
    "clock": "look at clock {which}",
    "cards": "bring cards up to date",
    "alert": "see whether an alert has arrived",
    "rota": "look for gaps on call",
    "audit": "say that no audit has passed",
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
            subject, _, which = lane.partition(":")
            return TIMERS.get(subject, "look at {which}").format(which=which or lane)
        case _:
            return EFFECTS.get(kind, kind)
