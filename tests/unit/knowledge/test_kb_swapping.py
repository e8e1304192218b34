from __future__ import annotations

import shutil
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hash_embedder import HashEmbedder

from bot.core.model import PUBLIC
from knowledge.opening import KnowledgeIndex
from knowledge.versions import Lease, Place, current_place, leased_place, place_for, point_to, sweep

ARTICLES = Path(__file__).resolve().parents[2] / "payloads" / "kb" / "articles"


def built(data: Path, name: str) -> None:
    index = KnowledgeIndex(data, HashEmbedder(name))
    index.refresh([ARTICLES])
    index.close()


def test_no_search_fails_while_versions_are_swapped_and_swept(tmp_path: Path) -> None:
    built(tmp_path, "one")
    index = KnowledgeIndex(tmp_path, HashEmbedder("one"))
    is_over = threading.Event()

    def search() -> int:
        count = 0
        while not is_over.is_set():
            assert index.search("how do I revoke an access token", PUBLIC)
            count += 1
        return count

    with ThreadPoolExecutor(max_workers=2) as readers:
        searching = [readers.submit(search) for _ in range(2)]
        try:
            for turn in range(6):
                built(tmp_path, "one" if turn % 2 else "two")
        finally:
            is_over.set()
        assert all(one.result() > 0 for one in searching)
    index.close()


def test_a_version_that_somebody_reads_is_left_to_the_next_sweep(tmp_path: Path) -> None:
    built(tmp_path, "one")
    held = leased_place(tmp_path / "index")
    assert held is not None
    place, lease = held
    built(tmp_path, "two")
    assert place.folder.exists()
    lease.release()
    assert sweep(tmp_path / "index", HashEmbedder("two")) == [place]
    assert not place.folder.exists()


def test_who_comes_while_a_version_is_swept_reads_the_next_one(tmp_path: Path) -> None:
    built(tmp_path, "one")
    index_dir = tmp_path / "index"
    old = current_place(index_dir)
    assert old is not None
    new = place_for(index_dir, HashEmbedder("two"))
    shutil.copytree(old.folder, new.folder)
    point_to(index_dir, new)
    shutil.rmtree(old.folder)
    found = leased_place(index_dir)
    assert found is not None
    assert found[0] == new
    found[1].release()


def test_words_alone_take_nobodys_vectors_away(tmp_path: Path) -> None:
    built(tmp_path, "one")
    words = KnowledgeIndex(tmp_path, None)
    words.refresh([ARTICLES])
    words.close()
    embedder = HashEmbedder("one")
    index = KnowledgeIndex(tmp_path, embedder)
    assert index.refresh([ARTICLES]).embedded == 0
    index.close()


def test_the_pointer_of_an_older_release_goes_with_its_version(tmp_path: Path) -> None:
    built(tmp_path, "one")
    older = tmp_path / "index" / "0123456789ab"
    older.mkdir()
    (tmp_path / "index" / "current").write_text(older.name, "utf-8")
    (older / "readers.sqlite").touch()
    lease = Lease(Place(folder=older))
    built(tmp_path, "one")
    assert (tmp_path / "index" / "current").exists()
    lease.release()
    built(tmp_path, "one")
    assert not older.exists()
    assert not (tmp_path / "index" / "current").exists()


def test_the_lease_of_a_version_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    built(tmp_path, "one")
    place = current_place(tmp_path / "index")
    assert place is not None
    shutil.rmtree(place.folder)
    with pytest.raises(Exception, match="unable to open"):
        Lease(place)
    assert leased_place(tmp_path / "index") is None
