"""Searching and indexing beside the embedder, chromadb and bm25s: python tests/benchmarks/bench_search.py.

Words are real ones, put together anew; the vectors of passages are made up (embedding 100,000 chunks takes an
hour), those of questions are embedded. Everything that is compared runs in turns in the same minutes.
"""

from __future__ import annotations

import argparse
import importlib
import itertools
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from bot.core.model import PUBLIC
from knowledge.articles import UnreadableArticle, find_articles, load_article
from knowledge.chunking import chunk_article
from knowledge.embedding import Embedder, Vectors, unit
from knowledge.languages import Language, detect, terms
from knowledge.opening import BUILT_IN, KnowledgeIndex, load_embedder
from knowledge.vectors import VectorStore
from knowledge.versions import current_place

ROOT = Path(__file__).resolve().parents[2]
SHARED = ROOT.parent / "shared" / "kb"
SIZES = (10_000, 100_000)
REFRESHED = 6_800  #: chunks of the index in which one article changes
BUILT = 300  #: chunks that are really embedded
QUESTIONS = (
    "How do I rotate an access token without downtime?",
    "Why does ingestion fail with a timeout after the upgrade?",
    "Where do I set the retention of a topic?",
    "The scheduler does not start any pods, what should I look at?",
    "How can I restrict who may read a dataset?",
    "What does replication factor mean for durability?",
    "Can I store artifacts in my own bucket?",
    "Is there a way to roll back a release to an earlier revision?",
    "Which ports must be open between the brokers?",
    "How do I write a custom transformer for metadata?",
    "We get HTTP 403 from the GraphQL API since this morning",
    "How is lineage between a dashboard and a table recorded?",
    "How do I pass a secret to a job as an environment variable?",
    "What happens to running experiments when the tracking server restarts?",
    "Como configuro a autenticação com OIDC?",
    "Por que a ingestão falha depois da atualização?",
    "Onde altero o tempo de retenção de um tópico?",
    "Como restrinjo quem pode ler um conjunto de dados?",
)


