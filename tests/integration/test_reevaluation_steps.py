"""Re-evaluation goes by steps, stops at any moment and goes on, and crowded keys leave nobody alone."""

import orjson
import pytest

from identity_engine import Engine
from identity_engine.application.reevaluation import reevaluate
from identity_engine.application.rules import shipped_model
from tests.support.interactions import change, email, phone
from tests.support.reevaluating import LOUISE, SAID, anna_twice, form, together
from tests.support.resolving import KENTA, arrive, change_policy, facts, with_channel
from tests.support.soundness import is_sound
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


class TestAStepThatIsOvertaken:
    @pytest.fixture
    def two(self, tmp_path):
        """Two engines on one folder, as in two processes; Anna waits to be found to be one."""
        clock = Clock()
        with (
            Engine.open(tmp_path / "store", world(1, clock)) as first,
            Engine.open(tmp_path / "store", world(2, clock)) as second,
        ):
            anna_twice(first)
            yield first, second

    @pytest.fixture
    def while_deciding(self, monkeypatch):
        """Let something happen each time that a step has decided; how often is in what is returned."""
        decided = []

        def happens(*actions):
            waiting, evaluate = list(actions), reevaluate.evaluate

            def evaluate_and_be_overtaken(*arguments):
                answer = evaluate(*arguments)
                decided.append(answer)
                if waiting:
                    waiting.pop(0)()
                return answer

            monkeypatch.setattr(reevaluate, "evaluate", evaluate_and_be_overtaken)
            return decided

        return happens

    def test_another_writer_does_not_wait_for_it(self, two, while_deciding):
        first, second = two
        arrived = []
        while_deciding(lambda: arrived.extend(arrive(second, form("4", day=4, **KENTA))))
        first.reevaluate()

        assert [one.status for one in arrived] == ["accepted"]
        assert len(facts(first, "contact.merged")) == 1

    def test_it_decides_again_where_something_that_it_read_has_moved(
        self, two, while_deciding, tmp_path
    ):
        first, second = two
        decided = while_deciding(lambda: arrive(second, form("4", phone(), day=4, **SAID)))
        result = first.reevaluate()

        assert len(decided) == 2
        assert (result.merged, result.evaluated) == (1, 4)
        assert together(first, tmp_path) == [["1", "2", "3", "4"]]
        assert first.reevaluation.waiting() == 0
        assert is_sound(first)

    def test_it_decides_once_where_nothing_of_that_has_moved(self, two, while_deciding, tmp_path):
        first, second = two
        decided = while_deciding(lambda: arrive(second, form("4", day=4, **KENTA)))
        first.reevaluate()

        # The second step is that of the interaction that has come meanwhile.
        assert len(decided) == 2
        assert [len(component.nodes) for _, component in decided] == [3, 1]
        assert together(first, tmp_path) == [["1", "2", "3"], ["4"]]

    def test_two_that_evaluate_the_same_merge_once(self, two, while_deciding):
        first, second = two
        while_deciding(second.reevaluate)
        first.reevaluate()

        assert len(facts(first, "contact.merged")) == 1
        assert first.reevaluation.waiting() == second.reevaluation.waiting() == 0
        assert is_sound(first)

    def test_a_request_that_comes_meanwhile_is_not_lost(self, two, while_deciding):
        first, second = two
        first.reevaluate()
        first.request_reevaluation()
        decided = while_deciding(second.request_reevaluation)
        first.reevaluate()

        assert len(decided) == 2

    def test_rules_that_change_meanwhile_are_followed(self, two, while_deciding):
        first, second = two
        while_deciding(lambda: change_policy(second, name="another"))
        first.reevaluate()

        (merge,) = facts(first, "contact.merged")
        assert merge.evidence.policy == second.policies.rules.policy_version


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

    @pytest.mark.parametrize("size", [1, 7, 30], ids=lambda size: f"batches of {size}")
    def test_they_are_crowded_by_interactions_that_are_not_resolved_too(self, engine, size):
        change_policy(engine, block_cap=self.CAP, channels=with_channel("form", resolve=False))
        events = list(self.namesakes(15))
        for start in range(0, len(events), size):
            engine.ingest(events[start : start + size])

        assert self.crowded(engine) > 0
        assert engine.verify_index().is_sound

    def test_a_lower_cap_counts_from_then_on_and_loses_nobody(self, engine, tmp_path):
        events = list(self.namesakes(16))
        engine.ingest(events[:-1])
        change_policy(engine, block_cap=self.CAP)
        assert engine.verify_index().is_sound
        assert self.crowded(engine) == 0

        engine.ingest(events[-1:])
        assert engine.verify_index().is_sound
        assert self.crowded(engine) > 0

        engine.reevaluate()
        assert together(engine, tmp_path) == [[f"{n:02}a", f"{n:02}b"] for n in range(16)]
        assert is_sound(engine)

    def test_a_lower_cap_counts_for_what_people_said_once_it_changes(self, engine):
        engine.ingest(list(self.namesakes(6)))
        (anna,) = arrive(engine, form("anna", phone(), given_name="Anna", family_name="Berger"))
        engine.desk.contacts.edit(anna.contact_id, set={"family_name": "Berger"})
        change_policy(engine, block_cap=self.CAP)
        engine.ingest([change("gone", "anna", "retracted")])
        assert is_sound(engine)

        engine.desk.contacts.edit(anna.contact_id, set={"given_name": "Anna"})
        assert self.crowded(engine) > 0
        assert is_sound(engine)


def test_a_merge_is_taken_back_whose_survivor_of_its_day_has_left_since(tmp_path):
    """Its events stay in the stream of that survivor, who is not looked at any more."""
    demanding = orjson.loads(shipped_model())
    demanding["thresholds"] = {"review": 40.0, "attach": 60.0, "merge": 60.0}
    with Engine.in_memory(world()) as engine:
        _, anna, _ = anna_twice(engine)
        engine.reevaluate()
        again = form("5", email("second@example.org"), day=5, **SAID)
        arrive(engine, form("4", email("second@example.org"), day=4), again)
        engine.reevaluate()
        first, second = facts(engine, "contact.merged")
        assert anna.contact_id in (second.edges[0].one, second.edges[0].other)
        engine.desk.unmerging.unmerge(first.merge_id, reason="Two people.")
        engine.reevaluate()
        assert together(engine, tmp_path) == [["1", "3"], ["2", "4", "5"]]

        engine.policies.activate({"model": orjson.dumps(demanding)})
        engine.request_reevaluation([anna.interaction_id])

        assert engine.reevaluate().unmerged == 1
        assert together(engine, tmp_path) == [["1", "3"], ["2"], ["4", "5"]]
        assert is_sound(engine)
