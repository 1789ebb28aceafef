"""What every peer has in common: it reads a labelled stream and writes links.

Only the standard library is used, because this module runs in the environment of each peer.
"""

from __future__ import annotations

import argparse
import csv
import gzip
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

STREAM_SUFFIX = ".interactions.jsonl.gz"
TRUTH_SUFFIX = ".truth.csv"

Example = TypeVar("Example")

Cluster = Sequence[int]
"""Positions, in the stream, of the records that a peer holds for one person."""


@dataclass(frozen=True, slots=True)
class Record:
    """One interaction as the row of a table, which is what a batch tool works on."""

    source: str
    interaction_id: str
    values: dict[str, str]
    """By the name of the profile field or the type of the identifier; empty ones are left out."""


@dataclass(frozen=True, slots=True)
class Task:
    """What a peer is asked: the table, and what it may use besides."""

    table: str
    records: list[Record]
    people: list[str]
    """Person of each record, for tools that learn from labels. Others must not look at it."""
    threshold: float | None
    """A threshold instead of the one chosen for this table."""


def stream_of(folder: Path, table: str) -> Path:
    """Name the file of a stream."""
    return folder / f"{table}{STREAM_SUFFIX}"


def truth_of(folder: Path, table: str) -> Path:
    """Name the file that says who each interaction was."""
    return folder / f"{table}{TRUTH_SUFFIX}"


def tables_in(folder: Path) -> list[str]:
    """Name the labelled streams of a folder, smallest first."""
    found = sorted(folder.glob(f"*{STREAM_SUFFIX}"), key=lambda path: path.stat().st_size)
    names = [path.name.removesuffix(STREAM_SUFFIX) for path in found]
    return [name for name in names if truth_of(folder, name).exists()]


def read_stream(path: Path) -> list[Record]:
    """Read the records of a stream in the order of their arrival."""
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        return [_record(json.loads(line)) for line in lines]


def _record(event: dict) -> Record:
    values = {name: str(value) for name, value in event["data"]["profile"].items() if value}
    for identifier in event["data"]["identifiers"]:
        if identifier["value"]:
            values.setdefault(identifier["type"], identifier["value"])
    return Record(event["source"], event["id"], values)


def read_people(path: Path, records: Sequence[Record]) -> list[str]:
    """Read the person of each record."""
    with path.open(encoding="utf-8", newline="") as rows:
        truth = {
            (row["source"], row["interaction_id"]): row["person"] for row in csv.DictReader(rows)
        }
    return [truth[record.source, record.interaction_id] for record in records]


def columns(records: Sequence[Record], names: dict[str, str]) -> dict[str, list[str | None]]:
    """Lay the records out in columns.

    Args:
        names: the field of the stream by the name of the column, as the peer's example has it.
    """
    return {
        column: [record.values.get(name) for record in records] for column, name in names.items()
    }


def joined(pairs: Iterable[tuple[int, int]]) -> list[list[int]]:
    """Put everything into one cluster that is joined by pairs, directly or not."""
    root: dict[int, int] = {}

    def find(position: int) -> int:
        while (above := root.setdefault(position, position)) != position:
            root[position] = root[above]
            position = above
        return position

    for one, other in pairs:
        root[find(one)] = find(other)
    clusters: dict[int, list[int]] = {}
    for position in list(root):
        clusters.setdefault(find(position), []).append(position)
    return list(clusters.values())


def write_links(path: Path, records: Sequence[Record], clusters: Iterable[Cluster]) -> None:
    """Write the contact of each record; a record in no cluster is a contact of its own."""
    contacts = list(range(len(records)))
    for cluster in clusters:
        first = min(cluster)
        for position in cluster:
            contacts[position] = first
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(("source", "interaction_id", "contact_id"))
        for record, contact in zip(records, contacts, strict=True):
            writer.writerow((record.source, record.interaction_id, contact))


def of_table(examples: Mapping[str, Example], table: str) -> Example:
    """Pick the example of a table.

    Raises:
        SystemExit: there is none.
    """
    if table not in examples:
        raise SystemExit(f"no example for the table {table}")
    return examples[table]


def run_peer(link: Callable[[Task], Iterable[Cluster]]) -> None:
    """Answer the command line of a peer: read the stream, link it, write the links."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--data", type=Path, required=True, help="folder of labelled streams")
    parser.add_argument("--table", required=True, help="name of the stream")
    parser.add_argument("--links", type=Path, required=True, help="CSV to write")
    parser.add_argument("--threshold", type=float, help="instead of the one chosen for the table")
    asked = parser.parse_args()
    records = read_stream(stream_of(asked.data, asked.table))
    people = read_people(truth_of(asked.data, asked.table), records)
    task = Task(asked.table, records, people, asked.threshold)
    write_links(asked.links, records, link(task))
