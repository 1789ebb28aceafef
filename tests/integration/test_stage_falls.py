"""A stage falls with the link that raised it, once a person takes the link back (GX-0)."""

import pytest

from tests.support.interactions import change, customer, email, event, phone
from tests.support.resolving import ANNA, KENTA, arrive, facts, mailed
from tests.support.soundness import is_sound

WHY = "It was somebody else."
JOHANNA = {"given_name": "Johanna", "family_name": "Weidenfeld", "date_of_birth": "1971-03-09"}
ALIKE = {"given_name": "Johana", "family_name": "Weidenfelt", "date_of_birth": "1971-11-28"}


@pytest.fixture
def twice(engine):
    """Anna called twice from one number, which made her more than a passer-by."""
    first, second = arrive(
        engine, event("1", phone(), profile=ANNA), event("2", phone(), profile=ANNA)
    )
    assert engine.profile(first.contact_id).stage == "identified"
    return first.contact_id, first.interaction_id, second.interaction_id


@pytest.fixture
def kenta(engine):
    (outcome,) = arrive(engine, mailed("k", "kenta@example.jp", profile=KENTA))
    return outcome.contact_id


def stage(engine, contact_id):
    assert is_sound(engine)
    return engine.profile(contact_id).stage


def unlink(engine, interaction_id):
    return engine.desk.interactions.unlink(interaction_id, reason=WHY)


def give(engine, interaction_id, contact_id):
    return engine.desk.interactions.associate(interaction_id, contact_id, reason=WHY)


def test_a_confirmed_review_that_is_taken_back_leaves_no_stage(engine):
    known, held = arrive(
        engine,
        event("1", email("j@example.net"), channel="form", profile=JOHANNA),
        event("2", phone(), channel="form", profile=ALIKE),
    )
    engine.desk.reviewing.confirm(held.interaction_id)
    done = engine.desk.reviewing.undo(held.interaction_id, reason=WHY)

    assert "contact.identification_undone" in done.written
    assert stage(engine, known.contact_id) == "ephemeral"
    engine.desk.reviewing.confirm(held.interaction_id)
    assert stage(engine, known.contact_id) == "identified"


def test_a_link_by_a_person_that_a_person_takes_back_leaves_no_stage(engine, twice, kenta):
    _, _, second = twice
    give(engine, second, kenta)
    assert stage(engine, kenta) == "identified"
    unlink(engine, second)

    assert stage(engine, kenta) == "ephemeral"
    engine.rebuild()
    engine.rebuild_index()
    assert stage(engine, kenta) == "ephemeral"


def test_the_second_interaction_that_goes_to_another_takes_the_stage_along(engine, twice, kenta):
    anna, _, second = twice
    give(engine, second, kenta)

    assert [stage(engine, anna), stage(engine, kenta)] == ["ephemeral", "identified"]
    assert facts(engine, "contact.identification_undone")[-1].interaction_id == second


def test_another_link_that_is_as_good_holds_it_up(engine, twice):
    anna, _, second = twice
    (third,) = arrive(engine, event("3", phone(), profile=ANNA))
    unlink(engine, second)
    assert stage(engine, anna) == "identified"

    unlink(engine, third.interaction_id)
    assert stage(engine, anna) == "ephemeral"


def test_another_link_by_a_person_holds_it_up(engine, twice, kenta):
    _, first, second = twice
    give(engine, first, kenta)
    give(engine, second, kenta)
    unlink(engine, first)

    assert stage(engine, kenta) == "identified"


def test_the_first_interaction_is_not_what_raised_it(engine, twice):
    anna, first, _ = twice
    unlink(engine, first)

    assert stage(engine, anna) == "identified"


def test_an_identifier_that_only_one_person_has_holds_it_up(engine):
    (known,) = arrive(engine, event("1", customer("C-1") | {"verified": True}, channel="form"))
    (call,) = arrive(engine, event("2", customer("C-1") | {"verified": True}, channel="form"))
    unlink(engine, call.interaction_id)

    assert stage(engine, known.contact_id) == "identified"


def test_a_contact_that_a_person_vouched_for_stays_curated(engine, twice):
    anna, _, second = twice
    engine.desk.contacts.promote(anna)
    unlink(engine, second)

    assert stage(engine, anna) == "curated"


def test_of_merged_contacts_the_member_falls_that_had_the_link(engine, twice, kenta):
    anna, _, second = twice
    merged = engine.desk.merging.merge([anna, kenta], reason=WHY)
    unlink(engine, second)
    engine.desk.unmerging.unmerge(merged.merge_id, reason="Two people.")

    assert [stage(engine, anna), stage(engine, kenta)] == ["ephemeral", "ephemeral"]


class TestByReevaluation:
    """Links that re-evaluation moves take along what they did to the stages of their contacts."""

    def mails(self, engine, *ids):
        return arrive(engine, *(mailed(id_) for id_ in ids))

    def turn_out_to_be_kentas(self, engine, *ids, identifiers=()):
        said = [
            change(f"c-{id_}", id_, "corrected", identifiers=list(identifiers), profile=KENTA)
            for id_ in ids
        ]
        engine.ingest(said)
        engine.reevaluate()

    def test_a_contact_that_was_identified_by_a_link_that_moved_away_falls(self, engine):
        (anna,) = arrive(engine, mailed("1", profile=ANNA))
        (second,) = self.mails(engine, "2")
        assert stage(engine, anna.contact_id) == "identified"
        assert second.contact_id == anna.contact_id

        self.turn_out_to_be_kentas(engine, "2")

        assert [one.id for one in engine.profile(anna.contact_id).interactions] == ["1"]
        assert stage(engine, anna.contact_id) == "ephemeral"
        assert is_sound(engine)

    def test_one_that_has_another_such_link_stays(self, engine):
        (anna,) = arrive(engine, mailed("1", profile=ANNA))
        self.mails(engine, "2", "3")
        self.turn_out_to_be_kentas(engine, "2")

        assert [one.id for one in engine.profile(anna.contact_id).interactions] == ["1", "3"]
        assert stage(engine, anna.contact_id) == "identified"

    def test_the_contact_that_gets_a_second_exact_link_is_identified(self, engine):
        (anna, *_) = arrive(engine, *(mailed(id_, profile=ANNA) for id_ in ("1", "1a", "1b")))
        self.mails(engine, "2", "3")
        own = email("kenta@example.jp")
        self.turn_out_to_be_kentas(engine, "2", "3", identifiers=[own])

        (kenta,) = {one.contact_id for one in engine.search("moriyama")}
        assert [one.id for one in engine.profile(kenta).interactions] == ["2", "3"]
        assert kenta != anna.contact_id
        assert stage(engine, kenta) == "identified"
        assert is_sound(engine)
