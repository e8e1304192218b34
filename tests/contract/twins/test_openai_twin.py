from __future__ import annotations

import json
import random
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from jsonschema import Draft202012Validator
from openai import (
    APIConnectionError,
    AsyncOpenAI,
    AuthenticationError,
    BadRequestError,
    NotFoundError,
    RateLimitError,
)

from bot.sandbox.faults import FaultKind
from bot.sandbox.openai import OpenAITwin, filling, saying
from knowledge.models.openai_client import ModelAccess, open_client

SPECIFICATION = (
    Path(__file__).resolve().parents[3].parent / "shared" / "contracts" / "openai-openapi" / "openapi.json"
)
NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)
ASK: Any = {"model": "gpt-twin", "messages": [{"role": "user", "content": "Hello?"}]}


class Noon:
    def now(self) -> datetime:
        return NOON


@pytest.fixture
async def twin() -> AsyncIterator[OpenAITwin]:
    rng = random.Random(7)  # noqa: S311 - repeatable on purpose
    async with OpenAITwin(Noon(), rng, model=saying("It is noon. Eat.")) as twin:
        yield twin


@pytest.fixture
async def client(twin: OpenAITwin) -> AsyncIterator[AsyncOpenAI]:
    access = ModelAccess(base_url=twin.url, model="gpt-twin", api_key=twin.api_key)
    async with open_client(access) as client:
        yield client


@pytest.fixture(scope="session")
def specification() -> dict[str, Any]:
    if not SPECIFICATION.is_file():
        pytest.skip("the vendor's specification is not beside the repository")
    loaded: dict[str, Any] = json.loads(SPECIFICATION.read_text("utf-8"))
    return loaded


def check(specification: dict[str, Any], name: str, body: object) -> None:
    schema = {"$ref": f"#/components/schemas/{name}", "components": _nullable(specification["components"])}
    Draft202012Validator(schema).validate(body)


def _nullable(node: Any) -> Any:
    """OpenAPI 3.0 writes `nullable`, which JSON Schema does not know."""
    if isinstance(node, list):
        return [_nullable(one) for one in node]
    if not isinstance(node, dict):
        return node
    plain = {key: _nullable(value) for key, value in node.items()}
    return {"anyOf": [plain, {"type": "null"}]} if node.get("nullable") is True else plain


async def test_a_whole_answer(client: AsyncOpenAI, specification: dict[str, Any]) -> None:
    answer = await client.chat.completions.create(**ASK)
    assert answer.choices[0].message.content == "It is noon. Eat."
    check(specification, "CreateChatCompletionResponse", answer.model_dump(mode="json", exclude_unset=True))


async def test_an_answer_in_pieces(client: AsyncOpenAI, specification: dict[str, Any]) -> None:
    stream = await client.chat.completions.create(**ASK, stream=True, stream_options={"include_usage": True})
    chunks = [chunk async for chunk in stream]
    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks[:-1]) == "It is noon. Eat."
    assert chunks[-1].usage is not None
    for chunk in chunks:
        check(
            specification,
            "CreateChatCompletionStreamResponse",
            chunk.model_dump(mode="json", exclude_unset=True),
        )


async def test_embeddings_of_texts_with_words_in_common_are_near(client: AsyncOpenAI) -> None:
    answer = await client.embeddings.create(
        model="text-embedding-twin", input=["helm rolls back", "helm rolls on", "kafka"], dimensions=32
    )
    first, second, third = (one.embedding for one in answer.data)
    near, far = (sum(a * b for a, b in zip(first, other, strict=True)) for other in (second, third))
    assert len(first) == 32
    assert near > far


async def test_embeddings_and_models_as_specified(twin: OpenAITwin, specification: dict[str, Any]) -> None:
    headers = {"Authorization": f"Bearer {twin.api_key}"}
    async with aiohttp.ClientSession(headers=headers) as http:
        body = {"model": "text-embedding-twin", "input": "one text", "encoding_format": "float"}
        async with http.post(f"{twin.url}/embeddings", json=body) as response:
            check(specification, "CreateEmbeddingResponse", await response.json())
        async with http.get(f"{twin.url}/models") as response:
            check(specification, "ListModelsResponse", await response.json())


