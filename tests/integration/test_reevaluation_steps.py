"""Re-evaluation goes by steps, stops at any moment and goes on, and crowded keys leave nobody alone."""

import pytest

from identity_engine import Engine
from identity_engine.application.reevaluation import reevaluate
from tests.integration.reevaluating import LOUISE, anna_twice, form, is_sound, together
from tests.integration.resolving import KENTA, arrive, change_policy, facts
from tests.support.world import Clock, world


class TestStoppedOnTheWay:
    @pytest.fixture
    def open_store(self, tmp_path, monkeypatch):
        """Engines one after another on one store, each of which takes one interaction at a step."""
        monkeypatch.setattr(reevaluate, "STEP", 1)
        clock = Clock()
        seeds = iter(range(1, 9))
        return lambda: Engine.open(tmp_path / "store", world(next(seeds), clock))

    def feed(self, engine):
        anna_twice(engine)
        arrive(engine, form("4", day=4, **KENTA), form("5", day=5, **LOUISE))

    def expected(self, engine, folder):
        assert engine.reevaluation.waiting() == 0
        assert together(engine, folder) == [["1", "2", "3"], ["4"], ["5"]]
        assert len(facts(engine, "contact.merged")) == 1
        assert is_sound(engine)

    def test_another_engine_goes_on_where_one_stopped_between_two_steps(self, open_store, tmp_path):
        def stop(_):
            raise KeyboardInterrupt

        with open_store() as one:
            self.feed(one)
            everything = one.reevaluation.waiting()
            with pytest.raises(KeyboardInterrupt):
                one.reevaluate(stop)
        with open_store() as other:
            assert 0 < other.reevaluation.waiting() < everything == 5
            other.reevaluate()
            self.expected(other, tmp_path)

    def test_a_step_that_is_not_committed_was_never_made(self, open_store, tmp_path):
        def die():
            raise KeyboardInterrupt

        with open_store() as one:
            self.feed(one)
            head = one.store.head()
            one.store._before_commit = die
            with pytest.raises(KeyboardInterrupt):
                one.reevaluate()
        with open_store() as other:
            assert (other.reevaluation.waiting(), other.store.head()) == (5, head)
            other.reevaluate()
            self.expected(other, tmp_path)

    def test_two_engines_may_take_turns(self, open_store, tmp_path):
        with open_store() as one, open_store() as other:
            self.feed(one)
            one.reevaluate(lambda _: other.reevaluate())
            self.expected(one, tmp_path)
            self.expected(other, tmp_path)


class TestCrowdedKeys:
    @pytest.fixture
    def engine(self):
        with Engine.in_memory(world()) as opened:
            yield opened

    CAP = 10

    def namesakes(self, number):
        """People of one name, two forms of each, apart by where they live."""
        for place in range(number):
            home = {"city": f"Town{chr(65 + place)}", "postcode": f"{10115 + 1000 * place}"}
            said = {"given_name": "Anna", "family_name": "Berger"} | home
            yield from (form(f"{place:02}{x}", day=place + 1, **said) for x in "ab")

    def crowded(self, engine):
        with engine.store.reading() as cursor:
            return cursor.execute("SELECT COUNT(*) FROM crowded").fetchone()[0]

    @pytest.mark.parametrize("size", [1, 7, 30], ids=lambda size: f"batches of {size}")
    def test_more_namesakes_than_a_key_may_lead_to_still_find_themselves(
        self, engine, tmp_path, size
    ):
        change_policy(engine, block_cap=self.CAP)
        events = list(self.namesakes(15))
        turned = events[::2] + events[1::2][::-1]
        for start in range(0, len(turned), size):
            engine.ingest(turned[start : start + size])
        assert engine.verify_index().is_sound

        engine.reevaluate()

        assert self.crowded(engine) > 0
        assert together(engine, tmp_path) == [[f"{n:02}a", f"{n:02}b"] for n in range(15)]
        assert is_sound(engine)
