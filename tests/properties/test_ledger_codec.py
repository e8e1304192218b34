"""Whatever the core can decide can be stored and read again unchanged."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.core.effects import Effect
from bot.core.model import Audience, AudienceKind, EscalationStep, OrganisationId
from storage.codec import STEPS, UnreadableEffect, decode, encode

st.register_type_strategy(
    Audience,
    st.one_of(
        st.sampled_from([Audience(AudienceKind.INTERNAL), Audience(AudienceKind.PUBLIC)]),
        st.text(min_size=1).map(lambda name: Audience(AudienceKind.CUSTOMER, OrganisationId(name))),
    ),
)
st.register_type_strategy(datetime, st.datetimes(timezones=st.just(UTC)))
steps = st.one_of(
    st.builds(EscalationStep, notify=st.text(), percent=st.integers(), after=st.none()),
    st.builds(
        EscalationStep,
        notify=st.text(),
        percent=st.none(),
        after=st.timedeltas(min_value=timedelta(0), max_value=timedelta(days=3650)),
    ),
)

KINDS: tuple[type[Any], ...] = get_args(Effect)


def effects_of(kind: type[Any]) -> st.SearchStrategy[Any]:
    return st.builds(kind)


def test_every_effect_of_the_core_is_covered() -> None:
    assert {kind.__name__ for kind in KINDS} >= {"PostReply", "ShowStatus", "CreateReplica", "DraftAnswer"}


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
@given(data=st.data())
def test_an_effect_survives_its_storage(kind: type[Any], data: st.DataObject) -> None:
    effect = data.draw(effects_of(kind))
    name, payload = encode(effect)
    assert name == kind.__name__
    assert decode(name, json.loads(json.dumps(payload))) == effect


@given(policy=st.lists(steps).map(tuple))
def test_an_escalation_policy_survives_its_storage(policy: tuple[EscalationStep, ...]) -> None:
    stored = json.loads(json.dumps(STEPS.dump_python(policy, mode="json")))
    assert STEPS.validate_python(stored) == policy


def test_an_unknown_kind_is_named() -> None:
    with pytest.raises(UnreadableEffect, match="unknown kind SendFax"):
        decode("SendFax", {})
