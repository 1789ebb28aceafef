"""Records of one person share a key in spite of an error; keys are hashed for the index."""

import pytest

from matchers.blocking import block_keys, hash_keys, keys_in_use, refined_keys
from matchers.record import MatchRecord, build_record

FULL = {
    "given_name": "Anna",
    "family_name": "Zimmermann",
    "date_of_birth": "1985-03-07",
    "city": "Ulm",
    "postcode": "89073",
}


def keys(**changes):
    return set(block_keys(build_record(FULL | changes, [], [])))


@pytest.mark.parametrize(
    "error",
    [
        {"given_name": "Zimmermann", "family_name": "Anna"},
        {"given_name": "", "city": "", "postcode": ""},
        {"family_name": "Simmermann", "date_of_birth": ""},
        {"date_of_birth": "1985-07-03", "family_name": "", "city": "", "postcode": ""},
        {"given_name": "Q", "family_name": "Q", "postcode": ""},
    ],
)
def test_an_error_leaves_a_key_in_common(error):
    assert keys() & keys(**error)


def test_people_with_nothing_in_common_share_no_key():
    other = build_record({"full_name": "Otto Braun", "date_of_birth": "1951-11-22"}, [], [])
    assert not keys() & set(block_keys(other))


def test_broken_and_whole_emails_meet_by_local_part():
    whole, broken = MatchRecord(emails=("jane@a.example",)), MatchRecord(emails=("jane@.com",))
    assert block_keys(whole) == block_keys(broken) == ("email:jane",)


def test_national_and_full_numbers_meet_by_their_last_digits():
    whole, national = MatchRecord(phones=("+442079460018",)), MatchRecord(phones=("02079460018",))
    assert block_keys(whole) == block_keys(national)


def test_an_empty_record_has_no_keys():
    assert block_keys(MatchRecord()) == ()


def test_keys_are_stable_distinct_and_few():
    found = block_keys(build_record(FULL, [], []))
    assert len(set(found)) == len(found) <= 14
    assert found == block_keys(build_record(FULL, [], []))


def test_hashes_fit_a_signed_integer_and_depend_on_the_secret():
    found = sorted(keys())
    one, other = hash_keys(found, b"a" * 32), hash_keys(found, b"b" * 32)
    assert len(set(one)) == len(found)
    assert not set(one) & set(other)
    assert all(-(2**63) <= value < 2**63 for value in one)


ANNA = build_record(FULL, [], [])


def test_a_crowded_key_gives_way_to_finer_keys_and_the_others_stay():
    crowded = {key for key in block_keys(ANNA) if key.startswith("word:")}
    in_use, found_crowded = keys_in_use(ANNA, crowded.__contains__)
    assert set(found_crowded) == crowded
    assert set(block_keys(ANNA)) - crowded <= set(in_use)
    assert {key for word in crowded for key in refined_keys(ANNA, word)} <= set(in_use)


def test_records_that_agree_on_one_more_fact_still_meet_under_a_crowded_key():
    other = build_record(FULL | {"given_name": "Anne", "city": "Bonn", "postcode": ""}, [], [])
    stranger = build_record({"full_name": "Anna Braun", "date_of_birth": "1951-11-22"}, [], [])
    word = next(key for key in block_keys(ANNA) if key in block_keys(stranger))
    assert word in block_keys(other)
    assert set(refined_keys(ANNA, word)) & set(refined_keys(other, word))
    assert not set(refined_keys(ANNA, word)) & set(refined_keys(stranger, word))


def test_a_set_of_facts_has_one_key_in_whatever_order_keys_became_crowded():
    once = [finer for key in block_keys(ANNA) for finer in refined_keys(ANNA, key)]
    twice = [finer for key in once for finer in refined_keys(ANNA, key)]
    facts = [frozenset(key.replace("word:", "n").split("+")) for key in twice]
    assert len(set(facts)) == len(facts)


def test_refinement_ends():
    in_use, crowded = keys_in_use(ANNA, lambda _: True)
    assert max(key.count("+") for key in crowded) == 3
    assert set(in_use) == {key for key in crowded if not refined_keys(ANNA, key)}


def test_a_record_without_a_further_fact_has_no_finer_key():
    (key,) = block_keys(MatchRecord(phones=("+442079460018",)))
    assert refined_keys(MatchRecord(phones=("+442079460018",)), key) == ()


def test_a_desk_and_a_person_share_no_key_by_the_start_of_a_mailbox():
    desks = [MatchRecord(emails=(f"info@{host}.example",)) for host in ("a", "b")]
    assert not set(block_keys(desks[0])) & set(block_keys(desks[1]))
