"""What the rules keep apart although it is strong is written down once; likely merges wait."""

import orjson
import pytest

from aggregates.contact import ContactPromoted, ContactToldApart, ContactToldApartLifted
from aggregates.values import Stage
from identity_engine.application.rules import shipped_model
from tests.integration.test_explanation import write
from tests.support.interactions import customer, email, event, phone
from tests.support.reevaluating import SAID, form
from tests.support.resolving import MAIL, arrive, change_channel, facts
from tests.support.soundness import is_sound

HERS = {"given_name": "Johanna", "family_name": "Weidenfeld", "city": "Berlin"}


def twice(engine, *addresses, **said):
    """Each address writes twice and says the same."""
    outcomes = []
    for place, address in enumerate(addresses):
        mine = email(address, verified=True)
        for number in (1, 2):
            id_ = f"{place}{number}"
            outcomes += arrive(engine, form(id_, mine, day=2 * place + number, **said))
    return outcomes


@pytest.fixture
def likely(engine):
    """Two contacts of two records each, alike and not enough to fuse them."""
    twice(engine, "a@gmail.com", "b@web.example", **HERS)
    assert engine.reevaluate().merged == 0
    (item,) = engine.review()
    return item


class TestALikelyMerge:
    def test_it_is_a_suggestion_with_its_evidence(self, engine, likely):
        (fact,) = facts(engine, "contact.merge_refused")
        (refused,) = engine.refused_merges()
        rules = engine.policies.rules

        assert (likely.kind, likely.guard, likely.rule) == ("merge", "below_merge", "score")
        assert likely.interaction_id is None
        assert rules.link_rules.attach <= likely.weight < rules.link_rules.merge
        assert likely.evidence["model"] == fact.evidence.model == rules.model_version
        assert likely.weight == fact.evidence.prior + sum(
            part.weight for part in fact.evidence.comparisons
        )
        compared = {fact.evidence.interaction_id, fact.evidence.against}
        assert len(compared) == 2
        for contact_id in (likely.contact_id, likely.proposed):
            profile = engine.profile(contact_id)
            assert compared & {one.interaction_id for one in profile.interactions}
        assert {refused.one, refused.other} == {likely.contact_id, likely.proposed}
        assert (refused.guard, refused.weight) == ("below_merge", likely.weight)
        assert engine.counts()["in review"] == 1

    def test_why_not_tells_it_in_either_order_and_from_when(self, engine, likely):
        for ids in ((likely.contact_id, likely.proposed), (likely.proposed, likely.contact_id)):
            recorded = engine.why_not(*ids).recorded

            assert (recorded.guard, recorded.bits) == ("below_merge", likely.weight / 1000)
            (event,) = engine.store.read_positions([recorded.position])
            assert event.fact.TOPIC == "contact.merge_refused"
            assert str(recorded.position) in recorded.sentence

    def test_the_history_of_both_says_so(self, engine, likely):
        for one, other in (
            (likely.contact_id, likely.proposed),
            (likely.proposed, likely.contact_id),
        ):
            (told,) = [
                entry.summary
                for entry in engine.history(one)
                if entry.topic == "contact.merge_refused"
            ]
            assert other in told

    def test_evaluating_again_writes_nothing_but_the_request(self, engine, likely):
        for _ in range(2):
            head = engine.store.head()
            engine.request_reevaluation()
            engine.reevaluate()
            assert engine.store.head() == head + 1
        assert engine.review() == [likely]

    def test_the_index_and_the_views_are_what_a_replay_gives(self, engine, likely):
        assert is_sound(engine)
        engine.rebuild()
        assert engine.review() == [likely]

    def test_a_rebuilt_index_knows_what_was_said(self, engine, likely):
        engine.rebuild_index()
        head = engine.store.head()
        engine.reevaluate()
        assert engine.store.head() == head

    def test_it_is_closed_when_more_is_known_and_the_two_are_one(self, engine, likely):
        both = (email("a@gmail.com", verified=True), email("b@web.example", verified=True))
        arrive(engine, form("both", *both, day=9, **HERS))
        assert engine.reevaluate().merged == 1

        assert engine.review() == engine.refused_merges() == []
        assert len(facts(engine, "contact.merge_refusal_ended")) == 1
        assert engine.why_not(likely.contact_id, likely.proposed).recorded is None
        assert is_sound(engine)

    def test_it_is_closed_when_they_are_told_apart_and_open_when_that_is_lifted(
        self, engine, likely
    ):
        write(engine, likely.proposed, ContactToldApart(other=likely.contact_id))
        assert engine.review() == []
        assert engine.counts()["in review"] == 0

        write(engine, likely.proposed, ContactToldApartLifted(other=likely.contact_id))
        assert engine.review() == [likely]

    def test_another_guard_takes_the_place_of_the_first(self, engine, likely):
        write(engine, likely.proposed, ContactToldApart(other=likely.contact_id))
        engine.request_reevaluation()
        engine.reevaluate()

        (refused,) = engine.refused_merges()
        assert refused.guard == "told_apart"
        assert engine.why_not(likely.contact_id, likely.proposed).recorded.guard == "told_apart"
        assert is_sound(engine)

    def test_it_ends_under_rules_by_which_the_evidence_is_too_little(self, engine, likely):
        demanding = orjson.loads(shipped_model())
        demanding["thresholds"]["attach"] = 9.0
        engine.policies.activate({"model": orjson.dumps(demanding)})
        engine.request_reevaluation()
        engine.reevaluate()

        assert engine.refused_merges() == engine.review() == []
        assert is_sound(engine)


