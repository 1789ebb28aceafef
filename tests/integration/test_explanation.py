"""Why, why not and how: told from what is stored, and from the rules in force (issue 3)."""

import pytest

from aggregates.contact import ContactMerged, ContactToldApart, MergeEdge
from aggregates.refused_merge import ContactMergeRefused
from aggregates.values import CommandId, EventId, Evidence, Header, MergeId
from identity_engine.application.explanation.sentences import LANGUAGES, sentences_in
from identity_engine.errors import NotFound, UsageError
from identity_engine.event_store.mapper import Pending
from identity_engine.event_store.store import EventStore
from tests.support.interactions import customer, email, event, phone
from tests.support.resolving import (
    ANNA,
    KENTA,
    MAIL,
    arrive,
    mailed,
)

UNKNOWN = "019b1c3e-7c5a-7000-8000-0123456789ab"
JOHANNA = {"given_name": "Johanna", "family_name": "Weidenfeld", "date_of_birth": "1971-03-09"}
WILHELMINE = {"given_name": "Wilhelmine", "family_name": "Zschokke"}


@pytest.fixture
def merged(engine):
    """Two contacts that a third interaction showed to be one; the ids are those of their birth."""
    outcomes = arrive(
        engine,
        event("1", phone(), profile={"given_name": "Anna", "family_name": "Berger"}),
        mailed("2", profile={"given_name": "Anna"}),
        event("3", phone(), email(MAIL, True), channel="form", profile=ANNA),
    )
    assert engine.reevaluate().merged == 1
    return outcomes


def write(engine, stream, fact):
    """Write what a person did, for which there is no verb yet, and let the index follow."""
    store: EventStore = engine.store
    with store.writing() as writer:
        reader = store.index.begin(writer.cursor)
        index = reader.index
        named = {stream, *(getattr(fact, "other", None),)} - {None}
        named |= {end for edge in getattr(fact, "edges", ()) for end in (edge.one, edge.other)}
        reader.load_nearby((), named)
        reader.load_edges(named)
        version = index.contacts[stream].version + 1
        header = Header(
            EventId(UNKNOWN[:-4] + f"{version:04}"), engine.now(), "steward", CommandId(UNKNOWN)
        )
        index.apply(stream, version, engine.now(), fact)
        writer.append([Pending(stream, version, header, fact)], index.changes())


class TestWhy:
    def test_a_merge_of_the_rules_is_explained_with_its_evidence(self, engine, merged):
        explanations = engine.why(merged[0].contact_id)

        assert [one.kind for one in explanations] == ["link", "link", "link", "merge"]
        merge = explanations[-1]
        assert set(merge.contacts) == {merged[0].contact_id, merged[1].contact_id}
        compared = {merge.interaction_id, merge.against}
        assert compared == {merged[0].interaction_id, merged[2].interaction_id}
        assert sum(part.bits for part in merge.parts) == pytest.approx(merge.bits)
        assert merge.thresholds.merge > merge.thresholds.attach > merge.thresholds.review
        assert f"{merge.bits:.1f} bits of evidence" in merge.sentence
        assert f"{merge.thresholds.merge:.1f}" in merge.sentence

    def test_it_answers_by_the_id_of_any_member(self, engine, merged):
        assert engine.why(merged[0].contact_id) == engine.why(merged[1].contact_id)

    def test_a_merge_by_a_person_says_so(self, engine):
        one, other = arrive(engine, event("1", profile=ANNA), event("2", profile=KENTA))
        edge = MergeEdge(one=one.contact_id, other=other.contact_id)
        write(engine, one.contact_id, ContactMerged(merge_id=MergeId(UNKNOWN), edges=(edge,)))

        merge = engine.why(one.contact_id)[-1]

        assert (merge.kind, merge.rule, merge.parts) == ("merge", "person", ())
        assert merge.sentence == "A person said that they are one."

    def test_a_moved_link_names_where_it_came_from(self, engine):
        name = {"given_name": "Anna", "family_name": "Berger"}
        card, mail, other_card = arrive(
            engine,
            event("1", customer("C-1"), channel="form", profile=name),
            event("2", email(MAIL, True), channel="form", profile=ANNA),
            event("3", customer("C-2"), email(MAIL, True), channel="form", profile=ANNA),
        )
        assert mail.contact_id == card.contact_id != other_card.contact_id
        assert engine.reevaluate().moved == 1

        (moved,) = engine.why(mail.interaction_id)

        assert (moved.moved_from, moved.contact_id) == (card.contact_id, other_card.contact_id)
        assert moved.sentence.startswith(f"Re-evaluation moved it here from {card.contact_id}.")
        assert moved in engine.why(other_card.contact_id)
        for contact_id in (card.contact_id, other_card.contact_id):
            told = [one.sentence for one in engine.how(contact_id)]
            assert len([one for one in told if "was moved from" in one or "was taken" in one]) == 1

    def test_an_unknown_id_is_told(self, engine):
        with pytest.raises(NotFound):
            engine.why(UNKNOWN)


