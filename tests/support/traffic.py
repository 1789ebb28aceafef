"""Simulated traffic with the troubles of real delivery: resends, contradictions and rubbish."""

from collections.abc import Iterable, Iterator
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from identity_engine.simulation import simulate

EVERY_RESEND, EVERY_CONFLICT, EVERY_REJECT = 17, 31, 23


@dataclass(frozen=True)
class Line:
    """One line of a file: what it is, and for what is to be stored its natural key."""

    text: bytes
    kind: str  # new, resend, conflict or rejected
    key: tuple[str, str] | None = None


def delivered(people: int, interactions: int, seed: int) -> Iterator[Line]:
    """Lines of simulated traffic; now and then an earlier one comes again, the same or changed, and
    now and then a line that is no interaction."""
    sent: list[dict[str, Any]] = []
    for number, (event, _) in enumerate(simulate(people, interactions, seed), 1):
        sent.append(event)
        yield Line(orjson.dumps(event), "new", (event["source"], event["id"]))
        earlier = sent[number * 7 % len(sent)]
        if number % EVERY_RESEND == 0:
            yield Line(orjson.dumps(earlier), "resend")
        if number % EVERY_CONFLICT == 0:
            yield Line(orjson.dumps(contradicting(earlier)), "conflict")
        if number % EVERY_REJECT == 0:
            yield Line(orjson.dumps(event | {"specversion": "0.1"}), "rejected")


def contradicting(event: dict[str, Any]) -> dict[str, Any]:
    """The same interaction, saying something else."""
    changed = deepcopy(event)
    changed["data"]["session"] = "another"
    return changed


def write_lines(path: Path, lines: Iterable[Line]) -> Path:
    """Write lines to a file and return it."""
    path.write_bytes(b"".join(line.text + b"\n" for line in lines))
    return path
