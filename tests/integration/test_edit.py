"""Saving values of a contact by hand: all or nothing, seen by whom, and never over a fresh change."""

import orjson
import pytest

from aggregates.errors import NotYet, Refused
from identity_engine import Engine
from identity_engine.application.operations.values.claiming import Value
from identity_engine.errors import Denied, NotFound, Stale, UsageError
from projections.profile.difference import Moved
from tests.support.interactions import event, phone
from tests.support.resolving import ANNA, MAIL, arrive, facts, mailed
from tests.support.soundness import is_sound
from tests.support.world import world

WORK = "work@example.org"
FIELDS = {
    "tier": {"type": "choice", "choices": ["gold", "silver"]},
    "visits": {"type": "number"},
    "hobby": {"multi": True},
    "branch": {"required": True},
}


@pytest.fixture
def engine():
    with Engine.in_memory(world()) as engine:
        engine.desk.administration.grant("agent-7", "agent")
        yield engine
        assert is_sound(engine)


@pytest.fixture
def anna(engine):
    return arrive(engine, mailed("m-1", profile=ANNA | {"city": "Bonn"}))[0].contact_id


def configure(engine, fields):
    content = {"format": 1, "name": "centre", "fields": fields}
    engine.desk.administration.activate("settings", orjson.dumps(content))


def values(engine, contact_id, field, **at):
    return [one.value for one in engine.profile(contact_id, **at).fields.get(field, ())]


class TestSaving:
    def test_a_value_by_hand_comes_first_and_the_others_stay_with_their_origins(self, engine, anna):
        done = engine.acting_as("agent-7").contacts.edit(anna, set={"city": "Köln", "gender": "f"})
        assert done.written == ("contact.edited",)

        first, other = engine.profile(anna).fields["city"]
        assert (first.value, other.value) == ("Köln", "Bonn")
        assert (first.origins[0].actor, first.origins[0].source) == ("agent-7", None)
        assert other.origins[0].id == "m-1"
        assert values(engine, anna, "gender") == ["f"]

    def test_a_value_of_the_schema_is_saved_without_waiting_for_the_views(self, engine, anna):
        engine.follow()
        before = engine.follower.views.status()
        engine.desk.contacts.edit(anna, set={"city": "Köln"})
        assert engine.follower.views.status() == before

    def test_a_value_that_an_interaction_says_too_has_both_origins(self, engine, anna):
        engine.desk.contacts.edit(anna, set={"city": "Bonn"})
        (bonn,) = engine.profile(anna).fields["city"]
        assert [one.actor for one in bonn.origins] == ["owner", None]

    def test_a_later_interaction_does_not_take_the_first_place(self, engine, anna):
        engine.desk.contacts.edit(anna, set={"city": "Köln"})
        arrive(engine, mailed("m-2", profile={"city": "Ulm"}, time="2026-05-01T09:00:00Z"))
        assert values(engine, anna, "city") == ["Köln", "Ulm", "Bonn"]

    def test_a_save_without_a_change_writes_nothing(self, engine, anna):
        engine.desk.contacts.edit(anna, set={"city": "Köln"})
        head = engine.store.head()
        done = engine.desk.contacts.edit(anna, set={"city": " Köln "})
        assert (done.written, done.position) == ((), None)
        assert engine.store.head() == head

    def test_one_wrong_value_saves_none(self, engine, anna):
        head = engine.store.head()
        with pytest.raises(UsageError, match="date_of_birth"):
            engine.desk.contacts.edit(anna, set={"city": "Köln", "date_of_birth": "06.05.80"})
        assert engine.store.head() == head

    @pytest.mark.parametrize(
        ("field", "said"),
        [("shoe_size", "no field"), ("phone", "identifier"), ("No Name", "lower-case")],
    )
    def test_what_is_no_field_is_refused_with_the_fix(self, engine, anna, field, said):
        with pytest.raises(UsageError, match=said):
            engine.desk.contacts.edit(anna, set={field: "44"})

    def test_a_field_that_only_interactions_gave_can_be_corrected(self, engine):
        (made,) = arrive(engine, event("v-1", phone(), profile={"shoe_size": "44"}))
        engine.desk.contacts.edit(made.contact_id, set={"shoe_size": "43"})
        assert values(engine, made.contact_id, "shoe_size") == ["43", "44"]

    def test_it_needs_the_right_and_without_it_nothing_is_written(self, engine, anna):
        engine.desk.administration.grant("auditor-1", "auditor")
        with pytest.raises(Denied):
            engine.acting_as("auditor-1").contacts.edit(anna, set={"city": "Köln"})
        assert facts(engine, "contact.edited") == []
        with pytest.raises(NotFound):
            engine.desk.contacts.edit("019b1c3e-7c5a-7000-8000-0123456789ab", set={"city": "K"})

    def test_a_contact_of_another_division_is_absent(self, engine, anna):
        engine.desk.administration.grant("north-1", "agent", divisions=["north"], new_division=True)
        with pytest.raises(NotFound):
            engine.acting_as("north-1").contacts.edit(anna, set={"city": "Köln"})

    def test_values_lie_sealed_in_the_log(self, engine, anna):
        engine.desk.contacts.edit(anna, set={"city": "Köln-Xyzzy"})
        stored = [engine.store.stored_bytes(n).state for n in range(1, engine.store.head() + 1)]
        assert not any(b"Xyzzy" in state for state in stored)
        assert engine.history(anna)[-1].actor == "owner"
        assert "Xyzzy" not in engine.history(anna)[-1].summary


