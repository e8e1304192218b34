"""Accepted answers of GitHub Discussions: a question and its answer make an article.

https://docs.github.com/en/graphql/guides/using-the-graphql-api-for-discussions
"""

from __future__ import annotations

from dataclasses import dataclass

from pydantic import BaseModel

from bot.core.model import INTERNAL, PUBLIC, Audience
from knowledge.sources.fetching import Fetcher
from knowledge.sources.hypertext import UnreadableHtml, address, to_markdown
from knowledge.sources.source import Listing, SourceArticle

SITE = "https://github.com"  #: what relative addresses in a discussion are relative to
_TRIES = 3
_MINUTE = 60.0  #: seconds; what the documentation asks for where no time is stated
_HIDDEN = "there is no {repository}, or the token in {variable} may not read its discussions."

# In the order of creation: no edit moves a discussion to another page while we read.
QUERY = """
query AcceptedAnswers($owner: String!, $name: String!, $after: String) {
  repository(owner: $owner, name: $name) {
    visibility
    discussions(
      first: 50, after: $after, answered: true, orderBy: {field: CREATED_AT, direction: ASC}
    ) {
      pageInfo { hasNextPage endCursor }
      nodes {
        number
        title
        bodyHTML
        createdAt
        lastEditedAt
        stateReason
        category { slug }
        answerChosenAt
        answerChosenBy { __typename login }
        answer {
          url
          bodyHTML
          updatedAt
          isMinimized
          viewerDidAuthor
          authorAssociation
          author { __typename login }
        }
      }
    }
  }
}
"""
_MAINTAINERS = ("OWNER", "MEMBER", "COLLABORATOR")


class _Actor(BaseModel):
    login: str


class _Author(_Actor):
    typename: str = ""

    model_config = {"alias_generator": lambda name: "__typename" if name == "typename" else name}


class _Category(BaseModel):
    slug: str


class _Answer(BaseModel):
    url: str
    bodyHTML: str  # noqa: N815 - GitHub's spelling, here and below
    updatedAt: str  # noqa: N815 - as above
    isMinimized: bool  # noqa: N815 - as above
    viewerDidAuthor: bool  # noqa: N815 - as above
    authorAssociation: str  # noqa: N815 - as above
    author: _Author | None  #: null when the account is gone


class _Discussion(BaseModel):
    number: int
    title: str
    bodyHTML: str  # noqa: N815 - as above
    createdAt: str  # noqa: N815 - as above
    lastEditedAt: str | None  # noqa: N815 - as above
    stateReason: str | None  # noqa: N815 - as above
    category: _Category
    answerChosenAt: str | None  # noqa: N815 - as above
    answerChosenBy: _Actor | None  # noqa: N815 - as above
    answer: _Answer | None


class _PageInfo(BaseModel):
    hasNextPage: bool  # noqa: N815 - as above
    endCursor: str | None  # noqa: N815 - as above


class _Discussions(BaseModel):
    pageInfo: _PageInfo  # noqa: N815 - as above
    nodes: list[_Discussion]


class _Repository(BaseModel):
    visibility: str
    discussions: _Discussions


class _Data(BaseModel):
    repository: _Repository | None = None


class _Problem(BaseModel):
    type: str = ""


class _Reply(BaseModel):
    data: _Data | None = None
    errors: list[_Problem] = []


