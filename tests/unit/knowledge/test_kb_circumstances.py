"""What is known of an asker breaks ties between sections."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.core.model import PUBLIC, Environment, Inquiry, Tier
from knowledge.base import LocalKnowledgeBase
from knowledge.circumstances import NOTHING_KNOWN, Circumstances
from knowledge.opening import KnowledgeIndex

QUESTION = "how do I rotate the signing key of the lake?"


@pytest.mark.parametrize(
    ("known", "names", "sign"),
    [
        (Circumstances(version="1.2.7"), "Upgrading the lake v1.2", 1),
        (Circumstances(version="v1.2.7"), "Release 1.2.7", 1),
        (Circumstances(version="1.2.7"), "From v1.1 to v1.2.7", 1),
        (Circumstances(version="1.20.0"), "Known faults of version 1.2", -1),
        (Circumstances(version="1.2.7"), "versão 2.0", -1),
        (Circumstances(version="2.4"), "2.4 Data validation", 0),
        (Circumstances(version="2.4"), "3.1 Backups", 0),
        (Circumstances(version="2.4"), "Kafka 3.9 in KRaft mode", 0),
        (Circumstances(version="latest"), "Upgrading the lake v1.2", 0),
        (Circumstances(environment=Environment.PRODUCTION), "helm/values.md\nProduction values", 1),
        (Circumstances(environment=Environment.PRODUCTION), "Valores para homologação", -1),
        (Circumstances(environment=Environment.PRODUCTION), "From staging to production", 1),
        (Circumstances(environment=Environment.OTHER), "Production values", -1),
        (Circumstances(environment=Environment.STAGING), "Reproductions and products", 0),
        (Circumstances(tier=Tier.ENTERPRISE), "Enterprise support", 1),
        (Circumstances(tier=Tier.COMMUNITY), "Enterprise support", -1),
        (NOTHING_KNOWN, "Enterprise support in production, v1.2", 0),
    ],
)
def test_a_section_under_the_askers_own_names_gains(known: Circumstances, names: str, sign: int) -> None:
    favour = known.favour(QUESTION, names)
    assert (favour > 0) - (favour < 0) == sign


def test_what_the_question_names_itself_is_left_to_the_words() -> None:
    known = Circumstances(version="1.2.7", environment=Environment.PRODUCTION)
    names = "Upgrading staging to v2.0"
    assert known.favour("what changes in v2.0 on staging?", names) == 0
    assert known.favour("what changes in v2.0?", names) < 0  # the environment, which it does not name


def test_all_that_is_known_together_stays_small() -> None:
    known = Circumstances(version="1.2", environment=Environment.PRODUCTION, tier=Tier.ENTERPRISE)
    assert 0 < known.favour(QUESTION, "v1.2 in production, Enterprise") < 0.5


@pytest.fixture
def index(tmp_path: Path) -> KnowledgeIndex:
    folder = tmp_path / "kb"
    folder.mkdir()
    body = "Rotate the signing key of the lake with `lake keys rotate`."
    for version in ("1.1", "1.2"):
        (folder / f"keys-{version}.md").write_text(
            f"# The lake v{version}\n\n## Signing keys of v{version}\n\n{body}\n", "utf-8"
        )
    (folder / "other.md").write_text("# Backups of v1.2\n\nThe lake is copied at night.\n", "utf-8")
    made = KnowledgeIndex(tmp_path / "data", None)
    made.refresh([folder])
    return made


async def test_the_sections_of_the_askers_version_come_first(index: KnowledgeIndex) -> None:
    knowledge = LocalKnowledgeBase(index.answerer)
    for version in ("1.1.4", "1.2.0"):
        inquiry = Inquiry(text=QUESTION, reader=PUBLIC, tier=Tier.COMMUNITY, version=version)
        finding = await knowledge.answer(inquiry)
        assert finding.nearest[0].path == f"keys-{version[:3]}.md"
        assert finding.nearest[-1].path == "other.md"  # its version is that of the second, its words are not
    knowledge.close()
    index.close()
