import csv
import gzip
import json
from pathlib import Path

import pytest

from tests.benchmarks.peers.streams import (
    Record,
    columns,
    joined,
    of_table,
    read_people,
    read_stream,
    stream_of,
    tables_in,
    truth_of,
    write_links,
)


def _event(name: str, profile: dict[str, str], identifiers: list[dict[str, str]]) -> str:
    given = {"channel": "import", "identifiers": identifiers, "profile": profile}
    return json.dumps({"source": "s", "id": name, "data": given})


def _write(folder: Path, table: str, events: list[str], truth: str) -> None:
    with gzip.open(stream_of(folder, table), "wt", encoding="utf-8") as file:
        file.write("\n".join(events))
    truth_of(folder, table).write_text(f"source,interaction_id,person\n{truth}", "utf-8")


def test_a_record_has_its_profile_and_its_identifiers_as_columns(tmp_path: Path) -> None:
    event = _event("1", {"given_name": "Ann", "city": ""}, [{"type": "email", "value": "a@b.org"}])
    _write(tmp_path, "t", [event], "s,1,p\n")

    (record,) = read_stream(stream_of(tmp_path, "t"))

    assert record == Record("s", "1", {"given_name": "Ann", "email": "a@b.org"})


def test_the_first_identifier_of_a_type_counts_and_never_hides_the_profile(tmp_path: Path) -> None:
    emails = [{"type": "email", "value": value} for value in ("", "first@b.org", "second@b.org")]
    city = {"type": "city", "value": "Bonn"}
    _write(tmp_path, "t", [_event("1", {"city": "Ulm"}, [*emails, city])], "s,1,p\n")

    (record,) = read_stream(stream_of(tmp_path, "t"))

    assert record.values == {"city": "Ulm", "email": "first@b.org"}


def test_people_come_in_the_order_of_the_stream_not_of_the_truth(tmp_path: Path) -> None:
    _write(tmp_path, "t", [_event("2", {}, []), _event("1", {}, [])], "s,1,one\ns,2,two\n")

    records = read_stream(stream_of(tmp_path, "t"))

    assert read_people(truth_of(tmp_path, "t"), records) == ["two", "one"]


def test_tables_without_a_truth_are_left_out(tmp_path: Path) -> None:
    _write(tmp_path, "known", [_event("1", {}, [])], "s,1,p\n")
    _write(tmp_path, "unknown", [_event("1", {}, [])], "")
    truth_of(tmp_path, "unknown").unlink()

    assert tables_in(tmp_path) == ["known"]


def test_columns_carry_the_names_of_the_example_and_nothing_for_what_is_missing() -> None:
    records = [Record("s", "1", {"family_name": "Lee"}), Record("s", "2", {})]

    assert columns(records, {"surname": "family_name"}) == {"surname": ["Lee", None]}


def test_pairs_are_joined_over_others() -> None:
    found = joined([(1, 2), (5, 6), (2, 3), (3, 1)])

    assert sorted(sorted(cluster) for cluster in found) == [[1, 2, 3], [5, 6]]


def test_every_record_gets_a_link_also_in_no_cluster(tmp_path: Path) -> None:
    records = [Record("s", name, {}) for name in "abc"]

    write_links(tmp_path / "links.csv", records, [[2, 0]])

    with (tmp_path / "links.csv").open(newline="", encoding="utf-8") as file:
        contacts = {row["interaction_id"]: row["contact_id"] for row in csv.DictReader(file)}
    assert contacts["a"] == contacts["c"] != contacts["b"]


def test_a_table_without_an_example_ends_the_peer_with_a_reason() -> None:
    with pytest.raises(SystemExit, match="no example for the table new"):
        of_table({"old": 1}, "new")
