"""Splink with the models of its own example notebooks, on DuckDB.

Sources, in the documentation of Splink under docs/demos/examples/duckdb:
historical figures: deduplicate_50k_synthetic; febrl: febrl3; fake_1000:
accuracy_analysis_from_labels_column. Comparisons, blocking rules and steps of training are theirs.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import Any

import pyarrow
import splink.comparison_library as cl
from splink import DuckDBAPI, Linker, SettingsCreator, block_on

from tests.benchmarks.peers.streams import Cluster, Task, columns, of_table, run_peer


@dataclass(frozen=True)
class Example:
    """One documented model."""

    names: dict[str, str]
    comparisons: list[Any]
    blocking: list[Any]
    deterministic: list[Any]
    recall: float
    u_pairs: float
    seed: int | None
    em_rounds: list[Any]
    threshold: float
    em_options: dict[str, bool] = field(default_factory=dict)


def historical() -> Example:
    """The model of the historical figures; its notebook clusters at 0.95."""
    return Example(
        names={
            "first_name": "given_name",
            "surname": "family_name",
            "dob": "date_of_birth",
            "postcode_fake": "postcode",
            "birth_place": "birth_place",
            "occupation": "occupation",
        },
        comparisons=[
            cl.ForenameSurnameComparison(
                "first_name",
                "surname",
                forename_surname_concat_col_name="first_name_surname_concat",
            ),
            cl.DateOfBirthComparison("dob", input_is_string=True),
            cl.PostcodeComparison("postcode_fake"),
            cl.ExactMatch("birth_place").configure(term_frequency_adjustments=True),
            cl.ExactMatch("occupation").configure(term_frequency_adjustments=True),
        ],
        blocking=[
            block_on("substr(first_name,1,3)", "substr(surname,1,4)"),
            block_on("surname", "dob"),
            block_on("first_name", "dob"),
            block_on("postcode_fake", "first_name"),
            block_on("postcode_fake", "surname"),
            block_on("dob", "birth_place"),
            block_on("substr(postcode_fake,1,3)", "dob"),
            block_on("substr(postcode_fake,1,3)", "first_name"),
            block_on("substr(postcode_fake,1,3)", "surname"),
            block_on("substr(first_name,1,2)", "substr(surname,1,2)", "substr(dob,1,4)"),
        ],
        deterministic=[
            block_on("first_name", "surname", "dob"),
            block_on("substr(first_name,1,2)", "surname", "substr(postcode_fake,1,2)"),
            block_on("dob", "postcode_fake"),
        ],
        recall=0.6,
        u_pairs=1e7,
        seed=None,
        em_rounds=[block_on("first_name", "surname"), block_on("dob")],
        em_options={"estimate_without_term_frequencies": True},
        threshold=0.95,
    )


def febrl() -> Example:
    """The model of febrl3; its notebook predicts from 0.2 on and does not cluster."""
    return Example(
        names={
            "given_name": "given_name",
            "surname": "family_name",
            "date_of_birth": "date_of_birth",
            "soc_sec_id": "national_id",
            "address": "address",
            "postcode": "postcode",
        },
        comparisons=[
            cl.NameComparison("given_name"),
            cl.NameComparison("surname"),
            cl.DateOfBirthComparison(
                "date_of_birth", input_is_string=True, datetime_format="%Y-%m-%d"
            ),
            cl.DamerauLevenshteinAtThresholds("soc_sec_id", [2]),
            cl.ExactMatch("street_number").configure(term_frequency_adjustments=True),
            cl.ExactMatch("postcode").configure(term_frequency_adjustments=True),
        ],
        blocking=[
            block_on("soc_sec_id"),
            block_on("given_name"),
            block_on("surname"),
            block_on("date_of_birth"),
            block_on("postcode"),
        ],
        deterministic=[
            block_on("soc_sec_id"),
            block_on("given_name", "surname", "date_of_birth"),
            "l.given_name = r.surname and l.surname = r.given_name "
            "and l.date_of_birth = r.date_of_birth",
        ],
        recall=0.9,
        u_pairs=1e6,
        seed=2,
        em_rounds=[block_on("date_of_birth"), block_on("postcode")],
        threshold=0.2,
    )


def fake1000() -> Example:
    """The model of fake_1000; no threshold is given, 0.35 is the best found with the labels."""
    return Example(
        names={
            "first_name": "given_name",
            "surname": "family_name",
            "dob": "date_of_birth",
            "city": "city",
            "email": "email",
        },
        comparisons=[
            cl.ForenameSurnameComparison("first_name", "surname"),
            cl.DateOfBirthComparison("dob", input_is_string=True),
            cl.ExactMatch("city").configure(term_frequency_adjustments=True),
            cl.EmailComparison("email"),
        ],
        blocking=[
            block_on("first_name"),
            block_on("surname"),
            block_on("dob"),
            block_on("email"),
        ],
        deterministic=[
            "l.first_name = r.first_name and levenshtein(r.dob, l.dob) <= 1",
            "l.surname = r.surname and levenshtein(r.dob, l.dob) <= 1",
            "l.first_name = r.first_name and levenshtein(r.surname, l.surname) <= 2",
            "l.email = r.email",
        ],
        recall=0.7,
        u_pairs=1e6,
        seed=5,
        em_rounds=[block_on("dob"), block_on("email"), block_on("first_name", "surname")],
        em_options={"estimate_without_term_frequencies": True},
        threshold=0.35,
    )


EXAMPLES = {
    "historical-dev": historical,
    "febrl1": febrl,
    "febrl2": febrl,
    "febrl3": febrl,
    "fake1000": fake1000,
}


def link(task: Task) -> list[Cluster]:
    """Train, predict and cluster as the notebook of this table does."""
    example = of_table(EXAMPLES, task.table)()
    threshold = task.threshold or example.threshold
    linker = _linker(task, example)
    _train(linker, example)
    predictions = linker.inference.predict(threshold_match_probability=min(0.2, threshold))
    clustered = linker.clustering.cluster_pairwise_predictions_at_threshold(
        predictions, threshold_match_probability=threshold
    )
    clusters: dict[Any, list[int]] = defaultdict(list)
    for row in clustered.as_record_list():
        clusters[row["cluster_id"]].append(row["unique_id"])
    return list(clusters.values())


def _linker(task: Task, example: Example) -> Linker:
    table = {"unique_id": list(range(len(task.records))), **columns(task.records, example.names)}
    if "address" in table:
        table["street_number"] = [_house(address) for address in table.pop("address")]
    if "postcode_fake" in table:
        table["first_name_surname_concat"] = [
            f"{first} {last}" if first and last else None
            for first, last in zip(table["first_name"], table["surname"], strict=True)
        ]
    settings = SettingsCreator(
        link_type="dedupe_only",
        comparisons=example.comparisons,
        blocking_rules_to_generate_predictions=example.blocking,
        retain_intermediate_calculation_columns=False,
        retain_matching_columns=False,
    )
    database = DuckDBAPI()
    return Linker(database.register(pyarrow.table(table)), settings)


def _house(address: str | None) -> str | None:
    """Give back the house number, a column of its own in the original table."""
    first = (address or "").partition(" ")[0]
    return first if first.isdigit() else None


def _train(linker: Linker, example: Example) -> None:
    training = linker.training
    training.estimate_probability_two_random_records_match(
        example.deterministic, recall=example.recall
    )
    training.estimate_u_using_random_sampling(max_pairs=example.u_pairs, seed=example.seed)
    for rule in example.em_rounds:
        training.estimate_parameters_using_expectation_maximisation(rule, **example.em_options)


if __name__ == "__main__":
    run_peer(link)
