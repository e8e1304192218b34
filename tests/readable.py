"""What a reader may read of an index, for tests that ask nobody else."""

from __future__ import annotations

from bot.core.model import Audience
from knowledge.languages import terms
from knowledge.retrieval import Searcher


def articles_naming(searcher: Searcher, name: str, reader: Audience) -> set[int]:
    """The articles that `reader` may read in which a name occurs."""
    with searcher.live.view(reader) as view:
        return {
            article
            for one in view.partitions
            for article in one.articles[one.with_all(terms(name, one.partition.language))].tolist()
        }


def readable_chunks(searcher: Searcher, reader: Audience) -> int:
    """How many chunks `reader` may read."""
    with searcher.live.view(reader) as view:
        return sum(len(partition) for partition in view.partitions)