async def test_refusals_have_the_shape_that_is_specified(
    twin: OpenAITwin, specification: dict[str, Any]
) -> None:
    twin.faults.fail_next("POST /v1/embeddings", FaultKind.RATE_LIMITED, retry_after=timedelta(seconds=20))
    async with aiohttp.ClientSession() as http:
        for method, path, key, status in (
            ("POST", "/embeddings", twin.api_key, 429),
            ("POST", "/chat/completions", "sk-wrong", 401),
            ("POST", "/chat/completions", twin.api_key, 400),
            ("GET", "/nowhere", twin.api_key, 404),
        ):
            headers = {"Authorization": f"Bearer {key}"}
            async with http.request(method, f"{twin.url}{path}", json={}, headers=headers) as response:
                assert response.status == status
                assert ("retry-after" in response.headers) == (status == 429)
                check(specification, "ErrorResponse", await response.json())


async def test_the_library_understands_every_refusal(twin: OpenAITwin, client: AsyncOpenAI) -> None:
    once = client.with_options(max_retries=0)
    with pytest.raises(NotFoundError, match="does not exist"):
        await once.chat.completions.create(**{**ASK, "model": "gpt-0"})
    with pytest.raises(BadRequestError, match="messages"):
        await once.chat.completions.create(**{**ASK, "messages": []})
    with pytest.raises(AuthenticationError, match="Incorrect API key"):
        await once.with_options(api_key="sk-wrong").chat.completions.create(**ASK)
    twin.faults.fail_next("POST /v1/chat/completions", FaultKind.RATE_LIMITED)
    with pytest.raises(RateLimitError, match="Rate limit reached"):
        await once.chat.completions.create(**ASK)
    twin.faults.fail_next("POST /v1/chat/completions", FaultKind.TIMEOUT_AFTER)
    with pytest.raises(APIConnectionError):
        await once.chat.completions.create(**ASK)
    assert [entry.outcome for entry in twin.journal.of("POST /v1/chat/completions")] == [
        "404", "400", "401", "rate_limited", "timeout_after",
    ]  # fmt: skip


GOOD: Any = {
    "type": "object",
    "properties": {
        "area": {"type": "string", "enum": ["a", "b"]},
        "reasons": {"type": "array", "items": {"type": "string"}},
        "person": {"anyOf": [{"$ref": "#/$defs/person"}, {"type": "null"}]},
    },
    "required": ["area", "reasons", "person"],
    "additionalProperties": False,
    "$defs": {
        "person": {
            "type": "object",
            "properties": {"name": {"type": "string"}},
            "required": ["name"],
            "additionalProperties": False,
        }
    },
}


def wanting(schema: Any) -> Any:
    return {
        **ASK,
        "response_format": {
            "type": "json_schema",
            "json_schema": {"name": "x", "strict": True, "schema": schema},
        },
    }


async def test_structured_outputs_are_filled_in(twin: OpenAITwin, client: AsyncOpenAI) -> None:
    twin.model = filling({"area": "a", "reasons": [], "person": None})
    answer = await client.chat.completions.create(**wanting(GOOD))
    assert json.loads(answer.choices[0].message.content or "") == {"area": "a", "reasons": [], "person": None}
    assert twin.asked[0].schema == GOOD


@pytest.mark.parametrize(
    ("schema", "problem"),
    [
        ({**GOOD, "additionalProperties": True}, "'additionalProperties' is required"),
        ({key: value for key, value in GOOD.items() if key != "additionalProperties"}, "In context=()"),
        ({**GOOD, "required": ["area", "person"]}, "Missing 'reasons'"),
        ({**GOOD, "$defs": {"person": {"type": "object", "properties": {}}}}, r"'\$defs', 'person'"),
        ({**GOOD, "properties": {**GOOD["properties"], "area": {"oneOf": []}}}, "'oneOf' is not permitted"),
        ({**GOOD, "properties": {**GOOD["properties"], "area": {}}}, "must have a 'type' key"),
        ({"type": "array", "items": {"type": "string"}}, 'type: "object"'),
    ],
)
async def test_a_schema_that_openai_refuses_is_refused(
    client: AsyncOpenAI, schema: Any, problem: str
) -> None:
    with pytest.raises(BadRequestError, match=problem.replace("(", r"\(").replace(")", r"\)")):
        await client.chat.completions.create(**wanting(schema))