def why_not(engine, *events):
    """Ask why the contacts of the first and the last event are not one."""
    outcomes = arrive(engine, *events)
    engine.reevaluate()
    return engine.why_not(outcomes[0].contact_id, outcomes[-1].contact_id)


class TestWhyNot:
    def test_other_values_of_an_exclusive_identifier(self, engine):
        answer = why_not(
            engine,
            event("1", customer("C-1"), profile=ANNA),
            event("2", customer("C-2"), profile=ANNA),
        )

        assert answer.verdict == "exclusive_conflict"
        assert "customer_id" in answer.tip
        assert "C-1" not in f"{answer}"
        assert answer.bits > answer.needed  # it is not the weight that keeps them apart

    def test_too_little_weight_with_the_bits_that_are_missing(self, engine):
        answer = why_not(
            engine,
            event("1", channel="form", profile=JOHANNA | {"city": "Ulm"}),
            event("2", channel="form", profile={"given_name": "Johanna", "family_name": "Meier"}),
        )

        assert answer.verdict == "below_attach"
        assert answer.needed == answer.thresholds.attach
        assert answer.bits + answer.missing == pytest.approx(answer.needed)
        assert sum(part.bits for part in answer.parts) == pytest.approx(answer.bits)
        assert f"{answer.missing:.1f} are missing" in answer.sentence
        absent = {one.name: one for one in answer.absent}
        assert absent.keys() == {"birth_date", "city"}
        assert {one.interaction_id for one in answer.absent} == {answer.compared[1]}
        assert [one.bits for one in answer.absent] == sorted(
            (one.bits for one in answer.absent), reverse=True
        )
        assert absent["birth_date"].is_enough

    def test_what_is_said_to_be_enough_is_enough(self, engine):
        first, second = arrive(
            engine,
            event("1", channel="form", profile=JOHANNA | {"city": "Ulm"}),
            event("2", channel="form", profile={"given_name": "Johanna", "family_name": "Meier"}),
        )
        before = engine.why_not(first.interaction_id, second.interaction_id)
        told = {one.name: one.bits for one in before.absent}

        (third,) = arrive(
            engine,
            event(
                "3",
                channel="form",
                profile={
                    "given_name": "Johanna",
                    "family_name": "Meier",
                    "date_of_birth": JOHANNA["date_of_birth"],
                },
            ),
        )
        after = engine.why(third.interaction_id)[0]

        assert after.contact_id == first.contact_id
        assert after.bits == pytest.approx(before.bits + told["birth_date"])

    def test_those_that_are_one_already(self, engine, merged):
        answer = engine.why_not(merged[0].contact_id, merged[1].contact_id)

        assert answer.verdict == "already_one"
        assert answer.contacts[0] == answer.contacts[1]
        assert answer.contacts[0] in answer.sentence

    def test_a_bare_name_on_a_live_channel(self, engine):
        answer = why_not(
            engine,
            event("1", channel="chat", profile=WILHELMINE),
            event("2", channel="chat", profile=WILHELMINE),
        )

        assert answer.verdict == "bare_name"
        assert answer.missing == 0
        assert "only the name was alike" in answer.sentence

    def test_those_whom_a_person_told_apart(self, engine):
        one, other = arrive(
            engine,
            event("1", channel="chat", profile=WILHELMINE),
            event("2", channel="chat", profile=WILHELMINE),
        )
        write(engine, one.contact_id, ContactToldApart(other=other.contact_id))

        answer = engine.why_not(other.contact_id, one.contact_id)

        assert answer.verdict == "told_apart"
        assert "lifted" in answer.tip

    def test_another_division(self, engine):
        answer = why_not(
            engine, event("1", profile=ANNA), event("2", profile=ANNA, division="north")
        )

        assert (answer.verdict, answer.absent) == ("other_division", ())

    def test_attributes_against_a_shared_line(self, engine):
        mobile = phone("+819012345678")
        answer = why_not(
            engine, event("1", mobile, profile=ANNA), event("2", mobile, profile=KENTA)
        )

        assert answer.verdict == "contradiction"

    def test_a_value_that_many_share(self, engine):
        people = (ANNA, KENTA, JOHANNA)
        calls = [event(str(n), phone(), profile=who) for n, who in enumerate(people)]
        answer = why_not(engine, *calls, event("silent", phone(), channel="email"))

        assert answer.verdict == "shared_identifier"

    def test_one_that_says_nothing(self, engine):
        answer = why_not(engine, event("1", customer("C-1")), event("2", profile=ANNA))

        assert answer.verdict == "says_nothing"
        assert (answer.bits, answer.missing, answer.parts) == (None, None, ())

    def test_one_of_whom_nothing_is_left(self, engine):
        emptied, other = arrive(engine, event("1", profile=ANNA), event("2", profile=KENTA))
        engine.desk.interactions.unlink(emptied.interaction_id, reason="not hers")

        for pair in ((emptied, other), (other, emptied)):
            answer = engine.why_not(*(one.contact_id for one in pair))
            assert (answer.verdict, answer.compared) == ("says_nothing", None)

    @pytest.fixture
    def waiting(self, engine):
        """Two contacts that a third record shows to be one."""
        first, _, third = arrive(
            engine,
            event("1", phone(), profile={"given_name": "Anna", "family_name": "Berger"}),
            mailed("2", profile={"given_name": "Anna"}),
            event("3", phone(), email(MAIL, True), channel="form", profile=ANNA),
        )
        return first.contact_id, third.contact_id

    def test_those_that_wait_for_re_evaluation(self, engine, waiting):
        assert engine.why_not(*waiting).verdict == "would_join"

    @pytest.mark.parametrize("language", LANGUAGES)
    def test_those_that_a_guard_kept_apart_when_it_was_their_turn(self, engine, waiting, language):
        refuse(engine, *waiting, model=engine.policies.rules.model_version)
        before = engine.why_not(*waiting, language)
        reason = sentences_in(language).say("guard.members_differ")

        assert before.verdict == "order_of_joining"
        assert reason in before.sentence
        assert before.recorded.guard == "members_differ"

    def test_those_that_older_rules_kept_apart(self, engine, waiting):
        refuse(engine, *waiting, model="0" * 64)

        assert engine.why_not(*waiting).verdict == "would_join"

    def test_somebody_else_who_uses_the_value_and_says_elsewhere_who_it_is(self, engine):
        typed, own = email("desk@shop.example", False), customer("C-1")
        arrive(
            engine,
            event("1", typed, channel="form", profile=ANNA),
            event("2", typed, own, channel="form"),
            event("3", typed, channel="form"),
            event("4", own, channel="form", profile=KENTA),
        )
        engine.reevaluate()
        refused = engine.refused_merges()

        assert "several_users" in {found.guard for found in refused}
        for found in refused:
            assert engine.why_not(found.one, found.other).verdict == found.guard

    def test_what_a_person_says_of_a_contact_leaves_it_its_interactions(self, engine):
        pair = event("1", customer("C-1"), profile=ANNA), event("2", customer("C-2"), profile=ANNA)
        one, other = (found.contact_id for found in arrive(engine, *pair))
        before = engine.why_not(one, other)
        engine.desk.contacts.edit(one, set={"city": "Berlin"})
        after = engine.why_not(one, other)

        assert before.verdict == after.verdict == "exclusive_conflict"
        assert after.bits == before.bits

    def test_two_interactions_stand_for_themselves(self, engine):
        first, second = arrive(
            engine,
            event("1", channel="chat", profile=WILHELMINE),
            event("2", channel="chat", profile=WILHELMINE),
        )

        answer = engine.why_not(first.interaction_id, second.interaction_id)

        assert answer.verdict == "bare_name"
        assert answer.compared == (first.interaction_id, second.interaction_id)

    def test_it_is_the_same_from_both_sides(self, engine):
        first, second = arrive(engine, event("1", profile=ANNA), event("2", profile=KENTA))
        there = engine.why_not(first.contact_id, second.contact_id)
        back = engine.why_not(second.contact_id, first.contact_id)

        assert (there.verdict, there.bits, there.absent) == (back.verdict, back.bits, back.absent)
        assert there.compared == tuple(reversed(back.compared))

    def test_it_writes_nothing(self, engine, merged):
        head = engine.store.head()
        engine.why_not(merged[0].interaction_id, merged[1].interaction_id)

        assert engine.store.head() == head
        assert engine.reevaluation.waiting() == 0

    @pytest.mark.parametrize("which", [0, 1])
    def test_an_unknown_id_is_told(self, engine, merged, which):
        ids = [merged[0].contact_id, merged[1].contact_id]
        ids[which] = UNKNOWN
        with pytest.raises(NotFound, match=UNKNOWN):
            engine.why_not(*ids)
        with pytest.raises(UsageError):
            engine.why_not(ids[1 - which], "not-an-id")


