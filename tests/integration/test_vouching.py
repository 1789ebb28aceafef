"""A value is verified as long as somebody vouches for it: a person, or an interaction of its holder."""

import pytest

from identity_engine.application.operations.values.claiming import Value
from tests.support.interactions import change, email, event, message
from tests.support.merging import known
from tests.support.resolving import ANNA, KENTA, MAIL, arrive, facts

WHY = "She said that it was not her."
TYPED, SIGNED = email(MAIL, verified=False), email(MAIL, verified=True)


@pytest.fixture
def desk(engine):
    return engine.desk.interactions


def form(id_, *identifiers, day=1, **more):
    return event(id_, *identifiers, channel="form", time=f"2026-02-{day:02}T09:00:00Z", **more)


@pytest.fixture
def raised(engine):
    """Somebody typed an address; later somebody signed in with it and was linked to that contact."""
    typed, signed = arrive(
        engine, form("typed", TYPED, profile=ANNA), form("signed", SIGNED, day=2, profile=ANNA)
    )
    assert typed.contact_id == signed.contact_id
    assert is_verified(engine, typed)
    return typed, signed


def is_verified(engine, outcome):
    held = [one for one in engine.profile(outcome.contact_id).identifiers if one.valid_to is None]
    (claim,) = [one for one in held if one.value == MAIL]
    return claim.verified


def withdrawn(engine):
    return facts(engine, "identifier.verification_withdrawn")


class TestUnlinked:
    def test_the_value_stays_and_is_verified_no_longer(self, engine, desk, raised):
        typed, signed = raised
        desk.unlink(signed.interaction_id, reason=WHY)

        assert not is_verified(engine, typed)
        (fact,) = withdrawn(engine)
        assert (fact.contact_id, fact.interaction_id, fact.still_by) == (
            typed.contact_id,
            signed.interaction_id,
            None,
        )
        last = [one for one in engine.history(typed.contact_id) if one.topic == fact.TOPIC]
        assert last[0].summary.endswith("it is not verified now.")

    def test_another_interaction_of_the_contact_vouches_on(self, engine, desk, raised):
        typed, signed = raised
        (again,) = arrive(engine, form("again", SIGNED, day=3, profile=ANNA))
        desk.unlink(signed.interaction_id, reason=WHY)

        assert is_verified(engine, typed)
        assert withdrawn(engine)[0].still_by == again.interaction_id

        desk.unlink(again.interaction_id, reason=WHY)
        assert not is_verified(engine, typed)

    @pytest.mark.parametrize("when", ["before", "after"])
    def test_a_person_vouches_for_good(self, engine, desk, when):
        (typed,) = arrive(engine, form("typed", TYPED, profile=ANNA))
        later = form("signed", SIGNED, day=2, profile=ANNA)
        if when == "after":
            arrive(engine, later)
        engine.desk.identifiers.verify(typed.contact_id, Value("email", MAIL))
        (signed,) = arrive(engine, later)
        desk.unlink(signed.interaction_id, reason=WHY)

        assert is_verified(engine, typed)
        assert withdrawn(engine) == []

    def test_so_is_a_value_that_the_contact_holds_on_its_word_alone(self, engine, desk):
        known, signed = arrive(
            engine, form("known", profile=ANNA), form("signed", SIGNED, day=2, profile=ANNA)
        )
        assert known.contact_id == signed.contact_id
        desk.unlink(signed.interaction_id, reason=WHY)

        assert not is_verified(engine, known)

    def test_it_vouches_again_where_it_comes_back(self, engine, desk, raised):
        typed, signed = raised
        desk.unlink(signed.interaction_id, reason=WHY)
        desk.associate(signed.interaction_id, typed.contact_id, reason="It was her after all.")

        assert is_verified(engine, typed)

    def test_what_a_message_of_it_showed_vouches_again_too(self, engine, desk):
        typed, chat = arrive(
            engine, form("typed", TYPED, profile=ANNA), form("chat", day=2, profile=ANNA)
        )
        engine.ingest([message("m", "chat", SIGNED, time="2026-02-02T09:05:00Z")])
        desk.unlink(chat.interaction_id, reason=WHY)
        assert not is_verified(engine, typed)

        desk.associate(chat.interaction_id, typed.contact_id, reason="It was her after all.")
        assert is_verified(engine, typed)

    def test_what_it_showed_then_is_still_known(self, engine, desk, raised):
        typed, signed = raised
        before = engine.store.head()
        desk.unlink(signed.interaction_id, reason=WHY)

        (claim,) = engine.profile(typed.contact_id, f"pos:{before}").identifiers
        assert claim.verified


class TestGiven:
    def test_it_vouches_where_it_belongs_now_and_no_longer_where_it_was(self, engine, desk, raised):
        typed, signed = raised
        (kenta,) = arrive(engine, form("kenta", profile=KENTA))
        engine.desk.identifiers.share(kenta.contact_id, Value("email", MAIL), reason="They share.")
        desk.associate(signed.interaction_id, kenta.contact_id, reason=WHY)

        assert not is_verified(engine, typed)
        assert is_verified(engine, kenta)

    @pytest.mark.parametrize("choice", ["transfer", "share"])
    def test_a_value_that_goes_along_is_verified_by_it_alone(self, engine, desk, choice):
        (signed,) = arrive(engine, form("signed", SIGNED, profile=ANNA))
        (kenta,) = arrive(engine, form("kenta", day=2, profile=KENTA))
        desk.associate(signed.interaction_id, kenta.contact_id, reason=WHY, identifiers=choice)
        assert is_verified(engine, kenta)

        engine.ingest([change("r", "signed", "retracted")])
        assert not is_verified(engine, kenta)


