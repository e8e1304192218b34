"""The commands of this room: plain arguments in, an exit status out, words on the terminal."""

from __future__ import annotations

import json
import sys
import textwrap
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from bot.core.errors import UserFacingError
from bot.core.model import PUBLIC, Audience
from knowledge.answering import Consideration
from knowledge.evaluation import Evaluation, Ranking, evaluate
from knowledge.indexing import Progress as Told
from knowledge.opening import BUILT_IN, KnowledgeIndex, open_index
from knowledge.retrieval import Passage

_SHORTENED = 200  #: characters of a passage in a list
_LINES_EVERY = 50  #: articles between two lines of progress where there is no terminal


def kb_index(
    folders: Sequence[Path],
    data_dir: Path,
    *,
    audience: Audience = PUBLIC,
    embedder: str = BUILT_IN,
    threads: int = 2,
    as_json: bool = False,
) -> int:
    """Build or refresh the index; 1 when an article could not be read."""
    with _index(data_dir, embedder, threads) as index, _progress() as progress:
        report = index.refresh(folders, audience=audience, progress=progress)
    for error in report.errors:
        _complain(error)
    if as_json:
        _say(json.dumps(asdict(report), ensure_ascii=False))
    else:
        _say(
            f"{report.articles} articles in {report.chunks} chunks: {report.embedded} embedded,"
            f" {report.removed} articles removed, {len(report.errors)} unreadable,"
            f" in {report.seconds:.1f} s."
        )
    return 1 if report.errors else 0


def kb_search(
    query: str,
    data_dir: Path,
    *,
    limit: int = 10,
    as_json: bool = False,
    reader: Audience = PUBLIC,
    embedder: str = BUILT_IN,
) -> int:
    """The best passages for a query."""
    with _index(data_dir, embedder) as index:
        found = index.search(query, reader, limit=limit)
    if as_json:
        _say(json.dumps([_searched(passage) for passage in found], ensure_ascii=False, indent=2))
        return 0
    for number, passage in enumerate(found, 1):
        _say(f"{number}. {passage.path} — {passage.heading} ({passage.score:.2f}) {passage.url}".rstrip())
        _say(f"   {_shortened(passage.text)}")
    if not found:
        _say("Nothing was found.")
    return 0


def kb_eval(
    questions: Path,
    unanswerable: Path | None,
    data_dir: Path,
    *,
    as_json: bool = False,
    embedder: str = BUILT_IN,
) -> int:
    """Measure retrieval and abstention on cases; 1 when a line of them is no case."""
    faults: list[str] = []
    known = list(_cases(questions, ("question", "gold_paths"), faults.append))
    unknown = list(_cases(unanswerable, ("question",), faults.append)) if unanswerable else []
    with _index(data_dir, embedder) as index:
        answerer = index.answerer()
        answerer.consider("warm up", reader=PUBLIC)  # loading is not what is measured
        found = evaluate(answerer, known, unknown, reader=PUBLIC)
    _say(found.as_json() if as_json else _table(found))
    for fault in faults:
        _complain(fault)
    return 1 if faults else 0


def ask(
    question: str,
    data_dir: Path,
    *,
    as_json: bool = False,
    reader: Audience = PUBLIC,
    embedder: str = BUILT_IN,
) -> int:
    """One question; abstaining is a fine outcome, so the status is 0."""
    with _index(data_dir, embedder) as index:
        considered = index.answerer().consider(question, reader=reader)
    if as_json:
        _say(json.dumps(_considered(None, considered), ensure_ascii=False, indent=2))
        return 0
    if considered.answer is None:
        _say("I could not find this in the articles. Nearest:")
        for passage in considered.passages[:3]:
            _say(f"- {passage.path} — {passage.heading}")
        return 0
    _say(considered.answer.text.body)
    _say("")
    for number, citation in enumerate(considered.answer.citations, 1):
        _say(f"[{number}] {citation.path} — {citation.heading} {citation.url}".rstrip())
    return 0


def ask_batch(
    source: Path, target: Path, data_dir: Path, *, reader: Audience = PUBLIC, embedder: str = BUILT_IN
) -> int:
    """A file of questions, a line each; 1 when a line could not be read."""
    faults: list[str] = []
    cases = list(_cases(source, ("id", "question"), faults.append))
    with _index(data_dir, embedder) as index, _progress() as progress, _written(target) as write:
        answerer = index.answerer()
        for number, case in enumerate(cases):
            progress(number, len(cases), str(case["id"]))
            considered = answerer.consider(str(case["question"]), reader=reader)
            write(json.dumps(_considered(case["id"], considered), ensure_ascii=False))
        progress(len(cases), len(cases), "")
    for fault in faults:
        _complain(fault)
    return 1 if faults else 0


