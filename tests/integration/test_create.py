"""Contacts entered by hand and promoted: duplicates are shown first, and a stage falls only by undo."""

import orjson
import pytest

from aggregates.errors import NotYet, Refused
from identity_engine import Engine
from identity_engine.application.operations.contacts.editing import NewIdentifier
from identity_engine.application.operations.values.claiming import Value
from identity_engine.errors import Denied, UsageError
from tests.support.interactions import event, phone
from tests.support.resolving import ANNA, KENTA, MAIL, NUMBER, arrive, cookie, facts, mailed
from tests.support.soundness import is_sound
from tests.support.world import world

MAIL_OF_ANNA = NewIdentifier(Value("email", MAIL), verified=True)


@pytest.fixture
def engine():
    with Engine.in_memory(world()) as engine:
        engine.desk.administration.grant("agent-7", "agent")
        yield engine
        assert is_sound(engine)


class TestEntering:
    def test_a_contact_is_curated_with_its_values_and_identifiers(self, engine):
        created = engine.acting_as("agent-7").contacts.create(
            set=ANNA, add={"other_names": ["Anni"]}, identifiers=[MAIL_OF_ANNA]
        )
        assert created.duplicates == ()
        profile = engine.profile(created.done.contact_id)
        assert (profile.stage, profile.interactions) == ("curated", ())
        assert profile.fields["family_name"][0].value == "Berger"
        assert profile.fields["family_name"][0].origins[0].actor == "agent-7"
        assert [(one.value, one.verified) for one in profile.identifiers] == [(MAIL, True)]
        assert created.done.revision == profile.revision

    def test_the_next_interaction_finds_it_by_identifier_and_by_likeness(self, engine):
        values = ANNA | {"address": "Rheinweg 14", "postcode": "53113", "city": "Bonn"}
        contact_id = engine.desk.contacts.create(
            set=values, identifiers=[MAIL_OF_ANNA]
        ).done.contact_id
        (by_mail,) = arrive(engine, mailed("m-1", time="2030-01-01T00:00:01Z"))
        (by_likeness,) = arrive(engine, event("l-1", channel="letter", profile=values))
        assert by_mail.contact_id == by_likeness.contact_id == contact_id
        assert by_likeness.decision == "score"

    @pytest.mark.parametrize(
        ("value", "reason"),
        [
            (Value("phone", "06 12 34 56 78"), "no_country"),
            (Value("phone", "+33 12 34 56 78 90 1"), "no_such_number"),
            (Value("email", "nobody"), "not_an_address"),
        ],
    )
    def test_an_identifier_that_cannot_be_used_is_refused(self, engine, value, reason):
        head = engine.store.head()
        with pytest.raises(Refused) as refused:
            engine.desk.contacts.create(set=ANNA, identifiers=[NewIdentifier(value)])
        assert (refused.value.reason, engine.store.head()) == (reason, head)
        assert value.value not in str(refused.value)

    @pytest.mark.parametrize("country", ["XX", "uk"])
    def test_two_letters_that_are_no_country_are_wrong_usage(self, engine, country):
        head = engine.store.head()
        with pytest.raises(UsageError, match="The field country takes a country: its name"):
            engine.desk.contacts.create(set=ANNA | {"country": country})
        assert engine.store.head() == head

    @pytest.mark.parametrize("country", ["DE", "fr", "Germany", "日本"])
    def test_a_country_is_taken_by_its_letters_and_by_its_name(self, engine, country):
        made = engine.desk.contacts.create(set=ANNA | {"country": country})
        assert engine.profile(made.done.contact_id).fields["country"][0].value == country

    def test_no_empty_contact_is_left_where_an_ephemeral_one_holds_all_that_is_given(self, engine):
        arrive(engine, event("c-1", phone(), profile={"city": "Ulm"}))
        number, head = NewIdentifier(Value("phone", NUMBER)), engine.store.head()
        with pytest.raises(Refused, match="promote or edit it") as refused:
            engine.desk.contacts.create(identifiers=[number], despite_duplicates=True)
        assert (refused.value.reason, engine.store.head()) == ("nothing_left", head)

    def test_its_history_tells_who_entered_it(self, engine):
        contact_id = engine.acting_as("agent-7").contacts.create(set=ANNA).done.contact_id
        assert {one.actor for one in engine.history(contact_id)} == {"agent-7"}

    def test_it_lies_in_the_division_named_and_needs_the_right_there(self, engine):
        engine.desk.administration.grant("north-1", "agent", divisions=["north"], new_division=True)
        created = engine.acting_as("north-1").contacts.create(set=ANNA, division="north")
        assert engine.profile(created.done.contact_id).division == "north"
        with pytest.raises(Denied):
            engine.acting_as("north-1").contacts.create(set=ANNA)
        engine.desk.administration.grant("auditor-1", "auditor")
        with pytest.raises(Denied):
            engine.acting_as("auditor-1").contacts.create(set=ANNA)

    def test_an_invalid_value_enters_nothing(self, engine):
        head = engine.store.head()
        with pytest.raises(Refused):
            engine.desk.contacts.create(
                set=ANNA, identifiers=[NewIdentifier(Value("email", "nowhere"))]
            )
        with pytest.raises(UsageError):
            engine.desk.contacts.create(set={"date_of_birth": "once"})
        with pytest.raises(UsageError, match="needs a value"):
            engine.desk.contacts.create()
        assert engine.store.head() == head

    def test_a_required_field_must_be_given(self, engine):
        content = {"format": 1, "name": "centre", "fields": {"branch": {"required": True}}}
        engine.desk.administration.activate("settings", orjson.dumps(content))
        with pytest.raises(Refused, match="branch"):
            engine.desk.contacts.create(set=ANNA)
        assert engine.desk.contacts.create(set=ANNA | {"branch": "Bonn"}).done.written


