"""What could not be read again, or would stand in clear, is refused and not stored."""

from datetime import datetime
from typing import ClassVar
from zoneinfo import ZoneInfo

import pytest
from msgspec.structs import replace

from aggregates.access import RoleDefined
from aggregates.case_mail import CaseMailFailed
from aggregates.contact import ContactCreated
from aggregates.policy import PolicyActivated
from aggregates.values import Erased, Fact, Stored
from identity_engine import Engine
from identity_engine.errors import EventTooLarge, UnknownTopic, Unreadable
from identity_engine.event_store.mapper import MAX_STATE_BYTES, EventMapper, Pending
from tests.schemas.golden_facts import HEADER, RECORDED_AT, STREAM, SUBJECT, FixedKeys
from tests.support.world import world


class Address(Stored, frozen=True, kw_only=True):
    text: str


class Moved(Fact, frozen=True, kw_only=True):
    TOPIC: ClassVar[str] = "test.moved"

    town: str
    personal: Address | Erased


class Misplaced(Fact, frozen=True, kw_only=True):
    TOPIC: ClassVar[str] = "test.misplaced"

    personal: Address | Erased
    town: str


HOME = Address(text="Am Markt 3")
MOVED = Moved(town="Ulm", personal=HOME)


def write(fact, facts=None, key=True, header=HEADER):
    mapper = EventMapper(FixedKeys(), entropy=bytes, facts=facts or {fact.TOPIC: type(fact)})
    sealed = (SUBJECT, FixedKeys().data_key()) if key else ()
    return mapper.encode(Pending(STREAM, 1, header, fact, *sealed), RECORDED_AT)


def test_a_fact_that_is_not_in_the_catalogue():
    with pytest.raises(UnknownTopic, match="Moved"):
        write(MOVED, {Misplaced.TOPIC: Misplaced})


def test_a_personal_part_without_a_key():
    with pytest.raises(Unreadable, match="names no subject"):
        write(MOVED, key=False)


def test_a_personal_part_that_is_not_the_last_field():
    with pytest.raises(TypeError, match="last field"):
        write(Misplaced(town="Ulm", personal=HOME))


@pytest.mark.parametrize(
    "fact",
    [
        Moved(town=89073, personal=HOME),
        Moved(town=None, personal=Erased.ERASED),
        Moved(town="Ulm", personal=Address(text=["Am Markt 3"])),
        Moved(town="Ulm", personal="Am Markt 3"),
        CaseMailFailed(mail_id="m", attempt=1, code="450", retry_at=datetime(2026, 3, 2)),  # noqa: DTZ001
    ],
)
def test_a_value_of_another_type(fact):
    with pytest.raises(TypeError, match=fact.TOPIC) as refused:
        write(fact)

    assert "Markt" not in str(refused.value)


@pytest.mark.parametrize(
    "fact",
    [
        RoleDefined(name="desk", actions=["contact:read"]),
        CaseMailFailed(
            mail_id="m",
            attempt=1,
            code="450",
            retry_at=datetime(1890, 3, 2, tzinfo=ZoneInfo("Africa/Monrovia")),
        ),
    ],
    ids=["a list", "seconds in an offset"],
)
def test_a_value_that_would_be_another_one_when_it_is_read(fact):
    with pytest.raises(TypeError, match=fact.TOPIC):
        write(fact, key=False)


@pytest.mark.parametrize("zone", [None, ZoneInfo("Africa/Monrovia")], ids=["none", "with seconds"])
def test_a_time_that_is_not_in_utc(zone):
    then = replace(HEADER, valid_from=datetime(1890, 3, 2, tzinfo=zone))

    with pytest.raises(TypeError, match="UTC"):
        write(MOVED, header=then)


def test_an_event_over_the_size_limit_is_refused_and_nothing_is_written():
    fits = Pending(STREAM, 1, HEADER, ContactCreated(division="north"))
    too_large = Pending(
        SUBJECT,
        1,
        HEADER,
        PolicyActivated(kind="policy", name="x", version="0", content="x" * MAX_STATE_BYTES),
    )
    with Engine.in_memory(world()) as engine:
        head = engine.store.head()

        with pytest.raises(EventTooLarge, match=r"policy\.activated"):
            engine.store.append([fits, too_large])

        assert engine.store.head() == head
        assert engine.store.read_stream(STREAM) == []
