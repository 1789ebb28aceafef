"""Writes simulated traffic and its truth table to files."""

from __future__ import annotations

import csv
import gzip
import io
import os
import stat
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from itertools import islice
from pathlib import Path
from typing import BinaryIO

import orjson
from msgspec import Struct

from identity_engine.errors import UsageError

from .channels import UNRESOLVABLE
from .difficulty import Difficulty
from .traffic import Interaction, traffic

_BATCH = 250
_FAST_AND_SMALL = 3


class Summary(Struct, frozen=True):
    """What was written, for people to read and for tests to check."""

    interactions: int
    people: int
    """People with at least one interaction."""
    unresolvable: int
    """Interactions that hold nothing that could tell who it is; the truth names the person."""
    channels: Mapping[str, int]
    languages: Mapping[str, int]
    """By the language of the person."""
    difficulties: Mapping[str, int]
    """Interactions that show each trouble of `Difficulty`; one may show several."""


def write_simulation(
    people: int,
    interactions: int,
    seed: int,
    out: Path,
    truth: Path,
    progress: Callable[[int], None] | None = None,
    difficulty: Difficulty | None = None,
) -> Summary:
    """Simulate traffic into a file of events and a truth table `source,interaction_id,person`.

    Each file is compressed if its name ends in `.gz`, readable by its owner alone, and appears
    under its name only when whole; an older file of the name is replaced. A symbolic link stays and
    the file that it leads to is written; a pipe or a device is written into. The same arguments give
    the same bytes; a `.gz` may differ between versions of zlib, never in what it holds.

    Args:
        people, interactions, seed, difficulty: as for `traffic`.
        progress: called now and then with the number of interactions written so far.

    Raises:
        UsageError: a number is out of its range, or both files are the same.
        OSError: a file cannot be written; nothing is left behind.
    """
    if os.path.realpath(out) == os.path.realpath(truth):
        raise UsageError("Events and truth cannot go to one file. Name two.")
    made = traffic(people, interactions, seed, difficulty)
    tally = _Tally(people)
    with ExitStack() as files:
        events_file = files.enter_context(_written(out))
        truth_file = files.enter_context(_written(truth))
        truth_file.write(_rows([("source", "interaction_id", "person")]))
        while batch := list(islice(made, _BATCH)):
            events_file.write(b"".join(orjson.dumps(one.event) + b"\n" for one in batch))
            truth_file.write(
                _rows([(one.event["source"], one.event["id"], one.person) for one in batch])
            )
            tally.add(batch)
            if progress:
                progress(tally.interactions)
    return tally.summary()


class _Tally:
    """Counts as it goes; one byte a person."""

    def __init__(self, people: int) -> None:
        self.interactions = 0
        self._seen = bytearray(people)
        self._channels: Counter[str] = Counter()
        self._languages: Counter[str] = Counter()
        self._troubles: Counter[str] = Counter()

    def add(self, batch: list[Interaction]) -> None:
        self.interactions += len(batch)
        for one in batch:
            self._seen[int(one.person[1:])] = 1
            self._channels[one.event["data"]["channel"]] += 1
            self._languages[one.language] += 1
            self._troubles.update(one.troubles)

    def summary(self) -> Summary:
        troubles = dict(sorted(self._troubles.items()))
        return Summary(
            interactions=self.interactions,
            people=sum(self._seen),
            unresolvable=troubles.pop(UNRESOLVABLE, 0),
            channels=dict(sorted(self._channels.items())),
            languages=dict(sorted(self._languages.items())),
            difficulties=troubles,
        )


def _rows(rows: list[tuple[str, str, str]]) -> bytes:
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue().encode()


@contextmanager
def _written(path: Path) -> Iterator[BinaryIO]:
    """What is written into goes to `path`, compressed if its name says so."""
    into = path.open("wb") if _is_special(path) else _replacing(path.resolve())
    with into as file:
        if path.suffix == ".gz":
            with gzip.GzipFile("", "wb", _FAST_AND_SMALL, file, mtime=0) as packed:
                yield packed  # type: ignore[misc]
        else:
            yield file


def _is_special(path: Path) -> bool:
    """Tell whether something stands at `path` that is no file with content of its own to replace."""
    try:
        return not stat.S_ISREG(path.stat().st_mode)
    except FileNotFoundError:
        return False


@contextmanager
def _replacing(path: Path) -> Iterator[BinaryIO]:
    """A file that takes the name only when it is whole and on the disk."""
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".partial", dir=path.parent)
    partial = Path(name)
    try:
        with open(handle, "wb") as file:  # noqa: PTH123 - an open descriptor has no path
            yield file
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
    except BaseException:
        partial.unlink(missing_ok=True)
        raise
