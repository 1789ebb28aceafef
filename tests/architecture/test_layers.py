"""The folder is the layer: imports point down only, and each library has its place."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = ("identity_engine", "projections", "matchers", "aggregates")
MAY_NAME_EVENTSOURCING = "identity_engine/event_store/"
MOST_LINES = 400


def _python_files(*folders: str) -> Iterator[Path]:
    for folder in folders:
        yield from sorted((ROOT / folder).rglob("*.py"))


def _imported_by(file: Path) -> set[str]:
    """Return the first part of every module that a file imports, anywhere in it."""
    imported = set()
    for node in ast.walk(ast.parse(file.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            imported |= {name.name.partition(".")[0] for name in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            imported.add(node.module.partition(".")[0])
    return imported


def _relative(file: Path) -> str:
    return file.relative_to(ROOT).as_posix()


def test_the_import_contracts_hold() -> None:
    lint_imports = Path(sys.executable).with_name("lint-imports")
    checked = subprocess.run(
        [lint_imports, "--no-cache"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert checked.returncode == 0, checked.stdout + checked.stderr


def test_only_the_store_and_its_two_neighbours_name_eventsourcing() -> None:
    naming = [
        _relative(file)
        for file in _python_files(*PACKAGES)
        if "eventsourcing" in _imported_by(file)
    ]
    assert naming
    assert [file for file in naming if not file.startswith(MAY_NAME_EVENTSOURCING)] == []


def test_matchers_take_only_values_from_the_aggregates() -> None:
    taken = {
        name
        for file in _python_files("matchers")
        for line in file.read_text("utf-8").splitlines()
        if line.startswith(("from aggregates", "import aggregates"))
        for name in [line.split()[1]]
    }
    assert taken <= {"aggregates.values"}


@pytest.mark.parametrize("package", ["aggregates", "matchers"])
def test_the_pure_packages_name_no_clock_chance_or_world(package: str) -> None:
    worldly = {"os", "io", "time", "random", "secrets", "socket", "subprocess", "sqlite3", "uuid"}
    found = {_relative(file): _imported_by(file) & worldly for file in _python_files(package)}
    assert {file: names for file, names in found.items() if names} == {}


def test_values_are_structs() -> None:
    dataclasses = [
        _relative(f) for f in _python_files(*PACKAGES) if "dataclasses" in _imported_by(f)
    ]
    assert dataclasses == ["identity_engine/cli/case/entry.py"]  # cyclopts takes options from it


def test_no_python_file_is_longer_than_400_lines() -> None:
    files = [*_python_files(*PACKAGES, "tests", "docs")]
    lengths = {_relative(file): len(file.read_text("utf-8").splitlines()) for file in files}
    assert {file: lines for file, lines in lengths.items() if lines > MOST_LINES} == {}
