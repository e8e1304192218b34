"""`python -m bot <command>`: the table of commands. Nothing heavy is imported before one is chosen."""

from __future__ import annotations

import argparse
import importlib
import os
import sys
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, NoReturn

from bot.core.errors import UserFacingError
from bot.system import pin_time_zones

BAD_INPUT = 2  #: the exit code for a wrong command line, a wrong setting or a wrong file


class _Parser(argparse.ArgumentParser):
    """Bad input gets one sentence, not a page of usage."""

    def error(self, message: str) -> NoReturn:
        self.exit(BAD_INPUT, f"{self.prog}: {message}. Try '{self.prog} --help'.\n")


if TYPE_CHECKING:
    Commands = argparse._SubParsersAction[_Parser]  # noqa: SLF001 - argparse gives the type no public name


def build_parser() -> argparse.ArgumentParser:
    """Every command with its options."""
    parser = _Parser(
        prog="python -m bot",
        description="Deskbell: a support desk that lives where your customers already are.",
    )
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True, parser_class=_Parser)
    _add_running(commands)
    _add_operating(commands)
    _add_knowledge(commands)
    _add_asking(commands)
    _add_sla(commands)
    return parser


def _command(commands: Commands, name: str, help: str, run: str) -> argparse.ArgumentParser:
    """Add a command whose work is the function `module:function` below bot.commands."""
    parser = commands.add_parser(name, help=help, description=help, allow_abbrev=False)
    parser.set_defaults(run=run)
    return parser


def _add_running(commands: Commands) -> None:
    demo = _command(commands, "demo", "the sandbox: no account, no network", "demo:run")
    demo.add_argument("--port", type=int, default=8080, help="where the page is served (8080)")
    demo.add_argument("--kb", metavar="DIR", help="your own articles instead of the sample ones")
    demo.add_argument("--no-browser", action="store_true", help="do not open a browser")
    _command(commands, "serve", "everything in one process", "serve:serve")
    _command(commands, "web", "only the HTTP side: verify, store, answer", "serve:web")
    _command(commands, "worker", "only the work: drain the ledger", "serve:worker")
    _command(commands, "gateway", "only the sockets we open: Slack Socket Mode", "serve:gateway")
    chat = _command(commands, "chat", "talk to the bot in this terminal", "chat:run")
    chat.add_argument("--tier", default="Enterprise", help="Community, Professional or Enterprise")


def _add_operating(commands: Commands) -> None:
    _command(commands, "migrate", "bring the database to the current schema", "operate:migrate")
    check = _command(commands, "check", "is everything in order? exit 1 if not", "operate:check")
    check.add_argument("--live", action="store_true", help="also ask the vendors about tokens and scopes")
    check.add_argument("--json", action="store_true", help="for machines")
    oncall = _command(commands, "oncall", "who is on call, and when nobody is", "oncall:show")
    oncall.add_argument("--role", help="one role of oncall.toml; by default all")
    oncall.add_argument("--at", metavar="ISO", help="then instead of now, with its offset")
    oncall.add_argument("--json", action="store_true", help="for machines")
    replay = _command(commands, "replay", "put parked work back into its queue", "operate:replay")
    replay.add_argument("queue", choices=["deliveries", "effects"], help="as `check` names it")
    replay.add_argument("ids", nargs="+", type=int, metavar="ID", help="as `check` names them")


def _add_knowledge(commands: Commands) -> None:
    kb = commands.add_parser("kb", help="the knowledge base: index, search, eval")
    parts = kb.add_subparsers(dest="part", metavar="PART", required=True, parser_class=_Parser)
    index = _command(parts, "index", "build or refresh the index", "knowledge:index")
    index.add_argument("dirs", nargs="+", metavar="DIR", help="folders of Markdown articles")
    index.add_argument("--json", action="store_true", help="for machines")
    search = _command(parts, "search", "the best passages for a query", "knowledge:search")
    search.add_argument("query")
    search.add_argument("--limit", type=int, default=5)
    search.add_argument("--json", action="store_true", help="for machines")
    evaluate = _command(parts, "eval", "measure what is found, answered and left", "knowledge:evaluate")
    evaluate.add_argument(
        "--questions", required=True, metavar="FILE", help="questions with gold paths, JSONL"
    )
    evaluate.add_argument("--unanswerable", metavar="FILE", help="questions that must not be answered, JSONL")
    evaluate.add_argument("--save", metavar="FILE", help="keep this run for a later --compare")
    evaluate.add_argument("--compare", metavar="FILE", help="what changed since a run that was kept")
    evaluate.add_argument("--chart", metavar="FILE", help="a picture of calibration and caution, SVG")
    evaluate.add_argument("--json", action="store_true", help="for machines")
    _add_self_service(parts)


