"""What a person does to identifiers, from the desk to resolution and the views."""

from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest

from aggregates.errors import NotYet, Refused
from identity_engine import Engine
from identity_engine.application.operations.values.claiming import Value
from identity_engine.errors import Denied, NotFound, UsageError
from tests.support.interactions import email, event, phone
from tests.support.resolving import ANNA, KENTA, MAIL, NUMBER, arrive, facts, mailed
from tests.support.soundness import is_sound
from tests.support.world import LATER, world

WORK = Value("email", "work@example.org")
OWN = Value("email", MAIL)
WHY = "She showed the contract."


@pytest.fixture
def engine(clock):
    with Engine.in_memory(world(clock=clock)) as engine:
        engine.desk.administration.grant("agent-7", "agent")
        yield engine
        assert is_sound(engine)


def anna(engine, address=MAIL):
    return arrive(engine, mailed("m-1", address, profile=ANNA))[0].contact_id


def kenta(engine):
    return arrive(engine, event("v-1", phone(NUMBER), profile=KENTA))[0].contact_id


def identified(engine):
    """Anna, known well enough not to be ephemeral."""
    first = anna(engine)
    assert arrive(engine, mailed("m-2", profile=ANNA))[0].contact_id == first
    return first


def mailed_later(engine, clock, id_, *address, **more):
    """A mail of the day after."""
    clock.set(LATER + timedelta(days=2))
    return arrive(engine, mailed(id_, *address, time="2030-01-02T00:00:00Z", **more))[0]


def held(engine, contact_id):
    return {one.value: one for one in engine.profile(contact_id).identifiers}


