"""What becomes of an answer: votes, drafts for our own people, follow-up questions, recall."""

from __future__ import annotations

from datetime import timedelta

import pytest
from scenario_kit import (
    BOT,
    KNOWN,
    TRIAGE,
    TUESDAY,
    UNKNOWN,
    Open,
    SmallKnowledge,
    add,
    ask,
    buttons,
    press,
    replies_in,
    said_in,
    words,
)

from bot.commands.recalls import correct, recalled
from bot.commands.sandboxing import Sandbox
from bot.core.model import AnswerState, Citation, Finding, Gap, GivenAnswer, Inquiry, Role
from bot.sandbox.household import PolicyFiles
from bot.sandbox.slack.things import TwinMessage
from bot.sandbox.slack.world import World

ARTICLE = "integration-guides/datahub.md"


class AttentiveKnowledge(SmallKnowledge):
    """Remembers what it was asked, and under which revision it found its article."""

    def __init__(self) -> None:
        self.inquiries: list[Inquiry] = []

    async def answer(self, inquiry: Inquiry) -> Finding:
        self.inquiries.append(inquiry)
        return await super().answer(inquiry)


class EmptyKnowledge(SmallKnowledge):
    """Every article was withdrawn."""

    async def answer(self, inquiry: Inquiry) -> Finding:
        del inquiry
        return Finding(answer=None, reason="not_covered")


async def given(sandbox: Sandbox) -> list[GivenAnswer]:
    async with sandbox.program.ledger.reading() as records:
        return list(await records.answers(since=TUESDAY - timedelta(days=1)))


async def gaps(sandbox: Sandbox) -> list[Gap]:
    async with sandbox.program.ledger.reading() as records:
        return list(await records.gaps(since=TUESDAY - timedelta(days=1)))


def drafting(_: World, files: PolicyFiles) -> None:
    files["channels.toml"] = files["channels.toml"].replace(
        'kind = "customer"', 'kind = "customer"\nanswers = "draft"', 1
    )


def in_triage(sandbox: Sandbox) -> list[TwinMessage]:
    return [message for message in sandbox.slack.history(TRIAGE) if message.bot_id]


async def test_an_answer_is_kept_with_what_it_rests_on_and_where_it_stands(sandbox: Sandbox) -> None:
    thread = await ask(sandbox, KNOWN)

    (answer,) = replies_in(sandbox, thread)
    (kept,) = await given(sandbox)
    assert (kept.state, kept.source) == (AnswerState.POSTED, f"slack:{answer.ts}")
    assert [citation.path for citation in kept.citations] == [ARTICLE]


async def test_a_vote_is_kept_and_pressed_once(sandbox: Sandbox) -> None:
    thread = await ask(sandbox, KNOWN)
    await press(sandbox, replies_in(sandbox, thread)[0], "helped")

    (kept,) = await given(sandbox)
    (answer,) = replies_in(sandbox, thread)
    assert kept.state is AnswerState.HELPED
    assert buttons(answer) == []
    assert await gaps(sandbox) == []


async def test_a_thumb_down_is_a_gap_and_keeps_the_offer_of_a_ticket(sandbox: Sandbox) -> None:
    thread = await ask(sandbox, KNOWN)
    await press(sandbox, replies_in(sandbox, thread)[0], "not_helped")

    (answer,) = replies_in(sandbox, thread)
    (gap,) = await gaps(sandbox)
    assert "not helpful" in words(answer)
    assert buttons(answer) == ["open_ticket"]
    assert (gap.reason, gap.text) == ("not_helped", KNOWN)
    assert [citation.path for citation in gap.nearest] == [ARTICLE]
    await press(sandbox, answer, "open_ticket")
    assert any("DB-1" in said for said in said_in(sandbox, thread))


async def test_a_question_without_an_answer_is_a_gap(sandbox: Sandbox) -> None:
    await ask(sandbox, UNKNOWN)

    (gap,) = await gaps(sandbox)
    assert (gap.reason, gap.text) == ("unsure", UNKNOWN)
    assert await given(sandbox) == []


async def test_a_follow_up_is_read_with_its_thread(opened: Open) -> None:
    knowledge = AttentiveKnowledge()
    async with opened(knowledge=knowledge) as sandbox:
        thread = await ask(sandbox, KNOWN)
        await add(sandbox, thread, "and the same for datahub offline?")

    first, second = knowledge.inquiries
    assert first.earlier == ()
    assert [turn.role for turn in second.earlier] == [Role.REQUESTER, Role.BOT]
    assert second.earlier[0].text == KNOWN


