"""Coarse vectors: what is nearest is among twice as many of them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from hash_embedder import HashEmbedder

from bot.core.model import PUBLIC
from knowledge import partitions
from knowledge.coarse import CoarseVectors
from knowledge.embedding import unit
from knowledge.embeddings import singles
from knowledge.opening import KnowledgeIndex

ARTICLES = Path(__file__).resolve().parents[2] / "payloads" / "kb" / "articles"


def bundle(count: int, size: int) -> npt.NDArray[np.float32]:
    """Vectors that lie as those of texts do: near each other, and wider in some directions than in others."""
    rng = np.random.default_rng(5)
    widths = np.geomspace(1, 0.05, size)
    return unit(3 * np.eye(1, size) + rng.normal(size=(count, size)) * widths)


@pytest.mark.parametrize("size", [768, 384, 100])
def test_of_the_hundred_and_fifty_nearest_nearly_all_and_of_the_ten_nearest_all_are_found(size: int) -> None:
    vectors = bundle(20_000, size)
    coarse = CoarseVectors(len(vectors), lambda part: vectors[part])
    for question in bundle(20, size)[:10] + 0.01:
        products = vectors @ question
        found = set(coarse.nearest(question, 300).tolist())
        assert set(np.argsort(-products)[:10].tolist()) <= found
        assert len(found & set(np.argsort(-products)[:150].tolist())) >= 145


def test_sixteen_bits_are_the_same_numbers_in_thirty_two() -> None:
    every = np.arange(2**16, dtype=np.uint16).view(np.float16).reshape(256, -1)
    rows = every[np.isfinite(every).all(axis=1)]
    assert len(rows) == 248
    assert np.array_equal(singles(rows), rows.astype(np.float32))


def test_vectors_that_are_all_the_same_are_found_as_well() -> None:
    coarse = CoarseVectors(3, lambda part: np.ones((3, 8), np.float32)[part])
    assert sorted(coarse.nearest(np.ones(8, np.float32), 3).tolist()) == [0, 1, 2]


def test_an_index_finds_the_same_coarsely_exactly_and_with_chromadb(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    KnowledgeIndex(tmp_path, HashEmbedder()).refresh([ARTICLES])
    found = []
    for exact_below, coarse_below in ((1_000_000, 1_000_000), (0, 1_000_000), (0, 0)):
        monkeypatch.setattr(partitions, "EXACT_BELOW", exact_below)
        monkeypatch.setattr(partitions, "COARSE_BELOW", coarse_below)
        index = KnowledgeIndex(tmp_path, HashEmbedder())
        found.append([(one.path, one.anchor, round(one.score, 4)) for one in index.search("revoke", PUBLIC)])
        index.close()
    assert found[0] == found[1] == found[2]
    assert found[0]
