from __future__ import annotations

import pytest

from bot.core.asking import is_pleasantry, wants_ticket


@pytest.mark.parametrize(
    "text",
    [
        "open a ticket please",
        "Open a ticket.",
        "Please open a support ticket",
        "Could you please open a ticket for this?",
        "That did not help. Can you raise a case?",
        "ok then create a ticket",
        "I'd like to talk to a human",
        "I\N{RIGHT SINGLE QUOTATION MARK}d like to open a ticket",
        "can i speak with an engineer?",
        "We need to file a ticket",
        "abrir um chamado",
        "Por favor, abra um chamado",
        "Você poderia abrir um chamado?",
        "Quero falar com uma pessoa",
        "crie um ticket",
    ],
)
def test_wishes_for_a_ticket_or_a_person(text: str) -> None:
    assert wants_ticket(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "My open ticket has had no reply.",
        "Did you open a ticket with Snowflake?",
        "How do I open a ticket in Jira from the catalog?",
        "Do not open a ticket yet.",
        "Where are my open tickets?",
        "We opened a ticket last week.",
        "Como abrir um chamado no Jira pelo catálogo?",
        "Does the operator open a case file?",
        "The ticket is closed.",
        "In that case file a report?",
    ],
)
def test_words_about_tickets_that_ask_for_none(text: str) -> None:
    assert not wants_ticket(text)


@pytest.mark.parametrize(
    "text",
    [
        "Thanks!",
        "thank you so much :tada:",
        "ok",
        "Good morning all",
        "👍",
        "Muito obrigado!",
        "Olá, bom dia",
        "...",
    ],
)
def test_pleasantries_want_no_answer(text: str) -> None:
    assert is_pleasantry(text)


@pytest.mark.parametrize(
    "text",
    [
        "Thanks, but it still fails",
        "ok and how do I restart it?",
        "Hello, is DataHub down?",
        "No.",
        "It works not",
    ],
)
def test_a_question_behind_a_pleasantry_is_a_question(text: str) -> None:
    assert not is_pleasantry(text)
