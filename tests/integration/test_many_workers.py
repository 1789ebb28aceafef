"""Many workers on one store, all at once: one person is one contact, and nothing is there twice.

Each worker has an engine of its own, so nothing is shared but the store. Each race is run several times.
"""

from itertools import pairwise

import pytest

from aggregates.errors import Refused
from identity_engine.application.operations.values.claiming import Value
from identity_engine.application.resolution.resolve import SMALL_BATCH
from identity_engine.simulation import simulate
from tests.support.crowd import crowd_on
from tests.support.interactions import customer, email, event, phone
from tests.support.merging import is_one, known
from tests.support.resolving import facts

WORKERS = 4
ROUNDS = 6
WHY = "The same person."
PERSON = {
    "given_name": "Wilhelmina",
    "family_name": "Featherstonehaugh",
    "date_of_birth": "1961-07-23",
    "postcode": "CB2 1TN",
    "city": "Cambridge",
}


@pytest.fixture(params=["sqlite", "postgres"])
def crowd(request, tmp_path):
    yield from crowd_on(request.param, tmp_path, WORKERS)


def received(engine):
    return len(facts(engine, "interaction.received"))


def holds(engine, contact_id, value):
    """Whether a contact holds a value now."""
    shown = engine.profile(contact_id).identifiers
    return value.value in {one.value for one in shown if one.valid_to is None}


def ingesting(*events):
    return lambda engine: engine.ingest(events)


def padded(number, *events):
    """These among so many others that the batch is decided before it takes the write lock."""
    others = [event(f"other-{number}-{n}-{events[0]['id']}") for n in range(SMALL_BATCH)]
    return [*others, *events]


@pytest.mark.parametrize("pad", [lambda _, *events: events, padded], ids=["small", "large"])
@pytest.mark.parametrize("identifier", [customer, phone, email], ids=["customer", "phone", "mail"])
def test_two_first_messages_of_one_person_at_once_give_one_contact(crowd, pad, identifier):
    for number in range(ROUNDS):
        value = {customer: f"C-{number}", phone: f"+4915112345{number:03}",
                 email: f"person-{number}@shop.example"}[identifier]  # fmt: skip
        answers = crowd.at_once(
            *(
                ingesting(*pad(worker, event(f"{number}-{worker}", identifier(value))))
                for worker in range(WORKERS)
            )
        )

        assert len({outcomes[-1].contact_id for outcomes in answers}) == 1


@pytest.mark.parametrize("pad", [lambda _, *events: events, padded], ids=["small", "large"])
def test_the_same_interaction_by_several_workers_is_stored_once(crowd, pad):
    for number in range(ROUNDS):
        same = event(f"same-{number}", customer(f"C-{number}"))
        answers = crowd.at_once(*(ingesting(*pad(worker, same)) for worker in range(WORKERS)))

        statuses = sorted(outcomes[-1].status for outcomes in answers)
        assert statuses == ["accepted", *["duplicate"] * (WORKERS - 1)]
        assert len({outcomes[-1].interaction_id for outcomes in answers}) == 1
    padding = 0 if pad is not padded else SMALL_BATCH * WORKERS * ROUNDS
    assert received(crowd.engines[0]) == ROUNDS + padding


def test_the_same_traffic_by_several_workers_in_any_batches_is_stored_once(crowd):
    traffic = [made for made, _ in simulate(20, 80, 3)]

    def sending(size):
        def send(engine):
            for first in range(0, len(traffic), size):
                engine.ingest(traffic[first : first + size])

        return send

    assert crowd.at_once(*(sending(size) for size in (3, 7, 20, 80))) == [None] * WORKERS
    assert received(crowd.engines[0]) == len(traffic)


def test_fuzzy_twins_of_two_workers_are_found_by_re_evaluation_at_the_latest(crowd):
    for number in range(ROUNDS):
        day = f"1961-07-{number + 10}"
        answers = crowd.at_once(
            *(
                ingesting(
                    *padded(
                        worker,
                        event(f"{number}-{worker}", channel="import",
                              profile=PERSON | {"given_name": name, "date_of_birth": day}),
                    )
                )
                for worker, name in enumerate(("Wilhelmina", "Wilhelmine"))
            )
        )  # fmt: skip
        one = crowd.engines[0]
        one.reevaluate()

        assert is_one(one, *(outcomes[-1].contact_id for outcomes in answers))