async def test_a_draft_is_seen_by_our_own_people_only_until_one_uses_it(opened: Open) -> None:
    async with opened(arrange=drafting) as sandbox:
        thread = await ask(sandbox, KNOWN)
        assert said_in(sandbox, thread) == []
        (draft,) = in_triage(sandbox)
        assert "DATAHUB_GMS_URL" in words(draft)
        assert KNOWN.rstrip("?") in words(draft)
        assert buttons(draft) == ["use_draft", "ignore_draft"]

        await press(sandbox, draft, "use_draft", who="ada", channel=TRIAGE)

        (answer,) = replies_in(sandbox, thread)
        (kept,) = await given(sandbox)
        assert "DATAHUB_GMS_URL" in words(answer)
        assert buttons(answer) == ["helped", "not_helped", "open_ticket"]
        assert (kept.state, kept.source) == (AnswerState.POSTED, f"slack:{answer.ts}")
        assert "Posted by" in words(in_triage(sandbox)[0])


async def test_an_ignored_draft_is_a_gap_and_never_said(opened: Open) -> None:
    async with opened(arrange=drafting) as sandbox:
        thread = await ask(sandbox, KNOWN)
        await press(sandbox, in_triage(sandbox)[0], "ignore_draft", who="ada", channel=TRIAGE)

        assert said_in(sandbox, thread) == []
        assert [one.state for one in await given(sandbox)] == [AnswerState.IGNORED]
        assert [gap.text for gap in await gaps(sandbox)] == [KNOWN]
        assert "Ignored by" in words(in_triage(sandbox)[0])


async def test_whoever_calls_the_bot_where_answers_are_drafts_is_told_so(
    opened: Open,
) -> None:
    async with opened(arrange=drafting) as sandbox:
        thread = await ask(sandbox, f"{BOT} {KNOWN}")

        (told,) = said_in(sandbox, thread)
        assert "passed this on" in told
        assert "DATAHUB_GMS_URL" not in told


async def test_a_room_may_ask_for_more_certainty(opened: Open) -> None:
    def strict(_: World, files: PolicyFiles) -> None:
        files["channels.toml"] = files["channels.toml"].replace(
            'kind = "customer"', 'kind = "customer"\nsure = 95', 1
        )

    async with opened(arrange=strict) as sandbox:
        thread = await ask(sandbox, KNOWN)

        (told,) = said_in(sandbox, thread)
        assert "could not find" in told
        assert [gap.reason for gap in await gaps(sandbox)] == ["unsure"]


@pytest.mark.parametrize(
    ("revisions", "expected"),
    [({ARTICLE: ("r1",)}, []), ({ARTICLE: ("r2",)}, [KNOWN]), ({}, [KNOWN])],
    ids=["as it was", "changed", "gone"],
)
async def test_answers_are_recalled_when_their_article_has_changed(
    opened: Open, revisions: dict[str, tuple[str, ...]], expected: list[str]
) -> None:
    async with opened(knowledge=_revised()) as sandbox:
        await ask(sandbox, KNOWN)

        found = await recalled(sandbox.program.ledger, revisions)

        assert [one.question for one in found] == expected


async def test_a_recalled_answer_is_corrected_where_it_stands(opened: Open) -> None:
    async with opened(knowledge=_revised()) as sandbox:
        thread = await ask(sandbox, KNOWN)
        (before,) = replies_in(sandbox, thread)
        found = await recalled(sandbox.program.ledger, {ARTICLE: ("r2",)})

        await correct(sandbox.program.settings, found, _revised("r2"), sandbox.time)
        await sandbox.settle()

        (after,) = replies_in(sandbox, thread)
        (kept,) = await given(sandbox)
        assert after.ts == before.ts
        assert "Corrected on 2026-11-24" in words(after)
        assert (kept.state, kept.citations[0].revision) == (AnswerState.CORRECTED, "r2")
        assert await recalled(sandbox.program.ledger, {ARTICLE: ("r2",)}) == []


async def test_an_answer_whose_article_is_gone_is_withdrawn(opened: Open) -> None:
    async with opened(knowledge=_revised()) as sandbox:
        thread = await ask(sandbox, KNOWN)
        found = await recalled(sandbox.program.ledger, {})

        await correct(sandbox.program.settings, found, EmptyKnowledge(), sandbox.time)
        await sandbox.settle()

        (after,) = replies_in(sandbox, thread)
        assert "withdrawn" in words(after)
        assert "DATAHUB_GMS_URL" not in words(after)
        assert await recalled(sandbox.program.ledger, {}) == []


