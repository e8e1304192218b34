"""An answer in a model's words, of which only what its passages hold is let through."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, aclosing
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

import structlog

from bot.core.masking import mask
from bot.core.model import Inquiry
from knowledge.addresses import Allowed
from knowledge.claims import Cutter, Evidence, Kind, Piece, cited, without_citations
from knowledge.instructions import disarmed
from knowledge.links import foreign, gate
from knowledge.models.openai_client import ModelAccess, open_client, patiently
from knowledge.prompting import prompt
from knowledge.retrieval import Passage

if TYPE_CHECKING:
    from openai import AsyncOpenAI

NOT_FOUND = "NOT_FOUND"
PASSAGES = 6  #: that the model reads
MOST_TOKENS = 1_200  #: those that a model thinks with count too
LONGEST = 8_000  #: characters that are read of an answer, whatever the server was told

log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class Composed:
    """An answer whose every claim cites a passage; without passages, the model's word that there is none."""

    text: str  #: Markdown; [1] stands for the first of `passages`
    passages: tuple[Passage, ...]

    @property
    def is_found(self) -> bool:
        return bool(self.passages)


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """A piece of an answer that may be shown."""

    text: str
    passages: tuple[Passage, ...]  #: all that were cited so far; [1] is the first


class Composer:
    """Asks an OpenAI-compatible model, and lets through what can be checked."""

    def __init__(
        self,
        access: ModelAccess,
        *,
        allow: Sequence[str] = (),
        open_client: Callable[[ModelAccess], AbstractAsyncContextManager[AsyncOpenAI]] = open_client,
    ) -> None:
        self._access = access
        self._allow = tuple(allow)
        self._open_client = open_client

    async def warm_up(self) -> None:
        """Load the client's library, which takes a while."""
        async with self._open_client(self._access):
            return

    async def compose(
        self, inquiry: Inquiry, passages: Sequence[Passage], hear: Callable[[str], None] = lambda _piece: None
    ) -> Composed | None:
        """The whole answer; None when nothing came that may be posted. Its pieces are heard as they come."""
        pieces: list[Checked] = []
        try:
            async with aclosing(self.stream(inquiry, passages)) as stream:
                async for piece in stream:
                    pieces.append(piece)
                    hear(piece.text)
        except NotFound:
            return Composed(text="", passages=())
        except ComposingFailed:
            return None
        text = "".join(piece.text for piece in pieces)
        return Composed(text=text, passages=pieces[-1].passages) if pieces else None

    async def stream(self, inquiry: Inquiry, passages: Sequence[Passage]) -> AsyncGenerator[Checked, None]:
        """The pieces that passed, each as soon as it is complete.

        NotFound when the model says so; ComposingFailed when the answer is not to be kept: what was shown of
        it is to be replaced.
        """
        given = disarmed(passages)[:PASSAGES]
        if not given:
            return
        check = _Check(given=given, allowed=self._allowed(given), inquiry=inquiry)
        try:
            async with aclosing(self._written(inquiry, given)) as written:
                async for text in written:
                    for piece in check.feed(text):
                        yield piece
            for piece in check.finish():
                yield piece
        except NotFound:
            raise
        except Exception as error:  # noqa: BLE001 - however a model fails, the answer is another one
            status = getattr(error, "status_code", None)
            log.warning("composing_failed", error=type(error).__name__, status=status)
            raise ComposingFailed from None
        log.info("answer_checked", kept=check.kept, dropped=check.dropped, passages=len(given))
        if check.dropped > check.kept:
            raise ComposingFailed

    def _allowed(self, given: Sequence[Passage]) -> Allowed:
        return Allowed.of([one.url for one in given if one.url], [one.text for one in given], self._allow)

    async def _written(self, inquiry: Inquiry, given: Sequence[Passage]) -> AsyncGenerator[str, None]:
        patience = self._access.patience
        async with self._open_client(self._access) as client:
            until = asyncio.get_running_loop().time() + patience.whole.total_seconds()
            async with asyncio.timeout_at(until):
                stream = await client.chat.completions.create(
                    model=self._access.model,
                    messages=prompt(inquiry, given),
                    max_completion_tokens=MOST_TOKENS,
                    stream=True,
                )
            ended = None
            async with stream, aclosing(patiently(aiter(stream), patience, until=until)) as chunks:
                async for chunk in chunks:
                    for choice in chunk.choices[:1]:
                        ended = choice.finish_reason or ended
                        yield choice.delta.content or ""
            if ended != "stop":  # cut short, filtered, or a tool that nobody offered
                raise ComposingFailed


