"""Who may be the same person: proposed with evidence, never those whom a person told apart (NX-3)."""

import pytest

from identity_engine.errors import Denied, NotFound
from tests.support.interactions import event
from tests.support.merging import guest, known
from tests.support.reevaluating import SAID
from tests.support.resolving import arrive, change_channel, mailed

WHY = "She told us."


def found(engine, contact_id):
    return [one.contact_id for one in engine.desk.reading.duplicates(contact_id)]


@pytest.fixture
def alike(engine):
    """Anna calls, and Anna's record was brought in without being looked at."""
    change_channel(engine, "import", resolve=False)
    call = guest(engine, "call", **SAID)
    (brought,) = arrive(engine, event("old", channel="import", profile=SAID))
    known(engine, "bert")
    return call, brought.contact_id


def test_a_likely_duplicate_is_shown_with_weight_and_waterfall(engine, alike):
    call, brought = alike
    (one,) = engine.desk.reading.duplicates(call)
    assert one.contact_id == brought
    assert one.bits == pytest.approx(sum(part.bits for part in one.parts))
    assert {"name", "birth_date"} <= {part.name for part in one.parts}
    assert found(engine, brought) == [call]


def test_a_value_in_common_is_evidence_too(engine):
    change_channel(engine, "email", resolve=False)
    one, other = (arrived.contact_id for arrived in arrive(engine, mailed("1"), mailed("2")))
    (proposed,) = engine.desk.reading.duplicates(one)
    assert proposed.contact_id == other
    assert [value.identifier_class for value in proposed.in_common] == ["strong"]


def test_nobody_is_proposed_who_was_told_apart_from_any_member(engine, alike):
    call, brought = alike
    bert = known(engine, "bert")
    engine.desk.merging.merge([call, bert], reason=WHY)
    engine.desk.telling_apart.tell(bert, brought, reason=WHY)
    assert found(engine, call) == found(engine, brought) == []


def test_nobody_is_proposed_who_is_one_with_the_contact_or_of_another_division(engine, alike):
    call, brought = alike
    arrive(engine, event("n", channel="import", profile=SAID, division="north"))
    assert found(engine, call) == [brought]
    engine.desk.merging.merge([call, brought], reason=WHY)
    assert found(engine, call) == []


def test_one_who_is_like_nobody_has_none(engine, alike):
    assert found(engine, known(engine, "bert")) == []
    with pytest.raises(NotFound):
        engine.desk.reading.duplicates("019b1c3e-7c5a-7000-8000-0123456789ab")


def test_a_stranger_without_rights_sees_nothing(engine, alike):
    with pytest.raises(Denied):
        engine.acting_as("agent-7").reading.duplicates(alike[0])
