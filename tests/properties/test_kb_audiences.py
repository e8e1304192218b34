"""Whatever is indexed for whom, nobody finds what is another organisation's, by meaning, words or names."""

from __future__ import annotations

import tempfile
from pathlib import Path

from hash_embedder import HashEmbedder
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from readable import articles_naming, readable_chunks

from bot.core.model import INTERNAL, PUBLIC, Audience, OrganisationId, customer
from knowledge.opening import KnowledgeIndex

WORDS = ["valve", "lamp", "token", "porta", "chave", "the", "não", "rotate", "schema", "COSMOS-ERR-317"]
KEYS = ["acme", "acme2", "ACME", "a:cme", "ac me", "public", "internal", "ç"]
READERS = [PUBLIC, INTERNAL, *(customer(OrganisationId(key)) for key in KEYS)]

audiences = st.sampled_from(["public", "internal", *(f"customer:{key}" for key in KEYS)])
sentences = st.lists(st.sampled_from(WORDS), min_size=1, max_size=12).map(" ".join)
articles = st.lists(st.tuples(audiences, sentences), min_size=1, max_size=12)


def may_read(stated: str, reader: Audience) -> bool:
    """Written down again, without a word from the program."""
    return stated == "public" or str(reader) == "internal" or stated == str(reader)


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(articles, sentences, st.sampled_from(["vectors", "words"]))
def test_nothing_of_another_organisation_is_ever_returned(
    written: list[tuple[str, str]], question: str, by: str
) -> None:
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary) / "kb"
        folder.mkdir()
        for number, (stated, text) in enumerate(written):
            page = f'---\naudience: "{stated}"\n---\n# Page {number}\n\n{text}\n'
            (folder / f"{number}.md").write_text(page, "utf-8")
        index = KnowledgeIndex(Path(temporary) / "data", HashEmbedder() if by == "vectors" else None)
        index.refresh([folder])
        for reader in READERS:
            allowed = {
                f"{number}.md" for number, (stated, _) in enumerate(written) if may_read(stated, reader)
            }
            found = index.search(question, reader, limit=50)
            shown = {path for one in found for path in (one.path, *one.also_at)}
            assert shown <= allowed
            assert all(one.audience.may_reach(reader) for one in found)
            assert len(articles_naming(index.searcher, "valve", reader)) == sum(
                "valve" in written[int(path.removesuffix(".md"))][1].split() for path in allowed
            )
            assert (readable_chunks(index.searcher, reader) > 0) == bool(allowed)
        index.close()
