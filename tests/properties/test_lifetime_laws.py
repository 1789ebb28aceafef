"""Laws of lifetimes: whatever goes, moves and comes back, replay is live; a restore undoes a delete."""

from datetime import UTC, datetime, timedelta
from unittest.mock import patch

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aggregates.errors import RuleViolation
from identity_engine import Engine
from identity_engine.application import indexing
from tests.properties.traffic import traffic
from tests.support.histories import examples
from tests.support.resolving import unrevised
from tests.support.world import LATER, Clock, world

pytestmark = pytest.mark.slow
few = examples(40)
ACTS = (
    "ingest",
    "sweep",
    "delete",
    "restore",
    "hold",
    "lift",
    "reevaluate",
    "wait",
    "move",
    "edit",
)


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
        there = data.draw(st.sampled_from(("default", "north")))
        verbs = {
            "delete": lambda: desk.delete(chosen, reason="why"),
            "restore": lambda: desk.restore(chosen),
            "hold": lambda: desk.set_hold(chosen, reason="why"),
            "lift": lambda: desk.lift_hold(chosen, reason="why"),
            "edit": lambda: engine.desk.contacts.edit(chosen, set={"given_name": "Anna"}),
            "move": lambda: engine.desk.divisions.move(
                chosen, there, reason="why", new_division=True
            ),
        }
        try:
            verbs.get(what, bool)()
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

        # A replay in small steps meets what one step wrote in the next.
        with patch.object(indexing, "BATCH", data.draw(st.sampled_from((1, 7, 2_000)))):
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
        before = unrevised(engine, chosen)

        engine.desk.lifecycle.delete(chosen, reason="why")
        gone = engine.profile(chosen)
        restored = engine.desk.lifecycle.restore(data.draw(st.sampled_from(before.members)))

        assert (gone.presence, gone.identifiers) == ("deleted", ())
        assert unrevised(engine, chosen) == before
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