class TestRemoving:
    def test_a_removed_value_is_hidden_and_shown_apart(self, engine, anna):
        engine.desk.contacts.edit(anna, remove={"city": ["Bonn"]})
        assert values(engine, anna, "city") == []
        (bonn,) = engine.profile(anna).removed["city"]
        assert [one.actor for one in bonn.origins] == ["owner", None]

    def test_it_stays_hidden_when_an_interaction_says_it_again(self, engine, anna):
        engine.desk.contacts.edit(anna, remove={"city": ["Bonn"]})
        arrive(engine, mailed("m-2", profile={"city": "Bonn"}, time="2026-05-01T09:00:00Z"))
        assert values(engine, anna, "city") == []

    def test_it_is_shown_again_when_a_person_gives_it_again(self, engine, anna):
        engine.desk.contacts.edit(anna, remove={"city": ["Bonn"]})
        engine.desk.contacts.edit(anna, set={"city": "Bonn"})
        assert values(engine, anna, "city") == ["Bonn"]
        assert engine.profile(anna).removed == {}

    def test_what_is_not_there_is_not_removed(self, engine, anna):
        with pytest.raises(NotYet):
            engine.desk.contacts.edit(anna, remove={"city": ["Ulm"]})


class TestTheRevision:
    def test_a_save_over_a_change_is_refused_with_the_difference(self, engine, anna):
        seen = engine.profile(anna).revision
        engine.acting_as("agent-7").contacts.edit(anna, set={"city": "Köln"}, revision=seen)
        engine.desk.identifiers.add(anna, Value("email", WORK))
        head = engine.store.head()

        with pytest.raises(Stale) as stale:
            engine.desk.contacts.edit(anna, set={"city": "Ulm"}, revision=seen)

        assert engine.store.head() == head
        assert stale.value.revision == engine.profile(anna).revision
        changes = stale.value.changes
        assert [one.topic for one in changes] == ["contact.edited", "identifier.claimed"]
        assert changes[0].personal["set"] == {"city": "Köln"}
        assert changes[0].actor == "agent-7"
        assert stale.value.difference == (
            Moved("field", "city", before=("Bonn",), now=("Köln", "Bonn")),
            Moved("identifier", "email", (f"{MAIL}, verified",), (f"{MAIL}, verified", WORK)),
        )
        assert not any(said in str(stale.value) for said in ("Köln", "Bonn", "city", MAIL))

    @pytest.mark.parametrize("beyond", ["the last", "the first"])
    def test_one_that_the_contact_never_had_is_a_mistake_and_no_change(self, engine, anna, beyond):
        never = engine.profile(anna).revision + 1 if beyond == "the last" else 0
        with pytest.raises(UsageError, match=f"never had revision {never}"):
            engine.desk.contacts.edit(anna, set={"city": "Ulm"}, revision=never)

    def test_the_difference_names_stage_division_and_members_too(self, engine, anna):
        (other,) = arrive(engine, mailed("b-1", "bert@example.org", profile={"city": "Ulm"}))
        seen = engine.profile(anna).revision
        engine.desk.contacts.promote(anna)
        engine.desk.divisions.move(anna, "south", reason="A test", new_division=True)
        engine.desk.divisions.move(other.contact_id, "south", reason="A test")
        engine.desk.merging.merge([anna, other.contact_id], reason="A test")

        with pytest.raises(Stale) as stale:
            engine.desk.contacts.edit(anna, set={"city": "Köln"}, revision=seen)
        said = {one.name: (one.before, one.now) for one in stale.value.difference}
        assert said["stage"] == (("ephemeral",), ("curated",))
        assert said["division"] == (("default",), ("south",))
        assert said["members"] == ((anna,), tuple(sorted((anna, other.contact_id))))
        assert said["city"] == (("Bonn",), ("Ulm", "Bonn"))

    def test_what_was_changed_and_changed_back_is_no_difference(self, engine, anna):
        seen = engine.profile(anna).revision
        work = Value("email", WORK)
        engine.desk.identifiers.add(anna, work)
        engine.desk.identifiers.release(anna, work)
        with pytest.raises(Stale) as stale:
            engine.desk.contacts.edit(anna, set={"city": "Köln"}, revision=seen)
        assert stale.value.difference == ()
        assert len(stale.value.changes) == 2

    def test_the_revision_shown_lets_the_next_save_pass(self, engine, anna):
        for city in ("Köln", "Ulm", "Mainz"):
            shown = engine.profile(anna).revision
            done = engine.desk.contacts.edit(anna, set={"city": city}, revision=shown)
            assert done.revision == shown + 1
        assert values(engine, anna, "city") == ["Mainz", "Bonn"]

    def test_a_save_does_not_fail_because_messages_keep_arriving(self, engine, anna):
        """Pain: a save always fails because messages keep arriving."""
        seen = engine.profile(anna).revision
        for number in range(2, 6):
            (one,) = arrive(
                engine, mailed(f"m-{number}", time=f"2026-03-0{number}T09:00:00Z", profile=ANNA)
            )
            assert one.contact_id == anna
        # The first of them made the contact identified, which a person who edits should hear of.
        assert engine.profile(anna).revision == seen + 1
        seen = engine.profile(anna).revision
        arrive(engine, mailed("m-9", time="2026-03-09T09:00:00Z", profile=ANNA))
        assert engine.desk.contacts.edit(anna, set={"city": "Köln"}, revision=seen).written

    def test_the_difference_is_kept_from_who_may_not_see_the_contact(self, engine, anna):
        engine.desk.administration.define_role("typist", ["contact:edit"])
        engine.desk.administration.grant("typist-1", "typist")
        engine.desk.contacts.edit(anna, set={"city": "Köln"})
        with pytest.raises(Stale) as stale:
            engine.acting_as("typist-1").contacts.edit(anna, set={"city": "Ulm"}, revision=1)
        assert (stale.value.changes, stale.value.difference) == ((), ())

    def test_the_replayed_revision_is_the_one_the_index_holds(self, engine, anna):
        arrive(engine, mailed("m-2", profile=ANNA))
        engine.desk.contacts.edit(anna, set={"city": "Köln"})
        revision = engine.profile(anna).revision
        changes = engine.context.queries.changes_since(anna, revision - 1)
        assert [one.topic for one in changes] == ["contact.edited"]
        assert engine.context.queries.changes_since(anna, revision) == []
        assert engine.context.queries.changes_since(anna, 0)[0].topic == "contact.created"