class TestPossibleDuplicates:
    def test_a_holder_of_an_identifier_is_shown_and_nothing_is_saved(self, engine):
        (known,) = arrive(engine, mailed("m-1"))
        head = engine.store.head()
        created = engine.desk.contacts.create(set=KENTA, identifiers=[MAIL_OF_ANNA])
        (duplicate,) = created.duplicates
        assert duplicate.contact_id == known.contact_id
        assert len(duplicate.identifiers) == 1
        assert created.done.written == ()
        assert engine.store.head() == head

    def test_a_contact_that_is_alike_is_shown_with_weight_and_evidence(self, engine):
        known = engine.desk.contacts.create(set=ANNA).done.contact_id
        (duplicate,) = engine.desk.contacts.create(set=ANNA).duplicates
        assert duplicate.contact_id == known
        assert duplicate.bits > 0
        assert {"name", "birth_date"} <= {one.name for one in duplicate.parts if one.bits > 0}
        assert sum(one.bits for one in duplicate.parts) == pytest.approx(duplicate.bits)

    def test_a_dry_run_shows_them_and_writes_nothing(self, engine):
        engine.desk.contacts.create(set=ANNA)
        head = engine.store.head()
        created = engine.desk.contacts.create(set=ANNA, dry_run=True)
        assert len(created.duplicates) == 1
        assert created.done.position is None
        assert engine.store.head() == head

    def test_it_is_saved_despite_them_if_asked(self, engine):
        known = engine.desk.contacts.create(set=ANNA).done.contact_id
        created = engine.desk.contacts.create(set=ANNA, despite_duplicates=True)
        assert created.done.contact_id not in (None, known)
        # Two curated contacts are merged by hand only.
        engine.reevaluate()
        assert engine.profile(known).members == (known,)

    def test_an_identifier_of_an_ephemeral_contact_is_left_to_a_merge(self, engine):
        arrive(engine, event("v-1", phone(NUMBER)))
        created = engine.desk.contacts.create(
            set=ANNA,
            identifiers=[NewIdentifier(Value("phone", NUMBER)), MAIL_OF_ANNA],
            despite_duplicates=True,
        )
        assert created.not_claimed == (0,)
        profile = engine.profile(created.done.contact_id)
        assert [one.value for one in profile.identifiers] == [MAIL]

    def test_an_identifier_of_a_known_contact_is_refused_and_nothing_is_entered(self, engine):
        engine.desk.contacts.create(set=ANNA, identifiers=[MAIL_OF_ANNA])
        before = engine.counts()
        with pytest.raises(Refused) as refused:
            engine.desk.contacts.create(
                set=KENTA, identifiers=[MAIL_OF_ANNA], despite_duplicates=True
            )
        assert refused.value.reason == "held_by_another"
        assert engine.counts() == before

    def test_another_divisions_contact_is_never_shown(self, engine):
        there = {"division": "north", "new_division": True}
        engine.desk.contacts.create(set=ANNA, identifiers=[MAIL_OF_ANNA], **there)
        created = engine.desk.contacts.create(set=ANNA, identifiers=[MAIL_OF_ANNA])
        assert created.duplicates == ()
        engine.desk.administration.define_role("clerk", ["contact:add"])
        engine.desk.administration.grant("clerk-1", "clerk")
        blind = engine.acting_as("clerk-1").contacts.create(set=ANNA)
        assert blind.duplicates == ()


