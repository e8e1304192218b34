"""A question → a quoted and cited answer, or none: the knowledge base without a language model."""

from __future__ import annotations

from collections.abc import Container, Sequence
from dataclasses import dataclass
from enum import StrEnum

from bot.core.model import INTERNAL, PUBLIC, Answer, Audience, AudienceKind, Citation, Finding, Text
from knowledge.chunking import slug_of
from knowledge.circumstances import NOTHING_KNOWN, Circumstances
from knowledge.embedding import Embedder
from knowledge.instructions import disarmed
from knowledge.judging import Evidence, confidence_in, weigh_up
from knowledge.kinds import Kind, Kinds
from knowledge.leaning import leans
from knowledge.quoting import neutral, quote
from knowledge.refusing import refuse
from knowledge.retrieval import Passage, Question, Searcher

PASSAGES = 10  #: that are looked at, and shown by `ask`
QUOTED = 2  #: at most
_LOOKED_AT = 15  #: passages, among which there are at least five articles to compare
# Low: fifteen of sixteen questions that have an answer shall get one, and a quotation shows by itself when it
# is beside the point. A room may ask for more.
SURE = 0.276  #: the confidence from which on the bot answers
_DOUBTFUL = 0.15  #: from which on it says that it is unsure, rather than that there is nothing
_CLOSE = 0.8  #: the second passage is quoted when it is no more than so many deviations behind the best one


class Reason(StrEnum):
    """Why there is an answer or none, in one word."""

    ANSWERED = "answered"
    UNSURE = "unsure"  #: something was found that may or may not answer
    NOT_COVERED = "not_covered"  #: nothing was found
    ACCOUNT = "account"  #: only our own people can look it up
    OFF_TOPIC = "off_topic"  #: no support desk is for it
    INSTRUCTIONS = "instructions"  #: it tells the bot what to be, to say, to reveal or to do


_REFUSED = {
    Kind.INSTRUCTIONS: Reason.INSTRUCTIONS,
    Kind.ACCOUNT: Reason.ACCOUNT,
    Kind.OFF_TOPIC: Reason.OFF_TOPIC,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Consideration:
    """All that was thought about a question; `answer` is None when the bot should abstain."""

    answer: Answer | None
    confidence: float  #: that the best article answers, 0 to 1
    passages: tuple[Passage, ...]  #: best first, also when abstaining
    reason: Reason

    @property
    def finding(self) -> Finding:
        """As the core hears it."""
        nearest = tuple(
            Citation(path=passage.path, heading=passage.heading, url=passage.url, revision=passage.revision)
            for passage in self.passages
        )
        return Finding(
            answer=self.answer, confidence=self.confidence, nearest=nearest, reason=self.reason.value
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """What was found for a question, before anything is decided."""

    question: Question
    found: tuple[Passage, ...]  #: best first, without orders
    refused: Kind | None  #: the kind of question that is not looked up; None for the others
    evidence: Evidence | None  #: None when nothing was found


class Answerer:
    """Blocking and thread-safe."""

    def __init__(self, searcher: Searcher, embedder: Embedder | None, kinds: Kinds | None) -> None:
        self._searcher = searcher
        self._embedder = embedder
        self._kinds = kinds

    @property
    def embedder(self) -> Embedder | None:
        """What questions are embedded with."""
        return self._embedder

    def consider(
        self,
        text: str,
        *,
        reader: Audience,
        passages: int = PASSAGES,
        earlier: Sequence[str] = (),
        circumstances: Circumstances = NOTHING_KNOWN,
    ) -> Consideration:
        """Look, judge and quote. `earlier` is what the asker said before in the thread, oldest first."""
        seen = self.look(
            text,
            reader=reader,
            limit=max(passages, _LOOKED_AT),
            earlier=earlier,
            circumstances=circumstances,
        )
        shown = seen.found[:passages]
        if seen.refused is not None or seen.evidence is None:
            reason = _REFUSED[seen.refused] if seen.refused else Reason.NOT_COVERED
            return Consideration(answer=None, confidence=0.0, passages=shown, reason=reason)
        confidence = confidence_in(seen.evidence)
        if confidence < SURE:
            reason = Reason.UNSURE if confidence >= _DOUBTFUL else Reason.NOT_COVERED
            return Consideration(answer=None, confidence=confidence, passages=shown, reason=reason)
        answer = self._compose(seen.question, seen.found, confidence)
        return Consideration(answer=answer, confidence=confidence, passages=shown, reason=Reason.ANSWERED)

    def look(
        self,
        text: str,
        *,
        reader: Audience,
        limit: int = _LOOKED_AT,
        earlier: Sequence[str] = (),
        without: Container[str] = (),
        circumstances: Circumstances = NOTHING_KNOWN,
    ) -> Look:
        """What there is to judge by. Articles `without` are taken for absent, to see what is said then."""
        asked = self._searcher.read(text, circumstances)
        question = self._whole(asked, reader, earlier)
        found = disarmed(
            passage
            for passage in self._searcher.search(question, reader, limit=limit)
            if not any(path in without for path in (passage.path, *passage.also_at))
        )
        likeness = self._kinds.like(asked.vector) if self._kinds and asked.vector is not None else None
        refused = refuse(text) or (likeness.kind if likeness and likeness.is_sure else None)
        with self._searcher.live.view(reader) as view:
            evidence = weigh_up(view, question, found, likeness) if found else None
        return Look(question=question, found=tuple(found), refused=refused, evidence=evidence)

    def _whole(self, asked: Question, reader: Audience, earlier: Sequence[str]) -> Question:
        """Together with what was said before, when it is not to be understood without."""
        if not earlier:
            return asked
        with self._searcher.live.view(reader) as view:
            needs = leans(asked, view)
        return self._searcher.read(f"{earlier[-1]}\n{asked.text}", asked.circumstances) if needs else asked

    def _compose(self, question: Question, found: Sequence[Passage], confidence: float) -> Answer:
        enough = found[0].score - _CLOSE
        chosen = [passage for passage in found[:QUOTED] if passage.score >= enough]
        parts, citations = [], []
        for passage in chosen:
            quotation = quote(passage.text, question, heading=passage.heading, embedder=self._embedder)
            heading = quotation.heading or passage.heading
            title = passage.title if heading == passage.title else f"{passage.title} — {heading}"
            parts.append(f"**{neutral(title)}**\n{quotation.text}")
            citations.append(
                Citation(
                    path=passage.path,
                    heading=neutral(heading),
                    url=_url(passage, quotation.heading),
                    revision=passage.revision,
                )
            )
        text = Text(body="\n\n".join(parts), audience=widest([passage.audience for passage in chosen]))
        return Answer(text=text, citations=tuple(citations), confidence=round(confidence, 3))


def _url(passage: Passage, heading: str) -> str:
    """To the section that is quoted, which may be a later one of the passage."""
    if not heading or not passage.url:
        return passage.url
    return f"{passage.url.partition('#')[0]}#{slug_of(heading)}"


def widest(audiences: Sequence[Audience]) -> Audience:
    """The most people who may read all of it."""
    private = {audience for audience in audiences if audience.kind is not AudienceKind.PUBLIC}
    if not private:
        return PUBLIC
    return private.pop() if len(private) == 1 else INTERNAL