def test_a_into_b_while_b_into_a_is_merged_once(crowd):
    for number in range(ROUNDS):
        anna, bert = (known(crowd.engines[0], f"{name}{number}") for name in ("anna", "bert"))
        answers = crowd.at_once(
            lambda engine, pair=(anna, bert): engine.desk.merging.merge(pair, reason=WHY),
            lambda engine, pair=(bert, anna): engine.desk.merging.merge(pair, reason=WHY),
        )

        refused = [one for one in answers if isinstance(one, Refused)]
        assert [one.reason for one in refused] == ["already_one"]
        assert is_one(crowd.engines[0], anna, bert)
        merges = [one for one in answers if one not in refused]
        crowd.engines[1].desk.unmerging.unmerge(merges[0].merge_id, reason="Two people.")
        assert not is_one(crowd.engines[0], anna, bert)


def test_merges_that_meet_in_one_contact_make_all_of_them_one(crowd):
    for number in range(ROUNDS):
        names = ("anna", "bert", "cleo", "dora")
        ids = [known(crowd.engines[0], f"{name}{number}") for name in names]
        answers = crowd.at_once(
            *(
                lambda engine, pair=pair: engine.desk.merging.merge(pair, reason=WHY)
                for pair in pairwise(ids)
            )
        )

        assert is_one(crowd.engines[0], *ids)
        assert all(len(one.members) in (2, 3, 4) for one in answers)
        crowd.engines[0].desk.unmerging.unmerge(answers[1].merge_id, reason="Two people.")
        assert is_one(crowd.engines[1], *ids[:2])
        assert is_one(crowd.engines[1], *ids[2:])
        assert not is_one(crowd.engines[1], *ids[1:3])


def test_a_merge_while_both_are_told_apart_is_one_or_the_other(crowd):
    for number in range(ROUNDS):
        anna, bert = (known(crowd.engines[0], f"{name}{number}") for name in ("anna", "bert"))
        merged, told = crowd.at_once(
            lambda engine, pair=(anna, bert): engine.desk.merging.merge(pair, reason=WHY),
            lambda engine, pair=(anna, bert): engine.desk.telling_apart.tell(*pair, reason=WHY),
        )

        assert isinstance(merged, Refused) != isinstance(told, Refused)
        assert is_one(crowd.engines[0], anna, bert) == isinstance(told, Refused)


def test_a_value_that_two_contacts_claim_at_once_is_held_by_one(crowd):
    for number in range(ROUNDS):
        ids = [known(crowd.engines[0], f"{name}{number}") for name in ("anna", "bert")]
        value = Value("customer_id", f"C-{number}")
        answers = crowd.at_once(
            *(
                lambda engine, one=one, value=value: engine.desk.identifiers.add(one, value)
                for one in ids
            )
        )

        refused = [one for one in answers if isinstance(one, Refused)]
        assert [one.reason for one in refused] == ["held_by_another"]
        holders = [one for one in ids if holds(crowd.engines[1], one, value)]
        assert holders == [ids[answers.index(refused[0]) ^ 1]]


def test_a_value_that_is_claimed_while_it_is_given_away_ends_with_one_holder(crowd):
    for number in range(ROUNDS):
        ids = [known(crowd.engines[0], f"{name}{number}") for name in ("anna", "bert", "cleo")]
        value = Value("customer_id", f"C-{number}")
        crowd.engines[0].desk.identifiers.add(ids[0], value)
        crowd.at_once(
            lambda engine, ids=ids, value=value: engine.desk.identifiers.transfer(
                ids[1], value, from_contact_id=ids[0], reason=WHY
            ),
            lambda engine, ids=ids, value=value: engine.desk.identifiers.transfer(
                ids[2], value, from_contact_id=ids[0], reason=WHY
            ),
            lambda engine, ids=ids, value=value: engine.desk.identifiers.release(ids[0], value),
            lambda engine, number=number, value=value: engine.ingest(
                [event(f"call-{number}", customer(value.value))]
            ),
        )

        assert sum(holds(crowd.engines[1], one, value) for one in ids) <= 1