class TestPromoting:
    def test_a_contact_becomes_curated_once(self, engine):
        contact_id = arrive(engine, mailed("m-1", profile=ANNA))[0].contact_id
        done = engine.desk.contacts.promote(contact_id)
        assert done.written == ("contact.promoted",)
        assert engine.profile(contact_id).stage == "curated"
        assert engine.desk.contacts.promote(contact_id).written == ()
        assert facts(engine, "contact.promoted")[-1].stage_before == "ephemeral"

    def test_it_needs_the_right(self, engine):
        contact_id = arrive(engine, mailed("m-1"))[0].contact_id
        with pytest.raises(Denied):
            engine.acting_as("agent-7").contacts.promote(contact_id)

    def test_an_absorbed_id_speaks_for_the_set(self, engine):
        one, other = merged(engine)
        done = engine.desk.contacts.promote(other)
        assert engine.profile(one).stage == "curated"
        assert engine.desk.contacts.promote(one).written == ()
        assert done.contact_id == engine.profile(one).contact_id

    def test_the_undo_gives_back_the_stage_before(self, engine):
        contact_id = arrive(engine, mailed("m-1"), mailed("m-2"))[0].contact_id
        before = engine.profile(contact_id)
        engine.desk.contacts.promote(contact_id)
        done = engine.desk.contacts.undo_promotion(contact_id, reason="The wrong one.")
        assert done.written == ("contact.promotion_undone",)
        after = engine.profile(contact_id)
        assert after.stage == before.stage == "identified"
        assert after.revision == before.revision + 2
        assert "identified" in engine.history(contact_id)[-1].summary
        with pytest.raises(NotYet):
            engine.desk.contacts.undo_promotion(contact_id)

    def test_the_undo_finds_the_member_that_was_promoted(self, engine):
        one, other = merged(engine)
        engine.desk.contacts.promote(other)
        engine.desk.contacts.undo_promotion(one)
        assert engine.profile(one).stage != "curated"
        assert {engine.profile(one).contact_id, engine.profile(other).contact_id} <= {one, other}

    def test_what_was_entered_by_hand_stays_curated(self, engine):
        contact_id = engine.desk.contacts.create(set=ANNA).done.contact_id
        with pytest.raises(Refused) as refused:
            engine.desk.contacts.undo_promotion(contact_id)
        assert refused.value.reason == "made_by_hand"


def merged(engine):
    """Two contacts that the rules have merged, because people said the same of both."""
    values = ANNA | {"address": "Rheinweg 14", "postcode": "53113", "city": "Bonn"}
    ends = []
    for name in ("c-1", "c-2"):
        (made,) = arrive(engine, event(f"w-{name}", cookie(name), channel="web"))
        engine.desk.contacts.edit(made.contact_id, set=values)
        ends.append(made.contact_id)
    engine.reevaluate()
    assert set(engine.profile(ends[0]).members) == set(ends)
    return ends
