"""Questions without a good answer → groups of the same question, each with a draft of the missing article."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np
import yaml

from bot.core.masking import mask
from bot.core.model import Audience, Citation, Gap
from bot.core.replies import plain
from knowledge.embedding import Embedder, Vectors, unit
from knowledge.languages import Language, detect, terms

# Measured on pairs of questions with the same and with different golds: one in a thousand different pairs
# reaches the first; the second holds where the two came near to the same article.
_SAME = 0.5
_SAME_NEARBY = 0.3
_NEAREST = 3  #: articles of a question that are compared
_SHOWN = 5  #: articles of a group

# What any question looks like to a model; only the difference from it tells two questions apart.
_ORDINARY: Mapping[Language, Sequence[str]] = {
    Language.EN: (
        "how do I install it on a new machine?",
        "why does the page stay empty after I log in?",
        "where can I see who changed a setting?",
        "the nightly job failed with a timeout, what now?",
        "is there a limit for the size of a file?",
        "can we use our own certificate?",
        "what is the difference between the two modes?",
        "which permissions does the service need?",
    ),
    Language.PT: (
        "como instalo numa máquina nova?",
        "por que a página fica vazia depois do login?",
        "onde vejo quem mudou uma configuração?",
        "o job da noite falhou com timeout, e agora?",
        "existe um limite para o tamanho do arquivo?",
        "podemos usar o nosso próprio certificado?",
        "qual é a diferença entre os dois modos?",
        "de que permissões o serviço precisa?",
    ),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class GapGroup:
    """One question that several people asked, in their own words, personal data masked."""

    questions: tuple[str, ...]  #: the most typical first
    times: int
    conversations: int
    audience: Audience  #: of all its questions: what one customer asked is never mixed with another's
    not_helped: int  #: how often an answer was given and did not help
    first_at: datetime
    last_at: datetime
    nearest: tuple[Citation, ...]  #: what came nearest, most often first


def group(gaps: Sequence[Gap], embedder: Embedder | None) -> list[GapGroup]:
    """Most frequent first. Without an embedder only questions of the same words are taken for the same."""
    if not gaps:
        return []
    questions = [mask(" ".join(gap.text.split())) for gap in gaps]
    alike = _alike(questions, embedder)
    near = [{citation.path for citation in gap.nearest[:_NEAREST]} for gap in gaps]
    groups: list[list[int]] = []
    for one in range(len(gaps)):
        for members in groups:
            if gaps[members[0]].audience == gaps[one].audience and all(
                _is_same(alike[one, other], near[one] & near[other]) for other in members
            ):
                members.append(one)
                break
        else:
            groups.append([one])
    found = [
        _group(
            [gaps[one] for one in members],
            [questions[one] for one in members],
            alike[np.ix_(members, members)],
        )
        for members in groups
    ]
    return sorted(found, key=lambda group: (-group.times, -group.last_at.timestamp()))


def _is_same(likeness: float, shared: set[str]) -> bool:
    return likeness >= _SAME or (likeness >= _SAME_NEARBY and bool(shared))


def _alike(questions: Sequence[str], embedder: Embedder | None) -> Vectors:
    """Everybody with everybody: 1 for the same, about 0 for nothing in common."""
    if embedder is None:
        return _by_words(questions)
    languages = [detect(question) or Language.EN for question in questions]
    ordinary = {
        language: embedder.embed_queries(list(said)).mean(axis=0) for language, said in _ORDINARY.items()
    }
    vectors = embedder.embed_queries(list(questions))
    centred = unit(vectors - np.stack([ordinary[language] for language in languages]))
    found: Vectors = centred @ centred.T
    return found


def _by_words(questions: Sequence[str]) -> Vectors:
    words = [frozenset(terms(question, detect(question) or Language.EN)) for question in questions]
    found: Vectors = np.array(
        [[len(one & other) / max(len(one | other), 1) for other in words] for one in words], np.float32
    )
    return found


def _group(gaps: Sequence[Gap], questions: Sequence[str], alike: Vectors) -> GapGroup:
    typical = np.argsort(-alike.sum(axis=0), kind="stable").tolist()
    votes = Counter(citation.path for gap in gaps for citation in gap.nearest)
    known = {citation.path: citation for gap in gaps for citation in reversed(gap.nearest)}
    return GapGroup(
        questions=tuple(dict.fromkeys(questions[one] for one in typical)),
        times=len(gaps),
        conversations=len({gap.conversation for gap in gaps}),
        audience=gaps[0].audience,
        not_helped=sum(gap.reason == "not_helped" for gap in gaps),
        first_at=min(gap.asked_at for gap in gaps),
        last_at=max(gap.asked_at for gap in gaps),
        nearest=tuple(known[path] for path, _ in votes.most_common(_SHOWN)),
    )


def draft(group: GapGroup) -> str:
    """A Markdown article for a person to finish: internal until they say otherwise, and without names."""
    front = {
        "title": group.questions[0][:120],
        "audience": "internal",
        "lang": (detect(group.questions[0]) or Language.EN).value,
    }
    asked = "\n".join(f"- {plain(question)}" for question in group.questions)
    near = "\n".join(f"- {plain(citation.heading)} (`{citation.path}`)" for citation in group.nearest)
    return (
        f"---\n{yaml.safe_dump(front, allow_unicode=True, sort_keys=False)}---\n\n"
        f"# {plain(group.questions[0][:120])}\n\n"
        "TODO: answer in two or three sentences.\n\n"
        "## Steps\n\nTODO\n\n"
        f"## As people asked it\n\n{asked}\n\n"
        f"## What we have nearby\n\n{near or 'Nothing.'}\n\n"
        "TODO: decide who may read it (`audience` above), and take out this line.\n"
    )
