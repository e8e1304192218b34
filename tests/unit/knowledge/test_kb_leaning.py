"""Which follow-up questions are read together with the question before them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from hash_embedder import HashEmbedder

from bot.core.model import PUBLIC
from knowledge.answering import Answerer
from knowledge.languages import detect
from knowledge.leaning import leans
from knowledge.opening import KnowledgeIndex
from knowledge.retrieval import Question

SAMPLE = Path(__file__).resolve().parents[3] / "bot" / "sandbox" / "kb"
FOLLOWING = """
Which port?
How long does it take?
And in staging?
What about Kafka?
Can I undo that?
Why?
How do I turn it off?
And for Windows?
Which version?
Does it work offline?
Is there a limit for them?
How often?
Or with Helm?
What if it fails?
E em produção?
Como desfaço isso?
Qual porta?
Quanto tempo demora?
E para o Snowflake?
Posso mudar isso depois?
What happens then?
How do I verify?
Is there another way?
What is the default?
Preciso reiniciar?
Qual é o limite?
""".strip().splitlines()
ON_ITS_OWN = """
How do I install Velero?
What is Kueue?
How do I rotate MinIO keys?
How do I create a Kafka topic?
Where are lineage edges stored?
How does column lineage work?
Is there a GraphQL API?
How do I roll back Helm?
Can Superset use SSO?
What is a RACI veto?
How do I reset quotas?
Why does Spark preempt jobs?
O que é o OPA?
Como instalo o Velero?
Para que serve o Kueue?
Como crio um tópico no Kafka?
How do I delete a dataset?
How do I export a report?
What is drift?
What does COSMOS-ERR-317 mean?
Como restauro um backup?
O que é linhagem?
""".strip().splitlines()


@pytest.fixture(scope="module")
def answerer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Answerer]:
    index = KnowledgeIndex(tmp_path_factory.mktemp("leaning") / "data", HashEmbedder())
    index.refresh([SAMPLE])
    yield index.answerer()
    index.close()


def is_leaning(answerer: Answerer, text: str) -> bool:
    with answerer._searcher.live.view(PUBLIC) as view:
        return leans(Question(text=text, language=detect(text), vector=None), view)


@pytest.mark.parametrize("text", FOLLOWING)
def test_what_points_back_or_names_nothing_is_read_with_the_question_before(
    answerer: Answerer, text: str
) -> None:
    assert is_leaning(answerer, text)


@pytest.mark.parametrize("text", ON_ITS_OWN)
def test_a_short_question_with_a_subject_of_its_own_is_read_alone(answerer: Answerer, text: str) -> None:
    assert not is_leaning(answerer, text)


def test_a_long_question_is_read_alone(answerer: Answerer) -> None:
    assert not is_leaning(
        answerer, "and how does that connector write lineage events into the catalog storage?"
    )


def test_a_change_of_subject_finds_what_it_asks_for(answerer: Answerer) -> None:
    earlier = ("How do I connect DataHub to the platform?",)
    alone = answerer.consider("How does column lineage work?", reader=PUBLIC)
    followed = answerer.consider("How does column lineage work?", reader=PUBLIC, earlier=earlier)
    assert followed == alone