@dataclass(frozen=True, slots=True, kw_only=True)
class DiscussionsSource:
    """Some repositories."""

    fetcher: Fetcher  #: its address is that of the GraphQL endpoint
    repositories: tuple[str, ...]  #: owner/name
    audience: Audience | None = None  #: None: public, or internal where the repository is not
    lang: str = ""
    categories: frozenset[str] = frozenset()  #: slugs; none: all that take answers
    excluded_authors: frozenset[str] = frozenset()  #: logins, in small letters
    maintainers_only: bool = False

    @property
    def name(self) -> str:
        """As sources.toml calls it."""
        return self.fetcher.name

    async def listing(self) -> Listing:
        """Every accepted answer that may be told on."""
        articles: list[SourceArticle] = []
        problems: list[str] = []
        withheld: list[str] = []
        for repository in self.repositories:
            audience, found = await self._answered(repository)
            for one in found:
                if one.answer is None or not self._is_told(one, one.answer):
                    withheld.append(_key(repository, one))
                    continue
                try:
                    articles.append(self._article(repository, one, one.answer, audience))
                except UnreadableHtml as error:
                    problems.append(f"{repository}#{one.number} is left out: {error}.")
        return Listing(articles=articles, withheld=withheld, problems=problems)

    async def _answered(self, repository: str) -> tuple[Audience, list[_Discussion]]:
        found: list[_Discussion] = []
        seen: set[str] = set()
        after: str | None = None
        while True:
            page = await self._page(repository, after)
            audience = self._audience(repository, page.visibility)
            found += page.discussions.nodes
            if not page.discussions.pageInfo.hasNextPage:
                return audience, found
            after = page.discussions.pageInfo.endCursor
            if not after or after in seen:
                raise self.fetcher.failed(f"the list of discussions of {repository} does not end.")
            seen.add(after)

    async def _page(self, repository: str, after: str | None) -> _Repository:
        owner, _, name = repository.partition("/")
        question = {"query": QUERY, "variables": {"owner": owner, "name": name, "after": after}}
        for attempt in range(_TRIES):
            reply = await self.fetcher.post("", question, _Reply)
            kinds = {problem.type for problem in reply.errors}
            if not kinds and reply.data is not None and reply.data.repository is not None:
                return reply.data.repository
            if "RATE_LIMITED" not in kinds:
                raise self._refusal(repository, kinds)
            if attempt + 1 < _TRIES:
                await self.fetcher.pause(_MINUTE)
        raise self.fetcher.failed("GitHub's limit is used up; sync again in an hour.")

    def _refusal(self, repository: str, kinds: set[str]) -> Exception:
        if not kinds or kinds & {"NOT_FOUND", "FORBIDDEN", "INSUFFICIENT_SCOPES"}:
            return self.fetcher.failed(
                _HIDDEN.format(repository=repository, variable=self.fetcher.variable or "use")
            )
        return self.fetcher.failed("GitHub did not answer the question; its status page may tell why.")

    def _audience(self, repository: str, visibility: str) -> Audience:
        """What only some may see at GitHub is not public here."""
        is_open = visibility == "PUBLIC"
        if self.audience == PUBLIC and not is_open:
            raise self.fetcher.failed(
                f"{repository} is not public, so its answers cannot be; set audience to internal"
                " or to a customer."
            )
        return self.audience or (PUBLIC if is_open else INTERNAL)

    def _is_told(self, question: _Discussion, answer: _Answer) -> bool:
        author = answer.author
        login = author.login.lower() if author else ""
        if self.categories and question.category.slug not in self.categories:
            return False
        if answer.isMinimized or question.stateReason == "OUTDATED" or login in self.excluded_authors:
            return False
        # What a bot said, this one above all, is no source for what it says next.
        if answer.viewerDidAuthor or (author is not None and author.typename == "Bot"):
            return False
        if answer.authorAssociation in _MAINTAINERS:
            return True
        # Who accepts an answer of their own has convinced nobody yet.
        chosen_by = question.answerChosenBy.login.lower() if question.answerChosenBy else ""
        return not self.maintainers_only and bool(login) and chosen_by not in ("", login)

    def _article(
        self, repository: str, question: _Discussion, answer: _Answer, audience: Audience
    ) -> SourceArticle:
        # Their HTML rather than their Markdown: GitHub has cleaned it, and we clean it once more.
        asked, said = (to_markdown(one.bodyHTML, SITE) for one in (question, answer))
        return SourceArticle(
            key=_key(repository, question),
            title=question.title,
            body=f"## Question\n\n{asked}\n\n## Answer\n\n{said}",
            audience=audience,
            # A discussion's own date moves with every comment; these four move with what is shown.
            revision=max(
                question.createdAt,
                question.lastEditedAt or "",
                question.answerChosenAt or "",
                answer.updatedAt,
            ),
            url=address(answer.url, SITE),
            lang=self.lang,
            updated=answer.updatedAt,
        )


def _key(repository: str, question: _Discussion) -> str:
    return f"{repository}#{question.number}".lower()