class TestTwoCuratedContacts:
    @pytest.fixture
    def curated(self, engine):
        mine = email(MAIL, verified=True)
        first, second, _ = arrive(
            engine,
            form("1", mine),
            form("2", phone(), day=2, **SAID),
            form("3", mine, day=3, **SAID),
        )
        for contact_id in (first.contact_id, second.contact_id):
            write(engine, contact_id, ContactPromoted(stage_before=Stage.EPHEMERAL))
        engine.reevaluate()
        return first.contact_id, second.contact_id

    def test_are_merged_by_a_person_only_and_so_are_suggested(self, engine, curated):
        (item,) = engine.review()
        assert facts(engine, "contact.merged") == []
        assert (item.kind, item.guard) == ("merge", "both_curated")
        assert {item.contact_id, item.proposed} == set(curated)
        assert is_sound(engine)

    def test_and_why_not_says_that(self, engine, curated):
        answer = engine.why_not(*curated)
        assert answer.verdict == answer.recorded.guard == "both_curated"


def test_a_refusal_that_is_no_doubt_is_listed_and_is_no_suggestion(engine):
    arrive(engine, form("1", customer("C-1"), day=1, **SAID))
    arrive(engine, form("2", customer("C-2"), day=2, **SAID))
    engine.reevaluate()

    assert [one.guard for one in engine.refused_merges()] == ["exclusive_conflict"]
    assert engine.review() == []


def test_many_records_of_two_contacts_are_one_refusal(engine):
    addresses = [email(f"{name}@gmail.com", verified=True) for name in "ab"]
    many = [form(f"{n}", addresses[n % 2], day=1 + n, **HERS) for n in range(24)]
    engine.ingest(many)

    assert sum(engine.reevaluate().refused.values()) > 1
    assert len(facts(engine, "contact.merge_refused")) == len(engine.refused_merges()) == 1


@pytest.mark.parametrize("place", [0, 1])
def test_it_ends_when_a_person_takes_away_what_it_rested_on(engine, place):
    """Two contacts gave one customer number, and were told apart."""
    change_channel(engine, "import", resolve=False)
    both = arrive(
        engine,
        *(event(id_, customer("C-1") | {"verified": True}, channel="import") for id_ in "ab"),
    )
    engine.desk.telling_apart.tell(*(one.contact_id for one in both), reason="Two people.")
    engine.reevaluate()
    assert [one.guard for one in engine.refused_merges()] == ["told_apart"]

    engine.desk.interactions.unlink(both[place].interaction_id, reason="It was nobody.")
    engine.reevaluate()

    assert engine.refused_merges() == []
    assert is_sound(engine)
