"""A newcomer's first ten minutes, in a real browser."""

from __future__ import annotations

import pytest
from browser_kit import EMERGENCY, KNOWN, Stage
from playwright.async_api import expect

pytestmark = pytest.mark.slow


async def test_a_question_is_answered_without_reloading_the_page(stage: Stage) -> None:
    await stage.page.evaluate("window.isStillThere = true")

    await stage.ask(KNOWN)

    await expect(stage.stream).to_contain_text("DATAHUB_GMS_URL")
    await expect(stage.button("That helped", stage.stream)).to_be_visible()
    assert await stage.page.evaluate("window.isStillThere")


async def test_the_source_of_an_answer_can_be_read_at_the_passage_that_was_cited(stage: Stage) -> None:
    await stage.ask(KNOWN)

    async with stage.page.expect_popup() as opened:
        await stage.stream.get_by_role("link", name="DataHub integration").click()
    article = await opened.value

    await expect(article.get_by_role("heading", name="DataHub integration")).to_be_visible()
    assert article.url.endswith("/article/integration-guides/datahub.md#modes")
    await expect(article.locator("#modes")).to_be_in_viewport()


async def test_a_ticket_has_a_card_and_a_clock_that_the_agents_answer_stops(stage: Stage) -> None:
    await stage.open_ticket()
    await expect(stage.stream).to_contain_text("DB-1 was opened for this thread.")
    await expect(stage.stream).to_contain_text("Resolution within")
    await expect(stage.clock("First reply")).to_contain_text("left")

    await stage.answer_in_zendesk("Which version do you run?")

    await expect(stage.stream).to_contain_text("Ada Agent: Which version do you run?")
    await expect(stage.clock("First reply")).to_contain_text("kept")
    await expect(stage.box("Answer in Zendesk")).to_have_value("")


async def test_the_clock_pauses_and_ends_with_the_status_in_zendesk(stage: Stage) -> None:
    await stage.open_ticket()
    await stage.answer_in_zendesk("Please try again.")
    await expect(stage.clock("First reply")).to_contain_text("kept")

    await stage.button("pending").click()
    await expect(stage.clock("Resolution")).to_contain_text("paused")
    await expect(stage.button("pending")).to_have_attribute("aria-pressed", "true")

    await stage.button("solved").click()
    await expect(stage.clock("Resolution")).to_contain_text("kept")


async def test_an_internal_note_stays_behind_the_scenes(stage: Stage) -> None:
    await stage.open_ticket()
    await stage.box("Answer in Zendesk").fill("The customer is on an old version.")
    await stage.button("Internal note").click()
    await expect(stage.card.locator(".comment.private")).to_contain_text("old version")

    await stage.answer_in_zendesk("Please upgrade.")

    await expect(stage.stream).to_contain_text("Please upgrade.")
    await expect(stage.stream).not_to_contain_text("old version")


async def test_when_nobody_answers_the_person_on_call_is_called_and_acknowledges(stage: Stage) -> None:
    await stage.ask(EMERGENCY)
    await expect(stage.card).to_contain_text("P1")
    await stage.let_pass("4 h")
    await expect(stage.page.locator("#be-oncall .calls")).to_contain_text("1")
    await expect(stage.page.locator(".now")).to_contain_text("4 h")

    await stage.become("Otto")
    await expect(stage.stream.locator(".mention", has_text="Otto Oncall")).to_be_visible()
    await stage.button("Acknowledge", stage.stream).click()

    await expect(stage.stream).to_contain_text("Acknowledged by")
    await expect(stage.page.locator("#be-oncall .calls")).to_have_count(0)
    await expect(stage.clock("First reply")).to_contain_text("late")


async def test_an_escalation_leads_to_the_thread_it_is_about(stage: Stage) -> None:
    await stage.ask(EMERGENCY)
    await expect(stage.card).to_contain_text("P1")
    await stage.let_pass("4 h")
    await expect(stage.page.locator("#be-oncall .calls")).to_be_visible()
    await stage.become("Otto")

    await stage.stream.get_by_role("link", name="Open the thread").first.click()

    await expect(stage.stream).to_contain_text(EMERGENCY)


async def test_the_customer_never_sees_the_triage_channel(stage: Stage) -> None:
    triage = stage.demo.sandbox.slack.world.channel("triage").id
    await expect(stage.page.locator(".channels")).not_to_contain_text("triage")

    await stage.page.goto(f"{stage.demo.url}?as=customer&channel={triage}")

    await expect(stage.page.locator(".place")).to_contain_text("# acme-support")


async def test_a_ticket_waits_out_an_outage_of_zendesk(stage: Stage) -> None:
    await stage.flip("Zendesk is down")
    await stage.open_ticket()
    await expect(stage.card).to_contain_text("not there yet")
    await expect(stage.stream).to_contain_text("DB-1 · How do I connect DataHub?")
    await expect(stage.ledger.locator(".pending", has_text="Create the ticket")).to_contain_text("again in")

    await stage.flip("Zendesk is down")
    await stage.let_pass("10 min")

    await expect(stage.card).to_contain_text("#1 · new")
    await expect(stage.card.locator(".comment")).to_contain_text(KNOWN)


async def test_what_zendesk_refuses_is_parked_and_can_be_tried_again(stage: Stage) -> None:
    await stage.flip("Zendesk refuses")
    await expect(stage.page.locator("#switch-refused")).to_contain_text("next time")
    await stage.open_ticket()
    await expect(stage.ledger.locator(".parked").first).to_contain_text("Create the ticket in Zendesk")
    await expect(stage.page.locator("#switch-refused")).to_have_attribute("aria-pressed", "false")

    await stage.button("Try again").click()

    await expect(stage.card).to_contain_text("#1 · new")
    await expect(stage.ledger.locator("li.parked")).to_have_count(0)


async def test_slack_that_delivers_everything_twice_is_answered_once(stage: Stage) -> None:
    await stage.flip("Slack delivers twice")
    await stage.open_ticket()
    await expect(stage.stream).to_contain_text("Resolution within")

    await expect(stage.stream.locator(".message.bot")).to_have_count(2)  # the answer and the card
    await expect(stage.page.locator(".tickets li")).to_have_count(1)


async def test_what_somebody_cannot_do_is_said_in_one_sentence(stage: Stage) -> None:
    await stage.open_ticket()
    await expect(
        stage.box("Answer in Zendesk")
    ).to_be_visible()  # it has reached Zendesk before that goes down
    await stage.flip("Zendesk is down")
    await expect(stage.page.locator("#switch-zendesk")).to_have_attribute("aria-pressed", "true")

    await stage.answer_in_zendesk("Hello?")

    await expect(stage.notice).to_contain_text("Zendesk is down")
    await expect(stage.box("Answer in Zendesk")).to_have_value("Hello?")
    stage.complaints.clear()  # the browser notes every answer of 409


async def test_the_suggestions_lead_through_the_whole_story(stage: Stage) -> None:
    tried = stage.page.locator("#try")
    await tried.get_by_role("button", name=KNOWN).click()
    await tried.get_by_role("button", name="Open a ticket").click()
    await expect(stage.card).to_contain_text("DB-1")

    await tried.get_by_role("link", name="Answer in Zendesk as Ada").click()
    await expect(stage.box("Answer in Zendesk")).to_be_focused()
    await stage.page.keyboard.type("Which version do you run?")
    await stage.page.keyboard.press("Enter")
    await tried.get_by_role("button", name="Set DB-1 to pending").click()

    await expect(stage.clock("Resolution")).to_contain_text("paused")