def refuse(engine, one, other, **rules):
    """Write that re-evaluation refused to merge two."""
    versions = {"policy": engine.policies.rules.policy_version} | rules
    evidence = Evidence(rule="score", weight=2_000, **versions)
    holder, named = sorted((one, other))
    fact = ContactMergeRefused(other=named, guard="members_differ", evidence=evidence)
    write(engine, holder, fact)


class TestHow:
    def test_the_steps_are_in_order_and_count_what_the_identity_has(self, engine, merged):
        steps = engine.how(merged[0].contact_id)

        assert [one.position for one in steps] == sorted(one.position for one in steps)
        assert [one.topic for one in steps] == [
            *("contact.created", "interaction.linked", "identifier.claimed"),
            *("contact.created", "interaction.linked", "identifier.claimed"),
            *("interaction.linked", "contact.identified", "contact.merged"),
        ]
        counts = [(one.interactions, one.identifiers, one.members) for one in steps]
        assert counts[0] == (0, 0, 1)
        assert counts[2] == counts[7] == (1, 1, 1)
        assert counts[-1] == (3, 2, 2)
        assert (steps[-1].rule, steps[-1].bits is not None) == ("score", True)
        assert all(one.actor.startswith("policy:") for one in steps)

    def test_as_of_a_position_only_what_was_one_then_is_told(self, engine, merged):
        now = engine.how(merged[0].contact_id)
        before = engine.how(merged[0].contact_id, f"pos:{now[-1].position - 1}")

        assert before == now[:3]
        assert engine.how(merged[0].contact_id, f"pos:{now[-1].position}") == now

    def test_the_end_agrees_with_the_profile(self, engine, merged):
        profile, end = engine.profile(merged[0].contact_id), engine.how(merged[1].contact_id)[-1]

        assert end.interactions == len(profile.interactions)
        assert end.members == len(profile.members)
        assert end.identifiers == len({one.identifier_id for one in profile.identifiers})

    def test_an_unknown_contact_is_told(self, engine, merged):
        for as_of in (None, "pos:0"):
            with pytest.raises(NotFound):
                engine.how(UNKNOWN if as_of is None else merged[0].contact_id, as_of)


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_sentence_holds_a_value_of_a_person(engine, merged, language):
    told = [
        *(one.sentence for one in engine.why(merged[0].contact_id, language)),
        *(one.sentence for one in engine.how(merged[0].contact_id, language=language)),
        engine.why_not(merged[0].interaction_id, merged[1].interaction_id, language).sentence,
    ]

    for value in (*ANNA.values(), MAIL, "+81312345678", "312345678"):
        assert not [sentence for sentence in told if value.casefold() in sentence.casefold()]
