"""Runs what a page of the documentation shows: commands through a real shell, Python as it stands.

In a `console` block a line that begins with `$ ` is a command, `> ` continues it, and what follows is
what it must answer. An id on the page stands for the id that the run gives: the first time a page
shows it, it is matched with the one in its place, and from then on it must be the same. `…` stands for
what no two runs have in common, and on a line of its own for any number of lines.
"""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from threading import Timer

BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
ID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}")
COLUMNS = 120
MOST_SECONDS = 300  # for a page; a command that hangs ends the test
MAY_FIND_A_PROBLEM = (
    "identity-engine dead-letters redrive 2",
    "identity-engine doctor",
    "identity-engine contact enrich records.jsonl",
)
END = "--- end of answer, exit code "


@dataclass(frozen=True)
class Command:
    """A command of a page, and the lines that the page shows as its answer."""

    typed: str
    answer: list[str]


def blocks(page: str, language: str) -> list[str]:
    """Return the fenced blocks of a language, in order."""
    return [content for name, content in BLOCK.findall(page) if name == language]


def commands(page: str) -> Iterator[Command]:
    """Yield the commands of all console blocks."""
    for block in blocks(page, "console"):
        assert block.startswith("$ "), f"a console block begins with a command: {block[:60]!r}"
        for shown in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
            typed, *rest = shown.splitlines()
            continued = [line for line in rest if line.startswith("> ")]
            answer = rest[len(continued) :]
            yield Command("\n".join([typed, *(line[2:] for line in continued)]), answer)


@dataclass
class Shell:
    """A shell that stays open over the commands of a page, so that it can export and change folder."""

    folder: Path
    ids: dict[str, str] = field(default_factory=dict)

    def __enter__(self) -> "Shell":
        own = Path(sys.executable).parent
        environment = {
            "PATH": f"{own}{os.pathsep}{os.environ['PATH']}",
            "HOME": str(self.folder),
            "COLUMNS": str(COLUMNS),
            "LC_ALL": "C.UTF-8",
        }
        self._process = subprocess.Popen(
            ["bash", "--norc"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            cwd=self.folder,
            env=environment,
        )
        self._guard = Timer(MOST_SECONDS, self._process.kill)
        self._guard.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._guard.cancel()
        self._process.communicate()

    def run(self, typed: str) -> tuple[list[str], int]:
        """Return the lines that a command answers, and its exit code."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        known = ID.sub(lambda shown: self.ids.get(shown.group(), shown.group()), typed)
        self._process.stdin.write(f"{known}\ncode=$?; echo; echo '{END}'$code\n")
        self._process.stdin.flush()
        lines: list[str] = []
        for line in self._process.stdout:
            if line.startswith(END):
                return lines[:-1] if lines and not lines[-1] else lines, int(line[len(END) :])
            lines.append(line.rstrip())
        raise AssertionError(f"the shell ended in: {typed}")

    def check(self, command: Command) -> None:
        """Run a command and hold its answer against what the page shows."""
        answered, code = self.run(command.typed)
        told = f"$ {command.typed}\n" + "\n".join(answered)
        refused = any(line.startswith("error:") for line in command.answer)
        assert code == 0 or refused or command.typed in MAY_FIND_A_PROBLEM, told
        self._learn(command.answer, answered)
        shown = [ID.sub(lambda id_: self.ids.get(id_.group(), "?"), one) for one in command.answer]
        assert re.fullmatch(
            _pattern(shown), "".join(_squeezed(line) + "\n" for line in answered)
        ), told

    def _learn(self, shown: list[str], answered: list[str]) -> None:
        unseen = dict.fromkeys(id_ for id_ in ID.findall("\n".join(shown)) if id_ not in self.ids)
        taken = set(self.ids.values())
        fresh = dict.fromkeys(id_ for id_ in ID.findall("\n".join(answered)) if id_ not in taken)
        self.ids.update(zip(unseen, fresh, strict=False))


def _pattern(shown: list[str]) -> str:
    lines = [_squeezed(line) for line in shown]
    return "".join(
        r"(?:.*\n)*?" if line == "…" else r"[^\n]*?".join(map(re.escape, line.split("…"))) + r"\n"
        for line in lines
    )


def _squeezed(line: str) -> str:
    return " ".join(line.split())
