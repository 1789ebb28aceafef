"""What a contact held is answered alike live, as of a moment, in a preview and in its steps, also if a
claim came from another or went there."""

import pytest

from identity_engine.application.operations.values.claiming import Value
from tests.support.interactions import change, email, event, phone
from tests.support.reevaluating import LOUISE, SAID, form
from tests.support.resolving import ANNA, KENTA, MAIL, arrive, facts, mailed, unrevised

WHY = "They told us."
PAUL = {"given_name": "Paul", "family_name": "Fontaine"}
NUMBER = Value("phone", "+81312345678")


class Recorder:
    """What every contact showed live, at each position of the log at which somebody looked."""

    def __init__(self, engine):
        self.engine, self.seen = engine, {}

    def look(self, *contact_ids):
        self.engine.follow()
        head = self.engine.store.head()
        self.seen |= {(head, one): unrevised(self.engine, one) for one in contact_ids}

    def check(self):
        """As of each of those positions the same is answered."""
        assert len({position for position, _ in self.seen}) > 1
        for (position, contact_id), shown in self.seen.items():
            assert unrevised(self.engine, contact_id, f"pos:{position}") == shown


@pytest.fixture
def live(engine):
    return Recorder(engine)


def test_a_claim_that_re_evaluation_moved_is_the_new_holders(engine, live):
    values = email(MAIL), phone()
    silent, anna, _ = arrive(
        engine,
        form("silent", *values, day=1),
        form("anna", *values, day=2, **SAID),
        form("anna again", *values, day=3, **SAID),
    )
    live.look(anna.contact_id)
    kenta, louise = arrive(
        engine,
        form("kenta", *values, day=4, **KENTA),
        form("louise", email(MAIL), day=5, **LOUISE),
    )
    live.look(anna.contact_id, kenta.contact_id, louise.contact_id)
    engine.reevaluate()
    moved = engine.profile(live_contact_of(engine, silent.interaction_id))
    live.look(moved.contact_id, anna.contact_id, kenta.contact_id, louise.contact_id)

    assert {one.type for one in moved.identifiers} == {"email", "phone"}
    live.check()


def assert_is_previewed(engine, one, other):
    """What a preview shows is what the merge of two makes, and what taking it back leaves."""
    foreseen = engine.desk.merging.preview([one, other])
    merged = engine.desk.merging.merge([one, other], reason=WHY, token=foreseen.token)
    assert engine.profile(one) == foreseen.profile

    parted = engine.desk.unmerging.preview(merged.merge_id)
    engine.desk.unmerging.unmerge(merged.merge_id, reason=WHY, token=parted.token)
    assert [engine.profile(part.contact_id) for part in parted.parts] == list(parted.parts)


def live_contact_of(engine, interaction_id):
    """The contact that has an interaction now."""
    views = engine.follower.views.connection
    ((contact_id,),) = views.execute(
        "SELECT contact_id FROM profile_contribution WHERE interaction_id = ?", (interaction_id,)
    ).fetchall()
    return contact_id


def test_a_claim_that_went_along_with_a_confirmed_review_is_the_new_holders(engine, live):
    known, held = arrive(
        engine,
        event(
            "1",
            email("j@example.net"),
            channel="form",
            profile={
                "given_name": "Johanna",
                "family_name": "Weidenfeld",
                "date_of_birth": "1971-03-09",
            },
        ),
        event(
            "2",
            phone(),
            channel="form",
            profile={
                "given_name": "Johana",
                "family_name": "Weidenfelt",
                "date_of_birth": "1971-11-28",
            },
        ),
    )
    live.look(known.contact_id, held.contact_id)
    engine.desk.reviewing.confirm(held.interaction_id)
    live.look(known.contact_id, held.contact_id)
    (paul,) = arrive(engine, mailed("p", "paul@example.fr", profile=PAUL))
    assert_is_previewed(engine, known.contact_id, paul.contact_id)
    engine.desk.reviewing.undo(held.interaction_id)
    live.look(known.contact_id, held.contact_id)

    assert [one.type for one in engine.profile(held.contact_id).identifiers] == ["phone"]
    live.check()


def test_a_value_that_was_shared_before_somebody_held_it_is_shown_as_shared(engine, live):
    anna, kenta = arrive(
        engine, event("1", phone()), mailed("k", "kenta@example.jp", profile=KENTA)
    )
    (louise,) = arrive(engine, mailed("l", "louise@example.fr", profile=LOUISE))
    share = engine.desk.identifiers.share
    for one in (kenta, louise):
        share(one.contact_id, NUMBER, reason=WHY)
        live.look(anna.contact_id, kenta.contact_id, louise.contact_id)
    engine.desk.identifiers.transfer(
        kenta.contact_id, NUMBER, from_contact_id=anna.contact_id, reason=WHY
    )
    live.look(anna.contact_id, kenta.contact_id, louise.contact_id)

    live.check()


def test_a_value_that_was_shared_before_it_was_given_is_previewed_as_shared(engine):
    _, kenta = arrive(engine, event("1", phone()), mailed("k", "kenta@example.jp", profile=KENTA))
    (louise,) = arrive(engine, mailed("l", "louise@example.fr", profile=LOUISE))
    engine.desk.identifiers.share(kenta.contact_id, NUMBER, reason=WHY)
    engine.desk.identifiers.transfer(
        louise.contact_id, NUMBER, from_contact_id=kenta.contact_id, reason=WHY
    )
    (paul,) = arrive(engine, mailed("p", "paul@example.fr", profile=PAUL))
    assert_is_previewed(engine, louise.contact_id, paul.contact_id)


def test_a_value_of_which_one_of_two_claims_went_over_is_still_held(engine):
    mails = (mailed(str(day), time=f"2026-02-0{day}T09:00:00Z") for day in (5, 6, 1))
    anna = {one.contact_id for one in arrive(engine, *mails)}.pop()
    for day, who in ((5, ANNA), (6, ANNA), (1, KENTA)):
        said = {"identifiers": [email(MAIL)], "profile": who}
        engine.ingest([change(f"c{day}", of=str(day), kind="corrected", **said)])
    engine.reevaluate()

    (moved,) = facts(engine, "identifier.reassigned")
    assert moved.from_contact_id == anna
    assert [one.valid_to for one in engine.profile(anna).identifiers] == [None]
    assert engine.how(anna)[-1].identifiers == 1
