"""What keeps the program from starting is said in one sentence, with a non-zero exit and no traceback."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest
from serving_process import ServingProcess, free_port, run_bot

TOKEN = "xoxb-secret-of-the-test"


@pytest.fixture
def variables(tmp_path: Path, index: Path) -> dict[str, str]:
    """A desk that would start."""
    return {
        "PORT": str(free_port()),
        "DESKBELL_DATA": str(index),
        "DATABASE_URL": f"sqlite:///{tmp_path / 'deskbell.db'}",
        "SLACK_BOT_TOKEN": TOKEN,
        "SLACK_SIGNING_SECRET": "8f742231b10e8888abcd99yyyzzz85a5",
        "SLACK_API_URL": "http://127.0.0.1:9/api",
    }


def refused(variables: dict[str, str], *, role: str = "serve") -> str:
    """The sentence it ended with."""
    ended = run_bot(role, variables=variables)
    said = [line for line in ended.stderr.splitlines() if not line.startswith("{")]  # what is not a log line
    assert ended.returncode == 2, ended.stderr
    assert ended.stdout == ""
    assert len(said) == 1, ended.stderr
    assert TOKEN not in ended.stderr
    assert "Traceback" not in ended.stderr
    assert said[0].startswith("deskbell: ")
    return said[0].removeprefix("deskbell: ")


def test_a_port_in_use(variables: dict[str, str]) -> None:
    with socket.create_server(("0.0.0.0", 0)) as taken:  # noqa: S104 - where the desk listens
        port = taken.getsockname()[1]

        sentence = refused({**variables, "PORT": str(port)})

    assert sentence == f"PORT: {port} cannot be used: Address already in use"


async def test_a_database_that_another_desk_works_on(variables: dict[str, str], tmp_path: Path) -> None:
    desk = ServingProcess(variables, tmp_path / "desk.log")
    try:
        await desk.start()

        sentence = refused({**variables, "PORT": str(free_port())})
    finally:
        desk.close()

    file = tmp_path / "deskbell.db"
    assert sentence == (
        f"DATABASE_URL: {file} is in use by process {desk.process.pid}; stop it first, "
        "or use PostgreSQL, which several processes may share"
    )


def test_a_postgresql_that_nobody_runs(variables: dict[str, str]) -> None:
    port = free_port()

    sentence = refused({**variables, "DATABASE_URL": f"postgresql://desk:hunter2@127.0.0.1:{port}/desk"})

    assert sentence.startswith("DATABASE_URL: PostgreSQL at 127.0.0.1 refused: ")
    assert "hunter2" not in sentence


def test_a_database_that_is_none(variables: dict[str, str], tmp_path: Path) -> None:
    file = tmp_path / "notes.db"
    file.write_text("dear diary, " * 200)

    sentence = refused({**variables, "DATABASE_URL": f"sqlite:///{file}"})

    assert sentence == f"DATABASE_URL: {file} cannot be used: file is not a database"


def test_a_database_in_a_directory_that_does_not_exist(variables: dict[str, str], tmp_path: Path) -> None:
    file = tmp_path / "nowhere" / "deskbell.db"

    sentence = refused({**variables, "DATABASE_URL": f"sqlite:///{file}"})

    assert sentence == f"DATABASE_URL: the directory {file.parent} does not exist"


def test_a_data_directory_that_cannot_be(variables: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    sentence = refused({**variables, "DESKBELL_DATA": str(tmp_path / "file" / "data")})

    assert sentence == f"DESKBELL_DATA: {tmp_path / 'file' / 'data'} cannot be created: Not a directory"


def test_a_configuration_directory_that_is_missing(variables: dict[str, str], tmp_path: Path) -> None:
    sentence = refused({**variables, "DESKBELL_CONFIG": str(tmp_path / "nowhere")})

    assert sentence.startswith(f"DESKBELL_CONFIG: {tmp_path / 'nowhere'} ")


def test_an_unknown_key_in_a_policy_file(variables: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "organisations.toml").write_text('[acme]\nname = "Acme"\nteir = "Enterprise"\n')

    sentence = refused({**variables, "DESKBELL_CONFIG": str(tmp_path)})

    assert "organisations.toml" in sentence
    assert "acme" in sentence
    assert "teir" in sentence


@pytest.mark.parametrize("missing", ["SLACK_BOT_TOKEN", "SLACK_SIGNING_SECRET"])
def test_a_missing_secret(variables: dict[str, str], missing: str) -> None:
    sentence = refused({name: value for name, value in variables.items() if name != missing})

    assert sentence.startswith(f"{missing} is missing")


def test_a_gateway_without_its_token(variables: dict[str, str]) -> None:
    assert refused(variables, role="gateway").startswith("SLACK_APP_TOKEN is missing")


def test_a_port_that_is_no_port(variables: dict[str, str]) -> None:
    assert refused({**variables, "PORT": "http"}).startswith("PORT: 'http' is not a port")


def test_check_says_how_to_index_a_data_directory_without_an_index(
    variables: dict[str, str], tmp_path: Path
) -> None:
    checked = run_bot("check", variables={**variables, "DESKBELL_DATA": str(tmp_path / "fresh")})

    (line,) = [line for line in checked.stdout.splitlines() if "index" in line]
    assert checked.returncode == 1
    assert line.startswith("BAD ")
    assert "python -m bot kb index DIR" in line