class NotFound(Exception):
    """The model says that the passages do not answer the question."""


class ComposingFailed(Exception):
    """Nothing came that may be posted, or not enough of it."""


class _Key(Protocol):
    def reveal(self) -> str: ...


class _Settings(Protocol):
    @property
    def base_url(self) -> str: ...
    @property
    def model(self) -> str: ...
    @property
    def api_key(self) -> _Key | None: ...
    @property
    def allowed_links(self) -> Sequence[str]: ...


def composer_of(settings: _Settings | None) -> Composer | None:
    """The composer that the settings ask for; None without a model."""
    if settings is None:
        return None
    key = settings.api_key.reveal() if settings.api_key else None
    access = ModelAccess(base_url=settings.base_url, model=settings.model, api_key=key)
    return Composer(access, allow=settings.allowed_links)


# -- what comes back -----------------------------------------------------------------


@dataclass(slots=True)
class _Check:
    """Lets pieces through, and gives the passages numbers in the order in which they are cited."""

    given: Sequence[Passage]
    allowed: Allowed
    inquiry: Inquiry
    kept: int = 0
    dropped: int = 0
    _cutter: Cutter = field(default_factory=Cutter)
    _numbers: dict[int, int] = field(default_factory=dict)
    _behind: list[int] = field(default_factory=list)  #: what the claim before cites: a listing rests on it
    _read: int = 0
    _evidence: Evidence = field(init=False)
    _begins: bool = True  #: a paragraph

    def __post_init__(self) -> None:
        known = [word for word in (self.inquiry.version, self.inquiry.environment) if word]
        self._evidence = Evidence(self.given, [mask(word) for word in known])

    def feed(self, text: str) -> list[Checked]:
        """What may be shown now."""
        room = LONGEST - self._read
        self._read += len(text)
        return [checked for piece in self._cutter.feed(text[: max(room, 0)]) for checked in self._pass(piece)]

    def finish(self) -> list[Checked]:
        """What may be shown at the end."""
        return [checked for piece in self._cutter.finish() for checked in self._pass(piece)]

    def _pass(self, piece: Piece) -> list[Checked]:
        if piece.kind is Kind.BREAK:
            self._begins = True
            return []
        if without_citations(piece.text).strip("*_`. ") == NOT_FOUND and not self.kept:
            raise NotFound
        numbers = self._behind if piece.kind is Kind.LISTING else cited(piece.text, len(self.given))
        shown = self._shown(piece, numbers)
        if shown is None:
            self.dropped += 1
            self._behind = []
            return []
        self.kept += 1
        self._behind = [] if piece.kind is Kind.LISTING else numbers
        separator = self._separator(piece)
        self._begins = piece.kind is Kind.LISTING
        return [
            Checked(
                text=separator + shown, passages=tuple(self.given[number - 1] for number in self._numbers)
            )
        ]

    def _shown(self, piece: Piece, numbers: Sequence[int]) -> str | None:
        is_listing = piece.kind is Kind.LISTING
        holds = self._evidence.holds_listing if is_listing else self._evidence.holds
        if not holds(piece.text, numbers):
            return None
        words = piece.text if is_listing else without_citations(piece.text)
        text = gate(mask(words, is_documentation=True), self.allowed)
        if not text or foreign(text, self.allowed):
            return None
        if is_listing:
            return text
        for number in numbers:
            self._numbers.setdefault(number, len(self._numbers) + 1)
        marks = "".join(f"[{self._numbers[number]}]" for number in numbers)
        return f"{text} {marks}"

    def _separator(self, piece: Piece) -> str:
        if self.kept == 1:
            return ""
        if piece.kind is Kind.LISTING or self._begins:
            return "\n\n"
        return "\n" if piece.kind is Kind.ITEM else " "