class TestTheSchema:
    def test_a_field_takes_what_its_type_takes(self, engine, anna):
        configure(engine, FIELDS)
        engine.desk.contacts.edit(anna, set={"tier": "gold", "visits": "12"})
        for wrong in ({"tier": "bronze"}, {"visits": "many"}):
            with pytest.raises(UsageError, match="takes"):
                engine.desk.contacts.edit(anna, set=wrong)
        assert values(engine, anna, "tier") == ["gold"]

    def test_a_field_of_several_values_takes_several(self, engine, anna):
        configure(engine, FIELDS)
        engine.desk.contacts.edit(anna, add={"hobby": ["chess", "go"]})
        engine.desk.contacts.edit(anna, add={"hobby": ["go", "skat"]})
        assert values(engine, anna, "hobby") == ["skat", "go", "chess"]
        engine.desk.contacts.edit(anna, remove={"hobby": ["go"]})
        assert values(engine, anna, "hobby") == ["skat", "chess"]
        with pytest.raises(UsageError, match="takes one value"):
            engine.desk.contacts.edit(anna, add={"tier": ["gold"]})

    def test_a_required_field_keeps_a_value(self, engine, anna):
        configure(engine, FIELDS)
        engine.desk.contacts.edit(anna, set={"branch": "Bonn"})
        with pytest.raises(Refused) as refused:
            engine.desk.contacts.edit(anna, remove={"branch": ["Bonn"]})
        assert refused.value.reason == "required"
        engine.desk.contacts.edit(anna, set={"branch": "Ulm"}, remove={"branch": ["Bonn"]})
        assert values(engine, anna, "branch") == ["Ulm"]

    def test_a_change_of_the_schema_is_an_event_and_old_values_stay_readable(self, engine, anna):
        configure(engine, FIELDS)
        engine.desk.contacts.edit(anna, set={"tier": "gold"})
        configure(engine, {"tier": {"type": "number"}})
        assert [one.kind for one in facts(engine, "policy.activated")][-2:] == ["settings"] * 2

        assert values(engine, anna, "tier") == ["gold"]
        with pytest.raises(UsageError, match="number"):
            engine.desk.contacts.edit(anna, set={"tier": "silver"})
        configure(engine, {})
        assert values(engine, anna, "tier") == ["gold"]
        engine.desk.contacts.edit(anna, remove={"tier": ["gold"]})
        assert values(engine, anna, "tier") == []


def test_as_of_shows_the_values_of_that_moment(engine, anna):
    engine.desk.contacts.edit(anna, set={"city": "Köln"})
    then = engine.store.head()
    engine.desk.contacts.edit(anna, set={"city": "Ulm"}, remove={"city": ["Bonn"]})
    assert values(engine, anna, "city", as_of=f"pos:{then}") == ["Köln", "Bonn"]
    assert values(engine, anna, "city") == ["Ulm"]
    assert engine.profile(anna, f"pos:{then}").revision == engine.profile(anna).revision - 1
    assert MAIL in [one.value for one in engine.profile(anna).identifiers]
