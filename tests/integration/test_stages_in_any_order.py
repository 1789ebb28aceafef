"""Whether somebody is identified does not hang on what came first, once re-evaluation is done (GX-0)."""

import pytest

from tests.support.interactions import change, customer, email, event, phone
from tests.support.resolving import ANNA, KENTA, MAIL, arrive, change_channel, facts, mailed
from tests.support.soundness import is_sound

IN_TURN = pytest.mark.parametrize("turn", [1, -1], ids=["in order", "the other way round"])
OTHERS = [
    {"given_name": given, "family_name": family, "date_of_birth": born}
    for given, family, born in (
        ("Kenta", "Moriyama", "1955-11-30"),
        ("Zoë", "Lindqvist", "1971-03-09"),
        ("Omar", "Haddad", "1993-07-21"),
    )
]


def stage_of(engine, event_):
    (outcome,) = arrive(engine, event_)
    assert outcome.status == "duplicate"
    assert is_sound(engine)
    return engine.profile(outcome.contact_id).stage


@IN_TURN
def test_a_value_that_was_typed_before_it_was_verified(engine, turn):
    typed = event("1", email(MAIL), channel="form", profile=ANNA)
    verified = event("2", email(MAIL, verified=True), channel="form", profile=ANNA)
    arrive(engine, *(typed, verified)[::turn])
    engine.reevaluate()

    assert stage_of(engine, typed) == "identified"


@IN_TURN
@pytest.mark.parametrize("proof", [customer("C-1"), email(MAIL, verified=True)])
def test_somebody_who_is_only_alike_and_then_proves_who_it_is(engine, turn, proof):
    alike = event("1", profile=ANNA, channel="form")
    proven = event("2", proof, profile=ANNA, channel="form")
    first, second = arrive(engine, *(alike, proven)[::turn])
    assert first.contact_id == second.contact_id
    assert engine.profile(first.contact_id).stage == "identified"
    engine.reevaluate()

    assert stage_of(engine, alike) == "identified"


def test_being_alike_alone_identifies_nobody(engine):
    arrive(engine, *(event(id_, profile=ANNA, channel="form") for id_ in "12"))
    engine.reevaluate()

    assert stage_of(engine, event("1", profile=ANNA, channel="form")) == "ephemeral"


@IN_TURN
def test_a_line_that_turns_out_to_be_that_of_many(engine, turn):
    twice = [event(id_, phone(), profile=ANNA) for id_ in "12"]
    others = [event(f"o{n}", phone(), profile=one) for n, one in enumerate(OTHERS)]
    for some in (twice, others)[::turn]:
        arrive(engine, *some)
        engine.reevaluate()

    assert facts(engine, "identifier.shared")
    assert stage_of(engine, twice[0]) == "ephemeral"


@IN_TURN
def test_a_line_of_many_over_which_the_engine_had_merged(engine, turn):
    change_channel(engine, "voice", resolve=False)
    twice = [event(id_, phone(), profile=ANNA) for id_ in "12"]
    others = [event(f"o{n}", phone(), profile=one) for n, one in enumerate(OTHERS)]
    for some in (twice, others)[::turn]:
        arrive(engine, *some)
        engine.reevaluate()

    one, other = arrive(engine, *twice)
    assert one.contact_id == other.contact_id
    assert stage_of(engine, twice[0]) == "ephemeral"
    before = engine.store.head()
    engine.request_reevaluation()
    engine.reevaluate()
    assert engine.store.head() == before + 1  # the request alone


@IN_TURN
def test_what_identified_somebody_and_was_corrected(engine, turn):
    call = event("1", email(MAIL, verified=True), channel="form", profile=ANNA)
    right = change("c", "1", "corrected", identifiers=[email("a@b.example")], profile=ANNA)
    arrive(engine, *(call, right)[::turn])
    engine.reevaluate()

    assert stage_of(engine, call) == "ephemeral"


def test_what_identified_somebody_and_was_taken_back(engine):
    calls = [event(id_, phone(), profile=ANNA) for id_ in "12"]
    arrive(engine, *calls, change("c", "2", "retracted"))
    engine.reevaluate()

    assert stage_of(engine, calls[0]) == "ephemeral"


def test_what_came_to_somebody_whom_a_person_vouched_for(engine):
    known = event("1", profile=ANNA, channel="form")
    (first,) = arrive(engine, known)
    engine.desk.contacts.promote(first.contact_id)
    arrive(engine, event("2", customer("C-1"), profile=ANNA, channel="form"))
    engine.reevaluate()
    engine.desk.contacts.undo_promotion(first.contact_id)
    engine.reevaluate()

    assert stage_of(engine, known) == "identified"


@IN_TURN
def test_a_value_that_only_one_person_can_have_and_two_give(engine, turn):
    two = [event(id_, customer("C-1"), profile=one) for id_, one in (("1", ANNA), ("2", KENTA))]
    arrive(engine, *two[::turn])
    engine.reevaluate()

    assert [stage_of(engine, one) for one in two] == ["identified", "identified"]


def test_what_a_person_linked_stays_identified(engine):
    known, call = mailed("1"), event("2", phone(), profile=ANNA)
    first, second = arrive(engine, known, call)
    engine.desk.interactions.associate(
        second.interaction_id, first.contact_id, reason="She told us."
    )
    engine.request_reevaluation()
    engine.reevaluate()

    assert stage_of(engine, known) == "identified"


def test_what_a_person_takes_away_lowers_nobody_whose_own_link_raised_it(engine):
    calls = [event(id_, phone(), profile=ANNA) for id_ in "12"]
    first, _ = arrive(engine, *calls)
    engine.desk.interactions.create_contact(first.interaction_id, reason="Her sister called.")
    engine.request_reevaluation()
    engine.reevaluate()

    assert stage_of(engine, calls[1]) == "identified"


def test_an_identifier_that_it_was_to_keep_holds_it_up(engine):
    first, _ = arrive(
        engine,
        event("1", customer("C-1"), profile=ANNA, channel="form"),
        event("2", profile=ANNA, channel="form"),
    )
    engine.desk.interactions.create_contact(first.interaction_id, reason="Her sister called.")
    engine.request_reevaluation()
    engine.reevaluate()

    assert stage_of(engine, event("2", profile=ANNA, channel="form")) == "identified"


@IN_TURN
def test_what_had_identified_somebody_together_with_an_interaction_that_is_gone(engine, turn):
    calls = event("1", channel="voice"), event("2", phone())
    corrected = change("c", "1", "corrected", identifiers=[phone()], profile={})
    arrive(engine, *calls)
    for one in (corrected, change("r", "2", "retracted"))[::turn]:
        arrive(engine, one)
        engine.reevaluate()

    assert stage_of(engine, calls[0]) == "ephemeral"


def test_nor_does_it_hold_up_whom_a_line_of_many_had_raised(engine):
    calls = [event(id_, phone(), profile=ANNA) for id_ in "123"]
    first, *_ = arrive(engine, *calls)
    engine.desk.interactions.create_contact(first.interaction_id, reason="Her sister called.")
    arrive(engine, *(event(f"o{n}", phone(), profile=one) for n, one in enumerate(OTHERS)))
    engine.request_reevaluation()
    engine.reevaluate()

    assert facts(engine, "identifier.shared")
    assert stage_of(engine, calls[2]) == "ephemeral"