def say(line: str) -> None:
    """A result."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


class MadeUp:
    """Questions are embedded by the real model; passages get vectors that lie about as theirs do."""

    def __init__(self, real: Embedder) -> None:
        self._real = real
        self._numbers = np.random.default_rng(7)
        self._middle = unit(real.embed_passages(QUESTIONS).mean(axis=0, keepdims=True))

    @property
    def name(self) -> str:
        return f"made up, {self._real.name}"

    @property
    def dimension(self) -> int:
        return self._real.dimension

    def embed_queries(self, texts: Sequence[str]) -> Vectors:
        return self._real.embed_queries(texts)

    def embed_passages(self, texts: Sequence[str]) -> Vectors:
        noise = self._numbers.normal(size=(len(texts), self.dimension)) / np.sqrt(self.dimension)
        return unit(self._middle + 0.5 * noise)


def paragraphs(folder: Path) -> list[str]:
    """What articles consist of."""
    found: list[str] = []
    for path in find_articles(folder):
        try:
            article = load_article(path, folder)
        except UnreadableArticle:
            continue
        found += [chunk.text for chunk in chunk_article(article)]
    return found


def write_corpus(folder: Path, texts: Sequence[str], chunks: int) -> None:
    """About that many chunks, in articles of a dozen sections: whole sentences of the texts, shuffled."""
    dice = random.Random(11)  # noqa: S311 - shuffles sentences, guards nothing
    by_language: dict[Language, list[str]] = {Language.EN: [], Language.PT: []}
    for line in (line for text in texts for line in text.split("\n") if 5 <= len(line.split()) <= 60):
        by_language[detect(line) or Language.EN].append(line)
    for number in range(chunks // 12):
        sentences = by_language[Language.PT if number % 7 == 0 else Language.EN] or by_language[Language.EN]
        sections = []
        for part in range(12):
            words, chosen = 0, []
            while words < 105:
                chosen.append(dice.choice(sentences))
                words += len(chosen[-1].split())
            sections.append(
                f"## {' '.join(dice.choice(sentences).split()[:5])} {part}\n\n" + "\n\n".join(chosen)
            )
        path = folder / f"{number % 50}" / f"{number}.md"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(
            f"# {' '.join(dice.choice(sentences).split()[:6])}\n\n" + "\n\n".join(sections), "utf-8"
        )


def spans(things: dict[str, Callable[[str], object]], rounds: int = 6) -> dict[str, tuple[float, ...]]:
    """p50 and p95 in milliseconds of each, and p50 of processor time, in turns over the same questions."""
    taken: dict[str, list[float]] = {name: [] for name in things}
    worked: dict[str, list[float]] = {name: [] for name in things}
    for done, question in itertools.product(range(rounds), QUESTIONS):
        for name, thing in things.items():
            started, before = time.perf_counter(), time.process_time()
            thing(question)
            if done:  # the first round warms up
                taken[name].append((time.perf_counter() - started) * 1000)
                worked[name].append((time.process_time() - before) * 1000)
    return {
        name: (
            statistics.median(one),
            statistics.quantiles(one, n=20)[-1],
            statistics.median(worked[name]),
        )
        for name, one in taken.items()
    }


def plain_chroma(data: Path, vectors: dict[str, Vectors]) -> Callable[[str], object]:
    """The larger collection alone, asked for ten ids."""
    place = current_place(data / "index")
    assert place is not None
    store = VectorStore.embedded(place.chroma)
    with place.catalogue.reading() as reading:
        largest = max(reading.partitions(), key=store.count)
    return lambda question: store.query(largest, vectors[question], limit=10)


def plain_bm25s(folder: Path) -> Callable[[str], object] | None:
    """bm25s over the same chunks and terms, all in memory."""
    try:
        bm25s = importlib.import_module("bm25s")  # perhaps not installed, and typed nowhere
    except ImportError:
        say("  bm25s is not installed (pip install bm25s): it is left out")
        return None
    tokens = [terms(text, Language.EN) for text in paragraphs(folder)]
    model: Any = bm25s.BM25()
    model.index(tokens, show_progress=False)
    return lambda question: model.retrieve(
        [terms(question, Language.EN)], k=10, show_progress=False, n_threads=0
    )


def bench_search(folder: Path, data: Path, real: Embedder) -> None:
    """The warm search against its own parts and against the libraries."""
    index = KnowledgeIndex(data, MadeUp(real))
    report = index.refresh([folder])
    say(f"{report.chunks} chunks, index built without embedding in {report.seconds:.0f} s")
    vectors = {question: real.embed_queries([question])[0] for question in QUESTIONS}
    things: dict[str, Callable[[str], object]] = {
        "embedder, the question": lambda question: real.embed_queries([question]),
        "search": lambda question: index.search(question, PUBLIC),
        "chromadb query, 10 ids": plain_chroma(data, vectors),
    }
    bm25s = plain_bm25s(folder)
    if bm25s is not None:
        things["bm25s, 10 best"] = bm25s
    found = spans(things)
    base, _, work = found["embedder, the question"]
    for name, (middle, high, worked) in found.items():
        say(
            f"  {name:26} p50 {middle:7.2f} ms  p95 {high:7.2f} ms  {middle / base:6.2f} x the embedder,"
            f" by processor time {worked / work:6.2f} x"
        )
    own = found["search"][0] - base
    for name in ("chromadb query, 10 ids", "bm25s, 10 best"):
        if name in found:
            say(f"  search without embedding  {own / found[name][0]:6.2f} x {name}")
    index.close()


def bench_build(texts: Sequence[str], place: Path, real: Embedder) -> None:
    """What indexing adds to embedding."""
    write_corpus(place / "build", texts, BUILT)
    articles = [load_article(path, place / "build") for path in find_articles(place / "build")]
    passages = sorted((chunk.embedded for article in articles for chunk in chunk_article(article)), key=len)
    seconds, work = [0.0, 0.0], [0.0, 0.0]
    for turn in range(2):
        index = KnowledgeIndex(place / f"built-{turn}", real)
        for which in (0, 1):
            started, worked = time.perf_counter(), time.process_time()
            if which == 0:
                real.embed_passages(passages)
            else:
                index.refresh([place / "build"])
            seconds[which] += time.perf_counter() - started
            work[which] += time.process_time() - worked
        index.close()
    embedding, indexing = (2 * len(passages) / taken for taken in seconds)
    ratio = f"{indexing / embedding:.0%}"
    say(f"index build: {indexing:.1f} chunks/s, the embedder alone {embedding:.1f}: {ratio}")
    # On a machine that has other work the clock tells little; the processor's time is not disturbed.
    say(f"  by processor time: {work[0] / work[1]:.0%} of the embedder's throughput")


def bench_refresh(texts: Sequence[str], place: Path, real: Embedder) -> None:
    """One article changes, once the process is up."""
    folder = place / "refresh"
    write_corpus(folder, texts, REFRESHED)
    index = KnowledgeIndex(place / "refreshed", MadeUp(real))
    index.refresh([folder])
    index.search(QUESTIONS[0], PUBLIC)
    taken = []
    for turn, path in enumerate(itertools.islice(changed(folder), 5)):
        path.write_text(
            path.read_text("utf-8").replace("\n\n## ", f"\n\nAnother sentence {turn}.\n\n## ", 1), "utf-8"
        )
        report = index.refresh([folder])
        started = time.perf_counter()
        index.search(QUESTIONS[0], PUBLIC)
        taken.append((report.seconds, report.embedded, time.perf_counter() - started))
    for seconds, embedded, searched in taken:
        say(
            f"re-index of one changed article of {report.articles}: {seconds:.2f} s, {embedded} embedded;"
            f" the first search after it {searched * 1000:.0f} ms"
        )
    index.close()


def changed(folder: Path) -> Iterator[Path]:
    """Articles to change."""
    return itertools.islice(find_articles(folder), 3, None, 50)


def main() -> None:
    """Run what is asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--kb", type=Path, default=SHARED if SHARED.is_dir() else ROOT / "tests/payloads/kb/articles"
    )
    parser.add_argument("--sizes", type=int, nargs="*", default=list(SIZES))
    parser.add_argument("--only", choices=["search", "build", "refresh"])
    given = parser.parse_args()
    texts = paragraphs(given.kb)
    with tempfile.TemporaryDirectory() as temporary:
        place = Path(temporary)
        real = load_embedder(BUILT_IN, place, say=say)
        if real is None:
            sys.exit("The built-in embedder is needed.")
        for size in given.sizes if given.only in (None, "search") else ():
            write_corpus(place / f"corpus-{size}", texts, size)
            bench_search(place / f"corpus-{size}", place / f"data-{size}", real)
        if given.only in (None, "refresh"):
            bench_refresh(texts, place, real)
        if given.only in (None, "build"):
            bench_build(texts, place, real)


if __name__ == "__main__":
    main()
