"""Examples weigh what rules see; code keeps the floor; what our own people say is learnt."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest
from hash_embedder import HashEmbedder

from bot.core.describing import describe
from bot.core.model import Correction, Environment, Priority, ProductArea, Sentiment
from bot.core.triage import is_emergency
from knowledge.embedding import Vectors
from knowledge.triaging import ExampleClassifier, load_examples


@pytest.fixture(scope="module")
def classifier(tmp_path_factory: pytest.TempPathFactory) -> ExampleClassifier:
    return ExampleClassifier(HashEmbedder(), tmp_path_factory.mktemp("cache"))


def test_every_area_has_examples_of_every_priority() -> None:
    pairs = [(one.product_area, one.priority) for one in load_examples()]
    assert set(pairs) == {(area, priority) for area in ProductArea for priority in Priority}
    assert min(pairs.count(pair) for pair in set(pairs)) >= 7
    assert len({one.text for one in load_examples()}) == len(pairs)


def test_messages_like_the_examples_are_judged_like_them(classifier: ExampleClassifier) -> None:
    found = classifier.classify("drift monitor stopped sending alerts, we check the charts each morning")
    assert (found.product_area, found.priority) == (ProductArea.MLOPS, Priority.P2)
    assert 0 < found.confidence <= 1


@pytest.mark.parametrize("text", ["production is down for everybody", "perdemos os dados de produção"])
def test_an_emergency_is_p1_whatever_the_examples_say(text: str, classifier: ExampleClassifier) -> None:
    assert is_emergency(text)
    wrong = Correction(text=text, product_area=None, priority=Priority.P4)
    assert classifier.classify(text, [wrong] * 5).priority is Priority.P1


def test_what_says_nothing_of_production_or_loss_wakes_nobody(classifier: ExampleClassifier) -> None:
    text = "sorting tables by name"
    said = [Correction(text=text, product_area=None, priority=Priority.P1)]
    assert classifier.classify(text, said).priority is not Priority.P1
    assert classifier.classify(f"{text} fails in production", said).priority is Priority.P1


def test_a_correction_is_learnt_and_unlearnt(classifier: ExampleClassifier) -> None:
    text = "the frobnicator of the flux compensator wobbles"
    said = Correction(text=text, product_area=ProductArea.FEDERATION, priority=Priority.P4)
    assert classifier.classify(text, [said]).product_area is ProductArea.FEDERATION
    assert classifier.classify(text, [said]).priority is Priority.P4
    assert classifier.classify(text, []) == classifier.classify(text)


def test_without_an_embedder_the_words_of_the_examples_decide(tmp_path: Path) -> None:
    found = ExampleClassifier(None, tmp_path).classify("the arrows between tables are upside down")
    assert found.product_area is ProductArea.LINEAGE
    assert list(tmp_path.iterdir()) == []


def test_confidence_is_that_area_and_priority_are_right(classifier: ExampleClassifier) -> None:
    found = classifier.classify("quotas of the gpu queue are ignored, we kill jobs by hand")
    assert found.confidence == pytest.approx(found.sure_of_area * found.sure_of_priority, abs=0.01)
    assert classifier.classify("production is down for everybody").sure_of_priority == 1.0
    strange = classifier.classify("hmm")
    assert strange.confidence < found.confidence


class CountingEmbedder(HashEmbedder):
    """Tells how many texts it was given."""

    def __init__(self) -> None:
        super().__init__()
        self.given = 0

    def embed_queries(self, texts: Sequence[str]) -> Vectors:
        self.given += len(texts)
        return super().embed_queries(texts)


def test_an_example_is_embedded_once_and_a_correction_costs_one_more(tmp_path: Path) -> None:
    first = CountingEmbedder()
    verdict = ExampleClassifier(first, tmp_path).classify("mlflow is slow")
    assert first.given == len(load_examples()) + 1

    again = CountingEmbedder()
    classifier = ExampleClassifier(again, tmp_path)
    assert classifier.classify("mlflow is slow").product_area is verdict.product_area
    assert again.given == 1
    said = Correction(text="the flux wobbles", product_area=ProductArea.OTHER, priority=None)
    classifier.classify("mlflow is slow", [said])
    classifier.classify("mlflow is slow", [said])
    assert again.given == 4


def test_vectors_that_cannot_be_kept_are_made_again(tmp_path: Path) -> None:
    (tmp_path / "index").write_bytes(b"a file where a folder should be")
    found = ExampleClassifier(HashEmbedder(), tmp_path).classify("mlflow is slow")
    assert found.product_area is ProductArea.MLOPS


def test_an_empty_message_is_no_error(classifier: ExampleClassifier) -> None:
    assert classifier.classify(" ").priority is Priority.P3


@pytest.mark.parametrize(
    ("text", "environment", "version", "language", "sentiment"),
    [
        ("since we upgraded to 1.0.2 staging is broken!!", "Staging", "1.0.2", "en", "negative"),
        ("staging is fine but the live cluster is not", "Production", None, "en", "neutral"),
        ("no kafka 3.6 roda o odg v0.4 no minikube, obrigado", "Development", "0.4", "pt", "positive"),
        ("10.0.0.1:8080 gives 502 after 3 days", None, None, "en", "neutral"),
        ("opendatagov 1.0 on kubernetes 1.29, python 3.12", None, "1.0", "en", "neutral"),
        ("", None, None, "other", "neutral"),
        ("upgraded from v0.4 to v1.0.1-rc1 and it is slow", None, "1.0.1-rc1", "en", "neutral"),
        ("atualizamos da 0.4 para a 1.0", None, "1.0", "pt", "neutral"),
        ("it took 3.5 hours on 1.2.3.4 and fell back to 10:30", None, None, "en", "neutral"),
        ("die Produktion ist ausgefallen", None, None, "other", "neutral"),
        ("isto é inaceitável, terceira vez esta semana", None, None, "pt", "negative"),
    ],
)
def test_a_message_says_where_which_version_and_how(
    text: str, environment: str | None, version: str | None, language: str, sentiment: str
) -> None:
    found = describe(text)
    assert found.environment == (Environment(environment) if environment else None)
    assert found.version == version
    assert (found.language, found.sentiment) == (language, Sentiment(sentiment))
    assert (found.sure_of_version > 0) == (version is not None)
    assert (found.sure_of_environment > 0) == (environment is not None)


def test_a_version_that_may_be_another_products_is_less_sure() -> None:
    assert describe("mlflow is slow since 1.4").sure_of_version < describe("slow since 1.4").sure_of_version
    assert describe("mlflow is slow since odg 1.4").sure_of_version == 0.9
