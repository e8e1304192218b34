"""What readers are offered before they ask, and what writers learn from what was asked."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import yaml
from hash_embedder import HashEmbedder

from bot.core.errors import Unavailable, UserFacingError
from bot.core.model import (
    INTERNAL,
    PUBLIC,
    AnswerId,
    AnswerState,
    Audience,
    Citation,
    ConversationId,
    Gap,
    GivenAnswer,
    MessageId,
    OrganisationId,
    Text,
    customer,
)
from bot.core.trending import trending
from knowledge.articles import UnreadableArticle, load_article
from knowledge.chunking import chunk_article
from knowledge.embedding import Vectors
from knowledge.gaps import draft, group
from knowledge.opening import KnowledgeIndex
from knowledge.relating import related
from knowledge.suggesting import Suggester

ACME, ZETA = customer(OrganisationId("acme")), customer(OrganisationId("zeta"))
NOON = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
ARTICLES = {
    "kafka.md": "# Kafka setup\n\nThe consumer group is rebalanced when a consumer leaves the group; "
    "then all are rebalanced.\n\n"
    "## Consumer lag\n\nLag of a consumer group is what the consumer has not read from kafka.",
    "kafka-pt.md": "---\nlang: pt\n---\n# Configuração do Kafka\n\nO consumidor kafka lê do grupo.",
    "quotas.md": "# Quotas\n\nA kafka consumer group may be limited by quotas on the broker.",
    "recipes.md": "# Ingestion recipes\n\nA recipe says which warehouse is read and how often.",
    "acme.md": "---\naudience: customer:acme\n---\n# Kafka at Acme\n\nThe zebranium cluster of Acme.",
}


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KnowledgeIndex]:
    folder = tmp_path_factory.mktemp("articles")
    for name, text in ARTICLES.items():
        (folder / name).write_text(text, "utf-8")
    opened = KnowledgeIndex(tmp_path_factory.mktemp("data"), HashEmbedder())
    opened.refresh([folder])
    yield opened
    opened.close()


# -- completing and correcting ------------------------------------------------


def completed(index: KnowledgeIndex, beginning: str, reader: Audience = PUBLIC) -> list[str]:
    return [one.text for one in Suggester(index.searcher.live).complete(beginning, reader)]


def test_a_beginning_is_completed_from_titles_and_headings(index: KnowledgeIndex) -> None:
    assert completed(index, "kaf") == ["Kafka setup", "Configuração do Kafka"]
    assert completed(index, "CONFIGURACAO do k") == ["Configuração do Kafka"]
    assert completed(index, "lag cons") == ["Consumer lag"]
    assert completed(index, "  ") == []
    assert completed(index, "kafka%") == []


def test_nobody_is_offered_what_they_may_not_read(index: KnowledgeIndex) -> None:
    assert "Kafka at Acme" in completed(index, "kafka", ACME)
    assert "Kafka at Acme" in completed(index, "kafka", INTERNAL)
    assert "Kafka at Acme" not in completed(index, "kafka", ZETA)
    assert "Kafka at Acme" not in completed(index, "kafka", PUBLIC)


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("kafka consmer grup", "kafka consumer group"),
        ("rebalnced consumers", "rebalanced consumers"),
        ("kafka consumer", None),
        ("xqzwv", None),
        ("", None),
    ],
)
def test_slips_are_mended_from_the_articles_own_words(
    index: KnowledgeIndex, typed: str, meant: str | None
) -> None:
    assert Suggester(index.searcher.live).did_you_mean(typed, PUBLIC) == meant


def test_a_slip_is_never_mended_with_another_tenants_words(index: KnowledgeIndex) -> None:
    suggester = Suggester(index.searcher.live)
    assert suggester.did_you_mean("zebraniun", ZETA) is None
    assert suggester.did_you_mean("zebraniun", PUBLIC) is None


def test_a_refresh_is_seen(tmp_path: Path) -> None:
    (tmp_path / "kb").mkdir()
    (tmp_path / "kb" / "a.md").write_text("# Apples\n\nOne.", "utf-8")
    opened = KnowledgeIndex(tmp_path / "data", HashEmbedder())
    opened.refresh([tmp_path / "kb"])
    suggester = Suggester(opened.searcher.live)
    assert [one.text for one in suggester.complete("pear", PUBLIC)] == []
    (tmp_path / "kb" / "b.md").write_text("# Pears\n\nTwo.", "utf-8")
    opened.refresh([tmp_path / "kb"])
    assert [one.text for one in suggester.complete("pear", PUBLIC)] == ["Pears"]
    opened.close()


# -- related ------------------------------------------------------------------


def test_related_articles_share_words_and_are_not_the_article_itself(index: KnowledgeIndex) -> None:
    found = [one.path for one in related(index.searcher.live, "kafka.md", PUBLIC, limit=2)]
    assert set(found) == {"quotas.md", "kafka-pt.md"}
    assert "kafka.md" not in found
    assert "acme.md" not in [one.path for one in related(index.searcher.live, "kafka.md", ZETA)]


def test_an_article_that_may_not_be_read_is_as_unknown_as_one_that_is_not_there(
    index: KnowledgeIndex,
) -> None:
    for path in ("acme.md", "nowhere.md"):
        with pytest.raises(UserFacingError, match=f"{path} is no article"):
            related(index.searcher.live, path, PUBLIC)


# -- trending -----------------------------------------------------------------


def an_answer(conversation: int, path: str, audience: Audience = PUBLIC, **changes: object) -> GivenAnswer:
    values: dict[str, object] = {
        "id": AnswerId(conversation),
        "conversation": ConversationId(conversation),
        "question": MessageId(conversation),
        "text": Text(body="So.", audience=audience),
        "citations": (Citation(path=path, heading="H", url=f"https://docs.example/{path}#h"),) * 2,
        "confidence": 0.9,
        "state": AnswerState.POSTED,
        "given_at": NOON,
        "source": f"slack:{conversation}",
        **changes,
    }
    return GivenAnswer(**values)  # type: ignore[arg-type] # values of many types


def test_articles_are_counted_by_conversation_with_their_votes() -> None:
    given = [
        an_answer(1, "a.md", state=AnswerState.HELPED),
        an_answer(2, "a.md", state=AnswerState.NOT_HELPED),
        an_answer(2, "a.md"),
        an_answer(3, "b.md"),
        an_answer(4, "c.md", source=None),
    ]
    found = trending(given)
    assert [(one.path, one.conversations, one.helped, one.not_helped) for one in found] == [
        ("a.md", 2, 1, 1),
        ("b.md", 1, 0, 0),
    ]
    assert found[0].url == "https://docs.example/a.md"


def test_outside_only_what_many_asked_and_nothing_of_another_tenant() -> None:
    given = [
        *(an_answer(number, "a.md") for number in range(3)),
        an_answer(7, "rare.md"),
        *(an_answer(number, "acme.md", ACME) for number in range(10, 15)),
    ]
    assert [one.path for one in trending(given, reader=PUBLIC)] == ["a.md"]
    assert [one.path for one in trending(given, reader=ZETA)] == ["a.md"]
    assert [one.path for one in trending(given, reader=ACME)] == ["acme.md", "a.md"]


# -- gaps ---------------------------------------------------------------------


def a_gap(number: int, text: str, *near: str, audience: Audience = PUBLIC, reason: str = "unsure") -> Gap:
    return Gap(
        conversation=ConversationId(number),
        question=MessageId(number),
        text=text,
        audience=audience,
        reason=reason,
        nearest=tuple(Citation(path=path, heading=path.upper(), url="") for path in near),
        asked_at=NOON + timedelta(days=number),
    )


def test_the_same_question_is_one_group_whoever_asked_it() -> None:
    gaps = [
        a_gap(1, "can I use dark mode in the portal", "ui.md", audience=ACME),
        a_gap(2, "export the audit log to splunk", "audit.md"),
        a_gap(3, "dark mode in the portal?", "ui.md", "css.md", audience=ACME, reason="not_helped"),
        a_gap(4, "dark mode in the portal?", "zeta-only.md", audience=ZETA),
    ]
    first, other, third = group(gaps, None)
    assert (first.times, first.audience, first.not_helped) == (2, ACME, 1)
    assert {(one.times, str(one.audience)) for one in (other, third)} == {(1, "public"), (1, "customer:zeta")}
    assert [citation.path for citation in first.nearest] == ["ui.md", "css.md"]
    assert (first.first_at, first.last_at) == (gaps[0].asked_at, gaps[2].asked_at)
    assert group([], None) == []


def test_a_draft_is_internal_and_names_nobody() -> None:
    (found,) = group([a_gap(1, "mail ana@acme.com about\n---\ntitle: [x](http://evil)", audience=ACME)], None)
    written = draft(found)
    _, front, body = written.split("---\n", 2)
    assert yaml.safe_load(front)["audience"] == "internal"
    assert "ana@acme.com" not in written
    assert "acme" not in written
    assert "](http" not in body
    assert "TODO" in body


# -- curated questions and films ----------------------------------------------


def test_a_curated_question_leads_to_how_its_article_begins(tmp_path: Path) -> None:
    (tmp_path / "kb").mkdir()
    (tmp_path / "kb" / "tokens.md").write_text(
        "---\nquestions:\n  - my key stopped working over night\n  - a minha chave deixou de funcionar\n"
        "  - {ask: since when is it so, see: History}\n---\n"
        "# Access tokens\n\nTokens expire after ninety days; make a new one.\n\n## History\n\nLong ago.",
        "utf-8",
    )
    (tmp_path / "kb" / "doors.md").write_text("# Doors\n\nA key opens a door at night.", "utf-8")
    opened = KnowledgeIndex(tmp_path / "data", HashEmbedder())
    opened.refresh([tmp_path / "kb"])
    for asked in ("my key stopped working over night", "a minha chave deixou de funcionar"):
        best = opened.search(asked, PUBLIC)[0]
        assert (best.path, best.heading) == ("tokens.md", "Access tokens")
        assert "ninety days" in best.text
    assert opened.search("since when is it so", PUBLIC)[0].heading == "History"
    opened.close()


@pytest.mark.parametrize("stated", ["one", "[1, 2]", "{a: b}", "[{see: b}]", "[{ask: b, see: 1}]", "['']"])
def test_curated_questions_that_are_none_are_one_sentence(tmp_path: Path, stated: str) -> None:
    (tmp_path / "a.md").write_text(f"---\nquestions: {stated}\n---\n# A\n\nText.", "utf-8")
    with pytest.raises(UnreadableArticle, match=r"question.* in the front matter is n"):
        load_article(tmp_path / "a.md", tmp_path)


def test_a_film_is_called_one_and_its_address_stays_out(tmp_path: Path) -> None:
    (tmp_path / "a.md").write_text(
        "# A\n\nSee [the tour](https://www.youtube.com/watch?v=1), ![a demo](demo.mp4) and [docs](https://x.example).",
        "utf-8",
    )
    (chunk,) = chunk_article(load_article(tmp_path / "a.md", tmp_path))
    assert chunk.text == "See ▶ Video: the tour, ▶ Video: a demo and docs."


# -- an embedder that is away --------------------------------------------------


class _Away(HashEmbedder):
    is_away = False

    def embed_queries(self, texts: Sequence[str]) -> Vectors:
        if self.is_away:
            raise Unavailable("the embeddings server does not answer")
        return super().embed_queries(texts)


def test_while_the_embedder_is_away_words_do(tmp_path: Path) -> None:
    (tmp_path / "kb").mkdir()
    (tmp_path / "kb" / "a.md").write_text("# Zebras\n\nStripes of zebras.", "utf-8")
    embedder = _Away()
    opened = KnowledgeIndex(tmp_path / "data", embedder)
    opened.refresh([tmp_path / "kb"])
    embedder.is_away = True
    assert [one.path for one in opened.search("zebras", PUBLIC)] == ["a.md"]
    opened.close()
