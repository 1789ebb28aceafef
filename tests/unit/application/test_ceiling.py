"""The ceiling counts the true pairs that share a key, and refines keys that are over the cap."""

import pytest

from identity_engine.application.streams import StreamRecord
from identity_engine.bench.ceiling import blocked, ceilings, keys_of_all
from matchers.record import build_record


def read(*profiles):
    return [
        StreamRecord(("s", str(n)), build_record(profile, [], []))
        for n, profile in enumerate(profiles)
    ]


ONE = {"full_name": "Anna Berg", "date_of_birth": "1980-02-03"}
RENAMED = {"full_name": "Anna Dietz"}
BARE = {"date_of_birth": "1980-02-03"}


def test_a_pair_joined_through_a_third_counts_in_the_closure_only():
    people = {("s", str(n)): "p" for n in range(3)}
    whole = ceilings(read(ONE, RENAMED, BARE), people, cap=10)[0]
    assert (whole.direct_recall, whole.closure_recall) == (pytest.approx(2 / 3), 1)


def test_every_rule_has_a_row_of_its_own():
    people = {("s", "0"): "p", ("s", "2"): "p"}
    rows = {row.keys: row.direct_recall for row in ceilings(read(ONE, RENAMED, BARE), people, 10)}
    assert rows == {"all": 1, "date": 1, "word": 0}


def test_interactions_that_say_nothing_count_as_missed():
    people = {("s", "0"): "p", ("s", "silent"): "p"}
    assert ceilings(read(ONE), people, 10)[0].direct_recall == 0


def test_a_key_over_the_cap_is_refined_and_finds_what_agrees_on_more():
    many = [{"full_name": f"Anna {name}"} for name in ("Dietz", "Huber", "Kraus", "Lenz")]
    records = [one.record for one in read(ONE, ONE, *many)]
    pairs = blocked(keys_of_all(records, cap=3))
    assert (0, 1) in pairs
    assert (0, 2) not in pairs
