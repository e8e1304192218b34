"""Triage by keywords: the emergency floor, and figures on the development cases."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from bot.core.model import Priority, ProductArea
from bot.core.triage import is_emergency, triage

SHARED = Path(__file__).resolve().parents[3].parent / "shared"


@pytest.mark.parametrize(
    "message",
    [
        "Production is down, Kafka consumer is crashing",
        "Can you help? production is down since 10:00",
        "PRODUÇÃO PARADA, ninguém consegue entrar",
        "tudo fora do ar, o cluster não responde",
        "we lost every dataset in prod",
        "perdemos os dados de produção depois da migração",
        "What is the ETA? Production is down for all users and nothing works.",
        "How do I get help? Our production cluster is down since 9am and we lost data",
        "Qual é o prazo? A produção está fora do ar para todos",
        "Are you aware that production is down?",
        "Production is down, but staging is not affected",
        "Everything is down in case you did not notice",
    ],
)
def test_production_down_or_data_lost_is_always_p1(message: str) -> None:
    assert is_emergency(message)
    assert triage(message).priority is Priority.P1


@pytest.mark.parametrize(
    "message",
    [
        "staging is down",
        "how do I restore a lost dataset in production?",
        "como evitar perda de dados em produção?",
        "upgrade went fine in production, no data loss",
        "Production is not down, just curious how lineage works",
        "is production down?",
        "",
        "🤷",
    ],
)
def test_what_only_sounds_like_it_is_not(message: str) -> None:
    assert not is_emergency(message)
    assert triage(message).priority is not Priority.P1


@pytest.mark.parametrize(
    ("message", "area", "priority"),
    [
        ("Data quality checks failing after upgrade", ProductArea.QUALITY_CHECKS, Priority.P2),
        ("Help us design data lineage for 500 datasets", ProductArea.LINEAGE, Priority.P3),
        ("Request documentation for custom plugin development", ProductArea.OTHER, Priority.P4),
        ("o catálogo não carrega, por enquanto usamos a API", ProductArea.DATA_CATALOG, Priority.P2),
        ("what is the GPU quota of a namespace?", ProductArea.GPU_CLUSTER, Priority.P3),
    ],
)
def test_the_examples_of_the_contract(message: str, area: ProductArea, priority: Priority) -> None:
    verdict = triage(message)

    assert (verdict.product_area, verdict.priority) == (area, priority)
    assert 0 <= verdict.confidence <= 1
    assert verdict.reason


def test_the_development_cases_are_no_worse_than_they_were() -> None:
    path = SHARED / "eval" / "triage.jsonl"
    if not path.exists():
        pytest.skip("the development cases are not beside this checkout")
    cases = [json.loads(line) for line in path.read_text().splitlines()]
    verdicts = [triage(case["message"]) for case in cases]

    areas = sum(v.product_area == c["product_area"] for v, c in zip(verdicts, cases, strict=True))
    priorities = sum(v.priority == c["priority"] for v, c in zip(verdicts, cases, strict=True))

    assert areas / len(cases) >= 0.9
    assert priorities / len(cases) >= 0.9
