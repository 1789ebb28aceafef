"""Whoever promotes a contact that has expired brings it back first (GX-4)."""

import pytest

from aggregates.errors import Refused
from identity_engine.errors import Denied
from tests.support.lifetimes import WHY, day, presence
from tests.support.resolving import ANNA, arrive, mailed
from tests.support.soundness import is_sound
from tests.support.world import Clock


@pytest.fixture
def clock():
    return Clock(day(3, 1))


@pytest.fixture
def anna(engine):
    return arrive(engine, mailed("1", profile=ANNA))[0].contact_id


@pytest.fixture
def expired(engine, anna, clock):
    clock.set(day(4, 3))
    assert engine.desk.lifecycle.sweep().expired == 1
    return anna


def test_it_comes_back_with_its_identifiers_and_is_curated(engine, expired):
    done = engine.desk.contacts.promote(expired)

    assert done.written[-1] == "contact.promoted"
    assert "contact.restored" in done.written
    profile = engine.profile(expired)
    assert (profile.presence, profile.stage) == ("live", "curated")
    assert [one.valid_to for one in profile.identifiers] == [None]
    assert is_sound(engine)


def test_that_takes_the_right_to_restore_too(engine, expired):
    admin = engine.desk.administration
    admin.define_role("voucher", ["identity:promote", "contact:view"])
    admin.grant("agent-7", "voucher")
    with pytest.raises(Denied):
        engine.acting_as("agent-7").contacts.promote(expired)
    assert presence(engine, expired) == "expired"


def test_one_that_was_deleted_does_not(engine, anna):
    engine.desk.lifecycle.delete(anna, reason=WHY)
    with pytest.raises(Refused, match="contact restore"):
        engine.desk.contacts.promote(anna)
