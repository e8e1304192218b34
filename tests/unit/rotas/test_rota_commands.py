"""`oncall` and what `check` says about rotas."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from rotas_kit import DAY, NOW, event, ical

from bot.__main__ import main

PEOPLE = """
[dana]
name = "Dana Cruz"
accounts = [{ door = "slack", workspace = "T0", user = "U0DANA" }]
[omar]
accounts = [{ door = "slack", workspace = "T0", user = "U0OMAR" }]
"""
WEEKLY = """
[on_call]
timezone = "UTC"
rotations = [{ people = ["dana", "omar"], every = "1 week", starts = 2026-11-02T09:00:00 }]
"""


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    place = tmp_path / "config"
    place.mkdir()
    (place / "people.toml").write_text(PEOPLE, encoding="utf-8")
    monkeypatch.setenv("DESKBELL_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("DESKBELL_CONFIG", str(place))
    return place


def test_a_table_says_who_until_when_and_who_is_next(
    config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (config / "oncall.toml").write_text(WEEKLY, encoding="utf-8")
    assert main(["oncall", "--role", "on_call", "--at", "2026-11-24T12:00:00Z"]) == 0

    (line,) = capsys.readouterr().out.splitlines()
    assert line.startswith("on_call  omar  until Mon 2026-11-30 ")
    assert line.endswith("then Dana Cruz")
    assert "\x1b" not in line


def test_machines_get_instants_in_utc_and_every_gap(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (config / "oncall.toml").write_text(
        WEEKLY.replace("09:00:00 }", '09:00:00, hours = { sat = [["00:00", "24:00"]] } }'), encoding="utf-8"
    )
    assert main(["oncall", "--at", "2026-11-24T12:00:00Z", "--json"]) == 0

    told = json.loads(capsys.readouterr().out)
    (role,) = [one for one in told["roles"] if one["role"] == "on_call"]
    assert told["at"] == "2026-11-24T12:00:00Z"
    assert (role["why"], role["people"], role["until"]) == ("nobody", [], "2026-11-28T00:00:00Z")
    assert role["next"]["people"] == [{"name": "omar", "door": "slack", "workspace": "T0", "user": "U0OMAR"}]
    assert role["gaps"][0] == {"from": "2026-11-24T12:00:00Z", "to": "2026-11-28T00:00:00Z"}
    assert len(role["gaps"]) == 5


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--role", "on_cal"], "--role: 'on_cal' is not in oncall.toml; did you mean 'on_call'?"),
        (["--at", "tomorrow"], "'tomorrow' is not an instant like"),
        (["--at", "9999-12-31T00:00:00Z"], "--at: 9999-12-31T00:00:00Z is too far away"),
    ],
)
def test_bad_questions_get_one_sentence(
    config: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], sentence: str
) -> None:
    (config / "oncall.toml").write_text(WEEKLY, encoding="utf-8")

    assert main(["oncall", *arguments]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert sentence in line


def test_check_names_a_rota_that_runs_dry_and_not_one_that_nobody_set_up(
    config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    past = "{ person = 'dana', starts_at = 2020-01-01T00:00:00Z, ends_at = 2020-01-02T00:00:00Z }"
    (config / "oncall.toml").write_text(f"[on_call]\nshifts = [{past}]\n", encoding="utf-8")
    main(["check"])

    lines = [line for line in capsys.readouterr().out.splitlines() if " on call: " in line]
    assert any(line.startswith("BAD  on call: on_call: nobody is on call from now") for line in lines)
    assert "ok   on call: manager: nobody is named in oncall.toml" in lines


def test_check_says_that_a_file_was_not_read_yet(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (config / "rota.ics").write_bytes(ical(event("Dana Cruz", NOW, NOW + DAY)))
    (config / "oncall.toml").write_text('[on_call]\nical = "rota.ics"\n', encoding="utf-8")
    main(["check"])
    assert "ok   on call: oncall.toml: [on_call]: ical: not read yet" in capsys.readouterr().out

    (config / "rota.ics").write_text("no calendar")
    main(["check"])
    assert "BAD  on call: oncall.toml: [on_call]: ical: is not an iCalendar file" in capsys.readouterr().out
