"""What an import costs: the pure packages pull in no driver, and `--version` almost nothing."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
WORLDLY = ("fastapi", "starlette", "kafka", "sqlite3", "psycopg", "eventsourcing", "cryptography")
HEAVY = (
    *WORLDLY,
    "pydantic",
    "prometheus_client",
    "cyclopts",
    "rich",
    "msgspec",
    "orjson",
    "rapidfuzz",
    "phonenumbers",
)


def _modules_after(statement: str) -> set[str]:
    """Return the top-level modules that a fresh interpreter holds after a statement."""
    told = subprocess.run(
        [
            sys.executable,
            "-c",
            f"import sys, json, atexit\n"
            f"atexit.register(lambda: print(json.dumps(sorted(sys.modules)), file=sys.stderr))\n"
            f"{statement}",
        ],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    return {name.partition(".")[0] for name in json.loads(told.stderr)}


def _modules_of(package: str) -> list[str]:
    files = sorted((ROOT / package).rglob("*.py"))
    parts = [file.relative_to(ROOT).with_suffix("").parts for file in files]
    return [".".join(part[:-1] if part[-1] == "__init__" else part) for part in parts]


@pytest.mark.parametrize("package", ["aggregates", "matchers"])
def test_a_pure_package_pulls_in_no_web_broker_or_database_code(package: str) -> None:
    modules = _modules_after(f"import {', '.join(_modules_of(package))}")
    assert package in modules
    assert modules & set(WORLDLY) == set()


def test_asking_for_the_version_imports_nothing_heavy() -> None:
    modules = _modules_after(
        "from identity_engine.cli.main import run\n"
        "try:\n    run(['--version'])\nexcept SystemExit as done:\n    assert not done.code"
    )
    assert "identity_engine" in modules
    assert modules & set(HEAVY) == set()


def test_verbs_load_what_only_workers_need_when_they_need_it() -> None:
    modules = _modules_after("import identity_engine.cli.app")
    assert "cyclopts" in modules
    assert modules & {"kafka", "prometheus_client", "psycopg", "http.server"} == set()


def test_importing_the_package_opens_no_database_code() -> None:
    assert _modules_after("import identity_engine") & set(HEAVY) == set()
