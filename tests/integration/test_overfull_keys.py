"""Keys that lead to too many records, and that nothing refines: what is compared by them."""

import pytest

from identity_engine import Engine
from tests.support.interactions import change, event, phone
from tests.support.resolving import change_policy, evidence
from tests.support.world import world

CAP = 10
AREAS = (
    *(30, 40, 89, 69, 221, 211, 711, 511, 421, 351, 341, 911),
    *(201, 231, 203, 234, 228, 621, 721, 821, 611, 761, 521, 251),
)


def calls(ending, areas):
    """Calls from numbers that are alike in their last seven digits, which are all that they say."""
    return [event(f"{ending}-{area}", phone(f"+49{area}{ending}")) for area in areas]


def compared(batches, **policy):
    """How many records the last interaction was compared with, and which contacts lost, by their age."""
    with Engine.in_memory(world()) as engine:
        change_policy(engine, block_cap=CAP, **policy)
        for batch in batches:
            engine.ingest(batch)
        log = engine.store.read_positions(range(1, engine.store.head() + 1))
        made = [one.stream_id for one in log if one.fact.TOPIC == "contact.created"]
        last = evidence(engine)
        return last.considered, [made.index(one.contact_id) for one in last.candidates]


@pytest.mark.parametrize("candidate_cap", [2, 50])
def test_the_same_records_are_compared_whatever_the_size_of_the_batches(candidate_cap):
    stored = [*calls(2345671, AREAS[: CAP + 1]), *calls(8765432, AREAS[: CAP + 1])]
    more = calls(2345671, AREAS[CAP + 1 : -1])
    last = event("last", *(phone(f"+49{AREAS[-1]}{ending}") for ending in (2345671, 8765432)))
    arriving = [*more, last]

    one_by_one = compared([stored, *([one] for one in arriving)], candidate_cap=candidate_cap)

    assert one_by_one[0] > 0
    assert compared([stored, arriving], candidate_cap=candidate_cap) == one_by_one
    assert compared([[*stored, *arriving]], candidate_cap=candidate_cap) == one_by_one


def test_nor_does_it_matter_that_one_of_them_says_something_else_by_now():
    """Neither that it stands there no more, nor that it stands where it stood."""
    others = [f"+49{area}2345671" for area in AREAS]
    stored = calls(2345671, AREAS[: CAP + 5])
    for told in (phone("+4930999888"), phone(others[-2])):
        arriving = [
            change("c", stored[0]["id"], "corrected", identifiers=[told], profile={}),
            event("last", phone(others[-1])),
        ]
        for candidate_cap in (2, 50):
            cap = {"candidate_cap": candidate_cap}
            one_by_one = compared([stored, *([one] for one in arriving)], **cap)
            assert compared([stored, arriving], **cap) == one_by_one
