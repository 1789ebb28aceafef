"""The match index is the replay of the log, whatever happened to keys, rules and writers meanwhile."""

import shutil

import pytest

from identity_engine import Engine, Value
from identity_engine.application import indexing
from identity_engine.errors import ConfigurationError
from identity_engine.event_store.match_index.states import unpack_contact
from tests.support.interactions import customer, event, phone
from tests.support.resolving import change_policy
from tests.support.world import Clock, world

PASSPORT_A = {"type": "passport", "value": "A-1", "verified": True}
PASSPORT_B = {"type": "passport", "value": "B-2", "verified": True}
ANNA = {"full_name": "Anna Klein"}


@pytest.fixture
def pair(tmp_path):
    """Two engines on one store."""
    clock = Clock()
    with (
        Engine.open(tmp_path / "store", world(1, clock)) as one,
        Engine.open(tmp_path / "store", world(2, clock)) as other,
    ):
        yield one, other


def crowd(prefix):
    """Enough silent interactions to be decided before the write lock is taken."""
    return [event(f"{prefix}{number}") for number in range(10)]


def overtaken(engine, by):
    """Let another writer commit after the engine has decided and before it writes."""
    stage, overtakers = engine.store.stage, [by]

    def late(events, **how):
        if overtakers:
            overtakers.pop()()
        return stage(events, **how)

    engine.store.stage = late


def contacts_with(engine, *events):
    return [outcome.contact_id for outcome in engine.ingest([*events, *crowd(events[0]["id"])])]


def test_two_writers_give_one_contact_both_of_their_exclusive_identifiers(pair):
    one, other = pair
    one.ingest([event("0", customer("X"))])
    login = {"type": "login_id", "value": "anna", "verified": True}
    overtaken(one, by=lambda: other.ingest([event("1", customer("X"), login)]))
    contacts_with(one, event("2", customer("X"), PASSPORT_A))

    assert one.verify_index().is_sound
    with one.store.reading() as cursor:
        rows = cursor.execute("SELECT state FROM contact").fetchall()
    (held,) = filter(None, (unpack_contact(state).exclusive for (state,) in rows))
    assert set(held) == {"customer_id", "login_id", "passport"}


def test_a_veto_holds_against_a_writer_that_came_in_between(pair):
    one, other = pair
    (first,) = one.ingest([event("0", customer("X"))])
    overtaken(one, by=lambda: other.ingest([event("1", customer("X"), PASSPORT_B)]))
    contact_id, *_ = contacts_with(one, event("2", customer("X"), PASSPORT_A))

    assert contact_id != first.contact_id
    assert one.verify_index().is_sound


def test_rules_put_in_force_by_one_process_count_for_the_other(pair):
    one, other = pair
    change_policy(one, name="stricter")
    (outcome,) = other.ingest([event("0", phone())])

    (link,) = [e.fact for e in other.store.read(0, 99) if e.fact.TOPIC == "interaction.linked"]
    assert outcome.status == "accepted"
    assert link.evidence.policy == one.policies.rules.policy_version


def test_the_index_can_be_rebuilt_after_an_erasure_and_a_resend_stays_a_duplicate():
    with Engine.in_memory(world(3, Clock())) as engine:
        sent = event("0", customer("X"), phone(), profile=ANNA)
        engine.ingest([sent, event("1", phone())])
        erased = {e.key_id for e in engine.store.read(0, 99) if e.key_id}
        engine.store.keys.destroy(erased)
        engine.store.index.records.forget()

        engine.rebuild_index()

        assert engine.verify_index().is_sound
        assert [outcome.status for outcome in engine.ingest([sent])] == ["duplicate"]
        (fresh,) = engine.ingest([event("2", customer("X"))])
        assert fresh.decision == "none"


def test_a_change_of_the_blocked_values_leaves_the_index_sound():
    with Engine.in_memory(world(3, Clock())) as engine:
        unusable = {"type": "email", "value": "anna(at)example.org"}
        engine.ingest([event("0", unusable, profile=ANNA)])
        blocked = engine.policies.rules.policy.blocked_values
        change_policy(engine, blocked_values=[*blocked, "^anna"])

        assert engine.verify_index().is_sound


def test_a_key_store_older_than_the_events_is_refused(tmp_path):
    store = tmp_path / "store"
    with Engine.open(store, world(1, Clock())):
        pass
    shutil.copy(store / "keys.db", tmp_path / "old-keys.db")
    with Engine.open(store, world(2, Clock())) as engine:
        engine.ingest([event("0", phone())])
    shutil.copy(tmp_path / "old-keys.db", store / "keys.db")

    with pytest.raises(ConfigurationError, match="older than the events"):
        Engine.open(store, world(3, Clock()))


def test_an_exclusive_value_never_gains_a_second_holder_and_the_doubt_goes_to_review():
    with Engine.in_memory(world(3, Clock())) as engine:
        (first,) = engine.ingest([event("0", customer("X"), PASSPORT_A)])
        (second,) = engine.ingest([event("1", customer("X"), PASSPORT_B)])
        (third,) = engine.ingest([event("2", customer("X"))])

        assert second.contact_id != first.contact_id
        assert third.contact_id == first.contact_id
        (item,) = engine.review()
        assert (item.contact_id, item.proposed) == (second.contact_id, first.contact_id)
        assert "identifier.shared" not in {e.fact.TOPIC for e in engine.store.read(0, 99)}


def test_the_index_of_an_older_version_is_replaced_when_the_store_is_opened(tmp_path):
    with Engine.open(tmp_path / "store", world(1)) as engine:
        (first,) = engine.ingest([event("1", customer("X"), profile=ANNA)])
        with engine.store.writing() as writer:
            writer.cursor.execute("ALTER TABLE interaction DROP COLUMN channel")
            writer.cursor.execute("UPDATE index_version SET number = 1")

    with Engine.open(tmp_path / "store", world(2)) as engine:
        assert engine.verify_index().is_sound
        (second,) = engine.ingest([event("2", customer("X"))])

    assert second.contact_id == first.contact_id


@pytest.mark.parametrize("size", [1, 2, 7])
def test_a_replay_in_batches_of_any_size_is_the_index(monkeypatch, size):
    with Engine.in_memory(world()) as engine:
        anna, bert, cleo = engine.ingest(
            [event("a", phone()), event("b", customer("C-1")), event("c", customer("C-2"))]
        )
        desk = engine.desk
        desk.identifiers.share(anna.contact_id, Value("phone", "+81312345678"), reason="A desk's.")
        desk.identifiers.add(bert.contact_id, Value("email", "bert@mail.example"))
        desk.merging.merge([bert.contact_id, cleo.contact_id], reason="One.", confirmed=True)
        desk.contacts.edit(bert.contact_id, set={"city": "Bonn"})
        desk.notes.add(cleo.contact_id, "Calls again.")

        monkeypatch.setattr(indexing, "BATCH", size)
        assert engine.verify_index().is_sound
