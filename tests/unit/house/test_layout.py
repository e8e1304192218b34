"""The shape of the source: short files, names that say something, dependencies that are declared."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
PACKAGES = ("bot", "handlers", "knowledge", "storage", "config")
LONGEST = 300  # lines

#: Longer files, each with the reason why splitting it would make it worse.
LONGER = {
    "bot/core/model.py": "the nouns, which refer to each other",
    "bot/core/effects.py": "the union of effects is the whole list of what the bot can do",
    "bot/core/ports.py": "the seams are read together; most lines are their contracts",
}
#: Parts of a declared dependency that it gives out under another name.
COMES_WITH = {
    "markupsafe": "jinja2",
    "sentence_transformers": "sentence-transformers",  # an extra that is not installed everywhere
    "yarl": "aiohttp",
}
SAYS_NOTHING = {
    "utils",
    "util",
    "helpers",
    "helper",
    "common",
    "misc",
    "manager",
    "managers",
    "service",
    "services",
}


def sources(*folders: str) -> list[Path]:
    return sorted(path for folder in folders for path in (ROOT / folder).rglob("*.py"))


def is_migration(path: Path) -> bool:
    return "migrations" in path.parts  # written once, in the form that Alembic gives


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def length_of(path: Path) -> int:
    return path.read_text(encoding="utf-8").count("\n")


def test_no_source_file_is_longer_than_300_lines() -> None:
    long = {
        name_of(path): length_of(path)
        for path in sources(*PACKAGES)
        if length_of(path) > LONGEST and not is_migration(path)
    }

    assert {name: lines for name, lines in long.items() if name not in LONGER} == {}


def test_every_exception_to_the_length_is_still_needed() -> None:
    assert [name for name in LONGER if length_of(ROOT / name) <= LONGEST] == []


def test_no_module_is_named_after_nothing() -> None:
    named = [path for path in sources(*PACKAGES, "tests") if {path.stem, path.parent.name} & SAYS_NOTHING]

    assert [name_of(path) for path in named] == []


def test_every_module_says_what_it_is() -> None:
    silent = [
        path for path in sources(*PACKAGES) if ast.get_docstring(ast.parse(path.read_text("utf-8"))) is None
    ]

    assert [name_of(path) for path in silent if not is_migration(path)] == []


def test_every_exception_from_a_check_has_its_reason() -> None:
    found = [
        f"{name_of(path)}:{number}" for path in sources(*PACKAGES, "tests") for number in unexplained(path)
    ]

    assert found == []


def unexplained(path: Path) -> list[int]:
    """Lines with a bare exception. Neighbouring lines with the same one share the first one's reason."""
    numbers, explained = [], ""
    for number, line in enumerate(path.read_text("utf-8").splitlines(), start=1):
        code, reason = exception_in(line)
        if code and not reason and code != explained:
            numbers.append(number)
        explained = code if reason or code == explained else ""
    return numbers


def exception_in(line: str) -> tuple[str, str]:
    found = re.search(
        r"#\s*(noqa(?::\s*[A-Z0-9]+(?:,\s*[A-Z0-9]+)*)?|type:\s*ignore(?:\[[a-z, -]+\])?)(.*)", line
    )
    return (found[1], found[2].strip(" #-\u2013")) if found else ("", "")


def test_every_imported_library_is_a_declared_dependency() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    optional = [name for names in project["optional-dependencies"].values() for name in names]
    declared = {normal(name) for name in (*project["dependencies"], *optional)}
    found = packages_distributions()
    undeclared = {
        f"{name_of(path)}: {module}"
        for path in sources(*PACKAGES)
        for module in imported_by(path)
        if module not in PACKAGES and module not in sys.stdlib_module_names
        if not {COMES_WITH.get(module), *map(normal, found.get(module, []))} & declared
    }

    assert undeclared == set()


def imported_by(path: Path) -> set[str]:
    modules: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            modules |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            modules.add(node.module.split(".")[0])
    return modules


def normal(requirement: str) -> str:
    return re.split(r"[\[<>=!~; ]", requirement)[0].lower().replace("_", "-")


@pytest.mark.parametrize("arguments", [["--help"], ["demo", "--help"]])
def test_help_loads_nothing_heavy(arguments: list[str]) -> None:
    heavy = (
        "aiohttp",
        "chromadb",
        "numpy",
        "onnxruntime",
        "pydantic",
        "requests",
        "slack_bolt",
        "sqlalchemy",
        "zenpy",
    )
    program = (
        "import contextlib, runpy, sys\n"
        f"sys.argv = ['bot', *{arguments!r}]\n"
        "with contextlib.suppress(SystemExit):\n"
        "    runpy.run_module('bot', run_name='__main__')\n"
        f"print('loaded:', *sorted(set({heavy!r}) & set(sys.modules)))\n"
    )
    ran = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True
    )

    assert "usage:" in ran.stdout
    assert ran.stdout.splitlines()[-1] == "loaded:"
