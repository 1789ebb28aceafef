"""What a person corrects at a merged contact stands on one member: an undone merge leaves no trace."""

from datetime import UTC, datetime

import pytest

from identity_engine import Engine
from identity_engine.application.operations.values.claiming import Value
from tests.support.interactions import event, phone
from tests.support.resolving import ANNA, KENTA, arrive, change_channel, mailed
from tests.support.soundness import is_sound
from tests.support.world import Clock, world

NUMBER = Value("phone", "+81312345678")
WHY = "It was not him."
LATE = datetime(2030, 1, 1, 1, tzinfo=UTC)


class Line:
    """Anna called twice from a number; a third call from it was given to Kenta, who is known by mail."""

    def __init__(self, *, is_merged=False):
        self.clock = Clock()
        self.engine = Engine.in_memory(world(clock=self.clock))
        self.desk = self.engine.desk
        self._is_merged = is_merged
        change_channel(self.engine, "import", resolve=False)
        first, _ = arrive(
            self.engine, event("a1", phone(), profile=ANNA), event("a2", phone(), profile=ANNA)
        )
        (kenta,) = arrive(self.engine, mailed("k", "kenta@example.jp", profile=KENTA))
        self.anna, self.kenta = first.contact_id, kenta.contact_id
        self.call = self.called("call")

    def called(self, id_):
        """A call from the number that nobody has resolved."""
        (outcome,) = arrive(self.engine, event(id_, phone(), channel="import"))
        return outcome.interaction_id

    def give(self, interaction_id, contact_id, identifiers="keep"):
        self.desk.interactions.associate(
            interaction_id, contact_id, reason=WHY, identifiers=identifiers
        )

    def unlink(self, interaction_id):
        self.desk.interactions.unlink(interaction_id, reason=WHY)

    def merge(self):
        """Let Kenta and Anna be one, in the history in which they were."""
        if self._is_merged:
            both = [self.kenta, self.anna]
            self.merge_id = self.desk.merging.merge(both, reason=WHY).merge_id

    def undo(self):
        if self._is_merged:
            self.desk.unmerging.unmerge(self.merge_id, told_apart=False, reason="Two people.")

    def later(self, id_, minute=30):
        """Somebody calls from the number after all that, and says nothing else."""
        self.clock.set(LATE)
        time = f"2030-01-01T00:{minute}:00Z"
        (outcome,) = arrive(self.engine, event(id_, phone(), time=time))
        return outcome

    def has(self, contact_id):
        """The upstream ids of what a contact has, once the rules have evaluated everything."""
        self.engine.request_reevaluation()
        self.engine.reevaluate()
        assert is_sound(self.engine)
        return sorted(one.id for one in self.engine.profile(contact_id).interactions)

    def stages(self):
        return [self.engine.profile(one).stage for one in (self.anna, self.kenta)]


@pytest.fixture(params=[False, True], ids=["never merged", "merged and undone"])
def line(request):
    opened = Line(is_merged=request.param)
    with opened.engine:
        yield opened


@pytest.fixture
def merged():
    opened = Line(is_merged=True)
    with opened.engine:
        yield opened


def test_the_number_leads_to_its_holder_when_a_link_of_the_other_was_corrected(line):
    line.give(line.call, line.kenta)
    line.merge()
    line.unlink(line.call)
    line.undo()

    assert line.later("later").contact_id == line.anna
    assert line.has(line.anna) == ["a1", "a2", "later"]


def test_as_long_as_they_are_one_a_person_is_asked(merged):
    merged.give(merged.call, merged.kenta)
    merged.merge()
    merged.unlink(merged.call)

    reply = merged.later("later")

    assert reply.decision == "corrected_link"
    assert merged.has(reply.contact_id) == ["later"]
    merged.undo()
    assert merged.has(merged.anna) == ["a1", "a2", "later"]


def test_a_correction_stands_that_a_person_ended_for_the_other(line):
    """Both hold the number; it led to Kenta by mistake. What is given to Anna says nothing of him."""
    line.give(line.call, line.kenta)
    line.desk.identifiers.share(line.kenta, NUMBER, reason=WHY)
    line.unlink(line.call)
    line.merge()
    line.give(line.called("other"), line.anna)
    line.undo()
    line.desk.identifiers.unshare(line.kenta, NUMBER, reason=WHY)

    assert line.later("later").decision == "corrected_link"


def test_what_is_given_to_one_member_ends_the_correction_of_the_other_while_they_are_one(merged):
    merged.give(merged.call, merged.kenta)
    merged.merge()
    merged.unlink(merged.call)
    merged.give(merged.called("other"), merged.anna)

    assert merged.later("later").contact_id == merged.engine.profile(merged.anna).contact_id


def test_where_several_hold_the_value_a_correction_of_one_leaves_it_to_a_person(line):
    line.give(line.call, line.kenta)
    line.desk.identifiers.share(line.kenta, NUMBER, reason=WHY)
    line.unlink(line.call)
    line.desk.identifiers.unshare(line.kenta, NUMBER, reason=WHY)

    reply = line.later("later")

    assert reply.decision == "corrected_link"
    assert line.has(reply.contact_id) == ["later"]


def test_a_link_that_a_person_vouches_for_raises_the_member_that_was_named(line):
    line.merge()
    line.give(line.call, line.kenta)
    line.undo()

    assert line.stages() == ["identified", "identified"]


def test_what_was_taken_from_one_and_given_to_the_other_is_remembered(line):
    """While they are one this corrects nothing; apart it does."""
    line.desk.identifiers.share(line.kenta, NUMBER, reason=WHY)
    line.give(line.call, line.kenta)
    line.unlink(line.call)
    line.merge()
    line.give(line.call, line.anna)
    line.undo()
    line.desk.identifiers.unshare(line.kenta, NUMBER, reason=WHY)

    assert line.later("later").contact_id == line.anna
