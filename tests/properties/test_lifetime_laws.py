"""Laws of lifetimes: whatever goes and comes back, replay is live, and a restore undoes a delete."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aggregates.errors import RuleViolation
from identity_engine import Engine
from tests.properties.traffic import traffic
from tests.support.world import LATER, Clock, world

pytestmark = pytest.mark.slow
few = settings(max_examples=25, deadline=None)
ACTS = ("ingest", "sweep", "delete", "restore", "hold", "lift", "reevaluate", "wait")


def contacts_of(engine):
    """Every contact there ever was, in the order of birth."""
    engine.follow()
    rows = engine.follower.views.connection.execute(
        "SELECT contact_id FROM identity_contact ORDER BY contact_id"
    )
    return [contact_id for (contact_id,) in rows]


def is_sound(engine):
    engine.follow()
    return engine.verify_index().is_sound and all(view.is_sound for view in engine.verify())


def act(data, engine, clock, events):
    """Do one thing that the rules may refuse."""
    desk, known = engine.desk.lifecycle, contacts_of(engine)
    what = data.draw(st.sampled_from(ACTS))
    if what == "ingest" and events:
        engine.ingest([events.pop(0)])
    elif what == "sweep":
        desk.sweep()
    elif what == "reevaluate":
        engine.reevaluate()
    elif what == "wait":
        clock.set(clock() + timedelta(days=data.draw(st.sampled_from((1, 25, 61)))))
    elif known:
        chosen = data.draw(st.sampled_from(known))
        verb = {"delete": desk.delete, "hold": desk.set_hold, "lift": desk.lift_hold}.get(what)
        try:
            desk.restore(chosen) if verb is None else verb(chosen, "why")
        except RuleViolation:
            return


@few
@given(data=st.data(), events=traffic)
def test_a_replay_equals_the_live_rows_whatever_went_and_came_back(data, events):
    clock = Clock(LATER)
    with Engine.in_memory(world(clock=clock)) as engine:
        waiting = list(events)
        engine.ingest([waiting.pop(0) for _ in range(len(waiting) // 2)])
        for _ in range(data.draw(st.integers(1, 8))):
            act(data, engine, clock, waiting)

        assert is_sound(engine)


@few
@given(data=st.data(), events=traffic)
def test_a_restore_gives_what_a_delete_took(data, events):
    with Engine.in_memory(world()) as engine:
        engine.ingest(events)
        engine.reevaluate()
        known = contacts_of(engine)
        if not known:
            return
        chosen = data.draw(st.sampled_from(known))
        before = engine.profile(chosen)
        head = engine.store.head()

        engine.desk.lifecycle.delete(chosen, "why")
        gone = engine.profile(chosen)
        restored = engine.desk.lifecycle.restore(data.draw(st.sampled_from(before.members)))

        assert (gone.presence, gone.identifiers) == ("deleted", ())
        assert engine.profile(chosen) == before == engine.profile(chosen, f"pos:{head}")
        assert restored.elsewhere == ()


@few
@given(data=st.data(), events=traffic)
def test_after_a_sweep_no_live_set_is_quiet_for_too_long(data, events):
    clock = Clock(LATER)
    with Engine.in_memory(world(clock=clock)) as engine:
        engine.ingest(events)
        engine.reevaluate()
        newest = max((event["time"] for event in events), default="2026-01-01T00:00:00Z")
        days = data.draw(st.integers(50, 70))
        now = max(datetime.fromisoformat(newest), datetime(2026, 1, 1, tzinfo=UTC))
        clock.set(now + timedelta(days=days))
        engine.desk.lifecycle.sweep()

        for contact_id in contacts_of(engine):
            profile = engine.profile(contact_id)
            if profile.presence == "live":
                last = max(
                    [profile.first_seen, *(one.time for one in profile.interactions)],
                )
                assert clock() - datetime.fromisoformat(last) < timedelta(days=60, seconds=1)
