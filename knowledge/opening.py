"""Puts the room's parts together: from a folder and the name of an embedder to something that answers."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from pathlib import Path

import structlog

from bot.core.errors import UserFacingError
from bot.core.model import PUBLIC, Audience
from knowledge.answering import Answerer
from knowledge.embedding import Embedder, EmbedderChoice, EmbedderUnavailable
from knowledge.indexing import Indexer, IndexReport, Progress, no_progress
from knowledge.kinds import Kinds
from knowledge.retrieval import Passage, Searcher
from knowledge.vectors import ChromaServer
from knowledge.versions import examples_for

BUILT_IN = "e5-small+minilm"
LARGER = "e5-small+mpnet"  #: finds more in English for twice the work
MULTILINGUAL = "e5-small"  #: the first half of it alone
WORDS_ONLY = "none"
SENTENCE_TRANSFORMERS = "sentence-transformers:"  #: followed by a folder or the name of a model
OPENAI = "openai:"  #: followed by the name of a model on the server of an EmbedderChoice

log = structlog.get_logger()
_loading = threading.Lock()


def load_embedder(
    choice: str | EmbedderChoice,
    data_dir: Path,
    *,
    threads: int = 2,
    say: Callable[[str], None] | None = None,
) -> Embedder | None:
    """The embedder of that name; None for words alone, also when the built-in one cannot be used here."""
    name = choice if isinstance(choice, str) else choice.name
    if name == WORDS_ONLY:
        return None
    with _loading:
        if name.startswith(OPENAI) and not isinstance(choice, str):
            return _served(choice)
        if name.startswith(SENTENCE_TRANSFORMERS):
            from knowledge.models.torch_models import (  # noqa: PLC0415 - an extra, and slow to import
                SentenceTransformerEmbedder,
            )

            return SentenceTransformerEmbedder(name.removeprefix(SENTENCE_TRANSFORMERS))
        if name not in (BUILT_IN, LARGER, MULTILINGUAL):
            raise UserFacingError(
                f"There is no embedder {name!r}: choose {BUILT_IN}, {LARGER}, {MULTILINGUAL}, {WORDS_ONLY},"
                f" {SENTENCE_TRANSFORMERS}MODEL or {OPENAI}MODEL."
            )
        multilingual = _built_in(data_dir, threads, say)
        if multilingual is None or name == MULTILINGUAL:
            return multilingual
        larger = _larger(multilingual, data_dir, threads, say) if name == LARGER else None
        return larger or _paired(multilingual, data_dir, threads, say)


def _served(choice: EmbedderChoice) -> Embedder:
    from knowledge.models.openai_embedder import OpenAIEmbedder  # noqa: PLC0415 - not everybody's

    key = choice.api_key.reveal() if choice.api_key else None
    return OpenAIEmbedder(choice.name.removeprefix(OPENAI), url=choice.url, api_key=key)


def _built_in(data_dir: Path, threads: int, say: Callable[[str], None] | None) -> Embedder | None:
    try:
        from knowledge.models.e5 import E5Embedder  # noqa: PLC0415 - onnxruntime may be missing

        return E5Embedder.load(data_dir, threads=threads, say=say)
    except (EmbedderUnavailable, ImportError) as error:
        log.warning("embedder_unavailable", reason=str(error))
        if say is not None:
            say(f"{error} Searching by words alone.")
        return None


def _paired(
    multilingual: Embedder, data_dir: Path, threads: int, say: Callable[[str], None] | None
) -> Embedder:
    """With the English model beside it; alone where that is not installed."""
    try:
        from knowledge.models.minilm import MiniLmEmbedder  # noqa: PLC0415 - tokenizers may be missing
        from knowledge.models.pair import PairEmbedder  # noqa: PLC0415 - likewise

        return PairEmbedder(multilingual, MiniLmEmbedder.load(data_dir, threads=threads, say=say))
    except (EmbedderUnavailable, ImportError) as error:
        log.warning("english_embedder_unavailable", reason=str(error))
        if say is not None:
            say(f"{error} Searching with the multilingual model alone.")
        return multilingual


def _larger(
    multilingual: Embedder, data_dir: Path, threads: int, say: Callable[[str], None] | None
) -> Embedder | None:
    """With the larger English model beside it; None where that is not installed."""
    try:
        from knowledge.models.mpnet import MpnetEmbedder  # noqa: PLC0415 - tokenizers may be missing
        from knowledge.models.pair import LARGER_BORROWED, LARGER_WEIGHT, PairEmbedder  # noqa: PLC0415

        english = MpnetEmbedder.load(data_dir, threads=threads, say=say)
        return PairEmbedder(multilingual, english, LARGER_WEIGHT, LARGER_BORROWED)
    except (EmbedderUnavailable, ImportError) as error:
        log.warning("larger_embedder_unavailable", reason=str(error))
        if say is not None:
            say(f"{error} Searching with the smaller one.")
        return None


class KnowledgeIndex:
    """Articles in, passages out: the whole index in one object."""

    def __init__(self, data_dir: Path, embedder: Embedder | None, server: ChromaServer | None = None) -> None:
        self._index_dir = data_dir / "index"
        self._embedder = embedder
        self._server = server
        self.searcher = Searcher(self._index_dir, embedder, server)
        self._kinds = Kinds(embedder, examples_for(self._index_dir, embedder)) if embedder else None

    def refresh(
        self, folders: Sequence[Path], *, audience: Audience = PUBLIC, progress: Progress = no_progress
    ) -> IndexReport:
        """After this the index holds exactly what could be read in these folders."""
        indexer = Indexer(self._index_dir, self._embedder, self._server)
        return indexer.refresh(folders, audience=audience, progress=progress)

    def search(self, question: str, reader: Audience, *, limit: int = 10) -> list[Passage]:
        """The best passage of each of the best articles that `reader` may read."""
        return self.searcher.search(self.searcher.read(question), reader, limit=limit)

    def answerer(self) -> Answerer:
        """What answers questions from this index."""
        return Answerer(self.searcher, self._embedder, self._kinds)

    def close(self) -> None:
        """Release the files."""
        self.searcher.close()


def open_index(
    data_dir: Path,
    *,
    embedder: str | EmbedderChoice = BUILT_IN,
    threads: int = 2,
    say: Callable[[str], None] | None = None,
    chroma: ChromaServer | None = None,
) -> KnowledgeIndex:
    """Load the model and open the index below `data_dir`."""
    return KnowledgeIndex(data_dir, load_embedder(embedder, data_dir, threads=threads, say=say), chroma)