class TestAdding:
    def test_a_free_value_is_held_from_now_and_the_next_interaction_finds_it(self, engine, clock):
        contact_id = anna(engine)
        added = engine.desk.identifiers.add(contact_id, WORK, verified=True)
        assert added.done.written == ("identifier.claimed",)
        assert added.done.revision > 0

        outcome = mailed_later(engine, clock, "m-9", "WORK@example.org")
        assert outcome.contact_id == contact_id
        assert held(engine, contact_id)["work@example.org"].verified

    def test_a_number_is_read_in_the_country_given(self, engine):
        contact_id = anna(engine)
        engine.desk.identifiers.add(contact_id, Value("phone", "03-1234-5678", country="JP"))
        assert NUMBER in held(engine, contact_id)

    @pytest.mark.parametrize(
        ("value", "reason"),
        [
            (Value("email", "nobody at home"), "not_an_address"),
            (Value("phone", "12"), "too_few_digits"),
            (Value("phone", "call me"), "letters_in_number"),
            (Value("phone", "000000000"), "blocked"),
            (Value("phone", "06 12 34 56 78"), "no_country"),
            (Value("whatsapp", "99999"), "no_country"),
            (Value("phone", "99999", country="FR"), "no_such_number"),
            (Value("phone", "+999 123 4567"), "no_such_number"),
            (Value("phone", "+33 1"), "no_such_number"),
        ],
    )
    def test_an_invalid_value_is_refused_with_its_fault(self, engine, value, reason):
        contact_id, head = anna(engine), engine.store.head()
        with pytest.raises(Refused) as refused:
            engine.desk.identifiers.add(contact_id, value)
        assert refused.value.reason == reason
        assert value.value not in str(refused.value)
        assert engine.store.head() == head

    @pytest.mark.parametrize("country", ["XX", "UK", "France", ""])
    def test_what_is_no_country_is_wrong_usage(self, engine, country):
        with pytest.raises(UsageError, match="two letters"):
            engine.desk.identifiers.add(anna(engine), Value("phone", "0612345678", None, country))

    def test_a_number_without_a_country_that_the_contact_holds_already_may_be_described(
        self, engine
    ):
        (caller,) = arrive(engine, event("c-1", phone("06 12 34 56 78"), profile={"city": "Ulm"}))
        number = Value("phone", "0612345678")
        added = engine.desk.identifiers.add(caller.contact_id, number, label="mobile")
        assert added.done.written == ("identifier.described",)

    def test_what_is_no_type_is_wrong_usage(self, engine):
        with pytest.raises(UsageError, match="lower-case"):
            engine.desk.identifiers.add(anna(engine), Value("E Mail", "a@example.org"))

    def test_an_own_value_changes_nothing(self, engine):
        contact_id, revision = anna(engine), None
        for _ in range(2):
            done = engine.desk.identifiers.add(contact_id, OWN).done
            assert done.written == ()
            assert revision in (None, done.revision)
            revision = done.revision

    def test_an_own_value_may_be_raised_to_verified(self, engine):
        contact_id = anna(engine)
        engine.desk.identifiers.add(contact_id, WORK)
        assert not held(engine, contact_id)["work@example.org"].verified
        done = engine.desk.identifiers.add(contact_id, WORK, verified=True).done
        assert done.written == ("identifier.verified",)
        assert held(engine, contact_id)["work@example.org"].verified

    def test_a_value_of_an_ephemeral_contact_offers_its_merge_and_writes_nothing(self, engine):
        contact_id, other = anna(engine), kenta(engine)
        head = engine.store.head()
        added = engine.desk.identifiers.add(contact_id, Value("phone", NUMBER))
        assert added.merge_offered == (other,)
        assert added.done.written == ()
        assert engine.store.head() == head

    def test_adding_a_known_email_does_not_silently_move_it(self, engine):
        """Pain: adding a known e-mail silently moves it."""
        owner, other, head = identified(engine), kenta(engine), None
        head = engine.store.head()
        with pytest.raises(Refused, match=owner) as refused:
            engine.desk.identifiers.add(other, OWN)
        assert refused.value.reason == "held_by_another"
        assert engine.store.head() == head
        assert MAIL in held(engine, owner)
        assert MAIL not in held(engine, other)

    def test_who_may_not_see_the_holder_is_given_a_reference(self, engine):
        owner, other = identified(engine), kenta(engine)
        engine.desk.administration.define_role("clerk", ["identity:claim"])
        engine.desk.administration.grant("clerk-1", "clerk")
        with pytest.raises(Refused) as refused:
            engine.acting_as("clerk-1").identifiers.add(other, OWN)
        assert owner not in str(refused.value)
        reference = held(engine, owner)[MAIL].identifier_id
        assert reference in str(refused.value)
        assert [one.contact_id for one in engine.desk.identifiers.holders(reference)] == [owner]
        with pytest.raises(Denied):
            engine.acting_as("clerk-1").identifiers.holders(reference)

    def test_a_second_value_of_a_type_of_which_a_person_has_one_is_refused(self, engine):
        contact_id = anna(engine)
        first, second = Value("customer_id", "C-1"), Value("customer_id", "C-2")
        engine.desk.identifiers.add(contact_id, first, verified=True)
        with pytest.raises(Refused) as refused:
            engine.desk.identifiers.add(contact_id, second, verified=True)
        assert refused.value.reason == "exclusive_conflict"

        engine.desk.identifiers.release(contact_id, first)
        assert engine.desk.identifiers.add(contact_id, second, verified=True).done.written

    def test_a_label_and_the_first_of_its_type_are_shown(self, engine):
        contact_id = anna(engine)
        engine.desk.identifiers.add(contact_id, WORK, label="work", primary=True)
        work = held(engine, contact_id)["work@example.org"]
        assert (work.label, work.primary) == ("work", True)
        assert not held(engine, contact_id)[MAIL].primary

        engine.desk.identifiers.add(contact_id, OWN, primary=True)
        assert [value for value, one in held(engine, contact_id).items() if one.primary] == [MAIL]
        assert engine.desk.identifiers.add(contact_id, OWN, primary=True).done.written == ()
        assert held(engine, contact_id)["work@example.org"].label == "work"

    def test_a_dry_run_writes_nothing(self, engine):
        contact_id, head = anna(engine), engine.store.head()
        done = engine.desk.identifiers.add(contact_id, WORK, dry_run=True).done
        assert done.written == ("identifier.claimed",)
        assert done.position is None
        assert engine.store.head() == head

    def test_it_needs_the_right_and_an_unknown_contact_is_not_found(self, engine):
        engine.desk.administration.grant("auditor-1", "auditor")
        with pytest.raises(Denied):
            engine.acting_as("auditor-1").identifiers.add(anna(engine), WORK)
        with pytest.raises(NotFound):
            engine.desk.identifiers.add("019b1c3e-7c5a-7000-8000-0123456789ab", WORK)


