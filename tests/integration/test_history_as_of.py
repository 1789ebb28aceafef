"""As of a moment history and steps are those of that moment: nothing that was joined or came later."""

import pytest

from tests.support.interactions import change, email, event, phone
from tests.support.lifetimes import WHY
from tests.support.resolving import ANNA, KENTA, arrive


class Looks:
    """What history and steps told at each position at which somebody looked."""

    def __init__(self, engine):
        self.engine, self.seen = engine, {}

    def told(self, contact_id, as_of=None):
        return self.engine.history(contact_id, as_of), self.engine.how(contact_id, as_of)

    def look(self, *contact_ids):
        self.engine.follow()
        then = f"pos:{self.engine.store.head()}"
        self.seen |= {(then, one): self.told(one) for one in contact_ids}

    def check(self):
        assert len({then for then, _ in self.seen}) > 1
        for (then, contact_id), told in self.seen.items():
            assert self.told(contact_id, then) == told


@pytest.fixture
def live(engine):
    return Looks(engine)


@pytest.fixture
def both(engine):
    """Two people who have nothing in common; Anna has called twice."""
    anna, _, kenta = arrive(
        engine,
        event("a", phone(), channel="voice", profile=ANNA),
        event("b", phone(), channel="voice", time="2026-02-04T09:00:00Z"),
        event("k", email("kenta@example.jp"), profile=KENTA),
    )
    return anna.contact_id, kenta.contact_id


def test_who_was_merged_later_is_not_told_of(engine, live, both):
    anna, kenta = both
    live.look(*both)
    merged = engine.desk.merging.merge([anna, kenta], reason=WHY)
    live.look(*both)
    engine.desk.unmerging.unmerge(merged.merge_id, reason=WHY)
    live.look(*both)

    before = next(iter(live.seen))[0]
    assert "kenta@example.jp" not in str(engine.history(anna, before))
    live.check()


@pytest.mark.parametrize("identifiers", ["keep", "transfer", "share"])
def test_an_interaction_that_came_later_is_not_told_of(engine, live, both, identifiers):
    anna, kenta = both
    live.look(*both)
    second = engine.profile(anna).interactions[1].interaction_id
    engine.desk.interactions.associate(second, kenta, reason=WHY, identifiers=identifiers)
    live.look(*both)
    engine.desk.interactions.associate(second, anna, reason=WHY)
    live.look(*both)
    live.check()


def test_what_changed_while_an_interaction_was_elsewhere_is_told_once_it_is_back(
    engine, live, both
):
    anna, kenta = both
    second = engine.profile(anna).interactions[1].interaction_id
    engine.desk.interactions.associate(second, kenta, reason=WHY)
    engine.ingest([change("c", of="b", kind="ended")])
    live.look(*both)
    engine.desk.interactions.associate(second, anna, reason=WHY)
    live.look(*both)

    shown = [[one.topic for one in history] for history, _ in live.seen.values()]
    assert ["interaction.changed" in topics for topics in shown] == [False, True, True, True]
    live.check()
