"""Replicas that share a real Chroma server, started for these tests."""

from __future__ import annotations

import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import numpy as np
import pytest
from hash_embedder import HashEmbedder

from bot.core.errors import UserFacingError
from bot.core.model import PUBLIC
from knowledge import partitions
from knowledge.embedding import Vectors
from knowledge.languages import Language
from knowledge.opening import KnowledgeIndex
from knowledge.reading import Partition
from knowledge.vectors import ChromaServer, VectorStore

ARTICLES = Path(__file__).resolve().parents[2] / "payloads" / "kb" / "articles"
PARTITION = Partition(1, PUBLIC, Language.EN)
_STARTING = 60  #: seconds


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        return int(listening.getsockname()[1])


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    binary = Path(sys.executable).with_name("chroma")
    if not binary.exists():
        pytest.skip("the chroma command is not installed")
    port = free_port()
    command = [str(binary), "run", "--host", "127.0.0.1", "--port", str(port), "--path"]
    folder = tmp_path_factory.mktemp("chroma")
    with subprocess.Popen(
        [*command, str(folder)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=folder
    ) as server:
        try:
            address = f"http://127.0.0.1:{port}"
            _wait(f"{address}/api/v2/heartbeat", server)
            yield address
        finally:
            server.kill()


def _wait(address: str, server: subprocess.Popen[bytes]) -> None:
    until = time.monotonic() + _STARTING
    while time.monotonic() < until and server.poll() is None:
        try:
            if httpx.get(address).is_success:
                return
        except httpx.TransportError:
            continue
    pytest.skip("the Chroma server did not start")


def names(url: str, prefix: str) -> set[str]:
    base = f"{url}/api/v2/tenants/default_tenant/databases/default_database/collections"
    return {one["name"] for one in httpx.get(base).json() if one["name"].startswith(prefix)}


def vectors_of(*numbers: int) -> Vectors:
    return np.eye(8, dtype=np.float32)[list(numbers)]


@pytest.fixture(params=["embedded", "server"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[VectorStore]:
    if request.param == "embedded":
        made = VectorStore.embedded(tmp_path / "chroma")
    else:
        address: str = request.getfixturevalue("url")
        made = VectorStore.at(ChromaServer(url=address, prefix="contract"), tmp_path.name)
    yield made
    made.drop()
    made.close()


def test_a_store_keeps_finds_and_forgets_vectors(store: VectorStore) -> None:
    store.upsert(PARTITION, ["a", "b", "c"], vectors_of(0, 1, 2))
    store.upsert(PARTITION, ["c"], vectors_of(3))
    assert (store.count(PARTITION), store.digests(PARTITION)) == (3, {"a", "b", "c"})
    assert store.query(PARTITION, vectors_of(3)[0], limit=1) == ["c"]
    ((digests, found),) = store.vectors(PARTITION, ["c", "missing"])
    assert digests == ["c"]
    assert np.array_equal(found, vectors_of(3))
    store.delete(PARTITION, ["c"])
    assert store.digests(PARTITION) == {"a", "b"}


def test_two_partitions_share_nothing(store: VectorStore) -> None:
    store.upsert(PARTITION, ["a"], vectors_of(0))
    other = Partition(2, PUBLIC, Language.PT)
    assert store.count(other) == 0


def test_what_one_replica_embedded_the_next_one_takes(url: str, tmp_path: Path) -> None:
    server = ChromaServer(url=url, prefix="replicas")
    first = KnowledgeIndex(tmp_path / "one", HashEmbedder(), server)
    report = first.refresh([ARTICLES])
    assert report.embedded == report.chunks
    embedder = HashEmbedder()
    second = KnowledgeIndex(tmp_path / "two", embedder, server)
    assert second.refresh([ARTICLES]).embedded == 0
    assert embedder.passages == []
    question = "how do I revoke an access token"
    assert second.search(question, PUBLIC) == first.search(question, PUBLIC)
    assert not list((tmp_path / "one").rglob("chroma"))
    first.close()
    second.close()


def test_two_versions_live_side_by_side_until_the_old_one_is_swept(url: str, tmp_path: Path) -> None:
    server = ChromaServer(url=url, prefix="versions")
    old = KnowledgeIndex(tmp_path, HashEmbedder("hash-1"), server)
    old.refresh([ARTICLES])
    before = names(url, "versions-")
    old.search("tokens", PUBLIC)  # holds the version
    new = KnowledgeIndex(tmp_path, HashEmbedder("hash-2"), server)
    new.refresh([ARTICLES])
    both = names(url, "versions-")
    assert len(both) == 2 * len(before) > 0
    old.close()
    new.refresh([ARTICLES])
    assert names(url, "versions-") == both - before
    new.close()


def test_a_replica_that_is_behind_takes_nothing_from_one_that_is_ahead(url: str, tmp_path: Path) -> None:
    server = ChromaServer(url=url, prefix="ahead")
    folder = Path(shutil.copytree(ARTICLES, tmp_path / "kb"))
    behind = KnowledgeIndex(tmp_path / "behind", HashEmbedder(), server)
    behind.refresh([ARTICLES])
    (folder / "new.md").write_text("# Platypus\n\nAll about the platypus.", "utf-8")
    ahead = KnowledgeIndex(tmp_path / "ahead", HashEmbedder(), server)
    ahead.refresh([folder])
    behind.refresh([ARTICLES])
    embedder = HashEmbedder()
    third = KnowledgeIndex(tmp_path / "third", embedder, server)
    assert third.refresh([folder]).embedded == 0
    for index in (behind, ahead, third):
        index.close()


def test_a_server_that_is_gone_stops_indexing_with_one_sentence_and_no_search(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    index = KnowledgeIndex(tmp_path, HashEmbedder())
    index.refresh([ARTICLES])
    index.close()
    monkeypatch.setattr(partitions, "EXACT_BELOW", 1)
    monkeypatch.setattr(partitions, "COARSE_BELOW", 1)  # so that neighbours are asked for
    gone = ChromaServer(url=f"http://user:secret@127.0.0.1:{free_port()}")
    alone = KnowledgeIndex(tmp_path, HashEmbedder(), gone)
    assert alone.search("how do I revoke an access token", PUBLIC)[0].path == "guides/tokens.md"
    with pytest.raises(UserFacingError, match=r"http://127\.0\.0\.1:\d+ does not answer") as raised:
        alone.refresh([ARTICLES])
    assert "secret" not in str(raised.value)
    alone.close()