def test_an_unverified_email_does_not_let_anyone_become_another_contact(engine, clock):
    """Pain: an unverified e-mail lets anyone become another contact."""
    victim = identified(engine)
    # Somebody types the address of another person into a form, under a name of their own.
    typed = event("w-1", email(MAIL, verified=False), channel="web_form", profile=KENTA)
    (outcome,) = arrive(engine, typed)
    assert outcome.contact_id != victim

    # And a contact to which an address was added unproved does not get who proves to own it.
    engine.desk.identifiers.add(outcome.contact_id, WORK, verified=False)
    owner = mailed_later(engine, clock, "m-3", "work@example.org", profile=ANNA)
    assert owner.contact_id != outcome.contact_id
    engine.reevaluate()
    assert outcome.contact_id not in engine.profile(victim).members


class TestReleasing:
    def test_the_value_is_free_and_its_past_stays(self, engine):
        contact_id, other = identified(engine), kenta(engine)
        engine.desk.identifiers.release(contact_id, OWN, reason=WHY)
        claim = held(engine, contact_id)[MAIL]
        assert claim.valid_to is not None
        assert engine.desk.identifiers.add(other, OWN).done.written == ("identifier.claimed",)
        assert held(engine, other)[MAIL].valid_to is None
        assert facts(engine, "identifier.released")[0].personal.reason == WHY

    def test_only_what_is_held_is_released(self, engine):
        with pytest.raises(NotYet):
            engine.desk.identifiers.release(anna(engine), WORK)


class TestTransferring:
    def test_the_new_holder_is_found_and_no_past_interaction_moves(self, engine, clock):
        owner, other = identified(engine), kenta(engine)
        before = engine.profile(owner).interactions
        done = engine.desk.identifiers.transfer(
            other, OWN, from_contact_id=owner, reason=WHY, verified=True
        )
        assert done.written == ("identifier.transferred",)
        assert engine.profile(owner).interactions == before

        (early,) = arrive(engine, mailed("m-8", time="2026-01-05T10:00:00Z"))
        late = mailed_later(engine, clock, "m-9")
        assert early.contact_id == owner
        assert late.contact_id == other

    def test_re_evaluation_takes_what_mentions_a_value_that_was_transferred(self, engine):
        first, other = identified(engine), kenta(engine)
        engine.desk.identifiers.transfer(other, OWN, from_contact_id=first, reason=WHY)
        engine.reevaluate()

        late = arrive(engine, mailed("m-3", time="2026-01-01T09:00:00Z", profile=ANNA))[0]
        engine.reevaluate()
        assert late.contact_id == first

    def test_re_evaluation_keeps_the_two_sides_of_a_transfer_apart(self, engine, clock):
        owner, other = identified(engine), kenta(engine)
        engine.desk.identifiers.transfer(
            other, OWN, from_contact_id=owner, reason=WHY, verified=True
        )
        late = mailed_later(engine, clock, "m-9")
        engine.reevaluate()
        linked = [one.interaction_id for one in engine.profile(other).interactions]
        assert late.interaction_id in linked
        assert engine.profile(other).contact_id == other
        assert engine.profile(owner).contact_id == owner

    def test_it_needs_the_right_on_both_and_two_contacts(self, engine):
        owner, other = identified(engine), kenta(engine)
        with pytest.raises(Denied):
            engine.acting_as("agent-7").identifiers.transfer(
                other, OWN, from_contact_id=owner, reason=WHY
            )
        with pytest.raises(Refused) as refused:
            engine.desk.identifiers.transfer(owner, OWN, from_contact_id=owner, reason=WHY)
        assert refused.value.reason == "same_contact"

    def test_a_contact_of_another_division_is_absent(self, engine):
        owner = identified(engine)
        made = event("v-7", phone("+81399998888"), profile=KENTA)
        made["data"]["division"] = "north"
        (there,) = arrive(engine, made)
        engine.desk.administration.grant("steward-1", "steward", divisions=["north"])
        with pytest.raises(NotFound):
            engine.acting_as("steward-1").identifiers.transfer(
                there.contact_id, OWN, from_contact_id=owner, reason=WHY
            )
        with pytest.raises(Refused) as refused:
            engine.desk.identifiers.transfer(
                there.contact_id, OWN, from_contact_id=owner, reason=WHY
            )
        assert refused.value.reason == "other_division"

    def test_an_exclusive_value_goes_over(self, engine):
        owner, other = identified(engine), kenta(engine)
        value = Value("customer_id", "C-1")
        engine.desk.identifiers.add(owner, value, verified=True)
        engine.desk.identifiers.transfer(
            other, value, from_contact_id=owner, reason=WHY, verified=True
        )
        added = engine.desk.identifiers.add(owner, Value("customer_id", "C-2"), verified=True)
        assert added.done.written == ("identifier.claimed",)

    def test_the_history_of_both_tells_it(self, engine):
        owner, other = identified(engine), kenta(engine)
        engine.desk.identifiers.transfer(other, OWN, from_contact_id=owner, reason=WHY)
        for contact_id in (owner, other):
            last = engine.history(contact_id)[-1]
            assert last.topic == "identifier.transferred"
            assert last.actor == "owner"
            assert owner in last.summary
            assert other in last.summary


