"""Publishers key what belongs to one person alike, without saying who it is."""

import hmac

from identity_engine import partition_key
from tests.support.interactions import change, customer, email, event, phone

SECRET = b"a secret of the publishers"


def key(*identifiers, id_="1", **data):
    return partition_key(event(id_, *identifiers, **data), SECRET)


def test_two_spellings_of_a_number_have_one_key():
    assert key(phone("+81 3 1234 5678")) == key(phone("+81312345678"), id_="2")
    assert key(phone()) == key({"type": "whatsapp", "value": "+81312345678", "verified": True})


def test_the_strongest_identifier_counts_wherever_it_stands():
    number = customer("C-1")
    assert key(phone(), number) == key(number, email("anna@gmail.com", verified=True))
    assert key(phone(), number) != key(phone())


def test_a_typed_value_is_weaker_than_one_that_the_channel_carries():
    typed = {"type": "customer_id", "value": "C-1", "verified": False}
    assert key(typed, phone()) == key(phone())


def test_values_that_stand_for_nobody_or_cannot_be_read_key_nothing():
    alone = key()
    assert key({"type": "email", "value": "not an address"}) == alone
    assert key({"type": "phone", "value": "anonymous"}) == alone


def test_an_interaction_without_an_identifier_is_keyed_by_itself_as_are_its_changes():
    assert key() == key()
    assert key() != key(id_="2")
    assert partition_key(change("c-1", "1", "accepted", agent="a-1"), SECRET) == key()


def test_the_key_is_the_hash_that_the_documentation_describes():
    digest = hmac.digest(SECRET, b"phone\x1f+81312345678", "sha256")
    assert key(phone()) == digest[:16].hex().encode()
    assert key(phone()) != partition_key(event("1", phone()), b"another secret")
