"""What subscribers are told of a fact: enough to follow, no value of a person, the same each time."""

import pytest
from msgspec.structs import replace

from aggregates.augmentation import ContactAugmented
from aggregates.catalogue import FACTS as CATALOGUE
from aggregates.contact import ContactMerged, ContactUnmerged, MergeEdge
from aggregates.editing import ContactEdited, ContactEditWithdrawn
from aggregates.identifier import IdentifierClaimed, IdentifierTransferred
from aggregates.refused_merge import ContactMergeRefused
from aggregates.release import IdentifierReleased
from aggregates.verification import IdentifierVerificationWithdrawn
from identity_engine.publication import contracts
from identity_engine.publication.cloud_events import event_record, profile_record, tombstone
from identity_engine.publication.translation import INTERNAL, TOLD, translate
from tests.unit.publication.facts import (
    CAUSE,
    CORRELATION,
    EVENT,
    FACTS,
    STREAM,
    erased,
    example,
    recorded,
    words,
)

ONE, OTHER, THIRD = (f"019b1c3e-7c5a-7000-8000-00000000000{number}" for number in (1, 2, 3))
UNVERIFIED = replace(example(IdentifierVerificationWithdrawn), still_by=None)
RELEASED = replace(example(IdentifierReleased), was_gone=False)
TOLD_FACTS = [fact for fact in (*FACTS, UNVERIFIED, RELEASED) if type(fact) in TOLD]


def named(fact):
    return fact.TOPIC


def records(fact, shown=()):
    event = recorded(fact)
    return [
        event_record(event, number, told, "/here")
        for number, told in enumerate(translate(event, shown))
    ]


def test_every_fact_is_told_or_named_as_internal_and_none_is_both():
    for topic, fact in CATALOGUE.items():
        is_internal = any(topic.startswith(named) for named in INTERNAL)
        assert (fact in TOLD) != is_internal, topic


def test_everything_named_as_internal_is_there():
    assert [one for one in INTERNAL if not any(topic.startswith(one) for topic in CATALOGUE)] == []


def test_every_contract_of_an_event_is_told_of_some_fact():
    told = {type(one) for fact in TOLD_FACTS for one in translate(recorded(fact))}
    assert told == set(contracts.EVENTS)


def test_the_words_that_are_looked_for_are_those_of_the_personal_parts():
    personal = [one.personal for one in TOLD_FACTS if getattr(one, "personal", None)]
    assert all(map(words, personal))
    assert "+819012345678" in words(example(IdentifierClaimed).personal)


@pytest.mark.parametrize("fact", TOLD_FACTS, ids=named)
def test_no_value_of_a_person_is_told(fact):
    personal = words(getattr(fact, "personal", None))
    for record in records(fact):
        everything = repr(record)
        assert [word for word in personal if word in everything] == []


@pytest.mark.parametrize("fact", TOLD_FACTS, ids=named)
def test_keys_and_headers_hold_no_value_even_where_values_are_told(fact):
    personal = words(getattr(fact, "personal", None))
    shown = {"family_name", "other_names", "city", "occupation", "phone", "email"}
    for record in records(fact, shown):
        assert [word for word in personal if word in repr((record.key, record.headers))] == []


@pytest.mark.parametrize("fact", TOLD_FACTS, ids=named)
def test_what_is_told_again_is_the_same_to_the_byte(fact):
    assert records(fact) == records(fact)


@pytest.mark.parametrize(
    "fact", [one for one in TOLD_FACTS if getattr(one, "personal", None)], ids=named
)
def test_what_was_erased_is_told_without_its_values(fact):
    before, after = (translate(recorded(one), {"phone"}) for one in (fact, erased(fact)))
    assert [type(one) for one in before] == [type(one) for one in after]


def test_a_merge_is_told_to_each_contact_that_it_names():
    fact = ContactMerged(
        merge_id=THIRD,
        edges=(MergeEdge(one=ONE, other=OTHER), MergeEdge(one=ONE, other=STREAM)),
        automatic=True,
    )

    told = records(fact)

    assert [one.key for one in told] == [STREAM, ONE, OTHER]
    assert [dict(one.headers)["ce_id"].decode() for one in told] == [
        EVENT,
        f"{EVENT}.1",
        f"{EVENT}.2",
    ]
    assert {one.survivor for one in translate(recorded(fact))} == {STREAM}


