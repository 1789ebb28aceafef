"""dedupe, trained with pairs labelled from the truth of the same table.

Source: benchmarks/canonical.py of dedupe: every field a String, labels from the known clusters,
`train(index_predicates=True)`, `partition` at 0.5. Nobody has so many labels of the very table
that is to be linked, so this flatters the tool. The region is left out: with eight values it
makes blocks so large that learning them took 18 GB on febrl3. Chance is seeded.
"""

from __future__ import annotations

import io
import random

import dedupe
import numpy
from dedupe import variables

from tests.benchmarks.peers.streams import Cluster, Record, Task, of_table, run_peer

LABELS = 2_500
"""At most so many pairs of each kind, as many in all as in the benchmark of dedupe."""

FEBRL = (
    "given_name",
    "family_name",
    "date_of_birth",
    "address",
    "city",
    "postcode",
    "national_id",
)
FIELDS = {
    "historical-dev": (
        "given_name",
        "family_name",
        "date_of_birth",
        "postcode",
        "birth_place",
        "occupation",
    ),
    "febrl1": FEBRL,
    "febrl2": FEBRL,
    "febrl3": FEBRL,
    "fake1000": ("given_name", "family_name", "date_of_birth", "city", "email"),
}
THRESHOLD = 0.5


def link(task: Task) -> list[Cluster]:
    """Train on labelled pairs and partition the whole table."""
    random.seed(0)
    numpy.random.seed(0)
    names = of_table(FIELDS, task.table)
    rows = {position: _row(record, names) for position, record in enumerate(task.records)}
    deduper = dedupe.Dedupe([variables.String(name, has_missing=True) for name in names])
    deduper.prepare_training(rows, training_file=_labelled(rows, task.people))
    deduper.train(index_predicates=True)
    return [found for found, _ in deduper.partition(rows, task.threshold or THRESHOLD)]


def _row(record: Record, names: tuple[str, ...]) -> dict[str, str | None]:
    return {name: record.values.get(name, "").lower() or None for name in names}


def _labelled(rows: dict[int, dict], people: list[str]) -> io.StringIO:
    """Write labelled pairs as the tool reads them from a file, so that it samples them, too."""
    known = {position: {**row, "person": people[position]} for position, row in rows.items()}
    pairs = dedupe.training_data_dedupe(known, "person", LABELS)
    chosen = {kind: random.sample(found, min(LABELS, len(found))) for kind, found in pairs.items()}
    for record in (record for found in chosen.values() for pair in found for record in pair):
        record.pop("person", None)
    file = io.StringIO()
    dedupe.serializer.write_training(chosen, file)
    file.seek(0)
    return file


if __name__ == "__main__":
    run_peer(link)
