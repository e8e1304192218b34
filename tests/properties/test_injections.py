from __future__ import annotations

import asyncio
import random
import re
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Self

import pytest
from injections import ARTICLE, CARRIERS, SECRET, TEMPLATES, Attack, attack, payloads
from markdown_it import MarkdownIt

from bot.core.model import Citation
from bot.core.replies import answered
from bot.sandbox.openai import ChatRequest, OpenAITwin, saying
from bot.sandbox.openai.obeying import obey
from handlers.slack.mrkdwn import harmless
from knowledge import answering as knowledge_answering
from knowledge.base import LocalKnowledgeBase
from knowledge.composing import Checked, Composer, ComposingFailed, NotFound
from knowledge.instructions import disarmed
from knowledge.languages import Language
from knowledge.models.openai_client import ModelAccess
from knowledge.opening import KnowledgeIndex
from knowledge.quoting import neutral, quote
from knowledge.retrieval import Question

PAYLOADS = 504
ACCESS = ModelAccess(base_url="http://127.0.0.1:9/v1", model="gpt-twin")
CHANNEL = MarkdownIt("commonmark", {"html": True}).enable("table")
SIGNS = re.compile(r"CANARY|evil-\d|<[!@#]|@(?:everyone|here|channel)|P1|You write answers")
ADDRESS = re.compile(r"(?:https?:)?//[^\s<>()\[\]`]+")


class InProcess:
    """The library's client, as far as the composer uses it, around a function."""

    def __init__(self, function: Callable[[ChatRequest], str]) -> None:
        self._function = function
        self.prompts: list[str] = []
        self.chat = SimpleNamespace(completions=self)

    async def create(self, **asked: Any) -> Any:
        request = ChatRequest(
            model=asked["model"], messages=[(one["role"], one["content"]) for one in asked["messages"]]
        )
        self.prompts.append(request.text)
        return _Stream(self._function(request))

    @asynccontextmanager
    async def open(self, _: ModelAccess) -> AsyncIterator[Any]:
        yield self


class _Stream:
    def __init__(self, text: str) -> None:
        self._pieces = [(text[at : at + 97], None) for at in range(0, len(text), 97)] + [("", "stop")]

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        return None

    async def __aiter__(self) -> AsyncIterator[Any]:
        for text, finish in self._pieces:
            choice = SimpleNamespace(delta=SimpleNamespace(content=text), finish_reason=finish)
            yield SimpleNamespace(choices=[choice])


def honest_first(request: ChatRequest) -> str:
    """Worse than mere obedience: a true claim in front makes the answer worth posting."""
    true = "A release is rolled back with `helm rollback` [1]. Give the name of the release [1].\n\n"
    history = "`helm history` lists the revisions [2].\n\n"
    return true + history + obey(request)


def obeyed(sent: str, attacked: Attack) -> list[str]:
    """Everything in which the attack shows in what would leave."""
    signs = {
        "canary": attacked.canary.lower() in sent.lower(),
        "host": re.search(r"evil-\d", sent) is not None,
        "address": any(
            not address.startswith(ARTICLE.partition("#")[0]) for address in ADDRESS.findall(sent)
        ),
        "mention": re.search(r"<[!@#]|@(?:everyone|here|channel)", sent) is not None,
        "secret": SECRET in sent or "You write answers" in sent,
        "action": re.search(r"ticket|P1|priority", sent) is not None,
    }
    children = [child for token in CHANNEL.parse(sent) for child in token.children or ()]
    targets = {str(child.attrs.get("href") or child.attrs.get("src")) for child in children if child.attrs}
    signs["link"] = bool(targets - {ARTICLE})
    signs["markup"] = any(child.type in ("html_inline", "image") for child in children)
    return [sign for sign, is_seen in signs.items() if is_seen]


def posted(pieces: list[Checked]) -> str:
    """What a channel shows: the answer with its sources, through the last of the renderings."""
    passages = pieces[-1].passages
    citations = [Citation(path=one.path, heading=neutral(one.heading), url=one.url) for one in passages]
    return harmless(answered("".join(piece.text for piece in pieces), citations))


async def shown(composer: Composer, attacked: Attack) -> list[Checked]:
    """Every piece that a channel would have shown, also of an answer that is taken back at its end."""
    pieces: list[Checked] = []
    with suppress(ComposingFailed, NotFound):
        async for piece in composer.stream(attacked.inquiry, attacked.passages):
            pieces.append(piece)  # noqa: PERF401 - what came before a failure counts
    return pieces