def _add_self_service(parts: Commands) -> None:
    sync = _command(parts, "sync", "mirror the sources of sources.toml and index them", "syncing:sync")
    sync.add_argument("names", nargs="*", metavar="NAME", help="only these sources")
    sync.add_argument("--dry-run", action="store_true", help="say what would change, and change nothing")
    sync.add_argument("--yes", action="store_true", help="also when more than half of a source is gone")
    sync.add_argument("--background", action="store_true", help="as `serve` runs it: gives way to other work")
    sync.add_argument("--json", action="store_true", help="for machines")
    complete = _command(parts, "complete", "titles and headings that begin so", "selfservice:complete")
    complete.add_argument("beginning")
    related = _command(parts, "related", "articles about the same thing", "selfservice:related")
    related.add_argument("path", help="of an article, as `kb search` shows it")
    trending = _command(parts, "trending", "articles that answer most", "selfservice:trending")
    gaps = _command(parts, "gaps", "questions without a good answer, grouped", "selfservice:gaps")
    gaps.add_argument("--drafts", metavar="DIR", help="write a draft of each missing article there")
    for part, limit in ((complete, 8), (related, 5), (trending, 10)):
        part.add_argument("--limit", type=int, default=limit)
    for part, days in ((trending, 30), (gaps, 90)):
        part.add_argument("--days", type=int, default=days, help=f"how far back; {days} by default")
    for part in (complete, related, trending, gaps):
        part.add_argument("--json", action="store_true", help="for machines")
    recall = _command(parts, "recall", "answers whose articles have changed since", "recalls:recall")
    recall.add_argument(
        "--correct", nargs="+", type=int, default=[], metavar="ID", help="ask again and replace these"
    )
    recall.add_argument("--all", action="store_true", help="replace all of them")
    recall.add_argument("--json", action="store_true", help="for machines")


def _add_asking(commands: Commands) -> None:
    ask = _command(commands, "ask", "one question, or a file of them", "knowledge:ask")
    ask.add_argument("question", nargs="?")
    ask.add_argument("--tier", default="Community", help="the asker's support tier")
    ask.add_argument("--batch", metavar="IN", help="JSONL of {id, question}")
    ask.add_argument("--out", metavar="OUT", help="where the answers go, JSONL")
    ask.add_argument("--json", action="store_true", help="for machines")
    triage = _command(commands, "triage", "product area and priority of a message", "knowledge:triage")
    triage.add_argument("message", nargs="?")
    triage.add_argument("--batch", metavar="IN", help="JSONL of {id, message}")
    triage.add_argument("--out", metavar="OUT", help="where the verdicts go, JSONL")
    triage.add_argument("--json", action="store_true", help="for machines")


def _add_sla(commands: Commands) -> None:
    sla = commands.add_parser("sla", help="promises: when is it due, and why")
    parts = sla.add_subparsers(dest="part", metavar="PART", required=True, parser_class=_Parser)
    due = _command(parts, "due", "when a promise comes due", "promises:due")
    due.add_argument("--tier", help="Community, Professional or Enterprise")
    due.add_argument("--priority", help="P1 to P4, or Urgent, High, Normal")
    due.add_argument("--start", metavar="ISO", help="when the clock starts, with its offset")
    due.add_argument("--metric", default="first_reply_time")
    due.add_argument("--organisation", help="whose hours count, where they have their own")
    due.add_argument("--batch", metavar="IN", help="JSONL of cases")
    due.add_argument("--out", metavar="OUT", help="where the results go, JSONL")
    due.add_argument("--json", action="store_true", help="for machines")
    explain = _command(parts, "explain", "every segment behind a ticket's clocks", "promises:explain")
    explain.add_argument("ticket", help="DB-12 or 12")
    explain.add_argument("--json", action="store_true", help="for machines")
    dry_run = _command(parts, "dry-run", "what other policies would change", "rehearsals:dry_run")
    dry_run.add_argument("--config", required=True, metavar="DIR", help="policy files, as DESKBELL_CONFIG")
    dry_run.add_argument("--json", action="store_true", help="for machines")
    apply = _command(parts, "apply", "bring running clocks under edited policies", "rehearsals:apply")
    apply.add_argument("--json", action="store_true", help="for machines")


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; its exit code."""
    pin_time_zones()
    arguments = build_parser().parse_args(argv)
    module, function = str(arguments.run).split(":")
    run: Callable[[argparse.Namespace], int] = getattr(
        importlib.import_module(f"bot.commands.{module}"), function
    )
    try:
        return run(arguments)
    except UserFacingError as error:
        print(f"deskbell: {error}", file=sys.stderr)  # noqa: T201 - the terminal is where the person is
        return BAD_INPUT
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        # Whoever read our output, `head` say, has enough: https://docs.python.org/3/library/signal.html
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0


if __name__ == "__main__":
    sys.exit(main())