def test_an_undone_merge_is_told_to_each_contact_that_it_names():
    fact = ContactUnmerged(merge_id=THIRD, edges=(MergeEdge(one=ONE, other=OTHER),))
    assert [one.key for one in records(fact)] == [STREAM, ONE, OTHER]


def test_an_edit_names_its_fields_and_shows_the_values_of_those_that_are_asked_for():
    event = recorded(example(ContactEdited))

    (plain,), (shown,) = translate(event), translate(event, {"family_name", "city"})

    assert plain.fields == shown.fields == ("city", "family_name", "other_names")
    assert (plain.set, plain.added, plain.removed) == ({}, {}, {})
    assert shown.set == {"family_name": "髙橋"}
    assert shown.added == {}
    assert shown.removed == {"city": ("München",)}


def test_values_from_a_source_are_told_as_such():
    (told,) = translate(recorded(example(ContactAugmented)), {"occupation"})
    assert told.by == "source"
    assert told.fields == ("city", "occupation")
    assert (told.set, told.added) == ({}, {"occupation": ("Lehrerin", "écrivaine")})


def test_a_withdrawn_edit_is_told_to_both_contacts():
    fact = example(ContactEditWithdrawn)
    assert [one.contact_id for one in translate(recorded(fact))] == [STREAM, fact.given_to]


def test_an_identifier_shows_its_value_only_where_its_type_is_asked_for():
    event = recorded(example(IdentifierClaimed))
    kind, value = event.fact.personal.type, event.fact.personal.value

    (plain,), (other,), (shown,) = (translate(event, one) for one in ((), {"iban"}, {kind}))

    assert (plain.type, plain.value) == (other.type, other.value) == (None, None)
    assert (shown.type, shown.value) == (kind, value)


def test_a_transfer_is_told_to_both_holders():
    fact = example(IdentifierTransferred)
    told = translate(recorded(fact))
    assert [(one.TYPE, one.contact_id) for one in told] == [
        ("identity.identifier.released.v1", fact.from_contact_id),
        ("identity.identifier.claimed.v1", fact.contact_id),
    ]


def test_the_end_of_a_claim_is_told_once():
    assert [one.TYPE for one in translate(recorded(RELEASED))] == [
        "identity.identifier.released.v1"
    ]
    assert translate(recorded(example(IdentifierReleased))) == ()


def test_a_refused_merge_is_told_only_where_a_person_is_asked():
    fact = example(ContactMergeRefused)
    asked = replace(fact, guard="both_curated")
    settled = replace(fact, guard="told_apart")
    assert [one.kind for one in translate(recorded(asked))] == ["merge"]
    assert translate(recorded(settled)) == ()


def test_the_headers_are_those_of_cloudevents_in_binary_mode():
    (record,) = records(example(ContactEdited))
    headers = {name: text.decode() for name, text in record.headers}
    assert headers == {
        "ce_specversion": "1.0",
        "ce_id": EVENT,
        "ce_source": "/here",
        "ce_type": "identity.contact.changed.v1",
        "ce_subject": STREAM,
        "ce_time": "2026-03-02T08:15:00.000000Z",
        "ce_recordedtime": "2026-03-02T08:15:00.000000Z",
        "ce_sequence": "00000000000000000007",
        "ce_correlationid": CORRELATION,
        "ce_causationid": CAUSE,
        "content-type": "application/json",
    }
    assert record.key == STREAM


def test_a_case_is_keyed_by_itself_and_a_contact_by_itself():
    keyed = {contract.ABOUT for contract in contracts.EVENTS if ".case." in contract.TYPE}
    others = {contract.ABOUT for contract in contracts.EVENTS if ".case." not in contract.TYPE}
    assert (keyed, others) == ({"case_id"}, {"contact_id"})


def test_a_redirect_has_a_value_and_a_tombstone_has_none():
    redirect = contracts.ContactRedirect(contact_id=ONE, position=3, replaced_by=OTHER)
    record = profile_record(redirect, "2026-03-02T08:15:00.000000Z", "/here")
    assert record.key == ONE
    assert record.value is not None
    assert dict(record.headers)["ce_id"].decode() == f"{ONE}.3"
    assert tombstone(ONE) == (ONE, None, ())
