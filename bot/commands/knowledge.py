"""`kb index|search|eval`, `ask` and `triage`: the knowledge base and the first guess, at the terminal."""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import os
import random
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

from bot import logs
from bot.commands.printing import as_json, complain, keep_apart, lines_of, say, write_lines
from bot.core.errors import UserFacingError
from bot.core.model import Verdict
from bot.core.spelling import parse_tier
from config.settings import Settings

_SEED = 19  #: of the intervals of `kb eval`: the same run gives the same figures


def _settings() -> Settings:
    """Warnings go beside the result from here on: a machine may be reading it."""
    logs.set_up(level=logging.WARNING)
    return Settings.from_environ(os.environ)


def index(arguments: argparse.Namespace) -> int:
    """Build or refresh the index."""
    from knowledge.commands import kb_index  # noqa: PLC0415 - a model comes with it; `triage` needs none
    from knowledge.vectors import ChromaServer  # noqa: PLC0415 - as above

    settings = _settings()
    chroma = settings.chroma
    server = ChromaServer(url=chroma.url.reveal(), prefix=chroma.prefix) if chroma else None
    folders = [Path(folder) for folder in arguments.dirs]
    return kb_index(
        folders, settings.data_dir, embedder=settings.embedder, as_json=arguments.json, chroma=server
    )


def search(arguments: argparse.Namespace) -> int:
    """The best passages for a query."""
    from knowledge.commands import kb_search  # noqa: PLC0415 - as above

    if not arguments.query.strip():
        raise UserFacingError("the query is empty")
    if arguments.limit < 1:
        raise UserFacingError("--limit: at least 1")
    settings = _settings()
    return kb_search(
        arguments.query,
        settings.data_dir,
        limit=arguments.limit,
        as_json=arguments.json,
        embedder=settings.embedder,
    )


def evaluate(arguments: argparse.Namespace) -> int:
    """Measure retrieval and abstention."""
    from knowledge.evaluation.commands import Wanted, kb_eval  # noqa: PLC0415 - as above

    wanted = Wanted(
        as_json=arguments.json,
        save=_path(arguments.save),
        compare=_path(arguments.compare),
        chart=_path(arguments.chart),
    )
    settings = _settings()
    return kb_eval(
        Path(arguments.questions),
        _path(arguments.unanswerable),
        settings.data_dir,
        embedder=settings.embedder,
        rng=random.Random(_SEED),  # noqa: S311 - draws questions, guards nothing
        wanted=wanted,
    )


def _path(given: str | None) -> Path | None:
    return Path(given) if given else None


def ask(arguments: argparse.Namespace) -> int:
    """One question, or a file of them."""
    from knowledge.commands import ask as ask_one  # noqa: PLC0415 - as above
    from knowledge.commands import ask_batch  # noqa: PLC0415 - as above
    from knowledge.composing import composer_of  # noqa: PLC0415 - as above

    tier = parse_tier(arguments.tier)
    if arguments.question is not None and not arguments.question.strip():
        raise UserFacingError("the question is empty")
    if (arguments.question is None) == (arguments.batch is None):
        raise UserFacingError("give a question, or a file of them with --batch")
    if arguments.batch is not None and arguments.out is None:
        raise UserFacingError("--out is missing: where the answers go")
    settings = _settings()
    ask_it = partial(ask_one, arguments.question, as_json=arguments.json)
    if arguments.question is None:
        keep_apart(arguments.batch, arguments.out)
        ask_it = partial(ask_batch, Path(arguments.batch), Path(arguments.out))
    composer = composer_of(settings.model)
    return ask_it(settings.data_dir, tier=tier, composer=composer, embedder=settings.embedder)


def triage(arguments: argparse.Namespace) -> int:
    """Product area and priority of a message, or of a file of them."""
    if arguments.message is not None and not arguments.message.strip():
        raise UserFacingError("the message is empty")
    if (arguments.message is None) == (arguments.batch is None):
        raise UserFacingError("give a message, or a file of them with --batch")
    classify = _classifier()
    if arguments.batch is not None:
        return _triage_batch(arguments.batch, arguments.out, classify)
    verdict = _verdict(classify(arguments.message))
    if arguments.json:
        say(as_json(verdict))
    else:
        say(
            f"{verdict['product_area']}, {verdict['priority']} "
            f"({verdict['confidence']:.0%}): {verdict['reason']}"
        )
    return 0


def _classifier() -> Callable[[str], Verdict]:
    from knowledge.assisting import advised, adviser_of  # noqa: PLC0415 - as below
    from knowledge.opening import load_embedder  # noqa: PLC0415 - a model comes with it
    from knowledge.triaging import ExampleClassifier  # noqa: PLC0415 - as above

    settings = _settings()
    embedder = load_embedder(settings.embedder, settings.data_dir, say=complain)
    local = ExampleClassifier(embedder, settings.data_dir).classify
    adviser = adviser_of(settings.model)
    if adviser is None:
        return local
    return lambda text: advised(local(text), asyncio.run(adviser.judge(text)), text)


def _triage_batch(batch: str, out: str | None, classify: Callable[[str], Verdict]) -> int:
    keep_apart(batch, out)
    problems = 0

    def verdicts() -> Iterator[dict[str, Any]]:
        nonlocal problems
        for number, line in enumerate(lines_of(batch, option="--batch"), start=1):
            if not line.strip():
                continue
            try:
                case = json.loads(line)
                yield {"id": case["id"], **_verdict(classify(case["message"]))}
            except (ValueError, KeyError, TypeError, AttributeError):
                problems += 1
                complain(f"{batch}: line {number}: not an object with id and message")

    write_lines(out, verdicts())
    return 1 if problems else 0


def _verdict(found: Verdict) -> dict[str, Any]:
    said = found.description
    return {
        "product_area": found.product_area.value,
        "priority": found.priority.value,
        "confidence": found.confidence,
        "reason": found.reason,
        "environment": said.environment.value if said.environment else None,
        "version": said.version,
        "language": said.language,
        "sentiment": said.sentiment.value,
        "confidences": {
            "product_area": found.sure_of_area,
            "priority": found.sure_of_priority,
            "environment": said.sure_of_environment,
            "version": said.sure_of_version,
            "language": said.sure_of_language,
            "sentiment": said.sure_of_sentiment,
        },
    }
