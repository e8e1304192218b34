from __future__ import annotations

from pathlib import Path

import pytest
from sources_kit import front_of

from bot.commands import syncing
from bot.sandbox.confluence import ConfluenceTwin
from bot.sandbox.helpcenter import HelpCenterTwin
from bot.sandbox.refusals import listening
from config.sources import load_sources
from config.tables import Layers

SOURCES = """
[help]
kind = "helpcenter"
url = "{help}"
locales = ["en-us"]
client_id = "HELP_ID"
client_secret = "HELP_SECRET"
restricted = "customer:acme"

[wiki]
kind = "confluence"
url = "{wiki}"
spaces = ["SUP"]
email = "bot@acme.example"
token = "WIKI_TOKEN"
lang = "en"
"""
ENVIRON = {"HELP_ID": "deskbell", "HELP_SECRET": "client-secret", "WIKI_TOKEN": "wiki-token"}


async def test_what_the_file_says_reaches_the_sources(tmp_path: Path) -> None:
    help_center, wiki = HelpCenterTwin(), ConfluenceTwin()
    help_center.write(1, "Open", "<p>For all.</p>")
    help_center.write(2, "Closed", "<p>For some.</p>", user_segment_id=5)
    wiki.write("7", "Runbook", "<p>For us.</p>")
    root = tmp_path / "sources"
    async with listening(help_center.app()) as help_url, listening(wiki.app()) as wiki_url:
        (tmp_path / "sources.toml").write_text(SOURCES.format(help=help_url, wiki=wiki_url), "utf-8")
        known = load_sources(Layers(tmp_path), ENVIRON)
        reports = await syncing._mirrored(known, root, dry_run=False, sure=False)

    assert [(report.name, report.written, report.problems) for report in reports] == [
        ("help", 2, ()),
        ("wiki", 1, ()),
    ]
    assert {front_of(path)["title"]: front_of(path)["audience"] for path in root.rglob("*.md")} == {
        "Open": "public",
        "Closed": "customer:acme",
        "Runbook": "internal",
    }


async def test_secrets_are_in_no_file_and_in_no_message(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    help_center, wiki = HelpCenterTwin(client=("deskbell", "another")), ConfluenceTwin(token="another")
    root = tmp_path / "sources"
    async with listening(help_center.app()) as help_url, listening(wiki.app()) as wiki_url:
        (tmp_path / "sources.toml").write_text(SOURCES.format(help=help_url, wiki=wiki_url), "utf-8")
        known = load_sources(Layers(tmp_path), ENVIRON)
        reports = await syncing._mirrored(known, root, dry_run=False, sure=False)
    told = " ".join(problem for report in reports for problem in report.problems)
    told += repr(known) + "".join(capfd.readouterr())

    assert "HELP_SECRET" in told
    assert "WIKI_TOKEN" in told
    assert "client-secret" not in told
    assert "wiki-token" not in told
