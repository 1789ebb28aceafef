"""What people decided in a store becomes confirmed and refuted pairs."""

from types import SimpleNamespace

import pytest

from aggregates.interaction import (
    InteractionLinked,
    InteractionPersonal,
    InteractionReceived,
    InteractionUnlinked,
)
from aggregates.values import Erased
from identity_engine.application.training import table_of_store, train_from
from identity_engine.errors import UsageError
from matchers.model import canonical_json, parse_model
from matchers.models import shipped_model
from matchers.training import TrainingTable
from projections.match_index.digests import DigestKeys
from tests.schemas.golden_facts import EVIDENCE

SEED = parse_model(shipped_model("seed"))


class Log:
    """A store that holds these events, all of interactions named by their stream."""

    digests = DigestKeys(bytes(32), bytes(32), bytes(32))

    def __init__(self, *told):
        self.events = [
            SimpleNamespace(position=position, stream_id=stream, fact=fact)
            for position, (stream, fact) in enumerate(told, 1)
        ]

    def read(self, after, limit):
        return self.events[after : after + limit]


def received(stream, **profile):
    personal = (
        InteractionPersonal(source="s", id=stream, profile=profile) if profile else Erased.ERASED
    )
    return stream, InteractionReceived(
        natural_key=stream,
        content_digest="",
        channel="form",
        direction="inbound",
        division="default",
        normaliser="2",
        personal=personal,
    )


def linked(stream, contact, pinned=False):
    return stream, InteractionLinked(contact_id=contact, evidence=EVIDENCE, pinned=pinned)


def unlinked(stream, contact, pinned=False):
    return stream, InteractionUnlinked(contact_id=contact, pinned=pinned)


THREE = [received(name, city=city) for name, city in (("a", "Ulm"), ("b", "Ulm"), ("c", "Bonn"))]


def pairs(*told):
    table = table_of_store(Log(*THREE, *told))
    return table.confirmed, table.refuted


def test_what_the_engine_linked_itself_says_nothing():
    assert pairs(linked("a", "x"), linked("b", "x"), unlinked("b", "x")) == ([], [])


def test_a_link_made_by_a_person_confirms_the_other_records_of_the_contact():
    assert pairs(linked("a", "x"), linked("b", "x"), linked("c", "x", pinned=True)) == (
        [(0, 2), (1, 2)],
        [],
    )


def test_a_link_taken_away_by_a_person_refutes_them():
    told = (linked("a", "x"), linked("b", "x"), unlinked("b", "x", pinned=True))
    assert pairs(*told) == ([], [(0, 1)])


def test_a_move_refutes_the_old_contact_and_confirms_the_new():
    told = (
        *(linked("a", "x"), linked("b", "x"), linked("c", "y")),
        *(unlinked("b", "x", pinned=True), linked("b", "y", pinned=True)),
    )
    assert pairs(*told) == ([(1, 2)], [(0, 1)])


def test_the_later_decision_holds():
    told = (linked("a", "x"), linked("b", "x", pinned=True), unlinked("b", "x", pinned=True))
    assert pairs(*told) == ([], [(0, 1)])


def test_what_was_erased_is_not_learned_from():
    table = table_of_store(Log(received("gone"), *THREE, linked("gone", "x", pinned=True)))
    assert len(table.records) == 3


def test_the_model_says_what_it_was_trained_on_and_names_nobody():
    table = table_of_store(Log(*THREE))
    said = canonical_json(train_from([table], SEED, "ours"))
    trained = parse_model(said)
    assert trained.name == "ours"
    assert "3 records, 0 labelled" in trained.provenance["table 1"]
    assert b"ulm" not in said.lower()


def test_nothing_to_learn_from_is_refused():
    with pytest.raises(UsageError, match="nothing to learn"):
        train_from([TrainingTable([])], SEED, "ours")
