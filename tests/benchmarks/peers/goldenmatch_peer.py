"""GoldenMatch with an explicit probabilistic configuration.

Source: Configuration, Scoring and Blocking Strategies in the documentation of GoldenMatch: one
probabilistic matchkey trained by EM, three levels of likeness, blocking in several passes. The
passes are those of Splink's example for the same table, which find more than the chosen ones.
The link threshold is GoldenMatch's own where none is given here, else the best found by labels;
`additive`, too, is what was better by the labels.
"""

from __future__ import annotations

from dataclasses import dataclass

import goldenmatch
import pyarrow
from goldenmatch.config.schemas import (
    BlockingConfig,
    BlockingKeyConfig,
    GoldenMatchConfig,
    MatchkeyConfig,
    MatchkeyField,
)

from tests.benchmarks.peers.streams import Cluster, Task, columns, of_table, run_peer

CLEAN = ["lowercase", "strip"]


@dataclass(frozen=True)
class Example:
    """The columns of a table, under the names of the original, and how they are compared."""

    names: dict[str, str]
    scorers: dict[str, str]
    passes: tuple[tuple[str, ...], ...]
    """Columns of each blocking pass; `column:3` is the first three letters."""
    additive: bool
    """Whether a column keeps its learned weight although a pass blocks on it."""
    threshold: float | None


HISTORICAL = Example(
    names={
        "first_name": "given_name",
        "surname": "family_name",
        "dob": "date_of_birth",
        "postcode_fake": "postcode",
        "birth_place": "birth_place",
        "gender": "gender",
        "occupation": "occupation",
    },
    scorers={
        "first_name": "jaro_winkler",
        "surname": "jaro_winkler",
        "dob": "levenshtein",
        "postcode_fake": "levenshtein",
        "birth_place": "exact",
        "occupation": "exact",
    },
    passes=(
        ("first_name:3", "surname:4"),
        ("surname", "dob"),
        ("first_name", "dob"),
        ("postcode_fake", "first_name"),
        ("postcode_fake", "surname"),
        ("dob", "birth_place"),
        ("postcode_fake:3", "dob"),
        ("postcode_fake:3", "first_name"),
        ("postcode_fake:3", "surname"),
        ("first_name:2", "surname:2", "dob:4"),
    ),
    additive=True,
    threshold=None,
)
FEBRL = Example(
    names={
        "given_name": "given_name",
        "surname": "family_name",
        "address_1": "address",
        "suburb": "city",
        "postcode": "postcode",
        "state": "region",
        "date_of_birth": "date_of_birth",
        "soc_sec_id": "national_id",
    },
    scorers={
        "given_name": "jaro_winkler",
        "surname": "jaro_winkler",
        "date_of_birth": "levenshtein",
        "soc_sec_id": "levenshtein",
        "postcode": "levenshtein",
        "suburb": "jaro_winkler",
        "address_1": "jaro_winkler",
    },
    passes=(("given_name",), ("surname",), ("date_of_birth",), ("soc_sec_id",), ("postcode",)),
    additive=True,
    threshold=0.4,
)
FAKE1000 = Example(
    names={
        "first_name": "given_name",
        "surname": "family_name",
        "dob": "date_of_birth",
        "city": "city",
        "email": "email",
    },
    scorers={
        "first_name": "jaro_winkler",
        "surname": "jaro_winkler",
        "dob": "levenshtein",
        "city": "jaro_winkler",
        "email": "jaro_winkler",
    },
    passes=(("first_name",), ("surname",), ("dob",), ("email",)),
    additive=False,
    threshold=None,
)
EXAMPLES = {
    "historical-dev": HISTORICAL,
    "febrl1": FEBRL,
    "febrl2": FEBRL,
    "febrl3": FEBRL,
    "fake1000": FAKE1000,
}


def link(task: Task) -> list[Cluster]:
    """Train, score and cluster under an explicit configuration."""
    example = of_table(EXAMPLES, task.table)
    return clusters_of(task, configuration(example, task.threshold or example.threshold))


def clusters_of(task: Task, config: GoldenMatchConfig | None) -> list[Cluster]:
    """Run the tool on a table; without a configuration it makes its own."""
    table = pyarrow.table(columns(task.records, of_table(EXAMPLES, task.table).names))
    found = goldenmatch.dedupe_df(table, config=config).clusters
    return [cluster["members"] for cluster in found.values()]


def configuration(example: Example, threshold: float | None) -> GoldenMatchConfig:
    """Say in the words of the tool how the columns are compared and blocked."""
    fields = [
        MatchkeyField(
            field=column,
            scorer=scorer,
            levels=2 if scorer == "exact" else 3,
            transforms=CLEAN,
        )
        for column, scorer in example.scorers.items()
    ]
    passes = [_pass(columns, example.additive) for columns in example.passes]
    return GoldenMatchConfig(
        matchkeys=[
            MatchkeyConfig(
                name="person", type="probabilistic", fields=fields, link_threshold=threshold
            )
        ],
        blocking=BlockingConfig(strategy="multi_pass", keys=passes[:1], passes=passes),
    )


def _pass(columns: tuple[str, ...], additive: bool) -> BlockingKeyConfig:
    parts = [column.partition(":") for column in columns]
    return BlockingKeyConfig(
        fields=[name for name, _, _ in parts],
        transforms=CLEAN,
        field_transforms={name: [f"substring:0:{end}"] for name, _, end in parts if end},
        additive=additive,
    )


if __name__ == "__main__":
    run_peer(link)
