"""kill -9 in the middle of indexing: the old index serves, and the next refresh goes on."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
from hash_embedder import HashEmbedder
from index_at_work import MOMENTS

from bot.core.model import INTERNAL, PUBLIC
from knowledge.loaded import LiveIndex
from knowledge.opening import KnowledgeIndex
from knowledge.retrieval import IndexMissing
from knowledge.vectors import VectorStore
from knowledge.versions import current_place, embeddings_for

ARTICLES = Path(__file__).resolve().parents[1] / "payloads" / "kb" / "articles"
COMMITTED = {"after the commit", "before tidying", "tidying", "before sweeping", "after sweeping"}
SWAPPED = COMMITTED - {"after the commit"}


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An index of the articles as they were."""
    home = tmp_path_factory.mktemp("built")
    shutil.copytree(ARTICLES, home / "kb")
    index = KnowledgeIndex(home / "data", HashEmbedder("hash-1"))
    index.refresh([home / "kb"])
    index.close()
    return home


@pytest.fixture
def home(built: Path, tmp_path: Path) -> Path:
    """A copy of it, after which the articles changed."""
    shutil.copytree(built / "data", tmp_path / "data")
    folder = built / "kb"  # the index knows articles by this folder
    shutil.rmtree(folder)
    shutil.copytree(ARTICLES, folder)
    page = folder / "guides/tokens.md"
    page.write_text(page.read_text("utf-8").replace("secret manager", "walrus cupboard"), "utf-8")
    (folder / "guides/alerts.md").unlink()
    (folder / "guides/new.md").write_text("# Platypus\n\nAll about the platypus.", "utf-8")
    return tmp_path


def killed(moment: str, data: Path, folder: Path, embedder: str) -> None:
    script = Path(__file__).with_name("index_at_work.py")
    command = [sys.executable, str(script), moment, str(data), str(folder), embedder]
    root = Path(__file__).resolve().parents[2]
    environment = os.environ | {"PYTHONPATH": f"{root}{os.pathsep}{root / 'tests'}"}
    done = subprocess.run(command, env=environment, capture_output=True, timeout=120, check=False)
    assert done.returncode == -signal.SIGKILL, done.stderr.decode()


def state(data: Path, embedder: str) -> str:
    """What a search can find: all of the old articles or all of the new ones."""
    with closing(KnowledgeIndex(data, HashEmbedder(embedder))) as index:
        assert index.search("how do I revoke an access token", PUBLIC)
    live = LiveIndex(data / "index", HashEmbedder(embedder))
    with closing(live), live.view(INTERNAL) as view:
        chunks = view.reading.chunks([chunk for one in view.partitions for chunk in one.chunks.tolist()])
        assert all(one.has_vectors for one in view.partitions)
    paths = {chunk.path for chunk in chunks.values()}
    told = " ".join(chunk.text for chunk in chunks.values())
    old = ("guides/alerts.md" in paths, "guides/new.md" in paths, "walrus" in told) == (True, False, False)
    new = ("guides/alerts.md" in paths, "guides/new.md" in paths, "walrus" in told) == (False, True, True)
    assert old != new, paths
    return "new" if new else "old"


def assert_settled(data: Path, embedder: str) -> None:
    place = current_place(data / "index")
    assert place is not None
    with place.catalogue.reading() as reading, closing(VectorStore.embedded(place.chroma)) as store:
        needed = {one: reading.digests(one) for one in reading.partitions()}
        assert {one: store.digests(one) for one in needed} == needed
        for partition, digests in needed.items():
            cloud = reading.cloud(partition)
            assert (cloud.count if cloud else 0) == len(digests)
    known = embeddings_for(data / "index", HashEmbedder(embedder)).known()
    assert known == set().union(*needed.values())
    assert [one for one in (data / "index").iterdir() if one.is_dir()] == [place.folder]


@pytest.mark.parametrize("moment", MOMENTS)
def test_killed_while_refreshing_in_place(moment: str, home: Path, built: Path) -> None:
    if moment == "after the commit":
        pytest.skip("in place nothing is swapped")
    killed(moment, home / "data", built / "kb", "hash-1")
    assert state(home / "data", "hash-1") == ("new" if moment in COMMITTED else "old")
    embedder = HashEmbedder("hash-1")
    index = KnowledgeIndex(home / "data", embedder)
    index.refresh([built / "kb"])
    index.close()
    assert embedder.passages == [] or moment == "embedding"
    assert state(home / "data", "hash-1") == "new"
    assert_settled(home / "data", "hash-1")


@pytest.mark.parametrize("moment", ["embedding", "before the commit", "after the commit", "before sweeping"])
def test_killed_while_another_embedder_builds_beside(moment: str, home: Path, built: Path) -> None:
    killed(moment, home / "data", built / "kb", "hash-2")
    reader = "hash-2" if moment in SWAPPED else "hash-1"
    assert state(home / "data", reader) == ("new" if moment in SWAPPED else "old")
    index = KnowledgeIndex(home / "data", HashEmbedder("hash-2"))
    index.refresh([built / "kb"])
    index.close()
    assert state(home / "data", "hash-2") == "new"
    assert_settled(home / "data", "hash-2")


def test_killed_while_building_for_the_first_time_nothing_is_served(tmp_path: Path, built: Path) -> None:
    killed("before the commit", tmp_path, built / "kb", "hash-1")
    index = KnowledgeIndex(tmp_path, HashEmbedder("hash-1"))
    with pytest.raises(IndexMissing):
        index.search("tokens", PUBLIC)
    assert index.refresh([built / "kb"]).embedded == 0
    assert index.search("tokens", PUBLIC)
    index.close()
