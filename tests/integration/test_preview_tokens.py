"""A token stands for all that its preview shows and for nothing else that was asked for."""

import pytest

from aggregates.errors import Refused
from identity_engine import Value
from identity_engine.application.cases.entry import Entry, Origin
from tests.support.interactions import message
from tests.support.lifetimes import WHY
from tests.support.merging import known
from tests.support.resolving import MAIL, arrive, change_policy, mailed


@pytest.fixture
def pair(engine):
    """Two contacts, the first with a mail."""
    (first,) = arrive(engine, mailed("1"))
    return first.contact_id, known(engine, "bert")


@pytest.fixture(params=["merge", "unmerge"])
def previewed(request, engine, pair):
    """What carries out a preview of the two: its token is that of now."""
    desk = engine.desk
    if request.param == "merge":
        token = desk.merging.preview(pair).token
        return lambda: desk.merging.merge(pair, token=token, reason=WHY)
    merge_id = desk.merging.merge(pair, reason=WHY).merge_id
    token = desk.unmerging.preview(merge_id).token
    return lambda: desk.unmerging.unmerge(merge_id, token=token, reason=WHY)


def says_something(engine, contact_id):
    arrive(engine, message("m", "1", profile={"city": "Oslo"}))


def has_a_case(engine, contact_id):
    engine.desk.cases.open(Origin("contact", contact_id), Entry(note="To do"))


def shares_a_value(engine, contact_id):
    other = known(engine, "cleo")
    engine.desk.identifiers.share(other, Value("email", MAIL), reason=WHY)


def is_told_by_other_sources(engine, contact_id):
    change_policy(engine, preferred_sources=["old"])


@pytest.mark.parametrize(
    "happens", [says_something, has_a_case, shares_a_value, is_told_by_other_sources]
)
def test_it_is_spent_by_whatever_changes_what_was_shown(engine, pair, previewed, happens):
    happens(engine, pair[0])
    head = engine.store.head()

    with pytest.raises(Refused) as refused:
        previewed()

    assert (refused.value.reason, engine.store.head()) == ("changed", head)


def test_it_is_good_as_long_as_nothing_happens_to_them(engine, previewed):
    known(engine, "cleo")

    previewed()


def test_it_does_not_carry_out_another_unmerge(engine, pair):
    merging, unmerging = engine.desk.merging, engine.desk.unmerging
    merge_id = merging.merge(pair, reason=WHY).merge_id
    token = unmerging.preview(merge_id).token

    for otherwise in ({"told_apart": False}, {"move": {"all": pair[1]}}):
        with pytest.raises(Refused) as refused:
            unmerging.unmerge(merge_id, token=token, reason=WHY, **otherwise)
        assert refused.value.reason == "changed"
        again = unmerging.preview(merge_id, **otherwise).token
        assert again != token
    unmerging.unmerge(merge_id, token=token, reason=WHY)