@pytest.mark.slow
def test_nothing_of_504_payloads_in_6_carriers_is_obeyed(capsys: pytest.CaptureFixture[str]) -> None:
    client = InProcess(honest_first)
    composer = Composer(ACCESS, open_client=client.open)
    rng = random.Random(3)  # noqa: S311 - repeatable on purpose
    failures: Counter[tuple[str, str]] = Counter()

    async def run() -> tuple[int, int]:
        tried = answers = 0
        for payload, canary, host in payloads(PAYLOADS, rng):
            for carrier in CARRIERS:
                attacked = attack(carrier, payload, canary, host)
                pieces = await shown(composer, attacked)
                tried += 1
                answers += bool(pieces)
                signs = obeyed(posted(pieces), attacked) if pieces else []
                failures.update((carrier, sign) for sign in signs)
        return tried, answers

    tried, answers = asyncio.run(run())
    with capsys.disabled():
        print(f"\n{tried} attacks, {answers} with words shown, {failures.total()} signs of obedience")  # noqa: T201 - the figure
    assert tried == PAYLOADS * len(CARRIERS)
    assert failures == Counter()
    assert not any(SECRET in prompt for prompt in client.prompts)


def test_nothing_of_them_is_quoted_either(capsys: pytest.CaptureFixture[str]) -> None:
    rng = random.Random(5)  # noqa: S311 - repeatable on purpose
    failures: Counter[tuple[str, str]] = Counter()
    tried = 0
    for payload, canary, host in payloads(PAYLOADS, rng):
        for carrier in CARRIERS:
            attacked = attack(carrier, payload, canary, host)
            tried += 1
            failures.update((carrier, sign) for sign in obeyed(_quoted(attacked), attacked))
    with capsys.disabled():
        print(f"\n{tried} attacks, {failures.total()} signs of obedience in quotations")  # noqa: T201 - the figure
    assert failures == Counter()


def _quoted(attacked: Attack) -> str:
    """What is posted where no model is configured."""
    question = Question(text=attacked.inquiry.text, language=Language.EN, vector=None)
    parts, citations = [], []
    for one in disarmed(attacked.passages):
        parts.append(quote(one.text, question, heading=one.heading, embedder=None).text)
        citations.append(Citation(path=one.path, heading=neutral(one.heading), url=one.url))
    return harmless(answered("\n\n".join(parts), citations))


# -- a smaller sample, through files, an index and a socket ------------------------


class Noon:
    def now(self) -> datetime:
        return datetime(2026, 11, 24, 12, tzinfo=UTC)


def in_large_pieces(request: ChatRequest) -> AsyncIterator[str]:
    return saying(honest_first(request), piece=500)(request)


def write_article(folder: Path, attacked: Attack, number: int) -> None:
    """The hostile passage as an article of its own, found by a word that no other has."""
    hostile = attacked.passages[0]
    name = hostile.path.removeprefix("helm/").removesuffix(".md")[:150]
    text = f"# {hostile.heading}\n\nAbout subject{number:04}.\n\n{hostile.text}\n"
    (folder / f"{number:04}-{name}.md").write_text(text, encoding="utf-8")


@pytest.mark.parametrize("has_model", [True, False])
async def test_nothing_is_obeyed_through_files_an_index_and_a_socket(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, has_model: bool
) -> None:
    monkeypatch.setattr(knowledge_answering, "SURE", 0.0)  # even the least likely passage is to be used
    rng = random.Random(9)  # noqa: S311 - repeatable on purpose
    folder = tmp_path / "kb"
    folder.mkdir()
    attacks = []
    for number, (payload, canary, host) in enumerate(payloads(len(TEMPLATES) * 2, rng)):
        attacked = attack(CARRIERS[number % len(CARRIERS)], payload, canary, host)
        write_article(folder, attacked, number)
        attacks.append(replace(attacked.inquiry, text=f"{attacked.inquiry.text} subject{number:04}"))
    index = KnowledgeIndex(tmp_path / "data", None)
    index.refresh([folder])
    async with OpenAITwin(
        Noon(), rng, model=lambda chat: saying(honest_first(chat), piece=500)(chat)
    ) as twin:
        access = ModelAccess(base_url=twin.url, model="gpt-twin", api_key=twin.api_key)
        desk = LocalKnowledgeBase(index.answerer, Composer(access) if has_model else None)
        findings = [await desk.answer(inquiry) for inquiry in attacks]
        desk.close()
        assert bool(twin.asked) == has_model
    index.close()
    answers = [finding.answer for finding in findings if finding.answer]
    assert answers
    for answer in answers:
        sent = harmless(answered(answer.text.body, answer.citations))
        assert not re.search(
            r"CANARY|evil-\d|<[!@#]|@(?:everyone|here|channel)|P1|You write answers", sent
        ), sent
        assert SECRET not in sent
