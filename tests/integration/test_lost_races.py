"""A batch that was overtaken: what the other writer touched is decided again, the rest stands."""

from itertools import count, islice

import pytest

from identity_engine import Engine
from identity_engine.application.resolution.resolve import SMALL_BATCH
from identity_engine.observing.logbook import heard_by
from tests.acceptance.commands import lines
from tests.support.interactions import change, customer, email, event, message, phone
from tests.support.monitoring import Heard
from tests.support.overtaking import overtaken
from tests.support.resolving import change_policy, facts
from tests.support.world import Clock, world

BERGER = {"family_name": "Berger", "city": "Berlin"}
NAMES = ("Bert", "Cleo", "Dora", "Emil", "Fritz", "Gerd", "Hans", "Ines")
fillers = (event(f"filler-{number}") for number in count())


@pytest.fixture
def two(tmp_path):
    """Two engines on one folder, as in two processes; in the end its index is that of the log."""
    clock = Clock()
    with (
        Engine.open(tmp_path / "store", world(1, clock)) as first,
        Engine.open(tmp_path / "store", world(2, clock)) as second,
    ):
        yield first, second
        first.follow()
        assert all(one.is_sound for one in [*first.verify(), first.verify_index()])


def many(*events):
    """These and enough others that the batch is decided before it takes the write lock."""
    return [*events, *islice(fillers, SMALL_BATCH)]


def race(two, monkeypatch, mine, theirs):
    """Let the first engine take a batch that the second overtakes with another. Return the outcomes of
    the first and how many of its interactions were decided a second time."""
    first, second = two
    steps = []
    first.resolver.watch = steps.append
    with overtaken(first, monkeypatch, lambda: second.ingest(theirs)):
        outcomes = first.ingest(mine)
    assert [one.status for one in outcomes] == ["accepted"] * len(mine)
    return outcomes, steps.count("decided") - len(mine)


def linked(engine, outcome):
    return sorted(one.id for one in engine.profile(outcome.contact_id).interactions)


class TestWhatIsDecidedAgain:
    def test_one_whose_identifier_has_a_holder_by_now(self, two, monkeypatch):
        mine = many(event("a", phone()), event("b", customer("C-1")))
        (a, b, *_), again = race(two, monkeypatch, mine, [event("x", phone())])

        assert again == 1
        assert linked(two[0], a) == ["a", "x"]
        assert linked(two[0], b) == ["b"]

    def test_those_that_hang_on_it(self, two, monkeypatch):
        mine = many(
            event("a", phone(), customer("C-1")),
            event("b", customer("C-1"), email("anna@example.org")),
            event("c", email("anna@example.org")),
            event("d", customer("C-2")),
        )
        (_, _, c, d, *_), again = race(two, monkeypatch, mine, [event("x", phone())])

        assert again == 3
        assert linked(two[0], c) == ["a", "b", "c", "x"]
        assert linked(two[0], d) == ["d"]

    def test_one_that_was_received_by_now_and_what_was_linked_to_it(self, two, monkeypatch):
        first, second = two
        mine = many(event("a", phone()), event("b", phone()))
        with overtaken(first, monkeypatch, lambda: second.ingest([event("a", phone())])):
            a, b, *_ = first.ingest(mine)

        assert (a.status, b.status) == ("duplicate", "accepted")
        assert linked(first, b) == ["a", "b"]
        topics = [one.TOPIC for one in facts(first, "contact.created")]
        assert len(topics) == 1 + SMALL_BATCH

    def test_one_whose_contact_was_merged_by_now(self, two, monkeypatch):
        first, second = two
        first.ingest([event("p", phone()), event("q", customer("C-1"))])
        p, q = (
            one.contact_id
            for one in first.ingest([event("p", phone()), event("q", customer("C-1"))])
        )

        def merge():
            second.desk.merging.merge([q, p], reason="One person.")

        with overtaken(first, monkeypatch, merge):
            a, *_ = first.ingest(many(event("a", phone())))
        assert a.contact_id == first.profile(q).contact_id
        assert linked(first, a) == ["a", "p", "q"]

    def test_one_that_is_like_a_record_read_where_what_stands_crowded_a_key(self, two, monkeypatch):
        first, second = two
        change_policy(first, block_cap=10)
        anna = BERGER | {"given_name": "Anna", "date_of_birth": "1980-05-06"}
        first.ingest([event(f"{n}", profile=BERGER | {"given_name": n}) for n in NAMES])
        known, again, _ = first.ingest(
            [event("k", profile=anna), event("k2", profile=anna), event("c", customer("C-1"))]
        )
        first.desk.interactions.create_contact(again.interaction_id, reason="Her daughter.")

        def promote():
            second.desk.contacts.promote(known.contact_id)

        mine = many(event("a", customer("C-1"), profile=BERGER), event("b", profile=anna))
        with overtaken(first, monkeypatch, promote):
            _, b, *_ = first.ingest(mine)
        assert "k" in linked(first, b)

    def test_all_where_the_rules_are_others_by_now(self, two, monkeypatch):
        first, second = two
        mine = many(event("a", phone()), event("b", customer("C-1")))
        steps = []
        first.resolver.watch = steps.append
        with overtaken(first, monkeypatch, lambda: change_policy(second, block_cap=30)):
            first.ingest(mine)
        assert steps.count("decided") == 2 * len(mine)

    def test_one_for_which_a_change_waited_and_all_that_hangs_on_it(self, two, monkeypatch):
        first, _ = two
        first.ingest([message("m", "a", email("anna@example.org"))])
        mine = many(
            event("a", phone()), event("b", email("anna@example.org")), event("c", customer("C"))
        )
        (a, b, c, *_), again = race(two, monkeypatch, mine, [event("x", customer("C"))])

        assert again >= 2
        assert linked(first, a) == linked(first, b) == ["a", "b"]
        assert linked(first, c) == ["c", "x"]

    def test_all_of_a_batch_with_changes(self, two, monkeypatch):
        mine = many(event("a", phone()), change("e", "a", "ended"))
        (a, *_), again = race(two, monkeypatch, mine, [event("x", phone())])

        assert again == len(mine) - 2
        assert linked(two[0], a) == ["a", "x"]


