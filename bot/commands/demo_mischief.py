"""What can be broken on purpose: the twins' faults as switches."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta

from bot.core.errors import UserFacingError
from bot.sandbox.faults import FaultKind, Faults, Rule
from bot.sandbox.page.views import SwitchState, SwitchView
from bot.sandbox.slack.twin import SlackTwin
from bot.sandbox.zendesk.twin import ZendeskTwin

POST, DELIVERY, CREATE = "chat.postMessage", "deliver:*", "POST /api/v2/tickets*"


@dataclass(frozen=True, slots=True, kw_only=True)
class Switch:
    """A fault by the name the page gives it."""

    key: str
    label: str
    explained: str
    faults: Faults
    arm: Callable[[Faults], Rule] | None  #: None: an outage of everything


class Switches:
    """Implements `bot.sandbox.page.views.Mischief`."""

    def __init__(self, slack: SlackTwin, zendesk: ZendeskTwin) -> None:
        self._switches = {one.key: one for one in _all(slack.faults, zendesk.faults)}
        self._armed: dict[str, Rule] = {}

    @property
    def is_zendesk_down(self) -> bool:
        """Whether nobody can use Zendesk."""
        return bool(self._switches["zendesk"].faults.outages)

    def switches(self) -> Sequence[SwitchView]:
        return [
            SwitchView(key=one.key, label=one.label, explained=one.explained, state=self._state(one))
            for one in self._switches.values()
        ]

    def flip(self, key: str) -> None:
        switch = self._switches.get(key)
        if switch is None:
            raise UserFacingError("There is no such switch.")
        is_off = self._state(switch) is SwitchState.OFF
        if switch.arm is None:
            switch.faults.outage(is_off)
        elif is_off:
            self._armed[key] = switch.arm(switch.faults)
        else:
            switch.faults.remove(self._armed.pop(key))

    def _state(self, switch: Switch) -> SwitchState:
        if switch.arm is None:
            return SwitchState.ON if switch.faults.outages else SwitchState.OFF
        rule = self._armed.get(switch.key)
        if rule is None or not any(rule is one for one in switch.faults.rules):
            return SwitchState.OFF  # never armed, or used up
        return SwitchState.ON if rule.times is None else SwitchState.ARMED


def _all(slack: Faults, zendesk: Faults) -> Sequence[Switch]:
    return (
        Switch(
            key="zendesk",
            label="Zendesk is down",
            explained="Every call is answered with 503 until you switch it on again.",
            faults=zendesk,
            arm=None,
        ),
        Switch(
            key="refused",
            label="Zendesk refuses a ticket",
            explained="The next ticket is answered with 422 and parked, for a person to decide.",
            faults=zendesk,
            arm=lambda faults: faults.fail_next(CREATE, FaultKind.SERVER_ERROR, status=422),
        ),
        Switch(
            key="lost",
            label="Slack posts, no answer",
            explained="The next reply is posted and the connection is cut: is it posted again?",
            faults=slack,
            arm=lambda faults: faults.fail_next(POST, FaultKind.TIMEOUT_AFTER),
        ),
        Switch(
            key="limited",
            label="Slack says 429",
            explained="The next reply has to wait five seconds.",
            faults=slack,
            arm=lambda faults: faults.fail_next(
                POST, FaultKind.RATE_LIMITED, retry_after=timedelta(seconds=5)
            ),
        ),
        Switch(
            key="twice",
            label="Slack delivers twice",
            explained="Every event comes two times until you switch this off.",
            faults=slack,
            arm=lambda faults: faults.fail_next(DELIVERY, FaultKind.DUPLICATE, times=None),
        ),
    )
