"""A model's opinion on a message: asked with a strict schema, taken over where the examples are unsure."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from bot.core.model import Environment, Priority, ProductArea, Sentiment, Verdict
from bot.core.triage import triage
from bot.sandbox.openai import OpenAITwin, filling, saying
from knowledge.assisting import ModelClassifier, Opinion, advised
from knowledge.models.openai_client import ModelAccess, Patience

TEXT = "the thing with the boxes is odd since 1.4, write to jane.doe@example.com"
OPINION = {
    "product_area": "Lineage",
    "priority": "P2",
    "environment": "Staging",
    "version": "v1.4",
    "sentiment": "negative",
}


class Noon:
    def now(self) -> datetime:
        return datetime(2026, 11, 24, 12, tzinfo=UTC)


@pytest.fixture
async def twin() -> AsyncIterator[OpenAITwin]:
    async with OpenAITwin(Noon(), random.Random(7)) as twin:  # noqa: S311 - repeatable on purpose
        yield twin


def asking(twin: OpenAITwin) -> ModelClassifier:
    brief = Patience(first=timedelta(seconds=0.4), whole=timedelta(seconds=1.5))
    return ModelClassifier(
        ModelAccess(base_url=twin.url, model="gpt-twin", api_key=twin.api_key, patience=brief)
    )


def a_verdict(text: str = TEXT, **changed: Any) -> Verdict:
    return replace(triage(text), **changed)


def an_opinion(**changed: Any) -> Opinion:
    return Opinion.model_validate(OPINION | changed)


async def test_the_model_is_asked_strictly_and_reads_no_secrets(twin: OpenAITwin) -> None:
    twin.model = filling(OPINION)
    assert await asking(twin).judge(TEXT) == an_opinion()
    (asked,) = twin.asked
    assert "jane.doe" not in asked.text
    assert asked.schema is not None
    assert asked.schema["additionalProperties"] is False
    assert set(asked.schema["required"]) == set(OPINION)


@pytest.mark.parametrize(
    "said",
    [
        '{"product_area": "Kitchen", "priority": "P1"}',
        '{"product_area": "Lineage", "priority": "P0", "environment": null, "version": null}',
        "I think it is P1",
        "",
    ],
)
async def test_what_fits_no_schema_is_no_opinion(twin: OpenAITwin, said: str) -> None:
    twin.model = saying(said)
    assert await asking(twin).judge(TEXT) is None


async def test_a_model_that_fails_leaves_the_examples_alone(twin: OpenAITwin) -> None:
    twin.model = filling(OPINION)
    twin.faults.outage(on=True)
    assert await asking(twin).judge(TEXT) is None
    assert advised(a_verdict(), None, TEXT) == a_verdict()


def test_where_the_examples_are_unsure_the_model_is_believed() -> None:
    found = advised(a_verdict(sure_of_area=0.4, sure_of_priority=0.5), an_opinion(), TEXT)
    assert (found.product_area, found.priority) == (ProductArea.LINEAGE, Priority.P2)
    assert found.reason == "Lineage: the model's opinion; P2: the model's opinion"
    assert found.description.environment is Environment.STAGING
    assert found.description.sentiment is Sentiment.NEGATIVE


def test_where_they_are_sure_it_is_not() -> None:
    sure = a_verdict(product_area=ProductArea.MLOPS, sure_of_area=0.97, sure_of_priority=0.97)
    found = advised(sure, an_opinion(), TEXT)
    assert (found.product_area, found.priority) == (ProductArea.MLOPS, sure.priority)


def test_two_of_one_mind_are_surer() -> None:
    unsure = a_verdict(product_area=ProductArea.LINEAGE, sure_of_area=0.3)
    assert advised(unsure, an_opinion(), TEXT).sure_of_area > 0.9


def test_no_model_takes_an_emergency_away() -> None:
    text = "production is down for everybody"
    found = advised(a_verdict(text), an_opinion(priority="P4"), text)
    assert (found.priority, found.sure_of_priority) == (Priority.P1, 1.0)


@pytest.mark.parametrize("version", ["9.9", "https://evil.example", "the", "1.4; drop", None])
def test_a_version_that_the_message_does_not_name_is_invented(version: str | None) -> None:
    text = "the boxes are odd, see https://evil.example the 1.4; drop"
    assert advised(a_verdict(text), an_opinion(version=version), text).description.version is None


def test_what_the_message_says_itself_stands() -> None:
    text = "production is slow since the upgrade to 1.0.2, thank you"
    found = advised(a_verdict(text), an_opinion(version="1.0"), text).description
    assert (found.environment, found.version) == (Environment.PRODUCTION, "1.0.2")
    assert found.sentiment is Sentiment.POSITIVE