def test_a_claim_by_hand_that_is_moved_at_an_unmerge_leaves_behind_who_vouched(engine):
    anna, bert = known(engine, "anna"), known(engine, "bert", day=2)
    merged = engine.desk.merging.merge([anna, bert], reason=WHY)
    survivor = engine.profile(anna).contact_id
    other = bert if survivor == anna else anna
    engine.desk.identifiers.add(survivor, Value("email", MAIL))
    arrive(engine, form("signed", SIGNED, day=3))
    (wrote,) = [
        one.position
        for one in engine.desk.unmerging.preview(merged.merge_id).meanwhile
        if one.is_movable
    ]
    engine.desk.unmerging.unmerge(merged.merge_id, reason=WHY, move={wrote: other})

    (claim,) = [one for one in engine.profile(other).identifiers if one.value == MAIL]
    assert not claim.verified


class TestTakenBack:
    def test_by_a_retraction(self, engine, raised):
        typed, _ = raised
        engine.ingest([change("r", "signed", "retracted")])
        assert not is_verified(engine, typed)

    def test_by_a_correction_that_says_it_was_only_typed(self, engine, raised):
        typed, _ = raised
        engine.ingest([change("c", "signed", "corrected", identifiers=[TYPED], profile=ANNA)])
        assert not is_verified(engine, typed)

    def test_not_by_a_correction_that_says_it_again(self, engine, raised):
        typed, _ = raised
        said = ANNA | {"city": "Berlin"}
        engine.ingest([change("c", "signed", "corrected", identifiers=[SIGNED], profile=said)])
        assert is_verified(engine, typed)
        assert withdrawn(engine) == []

    @pytest.mark.parametrize("at_once", ["changes", "all of the chat"])
    def test_with_what_a_message_of_the_same_batch_showed(self, engine, at_once):
        (typed,) = arrive(engine, form("typed", TYPED, profile=ANNA))
        chat = form("chat", day=2, profile=ANNA)
        rest = [
            message("m", "chat", SIGNED, time="2026-02-02T09:05:00Z"),
            change("r", "chat", "retracted", time="2026-02-02T09:06:00Z"),
        ]
        if at_once == "changes":
            arrive(engine, chat)
        engine.ingest(rest if at_once == "changes" else [chat, *rest])

        assert not is_verified(engine, typed)

    def test_with_what_a_message_of_it_showed(self, engine):
        typed, _ = arrive(
            engine, form("typed", TYPED, profile=ANNA), form("chat", day=2, profile=ANNA)
        )
        engine.ingest([message("m", "chat", SIGNED, time="2026-02-02T09:05:00Z")])
        assert is_verified(engine, typed)

        engine.ingest([change("r", "chat", "retracted")])
        assert not is_verified(engine, typed)


def test_re_evaluation_lets_it_vouch_where_it_belongs(engine):
    """Kenta's mail was linked to Anna by the address that she had typed; then he is known by name."""
    typed, signed = arrive(
        engine, form("typed", TYPED, profile=ANNA), form("signed", SIGNED, day=2)
    )
    assert typed.contact_id == signed.contact_id
    assert is_verified(engine, typed)
    engine.ingest([change("c", "signed", "corrected", identifiers=[SIGNED], profile=KENTA)])
    engine.reevaluate()

    assert [one.id for one in engine.profile(typed.contact_id).interactions] == ["typed"]
    assert not is_verified(engine, typed)


def test_re_evaluation_leaves_a_value_to_whom_a_person_vouched_for(engine):
    known_, _ = arrive(
        engine, form("known", profile=ANNA), form("typed", TYPED, day=2, profile=ANNA)
    )
    engine.desk.identifiers.verify(known_.contact_id, Value("email", MAIL))
    engine.ingest([change("c", "typed", "corrected", identifiers=[TYPED], profile=KENTA)])
    engine.reevaluate()

    assert [one.id for one in engine.profile(known_.contact_id).interactions] == ["known"]
    assert is_verified(engine, known_)
    (kenta,) = {one.contact_id for one in engine.search("moriyama")}
    assert not any(one.verified for one in engine.profile(kenta).identifiers)


def test_an_interaction_that_comes_back_brings_when_it_was_last_heard_of(engine, desk):
    """The fixture compares the clocks of contacts with those of a replay."""
    typed, chat = arrive(
        engine, form("typed", TYPED, profile=ANNA), form("chat", day=2, profile=ANNA)
    )
    engine.ingest([message("m", "chat", SIGNED, time="2026-02-02T09:05:00Z")])
    desk.unlink(chat.interaction_id, reason=WHY)
    desk.associate(chat.interaction_id, typed.contact_id, reason=WHY)


def test_a_contact_that_moves_to_another_division_takes_along_who_vouches(engine, desk, raised):
    typed, signed = raised
    engine.desk.divisions.move(typed.contact_id, "south", reason="Moved house.", new_division=True)
    assert is_verified(engine, typed)

    desk.unlink(signed.interaction_id, reason=WHY)
    assert not is_verified(engine, typed)


def test_after_a_move_a_correction_that_says_it_again_takes_nothing_away(engine, raised):
    typed, _ = raised
    engine.desk.divisions.move(typed.contact_id, "south", reason="Moved house.", new_division=True)
    said = ANNA | {"city": "Bonn"}
    engine.ingest([change("c", "signed", "corrected", identifiers=[SIGNED], profile=said)])

    assert is_verified(engine, typed)