class TestSharing:
    def test_both_hold_it_and_it_stops_linking_alone(self, engine, clock):
        owner, other = identified(engine), kenta(engine)
        done = engine.desk.identifiers.share(other, OWN, reason="A couple.")
        assert done.written == ("identifier.claimed", "identifier.shared")
        assert held(engine, owner)[MAIL].shared
        assert held(engine, other)[MAIL].shared

        outcome = mailed_later(engine, clock, "m-9")
        assert outcome.contact_id not in (owner, other)
        assert outcome.decision == "shared_identifier"

        engine.desk.identifiers.unshare(other, OWN, reason="They parted.")
        outcome = mailed_later(engine, clock, "m-10")
        assert outcome.contact_id == owner

    def test_re_evaluation_does_not_merge_who_shares(self, engine):
        owner, other = identified(engine), kenta(engine)
        engine.desk.identifiers.share(other, OWN, reason="A couple.")
        engine.request_reevaluation()
        engine.reevaluate()
        assert engine.profile(other).contact_id == other
        assert engine.profile(owner).members == (owner,)

    def test_a_free_value_is_not_shared(self, engine):
        with pytest.raises(NotYet):
            engine.desk.identifiers.share(anna(engine), WORK, reason="A couple.")


def test_a_claim_by_hand_outlives_a_rebuild_of_the_index(engine, clock):
    contact_id = anna(engine)
    engine.desk.identifiers.add(contact_id, WORK, verified=True)
    engine.rebuild_index()
    outcome = mailed_later(engine, clock, "m-9", "work@example.org")
    assert outcome.contact_id == contact_id


def test_what_is_true_since_a_day_is_recorded_as_of_that_day(engine):
    contact_id = anna(engine)
    since = LATER - timedelta(days=30)
    engine.desk.identifiers.add(contact_id, WORK, verified=True, effective_at=since)
    assert held(engine, contact_id)["work@example.org"].valid_from.startswith("2029-12-02")
    with pytest.raises(UsageError, match="offset"):
        engine.desk.identifiers.add(contact_id, WORK, effective_at=since.replace(tzinfo=None))


def test_a_day_may_be_told_by_the_clock_of_any_place(engine):
    contact_id = anna(engine)
    since = (LATER - timedelta(days=30)).astimezone(ZoneInfo("Asia/Tokyo"))
    engine.desk.identifiers.add(contact_id, WORK, verified=True, effective_at=since)
    assert held(engine, contact_id)["work@example.org"].valid_from == "2029-12-02T00:00:00.000000Z"