class TestWhatStands:
    def test_a_link_to_a_contact_that_has_more_interactions_by_now(self, two, monkeypatch):
        first, _ = two
        (known,) = first.ingest([event("k", phone(), customer("C-1"))])
        mine = many(event("a", phone()))
        (a, *_), again = race(two, monkeypatch, mine, [event("x", customer("C-1"))])

        assert again == 0
        assert a.contact_id == known.contact_id
        assert linked(first, a) == ["a", "k", "x"]

    def test_under_keys_that_only_what_is_decided_again_had_crowded(self, two, monkeypatch):
        """The fixture compares the index with a replay of the log."""
        first, _ = two
        change_policy(first, block_cap=10)
        first.ingest([event(f"of-{number}", customer(f"C-{number}")) for number in range(10)])
        new, known = range(10, 12), [*range(9), *range(10, 12), 9]
        mine = [event(f"{number}", customer(f"C-{number}"), profile=BERGER) for number in known]
        theirs = [event(f"of-{number}", customer(f"C-{number}")) for number in new]
        _, again = race(two, monkeypatch, mine, theirs)

        assert again == len(new)

    def test_outcomes_are_in_the_order_of_the_batch(self, two, monkeypatch):
        mine = [*islice(fillers, 4), event("a", phone()), *islice(fillers, SMALL_BATCH)]
        outcomes, again = race(two, monkeypatch, mine, [event("x", phone())])

        assert again == 1
        for outcome, sent in zip(outcomes, mine, strict=True):
            assert sent["id"] in linked(two[0], outcome)


def test_what_cannot_be_used_of_it_is_kept_and_counted_once(two, monkeypatch, tmp_path):
    first, second = two
    path = tmp_path / "arrivals.jsonl"
    path.write_bytes(b"{\n" + lines(many(event("a", phone()))))
    heard = Heard()

    with (
        heard_by(heard),
        overtaken(first, monkeypatch, lambda: second.ingest([event("x", phone())])),
    ):
        assert first.ingest_file(path).rejected == 1

    told = [name for name, _ in heard.told()]
    assert "decided_again" in told
    assert told.count("dead_letters_kept") == 1
    (letter,) = first.dead_letters.list()
    assert letter.count == 1