# -- in ---------------------------------------------------------------------


@contextmanager
def _index(data_dir: Path, embedder: str, threads: int = 2) -> Iterator[KnowledgeIndex]:
    index = open_index(data_dir, embedder=embedder, threads=threads, say=_complain)
    try:
        yield index
    finally:
        index.close()


def _cases(path: Path, keys: Sequence[str], fault: Callable[[str], None]) -> Iterator[Mapping[str, Any]]:
    """The lines that are what they should be; one sentence for each of the others."""
    try:
        lines = path.read_bytes().split(b"\n")
    except OSError as error:
        raise UserFacingError(f"{path} cannot be read ({error.strerror}).") from error
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            case = json.loads(line)
        except (ValueError, RecursionError):
            fault(f"{path}: line {number}: not JSON.")
            continue
        missing = [key for key in keys if key not in case] if isinstance(case, dict) else list(keys)
        if missing:
            fault(f"{path}: line {number}: {' and '.join(missing)} missing.")
        elif not isinstance(case["question"], str):
            fault(f"{path}: line {number}: question is no text.")
        elif not isinstance(case.get("gold_paths", []), list):
            fault(f"{path}: line {number}: gold_paths is no list.")
        else:
            yield case


# -- out --------------------------------------------------------------------


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")


def _complain(line: str) -> None:
    sys.stderr.write(f"{line}\n")


@contextmanager
def _written(target: Path) -> Iterator[Callable[[str], None]]:
    try:
        # Half a character can only come from an escape in the input's id, and goes out as that escape.
        file = target.open("w", encoding="utf-8", errors="backslashreplace")
    except OSError as error:
        raise UserFacingError(f"{target} cannot be written ({error.strerror}).") from error
    with file:
        yield lambda line: print(line, file=file, flush=True)


@contextmanager
def _progress() -> Iterator[Told]:
    """A bar on a terminal, a line now and then otherwise; both on standard error."""
    console = Console(stderr=True)
    if not console.is_terminal:
        yield _lines
        return
    columns = (BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(), TextColumn("{task.fields[at]}"))
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task("", total=None, at="")

        def told(done: int, total: int, path: str) -> None:
            # File names are untrusted: markup in them must not be interpreted.
            bar.update(task, completed=done, total=total, at=path.replace("[", "\\[")[:60])

        yield told


def _lines(done: int, total: int, path: str) -> None:
    if done and done % _LINES_EVERY == 0 and done < total:
        _complain(f"{done} of {total}: {path}")


def _searched(passage: Passage) -> dict[str, Any]:
    return {
        "path": passage.path,
        "heading": passage.heading,
        "url": passage.url,
        "score": round(passage.score, 4),
        "text": passage.text,
    }


def _considered(id: Any, considered: Consideration) -> dict[str, Any]:
    answer = considered.answer
    return {
        "id": id,
        "answer": answer.text.body if answer else None,
        "abstained": answer is None,
        "confidence": round(considered.confidence, 4),
        "citations": [asdict(citation) for citation in answer.citations] if answer else [],
        "passages": [
            {"path": passage.path, "heading": passage.heading, "score": round(passage.score, 4)}
            for passage in considered.passages
        ],
    }


def _shortened(text: str) -> str:
    return textwrap.shorten(text, _SHORTENED, placeholder=" …")


def _table(found: Evaluation) -> str:
    def row(name: str, ranking: Ranking) -> str:
        return (
            f"{name:8} {ranking.questions:9} {ranking.recall_at_1:8.3f} {ranking.recall_at_5:8.3f}"
            f" {ranking.recall_at_10:8.3f} {ranking.mrr:8.3f}"
        )

    def percent(part: float | None) -> str:
        return "-" if part is None else f"{part:.1%}"

    lines = ["kind     questions recall@1 recall@5 recall@10      mrr", row("all", found.all)]
    lines += [row(name, ranking) for name, ranking in found.by_language.items()]
    lines += [
        "",
        f"answered though unanswerable: {percent(found.abstention.false_answers)}"
        + "".join(f", {name} {part:.0%}" for name, part in found.false_answers_by_category.items()),
        f"abstained though answerable:  {percent(found.abstention.abstained)}",
        f"answers that cite a right article: {percent(found.abstention.cites_gold)}",
        f"seconds for a question: p50 {found.p50_seconds:.3f}, p95 {found.p95_seconds:.3f}",
    ]
    return "\n".join(lines)
