"""T3: a projection that fails parks what it failed on, and nothing else; re-driving heals it.

Each test breaks two projections for the events of one key, then mends them.
"""

import pytest

from identity_engine import Engine
from projections.profile.projection import ProfileProjection
from projections.search.projection import SearchProjection
from tests.support.interactions import customer, event, phone
from tests.support.world import world


@pytest.fixture
def engine(tmp_path):
    with Engine.open(tmp_path / "store", world()) as opened:
        yield opened


@pytest.fixture
def broken(monkeypatch):
    broken_keys: set[str] = set()
    for projection in (ProfileProjection, SearchProjection):
        monkeypatch.setattr(projection, "apply", failing(projection.apply, broken_keys))
    return broken_keys


def test_only_its_key_waits_and_all_others_go_on(engine, broken):
    first, second = engine.ingest([event("1", phone("+81311111111")), event("2", phone())])
    broken.add(first.contact_id)

    engine.follow()

    assert engine.follower.views.position() == engine.store.head()
    assert parked(engine) == {("profile", first.contact_id), ("search", first.contact_id)}
    assert engine.profile(second.contact_id).interactions[0].id == "2"


def test_later_events_of_the_key_wait_behind_the_one_that_failed(engine, broken):
    (first,) = engine.ingest([event("1", customer("C-1"))])
    broken.add(first.contact_id)
    engine.follow()
    broken.clear()

    engine.ingest([event("2", customer("C-1"))])
    engine.follow()

    assert {key for _, key in parked(engine)} >= {first.contact_id}
    assert not any(verdict.is_sound for verdict in named(engine, "profile", "search"))


def test_verification_is_not_sound_while_a_key_waits(engine, broken):
    (first,) = engine.ingest([event("1", phone())])
    broken.add(first.contact_id)
    engine.follow()

    assert [v.name for v in engine.verify() if not v.is_sound] == ["profile", "search"]
    assert [v.parked for v in named(engine, "profile", "search")] == [1, 1]


def test_redriving_heals_a_contact_that_failed(engine, broken):
    (first,) = engine.ingest([event("1", customer("C-1"))])
    broken.add(first.contact_id)
    engine.follow()
    engine.ingest([event("2", customer("C-1"))])
    engine.follow()
    broken.clear()

    assert engine.follower.redrive() == 0

    assert all(verdict.is_sound for verdict in engine.verify())
    assert len(engine.profile(first.contact_id).interactions) == 2


def test_redriving_heals_an_interaction_that_failed_before_it_was_linked(engine, broken):
    (first,) = engine.ingest([event("1", customer("C-1"))])
    broken.add(first.interaction_id)
    engine.follow()
    broken.clear()

    assert engine.follower.redrive() == 0

    assert all(verdict.is_sound for verdict in engine.verify())
    assert [one.id for one in engine.profile(first.contact_id).interactions] == ["1"]


def test_redriving_what_still_fails_keeps_it_waiting(engine, broken):
    (first,) = engine.ingest([event("1", phone())])
    broken.add(first.contact_id)
    engine.follow()

    assert engine.follower.redrive() == 2

    assert parked(engine) == {("profile", first.contact_id), ("search", first.contact_id)}


def test_what_waits_still_waits_after_a_restart(tmp_path, engine, broken):
    (first,) = engine.ingest([event("1", phone())])
    broken.add(first.contact_id)
    engine.follow()
    broken.clear()

    with Engine.open(tmp_path / "store", world(2)) as again:
        again.follow()
        assert {key for _, key in parked(again)} == {first.contact_id}


def named(engine, *names):
    return [verdict for verdict in engine.verify() if verdict.name in names]


def parked(engine):
    return {(projection, key) for projection, key, _, _ in engine.follower.views.parked_keys()}


def failing(apply, broken_keys):
    """A projection's `apply` that raises on the events of these keys."""

    def apply_or_fail(self, views, events):
        if any(self.key(one) in broken_keys for one in events) and views_are_live(views):
            raise KeyError("a bug in the projection")
        apply(self, views, events)

    return apply_or_fail


def views_are_live(views):
    """Verification replays into a file of its own, where the bug is thought to be mended."""
    (path,) = [row[2] for row in views.execute("PRAGMA database_list") if row[1] == "main"]
    return "replay-" not in path
