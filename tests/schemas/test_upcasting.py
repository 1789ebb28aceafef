"""Events stored under an older schema are read as today's; what cannot be read says so."""

from typing import ClassVar

import pytest

from aggregates.values import Erased, Fact, Stored
from identity_engine.errors import UnknownTopic, Unreadable
from identity_engine.event_store.ids import id_bytes
from identity_engine.event_store.mapper import EventMapper, Pending, StoredRow
from tests.schemas.golden_facts import HEADER, RECORDED_AT, STREAM, SUBJECT, VERSION, FixedKeys

TOPIC = "test.moved"


class AddressV1(Stored, frozen=True, kw_only=True):
    text: str


class MovedV1(Fact, frozen=True, kw_only=True):
    TOPIC: ClassVar[str] = TOPIC

    town: str
    personal: AddressV1 | Erased


class AddressV2(Stored, frozen=True, kw_only=True):
    street: str
    number: str


class MovedV2(Fact, frozen=True, kw_only=True):
    TOPIC: ClassVar[str] = TOPIC
    SCHEMA: ClassVar[int] = 2

    city: str
    personal: AddressV2 | Erased


class MovedV3(Fact, frozen=True, kw_only=True):
    TOPIC: ClassVar[str] = TOPIC
    SCHEMA: ClassVar[int] = 3

    city: str
    country: str
    personal: AddressV2 | Erased


def to_v2(fields):
    personal = fields["personal"]
    if "erased" not in personal:
        street, _, number = personal["text"].rpartition(" ")
        personal = {"street": street, "number": number}
    return {"city": fields["town"], "personal": personal}


def to_v3(fields):
    return {**fields, "country": "DE"}


BOTH_STEPS = {(TOPIC, 1): to_v2, (TOPIC, 2): to_v3}
OLD = MovedV1(town="Ulm", personal=AddressV1(text="Am Markt 3"))


def mapper(fact, upcasters=None, keys=None):
    return EventMapper(
        keys or FixedKeys(), entropy=bytes, facts={TOPIC: fact}, upcasters=upcasters or {}
    )


def stored(fact):
    pending = Pending(STREAM, VERSION, HEADER, fact, SUBJECT, FixedKeys().data_key())
    state = mapper(type(fact)).encode(pending, RECORDED_AT).state
    return StoredRow(9, id_bytes(STREAM), VERSION, TOPIC, state)


def read(row, by):
    return by.decode([row])[0].fact


def test_one_step_leads_to_the_next_schema():
    assert read(stored(OLD), mapper(MovedV2, BOTH_STEPS)) == MovedV2(
        city="Ulm", personal=AddressV2(street="Am Markt", number="3")
    )


def test_steps_follow_each_other():
    assert read(stored(OLD), mapper(MovedV3, BOTH_STEPS)) == MovedV3(
        city="Ulm", personal=AddressV2(street="Am Markt", number="3"), country="DE"
    )


def test_an_event_of_the_present_schema_is_not_upcast():
    today = MovedV2(city="Ulm", personal=AddressV2(street="Am Markt", number="3"))
    assert read(stored(today), mapper(MovedV2, BOTH_STEPS)) == today


def test_an_erased_event_is_upcast_too():
    reader = mapper(MovedV2, BOTH_STEPS, FixedKeys(is_live=False))
    assert read(stored(OLD), reader) == MovedV2(city="Ulm", personal=Erased.ERASED)


def test_an_event_of_a_later_schema_is_read_without_what_is_not_known_here():
    later = MovedV3(city="Ulm", personal=AddressV2(street="Am Markt", number="3"), country="DE")
    assert read(stored(later), mapper(MovedV2)) == MovedV2(city="Ulm", personal=later.personal)


@pytest.mark.parametrize("upcasters", [{}, {(TOPIC, 2): to_v3}, {("test.other", 1): to_v2}])
def test_a_missing_step_is_named(upcasters):
    with pytest.raises(Unreadable, match=f"No upcaster leads {TOPIC} from schema 1 to 2"):
        read(stored(OLD), mapper(MovedV3, upcasters))


def test_a_step_that_fails_makes_the_event_unreadable_and_shows_no_value():
    def broken(fields):
        raise KeyError(fields["personal"]["text"])

    with pytest.raises(Unreadable) as raised:
        read(stored(OLD), mapper(MovedV2, {(TOPIC, 1): broken}))

    assert "Markt" not in str(raised.value)


def test_the_schema_is_part_of_what_the_seal_binds():
    row = stored(OLD)
    state = row.state.replace(b'"schema":1', b'"schema":2')
    changed = StoredRow(9, id_bytes(STREAM), VERSION, TOPIC, state)

    with pytest.raises(Unreadable):
        read(changed, mapper(MovedV2))


def test_a_topic_that_is_not_in_the_catalogue_is_not_read():
    with pytest.raises(UnknownTopic, match="Position 9"):
        EventMapper(FixedKeys(), entropy=bytes).decode([stored(OLD)])