async def test_a_button_under_a_withdrawn_answer_does_not_bring_it_back(opened: Open) -> None:
    async with opened(knowledge=_revised()) as sandbox:
        thread = await ask(sandbox, KNOWN)
        found = await recalled(sandbox.program.ledger, {})
        await correct(sandbox.program.settings, found, EmptyKnowledge(), sandbox.time)
        await sandbox.settle()
        await press(sandbox, replies_in(sandbox, thread)[0], "open_ticket")

        after = replies_in(sandbox, thread)[0]
        assert "withdrawn" in words(after)
        assert "DB-1 was opened" in words(after)
        assert "DATAHUB_GMS_URL" not in words(after)


async def test_a_vote_on_its_way_does_not_undo_a_recall(opened: Open) -> None:
    async with opened(knowledge=_revised()) as sandbox:
        thread = await ask(sandbox, KNOWN)
        (before,) = replies_in(sandbox, thread)
        found = await recalled(sandbox.program.ledger, {})
        await correct(sandbox.program.settings, found, EmptyKnowledge(), sandbox.time)
        await press(sandbox, before, "helped")

        assert [one.state for one in await given(sandbox)] == [AnswerState.WITHDRAWN]
        assert "withdrawn" in words(replies_in(sandbox, thread)[0])


async def test_a_draft_that_was_recalled_cannot_be_used(opened: Open) -> None:
    async with opened(knowledge=_revised(), arrange=drafting) as sandbox:
        thread = await ask(sandbox, KNOWN)
        (one,) = await recalled(sandbox.program.ledger, {})
        await correct(sandbox.program.settings, [one], EmptyKnowledge(), sandbox.time)
        (draft,) = in_triage(sandbox)  # its buttons are there until the desk has taken them away
        await press(sandbox, draft, "use_draft", who="ada", channel=TRIAGE)

        assert said_in(sandbox, thread) == []
        (after,) = in_triage(sandbox)
        assert buttons(after) == []
        assert "Withdrawn" in words(after)
        assert "DATAHUB_GMS_URL" in words(after)


# -- agents take answers back ---------------------------------------------------------


@pytest.mark.parametrize("order", ["recall", "Recall this answer.", "take back your last answer", "retirar"])
async def test_an_agent_takes_an_answer_back_in_its_thread(sandbox: Sandbox, order: str) -> None:
    thread = await ask(sandbox, KNOWN)
    await add(sandbox, thread, f"{BOT} {order}", who="ada")

    (answer,) = replies_in(sandbox, thread)
    (kept,) = await given(sandbox)
    (gap,) = await gaps(sandbox)
    assert "taken this answer back" in words(answer)
    assert "DATAHUB_GMS_URL" not in words(answer)
    assert buttons(answer) == ["open_ticket"]
    assert kept.state is AnswerState.WITHDRAWN
    assert (gap.reason, gap.text) == ("not_helped", KNOWN)


async def test_nobody_but_an_agent_takes_an_answer_back(sandbox: Sandbox) -> None:
    thread = await ask(sandbox, KNOWN)
    await add(sandbox, thread, f"{BOT} recall")

    assert "DATAHUB_GMS_URL" in said_in(sandbox, thread)[0]
    assert [one.state for one in await given(sandbox)] == [AnswerState.POSTED]


async def test_the_latest_answer_that_stands_is_taken_back_and_then_the_one_before_it(
    sandbox: Sandbox,
) -> None:
    thread = await ask(sandbox, KNOWN)
    await add(sandbox, thread, f"{BOT} and once more for datahub?")
    states = []
    for _ in range(3):
        await add(sandbox, thread, f"{BOT} recall", who="ada")
        states.append([one.state.value for one in await given(sandbox)])

    assert states == [["posted", "withdrawn"], ["withdrawn", "withdrawn"], ["withdrawn", "withdrawn"]]
    assert "no answer of mine" in said_in(sandbox, thread)[-1]


async def test_a_sentence_about_recalling_is_a_question(sandbox: Sandbox) -> None:
    thread = await ask(sandbox, KNOWN)
    await add(sandbox, thread, f"{BOT} how do I recall a datahub message?", who="ada")

    assert [one.state for one in await given(sandbox)] == [AnswerState.POSTED] * 2
    assert len(said_in(sandbox, thread)) == 2


def _revised(revision: str = "r1") -> SmallKnowledge:
    class Revised(SmallKnowledge):
        async def answer(self, inquiry: Inquiry) -> Finding:
            found = await super().answer(inquiry)
            if found.answer is None:
                return found
            cited = Citation(path=ARTICLE, heading="Connect DataHub", url="", revision=revision)
            return Finding(
                answer=type(found.answer)(
                    text=found.answer.text, citations=(cited,), confidence=found.answer.confidence
                ),
                confidence=found.confidence,
            )

    return Revised()
