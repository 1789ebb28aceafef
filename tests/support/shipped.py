"""What the repository ships for whoever runs the product: read as data, and held against the program."""

import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from configparser import RawConfigParser
from pathlib import Path
from typing import Any

import yaml

from identity_engine.cli.app import app

ROOT = Path(__file__).parents[2]
COMPOSE = ROOT / "compose.yaml"
UNITS = ROOT / "deploy" / "systemd"
ALERTS = ROOT / "deploy" / "prometheus" / "alerts.yaml"
RUNBOOK = ROOT / "docs" / "how-to" / "run-in-production.md"
PROGRAM = "/opt/identity-engine/bin/identity-engine"


def services() -> dict[str, dict[str, Any]]:
    """The services of the compose file, by name."""
    found: dict[str, dict[str, Any]] = yaml.safe_load(COMPOSE.read_text("utf-8"))["services"]
    return found


def our_services() -> dict[str, dict[str, Any]]:
    """Those that run the product."""
    return {name: one for name, one in services().items() if one["image"] == "identity-engine"}


class Unit(RawConfigParser):
    """A unit of systemd: a key may be there several times."""

    def __init__(self, path: Path) -> None:
        super().__init__(strict=False, delimiters=("=",), comment_prefixes=("#",))
        self.optionxform = str  # type: ignore[assignment,method-assign]
        self._lines = path.read_text("utf-8").splitlines()
        self.read_string("\n".join(self._lines))

    def all(self, key: str) -> list[str]:
        """Every value of a key, in order."""
        return [line.partition("=")[2] for line in self._lines if line.startswith(f"{key}=")]


def units(*endings: str) -> dict[str, Unit]:
    """The units with these endings, by file name."""
    return {path.name: Unit(path) for path in sorted(UNITS.rglob("*")) if path.suffix in endings}


def refuse_unless_typed_right(words: Sequence[str]) -> None:
    """Let the program parse a command without carrying it out.

    Raises:
        CycloptsError: there is no such verb or option, or a value is missing or of another kind.
    """
    app.parse_args(list(words), exit_on_error=False, print_error=False)


def commands_of_units() -> Iterator[tuple[str, list[str]]]:
    """Yield (unit, words behind the program) of every command."""
    for name, unit in units(".service").items():
        for command in unit.all("ExecStart"):
            program, *words = shlex.split(command)
            assert program == PROGRAM, name
            yield name, words


def environment(given: Mapping[str, object]) -> dict[str, str]:
    """The variables of a service with what it takes from `.env` filled in."""
    return {
        name: re.sub(r"\$\{\w+:\?[^}]*\}", "filled-in", str(value)) for name, value in given.items()
    }
