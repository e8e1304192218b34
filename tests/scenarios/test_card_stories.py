"""Stories of the status card: it counts down in its place, stands still, and has two versions."""

from __future__ import annotations

from datetime import timedelta

from scenario_kit import EMERGENCY, SUPPORT, TRIAGE, Open, add, ask, cards_in, is_card, words

from bot.commands.sandboxing import Sandbox
from bot.sandbox.household import with_cards

MINUTE = timedelta(minutes=1)


async def test_the_card_counts_down_in_its_place(sandbox: Sandbox) -> None:
    thread = await ask(sandbox, EMERGENCY)
    (card,) = [message for message in sandbox.slack.thread(SUPPORT, thread) if is_card(message)]
    assert "First reply within 4 h, due" in words(card)

    await sandbox.move(31 * MINUTE)
    await sandbox.settle()

    (later,) = [message for message in sandbox.slack.thread(SUPPORT, thread) if is_card(message)]
    assert later.ts == card.ts
    assert "First reply within 3 h 30 min, due" in words(later)
    assert "Resolution within 24 h, due" in words(later)


async def test_the_card_stands_still_while_the_customer_is_waited_for(sandbox: Sandbox) -> None:
    thread = await ask(sandbox, EMERGENCY)
    sandbox.zendesk.agent_reply(1, sandbox.agent, "Which version?", status="pending")
    await sandbox.settle()
    (waiting,) = cards_in(sandbox, thread)
    assert "Resolution: paused, 24 h left" in waiting

    await sandbox.move(timedelta(hours=9))
    await sandbox.settle()
    assert cards_in(sandbox, thread) == [waiting]

    await add(sandbox, thread, "It is 2.4.1, on both nodes.")
    (running,) = cards_in(sandbox, thread)
    assert "Resolution within 24 h, due" in running


async def test_our_own_people_have_a_version_of_their_own_in_a_room_of_theirs(opened: Open) -> None:
    async with opened(arrange=with_cards) as sandbox:
        thread = await ask(sandbox, EMERGENCY)

        (inside,) = [message for message in sandbox.slack.history(TRIAGE) if is_card(message)]
        assert "*Customer*\nAcme" in words(inside)
        assert "*Asked by*\nCarol" in words(inside)
        assert "vp engineering" in words(inside)
        assert "|Go to the thread>" in words(inside)
        (theirs,) = cards_in(sandbox, thread)
        assert not any(said in theirs for said in ("Customer", "Asked by", "vp engineering", "Go to"))

        await sandbox.move(35 * MINUTE)
        await sandbox.settle()
        (later,) = [message for message in sandbox.slack.history(TRIAGE) if is_card(message)]
        assert later.ts == inside.ts
        assert "First reply within 3 h 30 min, due" in words(later)
