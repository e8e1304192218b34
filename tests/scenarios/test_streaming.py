"""An answer that a model writes is seen growing, and is posted once: whatever happens on the way."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
from scenario_kit import (
    KNOWN,
    SUPPORT,
    TRIAGE,
    TUESDAY,
    FixedTime,
    Open,
    buttons,
    until,
    words,
    working,
)
from speaking_kit import (
    FIRST,
    MADE_UP,
    PATIENT,
    QUOTED,
    SECOND,
    Speaker,
    SpeakingDataHub,
    called,
    seen,
    speaking,
    until_seen,
)
from test_worker import LEASE, DyingLedger

from bot.commands.sandboxing import Sandbox
from bot.core.model import AnswerState, Finding, GivenAnswer, Inquiry
from bot.core.ports import Listener
from bot.sandbox.faults import FaultKind
from bot.sandbox.household import PolicyFiles
from bot.sandbox.openai import OpenAITwin
from bot.sandbox.slack.world import World

POST, START, APPEND, STOP, UPDATE, DELETE = (
    "chat.postMessage",
    "chat.startStream",
    "chat.appendStream",
    "chat.stopStream",
    "chat.update",
    "chat.delete",
)
EVERY = (POST, START, APPEND, STOP, UPDATE, DELETE)
OFFERED = ["helped", "not_helped", "open_ticket"]
SILENT = 0.3  #: real seconds; longer than the pause before something is shown


@pytest.fixture
def speaker() -> Speaker:
    return Speaker()


@pytest.fixture
async def model(speaker: Speaker) -> AsyncIterator[OpenAITwin]:
    rng = random.Random(7)  # noqa: S311 - a fixed seed is wanted
    async with OpenAITwin(FixedTime(), rng, model=speaker) as twin:
        await SpeakingDataHub(twin).warm_up()
        yield twin


async def given(sandbox: Sandbox) -> list[GivenAnswer]:
    async with sandbox.program.ledger.reading() as records:
        return list(await records.answers(since=TUESDAY - timedelta(days=1)))


async def begun(sandbox: Sandbox, speaker: Speaker) -> str:
    """A question whose answer people see the first sentence of."""
    thread = await sandbox.slack.say("carol", SUPPORT, KNOWN)
    speaker.say(FIRST)
    await until_seen(sandbox, thread, "DATAHUB_GMS_URL")
    return thread


async def done(sandbox: Sandbox) -> None:
    async def is_done() -> bool:
        answers = await given(sandbox)
        return bool(answers) and all(answer.source for answer in answers)

    await until(is_done, timeout=PATIENT)


async def test_an_answer_grows_and_is_completed_in_place(
    opened: Open, model: OpenAITwin, speaker: Speaker
) -> None:
    async with opened(knowledge=SpeakingDataHub(model)) as sandbox, speaking(sandbox):
        thread = await begun(sandbox, speaker)
        (growing,) = seen(sandbox, thread)
        assert growing.is_streaming
        assert buttons(growing) == []
        assert "Sources" not in words(growing)
        speaker.say(SECOND)
        await until_seen(sandbox, thread, "every hour")
        assert [message.ts for message in seen(sandbox, thread)] == [growing.ts]
        speaker.finish()
        await done(sandbox)

        (answer,) = seen(sandbox, thread)
        assert (answer.ts, answer.is_streaming) == (growing.ts, False)
        assert buttons(answer) == OFFERED
        assert "[1]" in words(answer)
        assert "Connect DataHub" in words(answer).split("Sources")[1]
        assert called(sandbox, *EVERY) == [START, APPEND, STOP, UPDATE]
        (kept,) = await given(sandbox)
        assert (kept.state, kept.source) == (AnswerState.POSTED, f"slack:{answer.ts}")


async def test_what_is_completed_looks_like_any_other_answer(
    opened: Open, model: OpenAITwin, speaker: Speaker
) -> None:
    async with opened(knowledge=SpeakingDataHub(model)) as sandbox, working(sandbox):
        thread = await begun(sandbox, speaker)
        speaker.finish()
        await done(sandbox)
        at_once = await sandbox.slack.say("carol", SUPPORT, KNOWN)
        speaker.say(FIRST)
        speaker.finish()
        await until_seen(sandbox, at_once, "Sources")

        (grown,), (posted,) = seen(sandbox, thread), seen(sandbox, at_once)
        assert words(grown) == words(posted)
        assert grown.text == posted.text
        assert called(sandbox, POST, START) == [START, POST]  # what is whole in a moment is posted


@pytest.mark.parametrize("ending", ["dies", "makes things up"])
async def test_an_answer_that_comes_to_nothing_is_replaced_by_the_quotation(
    opened: Open, model: OpenAITwin, speaker: Speaker, ending: str
) -> None:
    async with opened(knowledge=SpeakingDataHub(model)) as sandbox, speaking(sandbox):
        thread = await begun(sandbox, speaker)
        if ending == "dies":
            speaker.die()
        else:
            speaker.say(MADE_UP, MADE_UP.replace("Mars", "Venus"))
            speaker.finish()
        await done(sandbox)

        (answer,) = seen(sandbox, thread)
        assert QUOTED in words(answer)
        assert "bitcoin" not in words(answer)
        assert buttons(answer) == OFFERED


async def test_what_is_not_held_by_a_passage_is_never_seen(
    opened: Open, model: OpenAITwin, speaker: Speaker
) -> None:
    texts: list[str] = []
    async with opened(knowledge=SpeakingDataHub(model)) as sandbox, speaking(sandbox):
        sandbox.slack.world.watchers.append(
            lambda happening: texts.append(words(happening.message)) if happening.message else None
        )
        thread = await begun(sandbox, speaker)
        speaker.say(MADE_UP, SECOND)
        speaker.finish()
        await done(sandbox)

        assert "every hour" in words(seen(sandbox, thread)[0])
        assert not any("bitcoin" in text for text in texts)


@pytest.mark.parametrize(
    ("operation", "kind"),
    [
        (START, FaultKind.TIMEOUT_AFTER),
        (START, FaultKind.RATE_LIMITED),
        (APPEND, FaultKind.RATE_LIMITED),
        (STOP, FaultKind.TIMEOUT_AFTER),
        (STOP, FaultKind.RATE_LIMITED),
        (UPDATE, FaultKind.TIMEOUT_AFTER),
    ],
)
async def test_there_is_one_whole_answer_whatever_slack_does(
    opened: Open, model: OpenAITwin, speaker: Speaker, operation: str, kind: FaultKind
) -> None:
    async with opened(knowledge=SpeakingDataHub(model)) as sandbox:
        sandbox.slack.faults.fail_next(operation, kind, retry_after=timedelta(seconds=2))
        async with speaking(sandbox):
            thread = await sandbox.slack.say("carol", SUPPORT, KNOWN)
            speaker.say(FIRST)
            await until(lambda: _heard(sandbox, START), timeout=PATIENT)
            speaker.say(SECOND)
            if operation != START:
                await until(lambda: _heard(sandbox, APPEND), timeout=PATIENT)
            speaker.finish()
            await until(lambda: _planned(sandbox), timeout=PATIENT)
        await sandbox.settle(within=timedelta(minutes=1))

        (answer,) = seen(sandbox, thread)
        assert not answer.is_streaming
        assert "every hour" in words(answer)
        assert buttons(answer) == OFFERED
        (kept,) = await given(sandbox)
        assert (kept.state, kept.source) == (AnswerState.POSTED, f"slack:{answer.ts}")
        assert await sandbox.program.ledger.parked() == []


async def _heard(sandbox: Sandbox, operation: str) -> bool:
    return bool(called(sandbox, operation))


async def _planned(sandbox: Sandbox) -> bool:
    return bool(await given(sandbox))


async def test_a_person_who_takes_the_floor_makes_it_go(
    opened: Open, model: OpenAITwin, speaker: Speaker
) -> None:
    async with opened(knowledge=SpeakingDataHub(model)) as sandbox, speaking(sandbox):
        thread = await begun(sandbox, speaker)
        await sandbox.slack.say("ada", SUPPORT, "I have it.", thread)
        await until(lambda: _is_heard(sandbox, "I have it."))
        speaker.say(SECOND)
        speaker.finish()

        async def is_gone() -> bool:
            return seen(sandbox, thread) == []

        await until(is_gone, timeout=PATIENT)
        assert await given(sandbox) == []
        assert called(sandbox, APPEND, UPDATE, POST) == []


async def _is_heard(sandbox: Sandbox, text: str) -> bool:
    async with sandbox.program.ledger.reading() as records:
        conversation = await records.conversation(1)  # type: ignore[arg-type]  # the first one
        return any(message.text.body == text for message in await records.messages(conversation.id))


@pytest.fixture
async def left(opened: Open, model: OpenAITwin, speaker: Speaker) -> AsyncIterator[tuple[Sandbox, str]]:
    """A desk that was stopped in the middle of an answer while Slack was away, and is up again."""
    async with opened(knowledge=SpeakingDataHub(model)) as sandbox:
        async with speaking(sandbox):
            thread = await begun(sandbox, speaker)
            sandbox.slack.faults.outage(True, "chat.*")
        sandbox.slack.faults.outage(False, "chat.*")
        (half,) = seen(sandbox, thread)
        assert half.is_streaming
        await sandbox.restart()
        yield sandbox, thread


async def test_half_an_answer_is_completed_after_a_restart(
    left: tuple[Sandbox, str], speaker: Speaker
) -> None:
    sandbox, thread = left
    (half,) = seen(sandbox, thread)
    speaker.say(FIRST, SECOND)
    speaker.finish()
    await sandbox.settle(within=timedelta(minutes=5))

    (answer,) = seen(sandbox, thread)
    assert (answer.ts, answer.is_streaming) == (half.ts, False)
    assert "every hour" in words(answer)
    assert buttons(answer) == OFFERED
    assert called(sandbox, POST) == []
    assert len(called(sandbox, START)) == 1  # the second time it is said at once


async def test_half_an_answer_makes_room_for_an_abstention(
    left: tuple[Sandbox, str], speaker: Speaker
) -> None:
    sandbox, thread = left
    speaker.say("NOT_FOUND")
    speaker.finish()
    await sandbox.settle(within=timedelta(minutes=5))

    (abstention,) = seen(sandbox, thread)
    assert "I will not guess" in words(abstention)
    assert "DATAHUB" not in words(abstention)
    assert buttons(abstention) == ["open_ticket"]


async def test_half_an_answer_goes_where_a_person_spoke_meanwhile(left: tuple[Sandbox, str]) -> None:
    sandbox, thread = left
    await sandbox.slack.say("ada", SUPPORT, "I have it.", thread)
    await sandbox.slack.settled()
    await sandbox.settle(within=timedelta(minutes=5))

    assert seen(sandbox, thread) == []
    assert await given(sandbox) == []


class Stumbling(SpeakingDataHub):
    """Has a fault the first time, in the middle of its answer."""

    async def answer_aloud(self, inquiry: Inquiry, listener: Listener) -> Finding:
        await super().answer_aloud(inquiry, listener)
        raise RuntimeError("a fault of ours")


async def test_when_the_work_fails_it_goes_at_once_and_comes_back_whole(
    opened: Open, model: OpenAITwin, speaker: Speaker
) -> None:
    async with opened(knowledge=Stumbling(model)) as sandbox:
        async with speaking(sandbox):
            thread = await begun(sandbox, speaker)
            speaker.finish()

            async def is_gone() -> bool:
                return seen(sandbox, thread) == []

            await until(is_gone, timeout=PATIENT)
        speaker.say(FIRST, SECOND)
        speaker.finish()
        await sandbox.settle(within=timedelta(minutes=1))

        (answer,) = seen(sandbox, thread)
        assert "every hour" in words(answer)
        assert buttons(answer) == OFFERED


@pytest.mark.parametrize("kind", ["DraftAnswer", "PostReply"])
async def test_a_worker_that_dies_over_it_leaves_one_answer(
    opened: Open, model: OpenAITwin, speaker: Speaker, kind: str
) -> None:
    async with opened(knowledge=SpeakingDataHub(model)) as sandbox:
        ledger = DyingLedger(sandbox.program.ledger, kind)
        async with speaking(sandbox, ledger=ledger) as running:
            thread = await begun(sandbox, speaker)
            speaker.finish()
            await ledger.is_dead.wait()
            running.cancel()
        (left,) = seen(sandbox, thread)
        speaker.say(FIRST)
        speaker.finish()
        await sandbox.move(LEASE)
        await sandbox.settle()

        (answer,) = seen(sandbox, thread)
        (kept,) = await given(sandbox)
        assert (answer.ts, answer.is_streaming, buttons(answer)) == (left.ts, False, OFFERED)
        assert (kept.state, kept.source) == (AnswerState.POSTED, f"slack:{answer.ts}")


async def test_a_worker_that_dies_over_taking_it_away_does_so_again(
    opened: Open, model: OpenAITwin, speaker: Speaker
) -> None:
    async with opened(knowledge=SpeakingDataHub(model)) as sandbox:
        ledger = DyingLedger(sandbox.program.ledger, "WithdrawShown")
        async with speaking(sandbox, ledger=ledger) as running:
            thread = await begun(sandbox, speaker)
            await sandbox.slack.say("ada", SUPPORT, "I have it.", thread)
            await until(lambda: _is_heard(sandbox, "I have it."))
            speaker.finish()
            await ledger.is_dead.wait()
            running.cancel()
        await sandbox.move(LEASE)
        await sandbox.settle()

        assert seen(sandbox, thread) == []
        assert await sandbox.program.ledger.parked() == []


def silenced(_: World, files: PolicyFiles) -> None:
    files["channels.toml"] = files["channels.toml"].replace(
        'kind = "customer"', 'kind = "customer"\nstream = false', 1
    )


def drafting(_: World, files: PolicyFiles) -> None:
    files["channels.toml"] = files["channels.toml"].replace(
        'kind = "customer"', 'kind = "customer"\nanswers = "draft"', 1
    )


def demanding(_: World, files: PolicyFiles) -> None:
    files["channels.toml"] = files["channels.toml"].replace(
        'kind = "customer"', 'kind = "customer"\nsure = 95', 1
    )


@pytest.mark.parametrize("arrange", [silenced, drafting, demanding])
async def test_nothing_is_seen_before_it_is_posted_where_the_room_forbids_it(
    opened: Open, model: OpenAITwin, speaker: Speaker, arrange: object
) -> None:
    async with opened(knowledge=SpeakingDataHub(model), arrange=arrange) as sandbox, speaking(sandbox):
        thread = await sandbox.slack.say("carol", SUPPORT, KNOWN)
        speaker.say(FIRST)
        asked_at = asyncio.get_running_loop().time()

        async def is_late() -> bool:
            return asyncio.get_running_loop().time() > asked_at + SILENT

        await until(is_late)
        assert seen(sandbox, thread) == []
        speaker.finish()

        async def is_said() -> bool:
            return bool(seen(sandbox, thread)) or bool(sandbox.slack.history(TRIAGE))

        await until(is_said, timeout=PATIENT)
        assert called(sandbox, START, APPEND, STOP) == []
