"""A question → a quoted and cited answer, or none: the knowledge base without a language model."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass

from bot.core.model import INTERNAL, PUBLIC, Answer, Audience, AudienceKind, Citation, Finding, Text
from knowledge.chunking import slug_of
from knowledge.embedding import Embedder
from knowledge.instructions import disarmed
from knowledge.quoting import neutral, quote
from knowledge.refusing import Refusal, refuse
from knowledge.retrieval import Passage, Question, Searcher

PASSAGES = 10  #: that are looked at, and shown by `ask`
QUOTED = 3  #: at most

# Fitted on the development questions: the score of the best article, how far the sixth is behind it, and
# the names in the question that the best article does not know.
_RIVAL = 5
_LEAD_WEIGHT = 0.5
_STRANGE_NAME = 1.5
_UNKNOWN_NAME = 1.5
_WORDS_ALONE = 2.0  #: stands for the meaning, which is about this near in answers, when there is no embedder
# Among more chunks the best of them looks better by chance alone: the largest of n normal values grows with
# the root of 2 ln n. Both figures are fitted on the development questions over the whole folder (6,806
# chunks) and over three of its products (522 to 869).
_CHANCE = 2.3
_BASE = -2.9
SURE = 0.5  #: the confidence from which on the bot answers
_STEEPNESS = 0.9
_CLOSE = 0.85  #: a further passage is quoted when its article reaches this part of the best one's score

_TOKEN = re.compile(r"[^\W_](?:[\w.\-/]*[^\W_])?")
_CODED = re.compile(r"[a-z][A-Z]|[^\W\d_]\d|\d[^\W\d_]|_|[A-Z]{2,}")
_MEASURE = re.compile(r"\d[\w.,]*")
_BEFORE_SENTENCE = frozenset(".!?:\"'`(\n,")


@dataclass(frozen=True, slots=True, kw_only=True)
class Consideration:
    """All that was thought about a question; `answer` is None when the bot should abstain."""

    answer: Answer | None
    confidence: float
    passages: tuple[Passage, ...]  #: best first, one for each article, also when abstaining
    refusal: Refusal | None = None

    @property
    def finding(self) -> Finding:
        """As the core hears it."""
        nearest = tuple(
            Citation(path=passage.path, heading=passage.heading, url=passage.url) for passage in self.passages
        )
        return Finding(answer=self.answer, confidence=self.confidence, nearest=nearest)


class Answerer:
    """Blocking and thread-safe."""

    def __init__(self, searcher: Searcher, embedder: Embedder | None) -> None:
        self._searcher = searcher
        self._embedder = embedder

    def consider(self, text: str, *, reader: Audience, passages: int = PASSAGES) -> Consideration:
        """Look, judge and quote."""
        question = self._searcher.read(text)
        found = tuple(disarmed(self._searcher.search(question, reader, limit=max(passages, _RIVAL + 1))))
        refusal = refuse(text)
        confidence = self._confidence(question, reader, found) if found and refusal is None else 0.0
        answer = self._compose(question, found, confidence) if confidence >= SURE else None
        return Consideration(answer=answer, confidence=confidence, passages=found[:passages], refusal=refusal)

    def _confidence(self, question: Question, reader: Audience, found: Sequence[Passage]) -> float:
        best, rival = found[0], found[min(_RIVAL, len(found) - 1)]
        evidence = best.score + _LEAD_WEIGHT * (best.score - rival.score)
        knowing = [self._searcher.articles_naming(name, reader) for name in names(question.text)]
        if any(best.article not in articles for articles in knowing):
            evidence -= _STRANGE_NAME
        if not all(knowing):
            evidence -= _UNKNOWN_NAME
        if question.vector is None:
            evidence += _WORDS_ALONE
        enough = _enough(self._searcher.size(reader))
        return 1 / (1 + math.exp(-_STEEPNESS * (evidence - enough)))

    def _compose(self, question: Question, found: Sequence[Passage], confidence: float) -> Answer:
        enough = found[0].score * _CLOSE
        chosen = [passage for passage in found[:QUOTED] if passage.score >= enough]
        parts, citations = [], []
        for passage in chosen:
            quotation = quote(passage.text, question, heading=passage.heading, embedder=self._embedder)
            heading = quotation.heading or passage.heading
            title = passage.title if heading == passage.title else f"{passage.title} — {heading}"
            parts.append(f"**{neutral(title)}**\n{quotation.text}")
            citations.append(
                Citation(path=passage.path, heading=neutral(heading), url=_url(passage, quotation.heading))
            )
        text = Text(body="\n\n".join(parts), audience=widest([passage.audience for passage in chosen]))
        return Answer(text=text, citations=tuple(citations), confidence=round(confidence, 3))


def _url(passage: Passage, heading: str) -> str:
    """To the section that is quoted, which may be a later one of the passage."""
    if not heading or not passage.url:
        return passage.url
    return f"{passage.url.partition('#')[0]}#{slug_of(heading)}"


def _enough(chunks: int) -> float:
    """The evidence at which an answer is as likely right as not."""
    return _BASE + _CHANCE * math.sqrt(2 * math.log(max(chunks, 2)))


def widest(audiences: Sequence[Audience]) -> Audience:
    """The most people who may read all of it."""
    private = {audience for audience in audiences if audience.kind is not AudienceKind.PUBLIC}
    if not private:
        return PUBLIC
    return private.pop() if len(private) == 1 else INTERNAL


def names(question: str) -> list[str]:
    """Words that stand for one thing: written with capitals, digits or marks as prose is not."""
    found: list[str] = []
    for match in _TOKEN.finditer(question):
        word, before = match[0], question[: match.start()].rstrip(" \t")
        starts = not before or before[-1] in _BEFORE_SENTENCE
        is_name = bool(_CODED.search(word)) or (word[0].isupper() and not starts)
        if is_name and word != "I" and not _MEASURE.fullmatch(word):
            found.append(word)
    return list(dict.fromkeys(found))
