"""The command line as tests type it: in this process for speed, in its own where that matters."""

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson
import pytest

from identity_engine.cli.main import _global_options_last, _run
from tests.support.interactions import customer, email, event, phone

MOST_SECONDS = 60  # for one command in its own process; one that hangs fails the test
ANNA = {"given_name": "Anna", "family_name": "Berger", "date_of_birth": "1980-05-06"}
EVENTS = [
    event("1", phone(), customer("C-1"), profile=ANNA),
    event("2", customer("C-1"), email("anna.berger@gmail.com"), channel="email"),
    event("3", profile={"given_name": "Kenta", "family_name": "Moriyama"}),
]
"""Two interactions of one contact, which is identified, and one of another."""


@dataclass(frozen=True)
class Answer:
    """What a command wrote, and its exit code."""

    code: int
    out: str
    err: str

    @property
    def document(self) -> Any:
        """The one JSON document that the answer is."""
        assert self.code == 0, self
        return json.loads(self.out)


class CommandLine:
    """Types commands against one store."""

    def __init__(self, folder: Path, screen: pytest.CaptureFixture[str]) -> None:
        self.folder = folder
        self.store = folder / "store"
        self._screen = screen

    def __call__(self, *typed: object) -> Answer:
        """Run a command against the store."""
        return self.bare(*typed, "--store", self.store)

    def bare(self, *typed: object) -> Answer:
        """Run a command exactly as it is typed."""
        self._screen.readouterr()
        code = _run(_global_options_last([str(word) for word in typed]))
        shown = self._screen.readouterr()
        return Answer(code, shown.out, shown.err)

    def write(self, name: str, content: bytes) -> Path:
        """Write a file and return its path."""
        path = self.folder / name
        path.write_bytes(content)
        return path

    def traffic(self) -> Path:
        """Write the small traffic to a file."""
        return self.write("traffic.jsonl", lines(EVENTS))

    def contact_of(self, text: str) -> str:
        """The id of the one contact that a search finds."""
        (found,) = self("search", text, "--json").document
        return str(found["contact_id"])


def lines(events: list[dict[str, Any]]) -> bytes:
    """Events as JSON lines."""
    return b"".join(orjson.dumps(one) + b"\n" for one in events)


def program(*typed: object) -> list[str]:
    """The words that start the command line in its own process."""
    return [sys.executable, "-m", "identity_engine.cli.main", *map(str, typed)]


def in_own_process(*typed: object, given: bytes = b"", **environment: str) -> Answer:
    """Run a command in its own process, with `given` as standard input."""
    done = subprocess.run(
        program(*typed),
        input=given,
        capture_output=True,
        timeout=MOST_SECONDS,
        env=os.environ | {"COLUMNS": "120"} | environment,
        check=False,
    )
    return Answer(done.returncode, done.stdout.decode(), done.stderr.decode())
