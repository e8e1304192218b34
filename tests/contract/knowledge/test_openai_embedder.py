"""The embedder behind an OpenAI-compatible server, over real sockets."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Self

import numpy as np
import pytest
from aiohttp import web

from bot.core.errors import Unavailable
from bot.sandbox.faults import FaultKind
from bot.sandbox.openai import OpenAITwin
from config.secrets import Secret
from config.settings import EmbedderSettings
from knowledge.embedding import EmbedderUnavailable
from knowledge.models.openai_embedder import BATCH, EmbeddingPatience, OpenAIEmbedder
from knowledge.opening import load_embedder

EMBEDDINGS = "POST /v1/embeddings"
HURRIED = EmbeddingPatience(
    connect=timedelta(seconds=2),
    question=timedelta(milliseconds=300),
    passages=timedelta(seconds=5),
    retries=1,
)


class Noon:
    def now(self) -> datetime:
        return datetime(2026, 11, 24, 12, tzinfo=UTC)


@pytest.fixture
async def twin() -> AsyncIterator[OpenAITwin]:
    async with OpenAITwin(Noon(), random.Random(7)) as twin:  # noqa: S311 - repeatable on purpose
        yield twin


async def opened(twin: OpenAITwin, **changed: Any) -> OpenAIEmbedder:
    given = {"model": "text-embedding-twin", "url": twin.url, "api_key": twin.api_key} | changed
    return await asyncio.to_thread(OpenAIEmbedder, **given, patience=HURRIED)


async def test_it_keeps_the_promises_of_every_embedder(twin: OpenAITwin) -> None:
    embedder = await opened(twin)

    vectors = await asyncio.to_thread(embedder.embed_passages, ["quotas of a broker", "taints of a node"])
    question = await asyncio.to_thread(embedder.embed_queries, ["a broker and its quotas"])

    assert vectors.dtype == np.float32
    assert vectors.shape == (2, embedder.dimension)
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-4)
    assert int(np.argmax(vectors @ question[0])) == 0
    assert embedder.embed_queries([]).shape == (0, embedder.dimension)


async def test_many_texts_go_in_batches_and_come_back_in_order(twin: OpenAITwin) -> None:
    embedder = await opened(twin)
    texts = [f"word{number}" for number in range(BATCH + 5)]

    together = await asyncio.to_thread(embedder.embed_passages, texts)
    alone = await asyncio.to_thread(embedder.embed_passages, texts[BATCH + 2 : BATCH + 3])

    assert [entry.request["texts"] for entry in twin.journal.of(EMBEDDINGS)] == [1, BATCH, 5, 1]
    assert np.array_equal(together[BATCH + 2], alone[0])


async def test_an_empty_text_is_not_sent_and_lies_nowhere(twin: OpenAITwin) -> None:
    embedder = await opened(twin)

    vectors = await asyncio.to_thread(embedder.embed_passages, ["", "text", " \n"])

    assert np.linalg.norm(vectors, axis=1).tolist() == pytest.approx([0, 1, 0])


async def test_two_servers_or_models_never_share_an_index(twin: OpenAITwin) -> None:
    embedder = await opened(twin)
    other = await opened(twin, model="gpt-twin")

    assert embedder.name != other.name
    assert str(embedder.dimension) in embedder.name
    assert twin.api_key not in embedder.name


async def test_an_index_waits_for_a_server_that_is_busy_a_question_does_not(twin: OpenAITwin) -> None:
    embedder = await opened(twin)
    twin.faults.fail_next(EMBEDDINGS, FaultKind.SERVER_ERROR, times=2)

    with pytest.raises(Unavailable, match=r"127\.0\.0\.1:\d+/v1 fails \(503\)"):
        await asyncio.to_thread(embedder.embed_queries, ["a question"])
    assert (await asyncio.to_thread(embedder.embed_passages, ["a passage"])).any()


async def test_a_server_that_says_nothing_costs_a_question_little(twin: OpenAITwin) -> None:
    embedder = await opened(twin)
    twin.faults.fail_next(EMBEDDINGS, FaultKind.TIMEOUT_BEFORE, hang=True)

    async with asyncio.timeout(3):
        with pytest.raises(Unavailable, match="does not answer in time"):
            await asyncio.to_thread(embedder.embed_queries, ["a question"])


@pytest.mark.parametrize(
    ("changed", "sentence"),
    [
        ({"api_key": "sk-of-somebody-else"}, r"refuses the key \(401\): check EMBEDDINGS_URL"),
        ({"model": "no-such-model"}, r"'no-such-model': .* does not know it \(404\): check"),
        ({"url": "http://127.0.0.1:9/v1"}, r"127\.0\.0\.1:9/v1 cannot be reached: check"),
    ],
)
async def test_what_is_wrong_is_said_in_one_sentence(
    twin: OpenAITwin, changed: dict[str, str], sentence: str
) -> None:
    with pytest.raises(EmbedderUnavailable, match=sentence) as refused:
        await opened(twin, **changed)

    assert "somebody-else" not in str(refused.value)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    "answer",
    [
        web.Response(text="<html>welcome</html>", content_type="text/html"),
        web.Response(text='{"data": [', content_type="application/json"),
        web.json_response({"data": []}),
        web.json_response({"object": "list", "data": [{"index": 0, "embedding": []}]}),
        web.json_response({"object": "list", "data": [{"index": 0, "embedding": ["a", "b"]}]}),
        web.json_response({"object": "list", "data": [{"index": 0, "embedding": [None, 1.0]}]}),
    ],
)
async def test_what_is_no_vector_is_no_vector(answer: web.Response) -> None:
    async with Server(answer) as server:
        with pytest.raises(EmbedderUnavailable, match="answers something else than vectors"):
            await asyncio.to_thread(OpenAIEmbedder, "any", url=server.url, patience=HURRIED)


async def test_secrets_and_people_do_not_leave_the_house() -> None:
    async with Server(None) as server:
        embedder = await asyncio.to_thread(OpenAIEmbedder, "any", url=server.url, patience=HURRIED)
        await asyncio.to_thread(embedder.embed_queries, ["jane.doe@example.com cannot log in"])

        assert server.read == ["dimension", "[e-mail] cannot log in"]


async def test_it_is_chosen_by_its_name(twin: OpenAITwin, tmp_path: Path) -> None:
    settings = EmbedderSettings(name="openai:gpt-twin", url=twin.url, api_key=Secret(twin.api_key))
    embedder = await asyncio.to_thread(load_embedder, settings, tmp_path)

    assert embedder is not None
    assert "gpt-twin" in embedder.name


class Server:
    """Answers every request with one thing; with None, as a server without base64 does."""

    def __init__(self, answer: web.Response | None) -> None:
        self.read: list[str] = []
        self.url = ""
        self._answer = answer

    async def __aenter__(self) -> Self:
        application = web.Application()
        application.router.add_post("/v1/embeddings", self._serve)
        self._runner = web.AppRunner(application, access_log=None)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}/v1"
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._runner.cleanup()

    async def _serve(self, request: web.Request) -> web.Response:
        asked = await request.json()
        self.read += asked["input"]
        if self._answer is not None:
            return self._answer
        rows = [{"index": index, "embedding": [3.0, 4.0]} for index in range(len(asked["input"]))]
        return web.json_response({"object": "list", "model": "any", "data": rows})
